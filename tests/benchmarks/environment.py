"""Rates: how fast days are built, and how fast fifteen years answer, beside xarray on Zarr with default chunks, DuckDB on Parquet and NetCDF-4.

``python -m tests.benchmarks environment``; ``ANTDASK_BENCH_DAYS`` simulated days are built (1). Counts are Poisson around 60 kHz with bursts; a day is tiled from one hour.
"""

# ruff: noqa: PLW0108 (what a lambda opens is opened each time it is timed)
from __future__ import annotations

import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr
from rich.console import Console
from rich.table import Table

import antdask
from antdask.archive import snapshot
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.environment import moments
from antdask.environment.arrays import encode_blocks, join_shard
from antdask.environment.build import build
from antdask.environment.grid import COARSE, DAY_NS, PERIOD_DAYS
from antdask.environment.product import CURRENT, Product, open_product
from antdask.model.time import ANTARES_FRAME_NS
from tests.environment.sea import START, archive_of, counts_batch
from tests.query.archives import Entry, write_part

MB = 1e6
YEARS, PEER_YEARS = 15, 2
HOUR_FRAMES = 34_332


def hour_of_counts(seed: int) -> np.ndarray:
    """Counts of an hour: 885 modules around 60 kHz, each with bursts in a tenth of the frames."""
    rng = np.random.default_rng(seed)
    count = rng.standard_normal((HOUR_FRAMES, 900), np.float32)
    light = rng.normal(6300, 900, 900).clip(3500, 11_000).astype(np.float32) * np.ones((HOUR_FRAMES, 1), np.float32)
    for start in range(0, HOUR_FRAMES, 400):
        light[start : start + 40, rng.integers(0, 900, 300)] *= 1 + rng.exponential(0.8, 300).astype(np.float32)
    count *= np.sqrt(light)
    count += light
    count[:, 885:] = 0
    return count.clip(0).astype(np.uint32)


def archive_of_days(folder: Path, days: int) -> str:
    """An archive of so many days, a part for each hour."""
    hours = [hour_of_counts(seed) for seed in range(2)]
    flags = np.zeros(hours[0].shape, np.uint8)
    flags[:, 885:] = 4
    url = archive_of(folder / "archive", [])
    store, number = Store(url), 0
    for day in range(days):
        for hour in range(24):
            start = START + day * DAY_NS + hour * HOUR_FRAMES * ANTARES_FRAME_NS
            batch = counts_batch(hours[number % 2], flags, start, np.arange(HOUR_FRAMES))
            write_part(store, Entry(batch, "antares", 1 + number), f"{number:08x}")
            number += 1
    snapshot.rebuild(store)
    return url


def building(console: Console, folder: Path, days: int) -> str:
    """Build days on one core, wall and CPU."""
    url = archive_of_days(folder, days)
    with make_cluster("serial") as cluster:
        # Compiled before: what a worker does once is no speed.
        build(archive_of(folder / "warm", [(1, counts_batch(hour_of_counts(0)[:300]))]), cluster)
        wall, cpu = time.perf_counter(), time.process_time()
        summary = build(url, cluster)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if summary.exit_code:
        raise SystemExit(f"the build failed: {summary}")
    native, table = summary.frames * 900 * 4, Table(title=f"Build of {days} days x 885 modules, one core")
    parts = sum(p.stat().st_size for p in Path(url, "parts").rglob("*.zip"))
    for name in ("seconds", "MB/s of counts (u4, as archived)", "MB/s as 16-bit counts"):
        table.add_column(name, justify="right")
    for seconds in (wall, cpu):
        table.add_row(f"{seconds:.1f}", f"{native / seconds / MB:.0f}", f"{native / 2 / seconds / MB:.0f}")
    console.print(table, "first row wall, second CPU")
    sizes = {level.name: 0 for level in COARSE} | {"1s": 0, "10s": 0, "1min": 0}
    product = open_product(Store(url))
    for name in sizes:
        sizes[name] = sum(p.stat().st_size for p in Path(url, product.root, name).rglob("c/*/*") if p.is_file())
    years = YEARS * 365.25 / days
    console.print(
        f"native counts {parts / days / MB:.0f} MB a day, {parts * years / 1e12:.2f} TB in {YEARS} years; CPU for {YEARS} years {cpu * years / 3600:.0f} core-hours"
    )
    console.print({name: f"{size / days / MB:.1f} MB/day, {size * years / 1e9:.0f} GB" for name, size in sizes.items()})
    return url


