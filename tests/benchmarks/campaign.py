"""A campaign at scale: the status of archives of 10^5 and 10^6 parts, and what a driver takes for parts that are no work."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.table import Table

from antdask.archive import catalog, folders, plans
from antdask.archive import layout as lay
from antdask.archive.ledger import Brief
from antdask.archive.parquet_rows import encode
from antdask.archive.store import Store
from antdask.model.keys import PartKey, RunKey
from antdask.plan import FileEntry, Part, Plan, Range, Segment
from tests.benchmarks import catalogue

SIZES = (10**5, 10**6)
#: Receipts that the catalogue does not know yet, as in a campaign that runs.
FRESH = 5_000
#: Largest resident memory of this process [MB]; what `getrusage` tells is inherited from who started it.
PEAK = """
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1e3
"""
ASK = f"""{PEAK}
import sys, time
began = time.perf_counter()
from antdask.cli import main
try:
    main(["status", sys.argv[1], "--json"])
except SystemExit:
    pass
print(time.perf_counter() - began, peak(), file=sys.stderr)
"""
DRIVE = f"""{PEAK}
import sys, time
from antdask.archive.plans import PlanFile
from antdask.cluster import make_cluster
from antdask.convert import campaign
from tests.benchmarks.campaign import NoWork, nothing
if __name__ == "__main__":
    plan, folder, cluster = sys.argv[1:]
    campaign.snapshot.rebuild = lambda store: None
    campaign.work = nothing
    told = []
    def progress(event):
        if event.done >= (0.1, 0.9)[min(1, len(told))] * event.total and len(told) < 2:
            told.append((time.perf_counter(), event.done, peak()))
    began = time.perf_counter()
    with NoWork() if cluster == "nobody" else make_cluster(cluster, 2 if cluster == "local" else None) as place:
        ready = time.perf_counter()
        summary = campaign.convert(PlanFile(plan).into(folder), place, progress=progress)
    assert summary.parts_done == summary.parts_total, summary
    (a, low, early), (b, high, late) = told
    print(a - ready - low * (b - a) / (high - low), (b - a) / (high - low), early, late, peak())
