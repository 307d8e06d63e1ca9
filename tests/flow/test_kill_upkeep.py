"""Compaction, reprocessing, re-admission and clearing away are killed at random instants: whoever reads sees all of the old or all of the new, and the end is that of an
undisturbed run."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from antdask.archive import catalog, snapshot
from antdask.archive import layout as lay
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.convert.status import status
from antdask.convert.verify import verify
from antdask.query.archive import open_archive
from antdask.settings import load
from antdask.simulate.damage import badbasket

CODE = """
import sys
from antdask.archive.plans import PlanFile
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.compaction import plan_compaction
from antdask.convert.garbage import collect_garbage, find_garbage
from antdask.convert.quarantine import readmit
from antdask.convert.reprocess import Wish, plan_reprocessing, reprocess
from antdask.settings import load
verb, url = sys.argv[1:]
if __name__ == "__main__":
    with make_cluster("processes", 2) as cluster:
        print("begin", flush=True)
        if verb == "compact":
            convert(plan_compaction(url, settings=load(part_bytes=1_500_000)).plan, cluster)
        elif verb == "reprocess":
            wish = Wish("events", "antdask.convert.steps:select_events", {"min_hits": 150})
            reprocess(plan_reprocessing(url, wish), cluster, replace=True)
        elif verb == "readmit":
            from antdask.errors import UsageError
            try:
                found = readmit(url)
            except UsageError:
                sys.exit()  # nothing is in quarantine any more
            for plan in filter(None, [found.plan, *found.pending]):
                convert(PlanFile(plan), cluster)
        else:
            collect_garbage(find_garbage(url, older=0))
"""


def start(verb: str, archive: str, script: Path) -> subprocess.Popen[bytes]:
    # A group of its own: its workers die with it, and nothing else does.
    return subprocess.Popen([sys.executable, str(script), verb, archive], stdout=subprocess.PIPE, start_new_session=True)


def finish(verb: str, archive: str, script: Path) -> float:
    began = time.monotonic()
    process = start(verb, archive, script)
    assert process.wait(100) == 0
    process.stdout.close()  # type: ignore[union-attr]
    return time.monotonic() - began


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("script") / "code.py"
    file.write_text(CODE)
    return file


@pytest.fixture(scope="module")
def archive(real_files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Many small parts, one with a gap; the file that was damaged is sound again."""
    folder = tmp_path_factory.mktemp("upkeep")
    muons = folder / "muons.root"
    good = Path(real_files["muon_cc_daqevents.root"]).read_bytes()
    data = bytearray(good)
    badbasket(data, np.random.default_rng(0))
    muons.write_bytes(data)
    url = str(folder / "a")
    with make_cluster("serial") as cluster:
        convert(make_plan([real_files["antares.h5"], str(muons)], url, load(part_bytes=400_000)), cluster)
    muons.write_bytes(good)
    return url


def live(url: str) -> dict[str, bytes]:
    """Content of the part files that the catalogue names."""
    store = Store(url)
    return {p: store.read(lay.part_file(p)) for p in catalog.load(store).parts["part"].to_pylist()}


def entries(url: str) -> frozenset[tuple[str, int, int]]:
    """Every event that a query gives, as it stands in its legacy file; none twice."""
    found = [
        (str(detector), int(entry), int(hits))
        for detector, entry, hits in open_archive(url)
        .stream("events")
        .to_pandas(columns=["detector", "source_entry", "n_hits"])[["detector", "source_entry", "n_hits"]]
        .itertuples(index=False)
    ]
    assert len(set(found)) == len(found), "an event is given twice"
    return frozenset(found)


def disturb(verb: str, url: str, script: Path, duration: float, check: Callable[[], None], seed: int, times: int = 4) -> None:
    rng = random.Random(seed)
    for _ in range(times):
        process = start(verb, url, script)
        assert process.stdout is not None and process.stdout.readline() == b"begin\n"
        time.sleep(rng.uniform(0, duration))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        check()
        snapshot.rebuild(Store(url))  # as the next command does, whichever it is
        check()


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("verb", ["compact", "reprocess", "readmit"])
def test_readers_see_the_old_or_the_new_and_the_end_is_that_of_an_undisturbed_run(
    verb: str, archive: str, script: Path, tmp_path: Path
) -> None:
    calm, rough = (str(shutil.copytree(archive, tmp_path / name)) for name in ("calm", "rough"))
    before = entries(rough)
    duration = finish(verb, calm, script)
    after = entries(calm)
    assert (after == before) == (verb == "compact") and (verb != "reprocess" or after < before) and (verb != "readmit" or after > before)

    def check() -> None:
        assert entries(rough) in (before, after)

    disturb(verb, rough, script, min(duration, 2.0), check, seed=20080530)
    finish(verb, rough, script)
    assert entries(rough) == after and live(rough) == live(calm)
    assert not list(Path(rough).rglob("*.tmp"))
    assert status(rough, files=True).exit_code == 0
    with make_cluster("serial") as cluster:
        assert verify(rough, "deep", cluster).problems == []


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_clearing_away_can_be_killed_too(archive: str, script: Path, tmp_path: Path) -> None:
    url = str(shutil.copytree(archive, tmp_path / "a"))
    finish("compact", url, script)
    wanted, rows, parts = live(url), entries(url), len(list(Path(url, "parts").rglob("*.zip")))

    def check() -> None:
        assert entries(url) == rows and live(url) == wanted

    disturb("gc", url, script, 0.8, check, seed=20220212)
    finish("gc", url, script)
    check()
    assert len(list(Path(url, "parts").rglob("*.zip"))) == len(wanted) < parts
    assert status(url, files=True).exit_code == 0 and status(url, files=True).orphans == 0
    with make_cluster("serial") as cluster:
        assert verify(url, "deep", cluster).problems == []
