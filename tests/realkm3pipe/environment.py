"""The environment of km3pipe: made once, on demand, below ``.tools`` (560 MB); and the script that runs in it."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PLACE = ROOT / ".tools" / "realkm3pipe"
PACKAGES = ("km3pipe==11.0.0",)


def python() -> Path:
    """The Python that can import km3pipe; the environment is made if it is not there."""
    found, ready = PLACE / "bin" / "python", PLACE / ".ready"
    if not ready.exists():
        PLACE.parent.mkdir(exist_ok=True)
        # Two workers of a test run may come here at once.
        with (PLACE.parent / "realkm3pipe.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not ready.exists():
                uv = shutil.which("uv") or next(str(p) for p in (ROOT / ".tools/uv/bin/uv", ROOT / ".tools/pip/bin/uv") if p.exists())
                subprocess.run([uv, "venv", "-q", "--clear", str(PLACE)], check=True)
                subprocess.run([uv, "pip", "install", "-q", "--python", str(found), *PACKAGES], check=True)
                ready.touch()
    return found


def run(folder: Path, job: Mapping[str, Any]) -> None:
    """Have km3pipe read files; see ``job.py``."""
    path = folder / "job.json"
    path.write_text(json.dumps(job))
    done = subprocess.run(
        [str(python()), "-W", "ignore", str(HERE / "job.py"), str(path)], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr[-2000:]
