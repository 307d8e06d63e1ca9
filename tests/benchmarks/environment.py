"""Rates: how fast days are built, what fifteen years take, and how fast they answer, beside Zarr with default chunks, DuckDB on Parquet and NetCDF-4.

``python -m tests.benchmarks environment`` prints one table. ``ANTDASK_BENCH_DAYS`` simulated days are built (1), one after the other: each is made, built and removed, so
that 2 GB suffice for any number. ``ANTDASK_BENCH_YEARS`` (15) are asked, which takes 20 GB for a while. Work that is measured runs in processes of its own.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import xarray as xr
from rich.console import Console
from rich.table import Table

import antdask
from tests.benchmarks import environment_data as data
from tests.benchmarks import environment_work as work

MB = 1e6
DAYS, YEARS = int(os.environ.get("ANTDASK_BENCH_DAYS", "1")), int(os.environ.get("ANTDASK_BENCH_YEARS", "15"))
MEMORY_MB = 500
#: What a year of all modules has: frames of 104.8576 ms.
DAYS_OF_YEAR, FRAMES_OF_DAY = 365.25, 86_400 / 0.1048576


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a new process."""
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


def new_table() -> Table:
    """The one table."""
    table = Table(
        title=f"Rates: {DAYS} simulated days x 885 modules built, {YEARS} years of 15-minute and coarser levels asked", title_justify="left"
    )
    for name in ("what", "found", "wanted", ""):
        table.add_column(name)
    return table


def say(table: Table, what: str, found: str, wanted: str = "", met: bool | None = None) -> None:
    """Add a row."""
    table.add_row(what, found, wanted, "" if met is None else "yes" if met else "NO")


def building(table: Table, folder: Path) -> str:
    """Build days, one after the other, and their period."""
    url, raw, days = str(folder / "days"), [], []
    data.new_archive(url)
    # Compiled before: what a worker does once is no speed.
    warm = str(folder / "warm")
    data.new_archive(warm)
    apart(data.write_day, warm, 0, 1)
    apart(work.build_newest_day, warm)
    for day in range(DAYS):
        if day:
            data.remove_day(url)
        raw.append(apart(data.write_day, url, day))
        days.append(apart(work.build_newest_day, url))
        work.drop_seconds(url)
    period = apart(work.build_one_period, url)
    counts = sum(d.counts for d in days)
    cpu, wall = sum(d.cpu for d in days) + period.cpu, sum(d.wall for d in days) + period.wall
    speed = [2 * d.counts / d.cpu / MB for d in days]
    say(table, "build of a day, processor time", f"{statistics.median(speed):.0f} MB/s/core of 16-bit counts ({min(speed):.0f} to {max(speed):.0f})", ">= 150", statistics.median(speed) >= 150)  # fmt: skip
    say(table, f"all {DAYS} days and their period", f"{2 * counts / cpu / MB:.0f} MB/s/core, {2 * counts / wall / MB:.0f} by the clock; {cpu:.0f} s, of which the period {period.cpu:.1f} s")  # fmt: skip
    memory = max(d.memory for d in (*days, period))
    say(table, "memory of a building process (VmHWM)", f"{memory:.0f} MB", f"< {MEMORY_MB}", memory < MEMORY_MB)
    projection(table, statistics.mean(raw), days, period, cpu)
    return url


def projection(table: Table, raw: float, days: list[work.Built], period: work.Built, cpu: float) -> None:
    """What this makes of the years."""
    every = YEARS * DAYS_OF_YEAR
    native, per_count = raw * every / 1e12, raw / (FRAMES_OF_DAY * 885)
    say(
        table,
        f"native counts, {YEARS} years",
        f"{native:.2f} TB, {per_count:.3f} bytes a count",
        f"<= {4.6 * YEARS / 15:.1f} TB",
        native <= 4.6 * YEARS / 15,
    )
    levels = {name: statistics.mean(d.levels[name] for d in days) for name in days[0].levels}
    levels |= {name: nbytes / len(days) for name, nbytes in period.levels.items()}
    say(table, f"levels, {YEARS} years [GB]", ", ".join(f"{name} {nbytes * every / 1e9:.0f}" for name, nbytes in levels.items()))
    say(table, f"building {YEARS} years", f"{cpu / len(days) * every / 3600:.0f} core-hours")