"""


def nothing(index: int, plan_url: str) -> Brief:
    """A part that is no work."""
    del plan_url
    return Brief(str(index), 10, 100, 0, 1000, 300, 1.0)


class NoWork:
    """A cluster whose parts are done by nobody: each future ends a moment after it was submitted, in another thread."""

    name, capacity = "serial", 64

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[tuple[Future[Any], int] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._end_all, daemon=True)
        self._thread.start()

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        del function
        future: Future[Any] = Future()
        self._tasks.put((future, args[0]))
        return future

    def _end_all(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, index = task
            if future.set_running_or_notify_cancel():
                future.set_result((nothing(index, ""), None))

    def close(self) -> None:
        self._tasks.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def plan_of(url: str, parts: int) -> Plan:
    """A plan of so many parts, of which the catalogue of `catalogue.make` holds each."""
    made, inputs = [], []
    for i in range(parts):
        run = RunKey("antares", i // catalogue.PARTS_PER_RUN)
        if i % catalogue.PARTS_PER_RUN == 0:
            segment = Segment("events", "PhysicsEvent", run, 0, 10**6, 8 * 10**9)
            inputs.append(
                FileEntry(f"/data/{run.run:08d}.root", "antares_raw", "l1", "antares_raw", 4 * 10**9, 1, "", f"{i:064x}", (segment,))
            )
        key = PartKey("events", "0a1b2c3d", run, i % catalogue.PARTS_PER_RUN, f"{i:08x}")
        start = key.index * 125_000
        made.append(Part(i, key, (Range(len(inputs) - 1, "PhysicsEvent", start, start + 125_000, 10**9),)))
    return Plan(url, tuple(inputs), tuple(made), {"0a1b2c3d": {}})


def make(url: str, parts: int) -> None:
    """An archive of so many finished parts, whose files are empty; the last receipts are not in the catalogue yet."""
    catalogue.make(url, parts - FRESH)
    plan, store = plan_of(url, parts), Store(url)
    plans.save(store, plan)
    for part in plan.parts:
        for name in (lay.part_file(part.key.path), lay.receipt_file(part.key.path)):
            path = Path(store.full(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    work = {"started_ns": 1_700_000_000 * 10**9, "seconds": 100.0, "cpu_seconds": 90.0}
    for part in plan.parts[-FRESH:]:
        document = {
            "receipt_version": 1, "part": part.key.path, "stream": "events", "origin": "antares_raw", "lineage": "0a1b2c3d", "detector": "antares",
            "run": part.key.run.run, "index": part.key.index, "content": part.key.content, "plan": plan.id, "plan_part": part.index, "nbytes": 3 * 10**8,
            "crc32c": 1, "rows": 150_000, "hits": 10**7, "entries": 150_000, "bytes_in": 10**9, "utc_min": None, "utc_max": None, "frame_min": 0,
            "frame_max": 1, "inputs": [], "ranges": [], "tables": {}, "arrays": [], "blocks": [], "quarantined": [], "work": work,
        }  # fmt: skip
        Path(store.full(lay.receipt_file(part.key.path))).write_text(json.dumps(document))
    _settle(store, {str(Path(part.key.path).parent) for part in plan.parts[-FRESH:]})


def _settle(store: Store, running: set[str]) -> None:
    """Let the catalogue know the folders of receipts as if they had been written long ago, but for those in which the campaign works."""
    for folder, _, _ in os.walk(store.full("receipts")):
        os.utime(folder, ns=(1_700_000_000 * 10**9, 1_700_000_000 * 10**9))
    stamps = {folder: stamp for folder, stamp in folders.times(store, time.time_ns()).items() if folder not in running}
    name = catalog.current_name(store)
    store.write_small(catalog.snapshot_file(name, "folders"), encode(folders.table_of(stamps), 1 << 17))


def status(url: str) -> tuple[float, float, dict[str, Any]]:
    """Seconds and peak memory [MB] of ``antdask status`` in a fresh process, and what it says."""
    done = subprocess.run([sys.executable, "-c", ASK, url], capture_output=True, text=True, check=True)
    seconds, peak = map(float, done.stderr.split()[-2:])
    return seconds, peak, json.loads(done.stdout)


def drive(plan: Path, folder: str, cluster: str) -> list[float]:
    """Of a driver in a fresh process: seconds before the first part, seconds per part, and peak memory [MB] after a tenth and nine tenths of the parts and at the end."""
    command = [sys.executable, "-c", DRIVE, str(plan), folder, cluster]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(Path.cwd())})
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    """Make, measure, print. ``CAMPAIGN_DRIVE=1000000`` lets the drivers that need minutes per 10^5 parts have as many, too."""
    console = Console(width=140)
    table = Table("parts", "new receipts", "s (three times)", "peak memory [MB]", title="antdask status, fresh process, warm cache")
    driver = Table(
        "parts", "through", "s before the first", "ms per part", "MB after 10 %", "MB after 90 %", "MB at the end",
        title="A driver with parts that are no work (local: scheduler in the same process, two workers)",
    )  # fmt: skip
    most = int(os.environ.get("CAMPAIGN_DRIVE", "100000"))
    for parts in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            url = f"{folder}/archive"
            make(url, parts)
            found = [status(url) for _ in range(3)]
            (campaign,) = found[0][2]["campaigns"]
            if campaign["parts_done"] != parts:
                raise SystemExit(f"the status is wrong: {campaign}")
            table.add_row(f"{parts:,}", f"{FRESH:,}", ", ".join(f"{f[0]:.2f}" for f in found), f"{max(f[1] for f in found):.0f}")
            plan = next(Path(url, "plans").glob("*.zip"))
            for cluster in ("nobody", *(("serial", "local") if parts <= most else ())):
                first, each, *peaks = drive(plan, f"{folder}/{cluster}", cluster)
                driver.add_row(f"{parts:,}", cluster, f"{first:.1f}", f"{each * 1e3:.3f}", *(f"{p:.0f}" for p in peaks))
    console.print(table, driver)
    print("load", os.getloadavg(), os.cpu_count(), "cores")


if __name__ == "__main__":
    main()