def fifteen_years(folder: Path) -> str:
    """A product with the coarse levels of fifteen years; every third period holds the same bytes."""
    url = archive_of(folder / "full", [(1, counts_batch(hour_of_counts(0)[:50]))])
    with make_cluster("serial") as cluster:
        build(url, cluster)
    store, rng = Store(url), np.random.default_rng(1)
    known = open_product(store)
    periods = int(YEARS * 365.25 // PERIOD_DAYS)
    product = Product(store, known.document, periods * PERIOD_DAYS)
    product.write_metadata()
    for level in COARSE:
        for name, array in product.arrays(level).items():
            if name in ("time", moments.HISTOGRAM):
                continue
            shards = [join_shard(array, encode_blocks(array, _values(rng, name, array, level.seconds))) for _ in range(3)]
            for period in range(periods):
                store.write_small(array.shard_path(period), shards[period % 3])
    days = [{"day": product.grid.day_name(d), "number": d, "start_ns": product.grid.day_start(d), "frames": 823_975, "expected": 823_975, "flashes": 0, "duplicate": 0, "clock": 0, "overlap": 0} for d in range(product.days)]  # fmt: skip
    import json

    store.write_small(f"{product.root}/days.json", json.dumps(days).encode())
    store.write_small(CURRENT, json.dumps({"lineage": product.id}).encode())
    return url


def _values(rng: np.random.Generator, name: str, array: Any, seconds: int) -> np.ndarray:
    shape, n = array.shard, int(seconds / 0.1048576)
    if name in moments.QUANTILES:
        return rng.normal(60e3, 3e3, shape).astype(np.float32).view(np.uint32).__and__(0xFFFFF000).view(np.float32)
    mean = {"n_valid": n, "n_frames": n, "n_expected": n, "n_in_windows": n, "sum": 6300 * n, "sum_sq": 6300**2 * n, "minimum": 6000, "maximum": 9000, "n_burst": n // 10, "n_windows": seconds // 900, "sum_baseline": 100_800 * (seconds // 900), "n_saturated": 0, "sum_saturated": 0}[name]  # fmt: skip
    spread = 0.002 * mean if name.startswith("sum") else 0
    return np.rint(mean + spread * rng.standard_normal(shape)).clip(0).astype(array.dtype)


def timed(action: Callable[[], Any], rounds: int = 3) -> tuple[float, float]:
    """First time, and median of the next ones [s]."""
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return times[0], statistics.median(times[1:])


def asking(console: Console, full: str, days: str) -> None:
    """How long the questions take that people ask."""
    begin = "2012-06-01"
    rows = {
        "open the archive and the rates": lambda: antdask.open_archive(full).environment.open(),
        "15 years of a line by day": lambda: antdask.open_archive(full).environment.open(level="1d", line=3).rate.load(),
        "a window of 20 days, one line (15 min, 1920 bins)": lambda: antdask.open_archive(full).environment.open(time=(begin, "2012-06-21"), line=3).rate.load(),
        "the same, median": lambda: antdask.open_archive(full).environment.open(time=(begin, "2012-06-21"), line=3)["median"].load(),
        "one module, 15 years by 15 min": lambda: antdask.open_archive(full).environment.open(level="15min", channel=200).rate.load(),
        "all modules, one day by minute": lambda: antdask.open_archive(days).environment.open(level="1min", time=("2010-03-01", "2010-03-02")).rate.load(),
        "one line, half an hour by second": lambda: antdask.open_archive(days).environment.open(time=("2010-03-01T10:00", "2010-03-01T10:30"), line=3).rate.load(),
    }  # fmt: skip
    table = Table(title=f"{YEARS} years of 15-minute and coarser levels; 1 day of all", title_justify="left")
    for name in ("question", "first [s]", "again [s]"):
        table.add_column(name)
    for name, action in rows.items():
        first, again = timed(action)
        table.add_row(name, f"{first:.3f}", f"{again:.3f}")
    console.print(
        table, f"peak memory of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB (with what made the data)"
    )


def peers(console: Console, folder: Path, full: str) -> None:
    """The same two questions on the same values of two years, in four formats."""
    stop = np.datetime64("2010-01-01") + np.timedelta64(int(PEER_YEARS * 365), "D")
    span = ("2010-01-01", str(stop))
    whole = antdask.open_archive(full).environment.open(level="15min", time=span)[["rate"]].load().drop_attrs()
    whole = whole.astype(np.float32)
    whole.to_zarr(folder / "peer.zarr")
    whole.to_netcdf(folder / "peer.nc", engine="netcdf4", encoding={"rate": {"zlib": True, "complevel": 4, "shuffle": True}})
    times = np.repeat(whole.time.values.astype("datetime64[s]"), 900)
    pq.write_table(pa.table({"time": times, "channel": np.tile(np.arange(900, dtype=np.uint16), whole.sizes["time"]), "rate": whole.rate.values.T.ravel()}), folder / "peer.parquet", compression="zstd")  # fmt: skip
    window, line = slice("2010-06-01", "2010-06-20T23:59"), slice(150, 225)
    sql = f"select time, channel, rate from '{folder / 'peer.parquet'}' where "
    own = antdask.open_archive(full).environment
    questions = {
        "antdask": (lambda: own.open(level="15min", time=span, channel=200).rate.load(), lambda: own.open(level="15min", time=("2010-06-01", "2010-06-21"), line=3).rate.load()),
        "xarray + Zarr, default chunks": (lambda: xr.open_zarr(folder / "peer.zarr").rate[200].load(), lambda: xr.open_zarr(folder / "peer.zarr").rate[line].sel(time=window).load()),
        "NetCDF-4": (lambda: xr.open_dataset(folder / "peer.nc").rate[200].load(), lambda: xr.open_dataset(folder / "peer.nc").rate[line].sel(time=window).load()),
        "DuckDB on Parquet": (lambda: duckdb.sql(sql + "channel = 200").arrow().read_all(), lambda: duckdb.sql(sql + "channel between 150 and 224 and time >= '2010-06-01' and time < '2010-06-21'").arrow().read_all()),
    }  # fmt: skip
    table = Table(title=f"{PEER_YEARS} years of 900 modules by 15 minutes: mean rate; again [s]", title_justify="left")
    for name in ("format", "one module, all times", "one line, 20 days", "MB"):
        table.add_column(name)
    sizes = {
        "xarray + Zarr, default chunks": folder / "peer.zarr",
        "NetCDF-4": folder / "peer.nc",
        "DuckDB on Parquet": folder / "peer.parquet",
    }
    for name, actions in questions.items():
        path = sizes.get(name)
        nbytes = 0 if path is None else sum(p.stat().st_size for p in ([path] if path.is_file() else path.rglob("*")) if p.is_file())
        table.add_row(name, *(f"{timed(action)[1]:.3f}" for action in actions), f"{nbytes / MB:.0f}" if nbytes else "")
    console.print(table)


def main() -> None:
    """Make the data, measure, print."""
    console, folder = Console(width=140), Path(tempfile.mkdtemp(prefix="antdask-bench-environment-"))
    try:
        days = building(console, folder, int(os.environ.get("ANTDASK_BENCH_DAYS", "1")))
        full = fifteen_years(folder)
        asking(console, full, days)
        peers(console, folder, full)
    finally:
        shutil.rmtree(folder)