def asking(table: Table, urls: tuple[str, str]) -> None:
    """Questions, each in a new process: first with cold files, then again."""
    for name, (_, _, limits) in work.QUESTIONS.items():
        found = apart(work.ask, name, urls, limits)
        met = found.cold <= limits[0] and found.warm <= limits[1]
        say(table, name, f"{found.cold:.3f} s cold, {found.warm:.3f} warm, {found.memory:.0f} MB", f"{limits[0]:g}, {limits[1]:g}, {MEMORY_MB} MB", met and found.memory < MEMORY_MB)  # fmt: skip


def peers(table: Table, folder: Path, full: str) -> None:
    """The same two questions on the same values in four formats, interleaved; the median of three."""
    paths = data.write_peers(full, folder)
    window, line = slice("2012-06-01", "2012-06-20T23:59"), slice(150, 225)
    sql, own = f"select time, channel, rate from '{paths['Parquet']}' where ", antdask.open_archive(full).environment
    interval = "time >= '2012-06-01' and time < '2012-06-21'"

    def ours(**how: Any) -> None:
        own.open(level="15min", **how).rate.load()

    def xarray(opener: Callable[[Path], xr.Dataset], name: str, one: bool) -> None:
        rate = opener(paths[name]).rate
        (rate[200] if one else rate[line].sel(time=window)).load()

    def parquet(condition: str) -> None:
        relation = duckdb.sql(sql + condition)
        assert relation is not None
        relation.to_arrow_table()

    def zarr_of(path: Path) -> xr.Dataset:
        found: xr.Dataset = xr.open_zarr(path, consolidated=False)
        return found

    questions: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
        "antdask": (partial(ours, channel=200), partial(ours, time=("2012-06-01", "2012-06-21"), line=3)),
        "Zarr": (partial(xarray, zarr_of, "Zarr", True), partial(xarray, zarr_of, "Zarr", False)),
        "NetCDF-4": (partial(xarray, xr.open_dataset, "NetCDF-4", True), partial(xarray, xr.open_dataset, "NetCDF-4", False)),
        "Parquet": (partial(parquet, "channel = 200"), partial(parquet, f"channel between 150 and 224 and {interval}")),
    }
    seconds: dict[str, list[list[float]]] = {name: [[], []] for name in questions}
    for _ in range(4):
        for name, actions in questions.items():
            for place, action in enumerate(actions):
                seconds[name][place].append(data.timed(action, time.perf_counter))
    words = {
        "antdask": "antdask",
        "Zarr": "xarray on Zarr, default chunks",
        "NetCDF-4": "xarray on NetCDF-4",
        "Parquet": "DuckDB on Parquet",
    }
    for name, (one, zoom) in seconds.items():
        path = paths.get(name)
        nbytes = (
            ""
            if path is None
            else f", {sum(p.stat().st_size for p in ([path] if path.is_file() else path.rglob('*')) if p.is_file()) / 1e9:.1f} GB"
        )
        say(
            table,
            f"{words[name]}: one module, all years; a line, 20 days",
            f"{statistics.median(one[1:]):.3f} s; {statistics.median(zoom[1:]):.3f} s{nbytes}",
        )


def main() -> None:
    """Make the data, measure, print."""
    table, folder = new_table(), Path(tempfile.mkdtemp(prefix="antdask-bench-environment-"))
    try:
        days = building(table, folder)
        full = str(folder / "full")
        apart(data.years_of_levels, full, YEARS)
        asking(table, (full, days))
        peers(table, folder, full)
    finally:
        shutil.rmtree(folder)
        Console(width=160).print(table, f"load of the machine {os.getloadavg()[1]:.1f}")
