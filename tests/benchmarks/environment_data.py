"""What the benchmark of rates reads: simulated days, fifteen years of the coarse levels, and the same values in the formats of peers."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zarr

import antdask
from antdask.archive import snapshot
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.environment import moments
from antdask.environment.arrays import GridArray, encode_blocks, join_shard
from antdask.environment.build import build
from antdask.environment.grid import COARSE, DAY_NS, PERIOD_DAYS
from antdask.environment.histogram import keep_twelve_bits
from antdask.environment.product import Product
from antdask.model.time import ANTARES_FRAME_NS
from tests.environment.sea import START, archive_of, counts_batch
from tests.query.archives import Entry, write_part

HOUR_FRAMES, MODULES, SLOTS = 34_332, 885, 900


@functools.lru_cache(maxsize=2)
def hour_of_counts(seed: int) -> np.ndarray:
    """Counts of an hour: 885 modules around 60 kHz, each with bursts in 3 % of the frames."""
    rng = np.random.default_rng(seed)
    count = rng.standard_normal((HOUR_FRAMES, SLOTS), np.float32)
    light = rng.normal(6300, 900, SLOTS).clip(3500, 11_000).astype(np.float32) * np.ones((HOUR_FRAMES, 1), np.float32)
    for start in range(0, HOUR_FRAMES, 400):
        light[start : start + 40, rng.integers(0, SLOTS, 300)] *= 1 + rng.exponential(0.8, 300).astype(np.float32)
    count *= np.sqrt(light)
    count += light
    count[:, MODULES:] = 0
    return count.clip(0).astype(np.uint32)


def new_archive(url: str) -> None:
    """An archive without parts."""
    archive_of(url, [])


def write_day(url: str, day: int, hours: int = 24) -> int:
    """Write a day, a part for each hour, of two hours that alternate; bytes on disk."""
    store = Store(url)
    flags = np.zeros((HOUR_FRAMES, SLOTS), np.uint8)
    flags[:, MODULES:] = 4
    nbytes = 0
    for hour in range(hours):
        start = START + day * DAY_NS + hour * HOUR_FRAMES * ANTARES_FRAME_NS
        batch = counts_batch(hour_of_counts(2 * day + hour % 2), flags, start, np.arange(HOUR_FRAMES))
        number = 24 * day + hour
        nbytes += write_part(store, Entry(batch, "antares", 1 + number), f"{number:08x}").nbytes
    snapshot.rebuild(store)
    return nbytes


def remove_day(url: str) -> None:
    """Remove all parts and receipts: of what was built nothing changes."""
    store = Store(url)
    for folder in ("parts", "receipts"):
        for path in store.list(folder):
            store.remove(path)


def years_of_levels(url: str, years: int) -> None:
    """A product with the coarse levels of many years; every third period holds the same bytes. Without histograms, which no question reads."""
    archive_of(url, [(1, counts_batch(hour_of_counts(0)[:50]))])
    with make_cluster("serial") as cluster:
        build(url, cluster)
    store, rng = Store(url), np.random.default_rng(1)
    known = Product.open(store)
    if known is None:
        raise SystemExit("the build failed")
    periods = int(years * 365.25 // PERIOD_DAYS)
    product = Product(store, known.document, periods * PERIOD_DAYS)
    product.write_metadata()
    for level in COARSE:
        for name, array in product.arrays(level).items():
            if name in ("time", moments.HISTOGRAM):
                continue
            shards = [join_shard(array, encode_blocks(array, _values(rng, name, array, level.seconds))) for _ in range(3)]
            for period in range(periods):
                store.write_small(array.shard_path(period), shards[period % 3])
    about = {"frames": 823_975, "expected": 823_975, "flashes": 0, "duplicate": 0, "clock": 0, "overlap": 0}
    grid = product.grid
    days = [{"day": grid.day_name(d), "number": d, "start_ns": grid.day_start(d), **about} for d in range(product.days)]
    store.write_small(f"{product.root}/days.json", json.dumps(days).encode())
    store.write_small(Product.current_file(), json.dumps({"lineage": product.id}).encode())


def _values(rng: np.random.Generator, name: str, array: GridArray, seconds: int) -> np.ndarray:
    shape, n = array.shard, int(seconds / 0.1048576)
    if name in moments.QUANTILES:
        made = rng.normal(60e3, 3e3, shape).astype(np.float32)
        keep_twelve_bits(made)
        return made
    windows = seconds // 900
    mean = {
        "n_valid": n, "n_frames": n, "n_expected": n, "n_in_windows": n, "sum": 6300 * n, "sum_sq": 6300**2 * n, "minimum": 6000, "maximum": 9000,
        "n_burst": n // 10, "n_windows": windows, "sum_baseline": 100_800 * windows, "n_saturated": 0, "sum_saturated": 0,
    }[name]  # fmt: skip
    spread = 0.002 * mean if name.startswith("sum") else 0
    return np.rint(mean + spread * rng.standard_normal(shape)).clip(0).astype(array.dtype)


def write_peers(full: str, folder: Path) -> dict[str, Path]:
    """The mean rates of all modules by 15 minutes as Zarr with default chunks, NetCDF-4 (zlib 4, default chunks) and Parquet (zstd); float32."""
    paths = {"Zarr": folder / "peer.zarr", "NetCDF-4": folder / "peer.nc", "Parquet": folder / "peer.parquet"}
    whole = antdask.open_archive(full).environment.open(level="15min")[["rate"]]
    times, shape = whole.time.values, (SLOTS, whole.sizes["time"])
    group = zarr.open_group(paths["Zarr"], mode="w")
    series = group.create_array(
        "time", shape=times.shape, dtype="int64", dimension_names=("time",), attributes={"units": "nanoseconds since 1970-01-01"}
    )
    series[:] = times.astype(np.int64)
    rate = group.create_array("rate", shape=shape, dtype="float32", dimension_names=("channel", "time"))
    with netCDF4.Dataset(paths["NetCDF-4"], "w") as file:
        file.createDimension("channel", shape[0])
        file.createDimension("time", shape[1])
        label = file.createVariable("time", "i8", ("time",))
        label.units = "nanoseconds since 1970-01-01"
        label[:] = times.astype(np.int64)
        packed = file.createVariable("rate", "f4", ("channel", "time"), zlib=True, complevel=4, shuffle=True)
        columns = pa.schema({"time": pa.timestamp("s"), "channel": pa.uint16(), "rate": pa.float32()})
        with pq.ParquetWriter(paths["Parquet"], columns, compression="zstd") as table:
            seconds = pa.array(times.astype("datetime64[s]"))
            for low, values in _by_channels(whole.rate):
                rate[low : low + len(values)] = values
                packed[low : low + len(values)] = values
                for number, row in enumerate(values, start=low):
                    table.write_table(pa.table([seconds, pa.array(np.full(len(row), number, np.uint16)), pa.array(row)], schema=columns))
    return paths


def _by_channels(rate: Any) -> Iterator[tuple[int, np.ndarray]]:
    for low in range(0, SLOTS, 60):
        yield low, rate[low : low + 60].values.astype(np.float32)


def timed(action: Callable[[], Any], clock: Callable[[], float]) -> float:
    """How long it takes, by this clock [s]."""
    began = clock()
    action()
    return clock() - began
