"""Inputs that go, change, or are cut short while a campaign reads them: their parts fail by name, nothing of a mixture is archived, and nothing is called damaged that was whole."""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from antdask.cluster import make_cluster
from antdask.cluster.run import Event
from antdask.convert.campaign import Summary, convert
from antdask.convert.scan import make_plan
from antdask.convert.verify import verify
from antdask.plan import Plan
from antdask.settings import load

SETTINGS = load(part_bytes=100_000)
NAMES = ("km3net_online.root", "events_sample.root")


def vanish(file: Path) -> None:
    file.unlink()


def grow(file: Path) -> None:
    with file.open("ab") as f:
        f.write(b"more")


def replace(file: Path) -> None:
    """Another content of the same size, by a rename: whoever reads the old file reads on in it."""
    data = bytearray(file.read_bytes())
    data[-(1 << 16) :] = os.urandom(1 << 16)
    (file.parent / "new").write_bytes(data)
    (file.parent / "new").replace(file)


def truncate(file: Path) -> None:
    """In place, under whoever reads it."""
    os.truncate(file, file.stat().st_size // 2)


HARM: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "vanishes": (vanish, {"input-missing"}),
    "grows": (grow, {"input-changed"}),
    "is replaced": (replace, {"input-changed"}),
    "is truncated": (truncate, {"input-changed"}),
}


@pytest.fixture
def plan(real_files: dict[str, str], tmp_path: Path) -> Plan:
    files = [shutil.copy(real_files[name], tmp_path / name) for name in NAMES]
    return make_plan(map(str, files), str(tmp_path / "a"), SETTINGS)


def content(url: str) -> dict[str, bytes]:
    return {str(p.relative_to(url)): p.read_bytes() for p in Path(url, "parts").rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def wanted(real_files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    url = str(tmp_path_factory.mktemp("wanted") / "a")
    with make_cluster("serial") as cluster:
        convert(make_plan([real_files[name] for name in NAMES], url, SETTINGS), cluster, SETTINGS)
    return content(url)


def check_failed(summary: Summary, codes: set[str], plan: Plan, wanted: dict[str, bytes]) -> None:
    """Parts of the input failed, for what was done to it and for nothing else; what is there is as it should be."""
    assert summary.exit_code == 4 and summary.quarantined == 0 and summary.stopped == "", summary
    assert {f["kind"] for f in summary.failures} == {"data"} and {f["code"] for f in summary.failures} <= codes, summary.failures
    assert all(NAMES[0] in f["message"] and f["attempts"] == 1 for f in summary.failures)
    seen = content(plan.archive)
    assert all(seen[name] == wanted[name] for name in seen) and len(seen) == len(wanted) - len(summary.failures)


def check_mended(plan: Plan, good: bytes, wanted: dict[str, bytes]) -> None:
    """When the input is back, the same campaign ends as if nothing had been."""
    Path(plan.archive).parent.joinpath(NAMES[0]).write_bytes(good)
    with make_cluster("serial") as cluster:
        assert convert(plan, cluster, SETTINGS).exit_code == 0
        assert content(plan.archive) == wanted and verify(plan.archive, "source", cluster).problems == []
    assert not list(Path(plan.archive).rglob("*.tmp"))


@pytest.mark.parametrize("what", HARM)
@pytest.mark.parametrize("kind", ["serial", "processes"])
def test_an_input_that_is_harmed_between_two_parts(what: str, kind: str, plan: Plan, wanted: dict[str, bytes], tmp_path: Path) -> None:
    harm, codes = HARM[what]
    good, done = (tmp_path / NAMES[0]).read_bytes(), []

    def meanwhile(event: Event) -> None:
        if event.kind == "done":
            done.append(event.task)
            if len(done) == 3:
                harm(tmp_path / NAMES[0])

    with make_cluster(kind, None if kind == "serial" else 2) as cluster:
        check_failed(convert(plan, cluster, SETTINGS, meanwhile), codes, plan, wanted)
    check_mended(plan, good, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["vanishes", "is replaced", "is truncated"])
def test_an_input_that_is_harmed_while_a_part_is_read(what: str, plan: Plan, wanted: dict[str, bytes], tmp_path: Path) -> None:
    """At instants drawn by a seed, again and again in one campaign, and mended each time a moment later."""
    harm, codes = HARM[what]
    file, chance, stop = tmp_path / NAMES[0], random.Random(what), threading.Event()
    good, mtime = file.read_bytes(), file.stat().st_mtime_ns

    def worry() -> None:
        while not stop.wait(chance.uniform(0, 0.05)):
            harm(file)
            time.sleep(chance.uniform(0, 0.01))
            # In place, as a tool that copies does: for a moment the file is short.
            file.write_bytes(good)
            os.utime(file, ns=(mtime, mtime))

    thread = threading.Thread(target=worry)
    thread.start()
    try:
        with make_cluster("processes", 2) as cluster:
            summary = convert(plan, cluster, SETTINGS)
    finally:
        stop.set()
        thread.join()
    # What was read in a bad moment and in a good one again is the storage's fault, and was tried again.
    assert summary.failures and summary.exit_code == 4 and (summary.quarantined, summary.stopped) == (0, ""), summary
    assert {f["code"] for f in summary.failures} <= {*codes, "input-changed", "input-missing", "input-unreadable"}, summary.failures
    assert {f["kind"] for f in summary.failures if f["code"] == "input-unreadable"} <= {"transient"}
    seen = content(plan.archive)
    assert all(seen[name] == wanted[name] for name in seen) and len(seen) == len(wanted) - len(summary.failures)
    check_mended(plan, good, wanted)
