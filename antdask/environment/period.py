"""One period of 64 days: the minutes of its days in, the shards of the coarse levels out."""

from __future__ import annotations

import time
from typing import Any

import google_crc32c
import numpy as np

from antdask.archive.store import Store
from antdask.environment import moments
from antdask.environment.arrays import GridArray, encode_blocks, join_shard, read
from antdask.environment.day import quantiles
from antdask.environment.grid import COARSE, LEVELS, PERIOD_DAYS, Level
from antdask.environment.moments import Moments, coarsen
from antdask.environment.product import Product

_MINUTE, _QUARTER = LEVELS["1min"], LEVELS["15min"]


def build_period(task: tuple[int, str], url: str, lineage: str) -> dict[str, Any]:
    """Make the coarse shards of a period, replacing those that are there, and sign a receipt.

    Parameters
    ----------
    task : (int, str)
        Number of the period, and the digest of the receipts of its days.
    url, lineage : str
        Of archive and product.

    Raises
    ------
    ArchiveError
        There is no such product.
    DestinationError
    """
    began, (number, days), store = time.perf_counter(), task, Store(url)
    product = Product.existing(store, lineage)
    store.remove(product.period_file(number))
    files = _blocks(product, number) | _series(product, number)
    for path, data in files.items():
        store.write_small(path, data)
    written = {path: (len(data), int(google_crc32c.value(data))) for path, data in files.items()}
    receipt = {"period": number, "days": days, "files": written}
    product.write_json(product.period_file(number), receipt, sort_keys=True)
    return {"period": number, "bytes_out": sum(n for n, _ in written.values()), "seconds": time.perf_counter() - began}


def _blocks(product: Product, number: int) -> dict[str, bytes]:
    """Shards per channel, made block by block of channels to bound memory."""
    arrays = {level.name: product.arrays(level) for level in COARSE}
    chunks: dict[tuple[str, str], list[bytes]] = {}
    width = max(array.chunk[0] for found in arrays.values() for array in found.values() if array.dims[0] == "channel")
    for low in range(0, product.channels, width):
        channels = slice(low, min(low + width, product.channels))
        for level, found in _levels(_quarters(product, number, channels)):
            for name, values in {**found, **quantiles(product, found)}.items():
                chunks.setdefault((level.name, name), []).extend(encode_blocks(arrays[level.name][name], values))
    return {arrays[level][name].shard_path(number): join_shard(arrays[level][name], found) for (level, name), found in chunks.items()}


def _levels(quarters: Moments) -> list[tuple[Level, Moments]]:
    """Statistics of all coarse levels."""
    found, fine = [(_QUARTER, quarters)], _QUARTER
    for level in COARSE[1:]:
        found.append((level, coarsen(found[-1][1], level.seconds // fine.seconds, level)))
        fine = level
    return found


def _quarters(product: Product, number: int, channels: slice) -> Moments:
    """Statistics of 15 minutes of some channels over a period, from minutes."""
    minutes = {n: a for n, a in product.arrays(_MINUTE).items() if a.dims[0] == "channel" and n not in moments.QUANTILES}
    whole = moments.empty(_QUARTER, channels.stop - channels.start, _QUARTER.shard_bins)
    for place in range(PERIOD_DAYS):
        day = number * PERIOD_DAYS + place
        if product.store.size(minutes["n_valid"].shard_path(day)) is None:
            continue
        target = slice(place * _QUARTER.per_day, (place + 1) * _QUARTER.per_day)
        read_day = {n: read(product.store, a, _day_key(a, channels, day)) for n, a in minutes.items()}
        fine = {n: v for n, v in read_day.items() if n not in moments.BURSTS}
        for name, values in {**coarsen(fine, 15, _QUARTER), **{n: read_day[n] for n in moments.BURSTS}}.items():
            whole[name][:, target] = values
    return whole


def _day_key(array: GridArray, channels: slice, day: int) -> tuple[slice, ...]:
    bins = array.shard[1]
    return (channels, slice(day * bins, (day + 1) * bins), *(slice(0, n) for n in array.shape[2:]))


def _series(product: Product, number: int) -> dict[str, bytes]:
    files = {}
    for name in moments.FRAMES:
        array = product.array(_MINUTE, name)
        length = PERIOD_DAYS * _MINUTE.per_day
        minutes = read(product.store, array, (slice(number * length, (number + 1) * length),))
        for level in COARSE:
            coarse = product.array(level, name)
            total = minutes.reshape(-1, level.seconds // 60).sum(axis=1, dtype=np.int64).astype(coarse.dtype)
            files[coarse.shard_path(number)] = join_shard(coarse, encode_blocks(coarse, total))
    return files
