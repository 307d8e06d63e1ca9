"""Damage guided by coverage: atheris changes files of the formats without checksums, where a changed byte reaches far into the decoders.

``python -m tests.contracts.guided FILE SECONDS FOLDER`` makes an environment for atheris below ``.tools`` once (140 MB) and runs it there; it ends with 0 if nothing was found. Files of ROOT and HDF5 are
left to `tests.contracts.fuzz_run`: nearly all changes of compressed bytes end at their checksums, and coverage cannot lead through those.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACE = ROOT / ".tools" / "atheris"
PACKAGE = "atheris==3.1.0"
#: A single file may not take more [s], [MiB].
PATIENCE, MEMORY = 60, 2048


def environment() -> str:
    """The folder that holds atheris; made if it is not there."""
    ready = PLACE / ".ready"
    if not ready.exists():
        uv = shutil.which("uv") or next(str(p) for p in (ROOT / ".tools/uv/bin/uv", ROOT / ".tools/pip/bin/uv") if p.exists())
        subprocess.run([uv, "pip", "install", "-q", "--target", str(PLACE), "--python", sys.executable, PACKAGE], check=True)
        ready.touch()
    return str(PLACE)


def run(file: str, seconds: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """Let atheris change a file for some seconds; what it finds stays in the folder."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, corpus)
    limits = [
        f"-max_total_time={seconds}",
        f"-timeout={PATIENCE}",
        f"-rss_limit_mb={MEMORY}",
        f"-max_len={2 * Path(file).stat().st_size}",
        "-seed=1",
    ]
    command = [sys.executable, "-m", "tests.contracts.guided", "--inside", *limits, f"-artifact_prefix={folder}/", str(corpus)]
    paths = os.pathsep.join([environment(), str(ROOT)])
    return subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": paths, "ANTDASK_FUZZED": str(folder / f"now{Path(file).suffix}")}, capture_output=True, text=True, check=False)  # fmt: skip


def inside(arguments: list[str]) -> None:
    """What runs under atheris."""
    atheris = importlib.import_module("atheris")  # from its own environment
    with atheris.instrument_imports(include=["antdask.sources"]):
        from antdask.errors import InputError
        from antdask.sources import SOURCES
        from tests.contracts import fuzzing

        # Sources are loaded when they are asked for: now, to be watched.
        for name in SOURCES.names():
            SOURCES.get(name)
    path = Path(os.environ["ANTDASK_FUZZED"])

    def read(data: bytes) -> None:
        path.write_bytes(data)
        # An error of ours is what is wanted.
        with contextlib.suppress(InputError):
            fuzzing.read(str(path))

    atheris.Setup([sys.argv[0], *arguments], read)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2:])
    else:
        done = run(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).absolute())
        print(done.stderr[-2000:])
        sys.exit(done.returncode)
