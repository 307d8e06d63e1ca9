"""The environment of real ROOT: made once, on demand, below ``.tools`` (630 MB); and the script that runs in it."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from antdask.simulate.spec import NOTICE, run_start_ns

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PLACE = ROOT / ".tools" / "realroot"
#: The package ``root`` is ROOT 6.40 itself.
PACKAGES = ("root==0.1a12", "numpy")
ALGORITHMS = {"zlib": 1, "lzma": 2, "lz4": 4, "zstd": 5}


def python() -> Path:
    """The Python that can import ROOT; the environment is made if it is not there."""
    found = PLACE / "bin" / "python"
    ready = PLACE / ".ready"
    if not ready.exists():
        PLACE.parent.mkdir(exist_ok=True)
        # Two workers of a test run may come here at once.
        with (PLACE.parent / "realroot.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not ready.exists():
                uv = shutil.which("uv") or next(str(p) for p in (ROOT / ".tools/uv/bin/uv", ROOT / ".tools/pip/bin/uv") if p.exists())
                subprocess.run([uv, "venv", "-q", "--clear", str(PLACE)], check=True)
                subprocess.run([uv, "pip", "install", "-q", "--python", str(found), *PACKAGES], check=True)
                ready.touch()
    return found


def compression(codec: str, level: int) -> int:
    """ROOT's number for algorithm and level."""
    return 100 * ALGORITHMS[codec] + level if codec != "none" else 0


def write(folder: Path, content: Mapping[str, np.ndarray], run: int, files: Iterable[Mapping[str, Any]]) -> list[Path]:
    """Have ROOT write columns of events in many forms.

    Parameters
    ----------
    folder : Path
        For the files, the content and the compiled dictionary.
    content : mapping of str to ndarray
        The branches of layout ``leaf``.
    files : iterable of mapping
        ``name``, ``split`` (``None`` for leaf arrays), ``compression``, ``basket`` [byte], ``flush`` (ROOT's own cutting of baskets).
    """
    names = [{**f, "path": str(folder / f["name"])} for f in files]
    np.savez(folder / "content.npz", **content)
    _run(folder, {"content": str(folder / "content.npz"), "start": run_start_ns(run), "notice": NOTICE, "files": names})
    return [Path(f["path"]) for f in names]


def loop_seconds(folder: Path, paths: Iterable[Path]) -> list[float]:
    """Processor time of ROOT's own loop over all entries of each file [s]."""
    return [float(s) for s in json.loads(_run(folder, {"loop": [str(p) for p in paths]}).splitlines()[-1])]


def summaries(folder: Path, paths: Iterable[Path]) -> dict[str, list[str]]:
    """What ROOT reads in files: a line per tree, text and branch, by path (see ``summarise`` in ``SpeHit.h``)."""
    found: dict[str, list[str]] = {}
    for line in _run(folder, {"summarise": [str(p) for p in paths]}).splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "file":
            current = found.setdefault(rest, [])
        elif kind in {"tree", "branch", "text"}:
            current.append(line)
    return found


def _run(folder: Path, job: Mapping[str, Any]) -> str:
    path = folder / "job.json"
    path.write_text(json.dumps(job))
    done = subprocess.run([str(python()), "-W", "ignore", str(HERE / "job.py"), str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Error in" not in done.stderr, done.stderr[-2000:]
    return done.stdout
