"""Every other storage that fsspec knows (``memory://`` …): one PUT of the finished bytes after a check that nothing is there."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any


class FsspecPlace:
    """A folder of an fsspec file system.

    Parameters
    ----------
    fs : fsspec.AbstractFileSystem
    root : str
    """

    exclusive = False

    def __init__(self, fs: Any, root: str) -> None:
        self._fs = fs
        self.root = root.rstrip("/")
        self.url = str(fs.unstrip_protocol(self.root))

    def _path(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root

    def exists(self, path: str) -> bool:
        """See `place.Place`."""
        return bool(self._fs.exists(self._path(path)))

    def is_empty(self) -> bool:
        """See `place.Place`."""
        return not self.exists("") or (bool(self._fs.isdir(self.root)) and not self._fs.ls(self.root, detail=False))

    def size(self, path: str) -> int | None:
        """See `place.Place`."""
        try:
            return int(self._fs.info(self._path(path))["size"])
        except FileNotFoundError:
            return None

    def mtime(self, path: str) -> float | None:
        """See `place.Place`."""
        try:
            told = self._fs.info(self._path(path))
        except FileNotFoundError:
            return None
        when = told.get("mtime", told.get("LastModified", told.get("created")))
        return when.timestamp() if isinstance(when, datetime.datetime) else when if isinstance(when, float) else None

    def read(self, path: str, start: int | None, stop: int | None) -> bytes:
        """See `place.Place`."""
        return bytes(self._fs.cat_file(self._path(path), start=start, end=stop))

    def sizes(self, prefix: str) -> dict[str, int]:
        """See `place.Place`."""
        top = self._path(prefix)
        if not self._fs.exists(top):
            return {}
        cut = len(self.root) + 1
        return {str(p)[cut:]: int(info["size"]) for p, info in self._fs.find(top, detail=True).items()}

    def write(self, path: str, data: bytes) -> None:
        """See `place.Place`."""
        self._fs.pipe_file(self._path(path), data)

    def publish(self, draft: Path, path: str) -> bool:
        """See `place.Place`."""
        if self.exists(path):
            return False
        self._fs.put_file(str(draft), self._path(path))
        return True

    def holds(self, path: str, nbytes: int, crc32c: int) -> bool | None:
        """See `place.Place`."""
        return None if self.size(path) == nbytes else False

    def remove(self, path: str) -> None:
        """See `place.Place`."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self._path(path))

    def prune(self, path: str) -> None:
        """See `place.Place`."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rmdir(self._path(path))

    def sweep(self, signed: Callable[[str], bool]) -> int:
        """See `place.Place`: no temporary names are used."""
        return 0
