"""One file damaged many times, in a process of its own that may not take more memory or time than the file accounts for: ``python -m tests.contracts.fuzz_run JOB``.

The job is a JSON file: ``file`` (its path), ``cuts``, ``changes``, ``seed``, ``folder``. What was found goes to ``result.json`` in that folder, and each damage to ``now.json`` before it is
tried: a process that dies leaves its name there. A result says from which seed and which code it came (`code`), so that a run that was stopped goes on with the files that are left.
"""

from __future__ import annotations

import collections
import dataclasses
import faulthandler
import hashlib
import json
import resource
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

from tests.contracts import archive_fuzzing, fuzzing

#: Nothing may take longer: reading the largest of the sound files takes two seconds on an idle machine [s].
PATIENCE = 60
#: What reading a damaged file may map beyond what the sound one needed, threads included, and what it may hold [byte].
ADDRESSES, MEMORY = 1 << 30, 256 << 20
ROOT = Path(__file__).parents[2]


def code() -> str:
    """A fingerprint of all that reads and judges damaged files: results of other code do not count."""
    found = hashlib.sha256()
    for pattern in (
        "antdask/model/*.py",
        "antdask/archive/*.py",
        "antdask/sources/*.py",
        "antdask/sources/maps/*.toml",
        "tests/contracts/*fuzz*.py",
    ):
        for path in sorted(ROOT.glob(pattern)):
            found.update(path.read_bytes())
    return found.hexdigest()[:16]


def run(file: str, cuts: int, changes: int, seed: int, folder: Path) -> dict[str, Any]:
    """Damage a file in a process of its own; how often each outcome came, what was wrong, and how large and slow it got."""
    folder.mkdir(parents=True, exist_ok=True)
    job = folder / "job.json"
    job.write_text(json.dumps({"file": file, "cuts": cuts, "changes": changes, "seed": seed, "folder": str(folder)}))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.contracts.fuzz_run", str(job)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        at = (folder / "now.json").read_text() if (folder / "now.json").exists() else "before the first damage"
        return {
            "outcomes": {"died": 1},
            "wrong": [f"the process ended with {done.returncode} at {at}: {done.stderr[-1500:]}"],
            "others": [],
            "slowest": 0.0,
            "slowest_at": None,
            "memory": 0,
        }
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def main(job: dict[str, Any]) -> None:
    folder = Path(job["folder"])
    sound = archive_fuzzing.SoundArchive(job["file"]) if archive_fuzzing.is_archived(job["file"]) else fuzzing.Sound(job["file"])
    damages = [*fuzzing.cuts(len(sound.data), job["cuts"], job["seed"]), *fuzzing.changes(len(sound.data), job["changes"], job["seed"] + 1)]
    path = sound.place(folder)
    before = _peak()
    limit = _addresses() + ADDRESSES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    outcomes, wrong = collections.Counter[str](), list[str]()
    others: list[dict[str, Any]] = []
    slowest: tuple[float, dict[str, Any]] = (0.0, {})
    for damage in damages:
        told = dataclasses.asdict(damage)
        (folder / "now.json").write_text(json.dumps(told))
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        outcome, why, seconds = _judged(sound, damage, path)
        faulthandler.cancel_dump_traceback_later()
        outcomes[outcome] += 1
        slowest = max(slowest, (seconds, told), key=lambda one: one[0])
        if outcome == "other":
            others.append(told)
        if outcome == "wrong":
            wrong.append(f"{damage}: {why}")
    memory = max(0, _peak() - before)
    if memory > MEMORY:
        wrong.append(f"the process grew by {memory >> 20} MiB")
    found = {"outcomes": outcomes, "wrong": wrong, "others": others, "slowest": slowest[0], "slowest_at": slowest[1], "memory": memory}
    (folder / "result.json").write_text(json.dumps(found))


def _judged(sound: fuzzing.Sound | archive_fuzzing.SoundArchive, damage: fuzzing.Damage, path: Path) -> tuple[str, str, float]:
    try:
        verdict = sound.judge(damage, path)
    except Exception:  # whatever it is, it is what was looked for
        return "wrong", traceback.format_exc(limit=-6), 0.0
    return verdict.outcome, verdict.why, verdict.seconds


def _peak() -> int:
    """Largest memory that the process ever held [byte]."""
    return next(int(line.split()[1]) << 10 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))


def _addresses() -> int:
    """Memory that the process has mapped [byte]."""
    return next(int(line.split()[1]) << 10 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmSize"))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
