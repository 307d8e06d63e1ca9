"""Two drivers on one plan, one part done by many at once, hosts whose clocks differ by days: the archive is that of one undisturbed driver."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from antdask.archive import catalog, ledger
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert, open_campaign
from antdask.convert.garbage import find_garbage
from antdask.convert.scan import make_plan
from antdask.convert.status import status
from antdask.convert.verify import verify
from antdask.settings import load
from tests.servers import daemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
NAMES = ("km3net_online.root", "events_sample.root")
SETTINGS = load(part_bytes=200_000)
DAY = 86_400
DRIVER = """
import sys
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.settings import load
if __name__ == "__main__":
    plan = make_plan(sys.argv[2:], sys.argv[1], load(part_bytes=200_000))
    with make_cluster("serial") as cluster:
        print("begin", flush=True)
        sys.stdin.readline()
        summary = convert(plan, cluster)
    print(summary.exit_code, summary.parts_skipped, summary.failures)
"""
WORK = """
import sys, time
from antdask.convert.part import work
print("begin", flush=True)
sys.stdin.readline()
print(work(int(sys.argv[2]), sys.argv[1]).part)
"""


@pytest.fixture
def files(real_files: dict[str, str]) -> list[str]:
    return [real_files[name] for name in NAMES]


@pytest.fixture(scope="module")
def wanted(real_files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    url = str(tmp_path_factory.mktemp("wanted") / "a")
    with make_cluster("serial") as cluster:
        convert(make_plan([real_files[name] for name in NAMES], url, SETTINGS), cluster, SETTINGS)
    return content(url)


def content(url: str) -> dict[str, bytes]:
    return {str(p.relative_to(url)): p.read_bytes() for p in Path(url, "parts").rglob("*") if p.is_file()}


def start(code: str, *words: str, before: tuple[str, ...] = (), environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*before, sys.executable, "-c", code, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )


def go(*processes: subprocess.Popen[str]) -> list[str]:
    """Let them begin at the same moment; what each of them says in the end."""
    for p in processes:
        assert p.stdout is not None and p.stdout.readline() == "begin\n"
    for p in processes:
        assert p.stdin is not None
        p.stdin.write("\n")
        p.stdin.flush()
    said = [p.communicate(timeout=120)[0].strip() for p in processes]
    assert [p.returncode for p in processes] == [0] * len(processes)
    return said


def check(url: str, wanted: dict[str, bytes]) -> None:
    assert content(url) == wanted
    store = Store(url)
    assert Counter(r.plan_part for r in ledger.receipts(store)) == dict.fromkeys(range(len(wanted)), 1)
    assert len(catalog.load(store).parts) == len(wanted)
    assert status(url, files=True).exit_code == 0 and not list(Path(url).rglob("*.tmp"))
    with make_cluster("serial") as cluster:
        assert verify(url, "deep", cluster).problems == []


def test_two_drivers_on_one_plan(files: list[str], wanted: dict[str, bytes], tmp_path: Path) -> None:
    url = str(tmp_path / "a")
    said = go(*(start(DRIVER, url, *files) for _ in range(2)))
    # Neither has failed at anything, whoever was first with which part.
    assert [word.split(" ", 2)[::2] for word in said] == [["0", "[]"]] * 2
    check(url, wanted)


def test_two_drivers_one_of_which_is_killed(files: list[str], wanted: dict[str, bytes], tmp_path: Path) -> None:
    url = str(tmp_path / "a")
    doomed, other = (start(DRIVER, url, *files) for _ in range(2))
    for p in (doomed, other):
        assert p.stdout is not None and p.stdin is not None and p.stdout.readline() == "begin\n"
        p.stdin.write("\n")
        p.stdin.flush()
    while len(list(Path(url).rglob("receipts/**/*.json"))) < 5:
        time.sleep(0.01)
    doomed.kill()
    doomed.communicate()
    assert other.communicate(timeout=120)[0].startswith("0 ")
    check(url, wanted)


def test_one_part_done_by_many_at_once(files: list[str], wanted: dict[str, bytes], tmp_path: Path) -> None:
    plan = make_plan(files, str(tmp_path / "a"), SETTINGS)
    store = Store(plan.archive)
    file = open_campaign(store, plan)
    largest = max(plan.parts, key=lambda p: p.nbytes)
    said = go(*(start(WORK, file.url, str(largest.index)) for _ in range(4)))
    assert said == [largest.key.path] * 4
    [receipt] = ledger.receipts(store)
    assert receipt.part == largest.key.path and not list(tmp_path.rglob("*.tmp"))
    with make_cluster("serial") as cluster:
        assert convert(plan, cluster, SETTINGS).parts_skipped == 1
    check(plan.archive, wanted)


@pytest.fixture(scope="session")
def clock() -> str:
    """The library that shows programs another clock."""
    daemon.need_packages("libfaketime")
    listing = subprocess.run(["dpkg", "-L", "libfaketime"], capture_output=True, text=True, check=True).stdout.split()
    return next(name for name in listing if name.endswith("libfaketime.so.1"))


def shifted(clock: str, days: float) -> dict[str, str]:
    """Environment of a process whose clock is wrong by so many days; only the time of day, not the one that measures durations."""
    return {"LD_PRELOAD": clock, "FAKETIME": f"{days * DAY:+.0f}", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}


@pytest.mark.parametrize("days", [-400.0, 2.0])
def test_a_driver_whose_clock_is_wrong_harms_nobody(
    days: float, clock: str, files: list[str], wanted: dict[str, bytes], tmp_path: Path
) -> None:
    url = str(tmp_path / "a")
    plan = make_plan(files, url, SETTINGS)
    file = open_campaign(Store(url), plan)
    # A worker of another host is in the middle of a part ...
    host = ("unshare", "--uts", "sh", "-c", 'hostname n17 && exec "$@"', "-")
    slow = start(WORK, file.url, "0", before=host)
    assert slow.stdout is not None and slow.stdin is not None and slow.stdout.readline() == "begin\n"
    slow.stdin.write("\n")
    slow.stdin.flush()
    while not list(Path(url, "parts").rglob(".*.n17.*.tmp")) and slow.poll() is None:
        pass
    slow.send_signal(signal.SIGSTOP)
    drafts = list(Path(url, "parts").rglob(".*.n17.*.tmp"))
    assert drafts and socket.gethostname() not in drafts[0].name
    # ... while a driver comes and clears away what it takes for old.
    other = start(
        "import sys\nfrom antdask.archive.store import Store\nprint(Store(sys.argv[1]).sweep())", url, environment=shifted(clock, days)
    )
    assert other.communicate(timeout=60)[0].strip() == "0" and drafts[0].exists()
    slow.send_signal(signal.SIGCONT)
    assert slow.communicate(timeout=60)[0].strip() == plan.parts[0].key.path and slow.returncode == 0

    # It does the campaign, and a snapshot of its time stands beside ours; what it archived is seen by everybody.
    [said] = go(start(DRIVER, url, *files, environment=shifted(clock, days)))
    assert said == "0 1 []"
    check(url, wanted)
    assert find_garbage(url).snapshots == []
    # The same from its side, and back: always the newest is the current one.
    command = [sys.executable, "-m", "antdask"]
    elsewhere = {**os.environ, **shifted(clock, days)}
    for _ in range(2):
        told = subprocess.run([*command, "status", url, "--rebuild", "--json"], env=elsewhere, capture_output=True, text=True, check=True)
        assert json.loads(told.stdout)["snapshot"] == status(url).snapshot
        assert status(url, rebuild=True).snapshot > json.loads(told.stdout)["snapshot"]
    gone = subprocess.run([*command, "gc", url, "--yes", "--json"], env=elsewhere, capture_output=True, text=True, check=True)
    assert json.loads(gone.stdout)["superseded"] == {} and json.loads(gone.stdout)["orphans"] == {}
    check(url, wanted)
