"""Many distinct files from one: copies whose ROOT file UUID is replaced, so that no two are the same input."""

from __future__ import annotations

import hashlib
from pathlib import Path

import uproot


def tile(source: str, folder: Path, nbytes: int) -> list[str]:
    """Copies of a ROOT file, of at least `nbytes` together [byte]; the data in them are untouched."""
    content = Path(source).read_bytes()
    with uproot.open(source) as file:
        uuid = file.file.uuid.bytes
    if content.count(uuid) < 1:
        raise ValueError(f"the UUID of {source} stands nowhere in it")
    copies = []
    for i in range(-(-nbytes // len(content))):
        path = folder / f"{Path(source).stem}_{i:04d}.root"
        path.write_bytes(content.replace(uuid, hashlib.md5(uuid + bytes([i % 256, i // 256])).digest()))
        copies.append(str(path))
    return copies
