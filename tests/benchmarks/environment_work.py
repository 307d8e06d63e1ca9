"""What the benchmark of rates measures, each in a process of its own, so that its memory is known: building days, and asking questions."""

from __future__ import annotations

import dataclasses
import os
import statistics
import time
from pathlib import Path
from typing import Any

from antdask.archive.store import Store
from antdask.environment.build import BuildSpec, _close, _parts, _plan
from antdask.environment.day import build_day
from antdask.environment.grid import LEVELS, PERIOD_DAYS
from antdask.environment.period import build_period


def high_water_mb() -> float:
    """Largest resident memory of this process so far [MB]."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


@dataclasses.dataclass(frozen=True)
class Built:
    """One piece of work: wall and processor time [s], counts that went in, bytes that came out by level, memory [MB]."""

    wall: float
    cpu: float
    counts: int
    levels: dict[str, int]
    memory: float


def build_newest_day(url: str) -> Built:
    """Build the last day of an archive; the others, whose parts are gone, are left alone, which `build` would not do."""
    store, how = Store(url), BuildSpec(origin="2010-01-01")
    parts = _parts(store, how)
    product, tasks, _ = _plan(store, how, parts)
    product.write_metadata()
    wall, cpu = time.perf_counter(), time.process_time()
    build_day(tasks[-1], url, product.id)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    day = tasks[-1].day
    sizes = dict.fromkeys(("1s", "10s", "1min"), 0)
    for name in sizes:
        arrays = product.arrays(LEVELS[name])
        sizes[name] = sum(store.size(a.shard_path(day)) or 0 for n, a in arrays.items() if n not in ("time", "window"))
    return Built(wall, cpu, sum(p["rows"] for p in parts) * product.channels, sizes, high_water_mb())


def drop_seconds(url: str) -> None:
    """Remove the shards of 1s of all days but 1 March, of which each has 0.9 GB and no period needs any."""
    store = Store(url)
    for path in store.list("environment/rates"):
        if "/1s/" in path and "/c/" in path and not path.endswith("/59"):
            store.remove(path)


def build_one_period(url: str) -> Built:
    """Build the period of the newest day, and close the product."""
    store, how = Store(url), BuildSpec(origin="2010-01-01")
    product, tasks, _ = _plan(store, how, _parts(store, how))
    number = tasks[-1].day // PERIOD_DAYS
    wall, cpu = time.perf_counter(), time.process_time()
    build_period((number, "benchmark"), url, product.id)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    _close(product, product.receipts("days", "number"))
    sizes = dict.fromkeys(("15min", "1h", "1d"), 0)
    for name in sizes:
        sizes[name] = sum(store.size(a.shard_path(number)) or 0 for n, a in product.arrays(LEVELS[name]).items() if n != "time")
    return Built(wall, cpu, 0, sizes, high_water_mb())


@dataclasses.dataclass(frozen=True)
class Answer:
    """How long a question took [s]: with nothing of the files in memory, and the median of three more; its limits, and the memory of the process [MB]."""

    question: str
    cold: float
    warm: float
    limits: tuple[float, float]
    memory: float


def ask(question: str, urls: tuple[str, str], limits: tuple[float, float]) -> Answer:
    """Ask one question in this process, which has asked nothing before."""
    import antdask

    where, how, _ = QUESTIONS[question]
    url, reads = urls[where == "days"], question != OPEN
    # Libraries are no part of a question; files are.
    antdask.open_archive(urls[1]).environment.open(level="1min").rate[:1, :1].load()
    forget(url)

    def once() -> float:
        began = time.perf_counter()
        found = antdask.open_archive(url).environment.open(**how)
        if reads:
            found.rate.load()
        return time.perf_counter() - began

    cold = once()
    return Answer(question, cold, statistics.median(once() for _ in range(3)), limits, high_water_mb())


def forget(url: str) -> None:
    """Ask the system to drop what it holds of the files of an archive."""
    for path in Path(url).rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(handle)


OPEN = "open the archive and the rates"
#: Archive, what is opened, and limits cold and warm [s]; `max_points` is 2000 wherever no level is named.
QUESTIONS: dict[str, tuple[str, dict[str, Any], tuple[float, float]]] = {
    OPEN: ("full", {}, (1.0, 1.0)),
    "15 years of a line (1d)": ("full", {"line": 3}, (1.0, 0.3)),
    "4 years of a line (1d, 1,461 bins)": ("full", {"line": 3, "time": ("2012-01-01", "2016-01-01")}, (1.0, 0.3)),
    "80 days of a line (1h, 1,920 bins)": ("full", {"line": 3, "time": ("2012-06-01", "2012-08-20")}, (1.0, 0.3)),
    "20 days of a line (15min, 1,920 bins)": ("full", {"line": 3, "time": ("2012-06-01", "2012-06-21")}, (1.0, 0.3)),
    "20 days of all modules (15min)": ("full", {"time": ("2012-06-01", "2012-06-21")}, (1.0, 0.3)),
    "a day of a line (1min, 1,440 bins)": ("days", {"line": 3, "time": ("2010-03-01", "2010-03-02")}, (1.0, 0.3)),
    "5 hours of a line (10s, 1,800 bins)": ("days", {"line": 3, "time": ("2010-03-01T10:00", "2010-03-01T15:00")}, (1.0, 0.3)),
    "half an hour of a line (1s, 1,800 bins)": ("days", {"line": 3, "time": ("2010-03-01T10:00", "2010-03-01T10:30")}, (1.0, 0.3)),
    "one module, 15 years by 15 min": ("full", {"level": "15min", "channel": 200}, (0.5, 0.5)),
    "all modules, a day by minute": ("days", {"level": "1min", "time": ("2010-03-01", "2010-03-02")}, (1.0, 1.0)),
}
