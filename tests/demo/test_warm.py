"""Warming asks questions of every kind that compiles something, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from antdask.demo.warm import warm


def test_the_events_that_were_simulated_are_found() -> None:
    assert warm() == 40


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_nothing_is_left_to_compile_for_the_first_question(tmp_path: Path, archive: str) -> None:
    ask = f"""if True:
        from antdask.query.archive import open_archive
        events = open_archive({archive!r}).stream("events")
        events.select(detector="antares").to_awkward(["n_hits", "hits.charge_pe"])
        events.select(detector="antares", where="any(hits.charge_pe > 2)").count()"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    run = lambda *words: subprocess.run([sys.executable, *words], check=True, env=environment)  # noqa: E731
    run("-m", "antdask.demo.warm")
    kept = sorted((tmp_path / "cache").rglob("*.nbc"))
    run("-c", ask)
    assert len(kept) > 8 and sorted((tmp_path / "cache").rglob("*.nbc")) == kept
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
