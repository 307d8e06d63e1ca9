"""One day: its frames in, the shards of the fine levels, the flashes and a receipt out."""

from __future__ import annotations

import dataclasses
import io
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import google_crc32c
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from antdask.archive.reading import PartReader
from antdask.archive.store import Store
from antdask.environment import moments
from antdask.environment.accumulate import WINDOW_S, Window
from antdask.environment.arrays import ShardWriter
from antdask.environment.baseline import find_baselines
from antdask.environment.excursions import Excursions
from antdask.environment.flashes import SCHEMA, find_flashes
from antdask.environment.frames import Chosen, RunSpan, choose
from antdask.environment.grid import DAY_NS, FINE, LEVELS, SECOND_NS
from antdask.environment.histogram import rounded
from antdask.environment.moments import Moments
from antdask.environment.product import QUANTILES, Product, open_product
from antdask.errors import ArchiveError

WINDOWS = 86_400 // WINDOW_S


@dataclasses.dataclass(frozen=True)
class DayTask:
    """A day and what may hold frames of it.

    Parameters
    ----------
    day : int
        Number in the grid.
    parts : tuple of mapping
        ``part, nbytes, run, arrays`` of the catalogue.
    spans : tuple of RunSpan
        Runs that touch the day, in order of right.
    inputs : str
        Digest of the above: the day is up to date where its receipt has the same.
    """

    day: int
    parts: tuple[Mapping[str, Any], ...]
    spans: tuple[RunSpan, ...]
    inputs: str


def build_day(task: DayTask, url: str, lineage: str) -> dict[str, Any]:
    """Make the shards of a day, replacing those that are there, and sign a receipt; the same frames give the same bytes.

    Parameters
    ----------
    url : str
        Of the archive.
    lineage : str
        Of the product, whose metadata the coordinator has written.

    Returns
    -------
    dict
        The receipt.

    Raises
    ------
    ArchiveError
        There is no such product.
    DamagedPartError
        A part is torn or altered.
    DestinationError
        The archive cannot be written.
    """
    began, store = time.perf_counter(), Store(url)
    product = open_product(store, lineage)
    if product is None:
        raise ArchiveError("There is no such product of rates", where=url, found=lineage, hint="Run: antdask environment build ARCHIVE.")
    start = product.grid.day_start(task.day)
    readers = [PartReader(store, part) for part in task.parts]
    runs = [int(part["run"]) for part in task.parts]
    chosen = choose(readers, runs, task.spans, (start, start + DAY_NS), product.quantity.measure.frame_ns)
    # A reader must not trust a receipt while the shards behind it are replaced.
    store.remove(product.day_file(task.day))
    work = _Day(product, task.day, readers, chosen)
    files = work.shards() if len(chosen.expected_ns) or len(chosen.utc_ns) else {}
    written = _write(product, task.day, files)
    receipt = {
        "day": product.grid.day_name(task.day),
        "number": task.day,
        "inputs": task.inputs,
        "frames": len(chosen.utc_ns),
        "expected": len(chosen.expected_ns),
        "left_out": chosen.left_out,
        "flashes": work.flashes.num_rows,
        "files": written,
    }
    store.write_small(product.day_file(task.day), json.dumps(receipt, sort_keys=True, indent=1).encode() + b"\n")
    return {**receipt, "files": {}, "bytes_out": sum(n for n, _ in written.values()), "seconds": time.perf_counter() - began}


def _write(product: Product, day: int, files: Mapping[str, bytes]) -> dict[str, tuple[int, int]]:
    """Write files; remove the shards of an earlier build that this one does not have."""
    for path, data in files.items():
        product.store.write_small(path, data)
    if not files:
        for level in FINE:
            for name, array in product.arrays(level).items():
                if name not in ("time", "window"):
                    product.store.remove(array.shard_path(day))
        product.store.remove(product.flash_file(day))
    return {path: (len(data), int(google_crc32c.value(data))) for path, data in files.items()}


class _Day:
    """The work on one day."""

    def __init__(self, product: Product, day: int, readers: list[PartReader], chosen: Chosen) -> None:
        self.product, self.day, self.readers, self.chosen = product, day, readers, chosen
        self.start = product.grid.day_start(day)
        self.flashes: pa.Table = SCHEMA.empty_table()
        self.writers = {
            (level.name, name): ShardWriter(array)
            for level in FINE
            for name, array in product.arrays(level).items()
            if name not in ("time", "window", *moments.FRAMES)
        }

    def shards(self) -> dict[str, bytes]:
        """Every file of the day, by path."""
        product, channels, measure = self.product, self.product.channels, self.product.quantity.measure
        window, follow = Window(channels, measure), None
        if "line" in product.quantity.labels:
            follow = Excursions(channels, measure, product.flashes)
        for number in range(WINDOWS):
            pieces = list(self._frames(number))
            if not pieces:
                self._skip()
                continue
            window.clear()
            for values, flags, utc in pieces:
                window.add(values, flags, (utc - self.start) // SECOND_NS - number * WINDOW_S)
            baseline, burst, valid = find_baselines(window.narrow, measure, product.baseline)
            if follow is not None:
                for values, flags, utc in pieces:
                    follow.follow(values, flags, utc, baseline)
            self._append(window.levels(), self._window(baseline, burst, valid, window.n_saturated))
        if follow is not None:
            labels = product.quantity.labels
            self.flashes = find_flashes(follow.close(), labels["line"], labels["floor"], measure, product.flashes)
        files = {writer.array.shard_path(self.day): writer.finish() for writer in self.writers.values()}
        return {**files, **self._series(), **self._flash_file()}

    def _frames(self, number: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Values, flags and times of the frames of a window, in time, a stretch of rows after the other."""
        c = self.chosen
        edges = self.start + np.array([number, number + 1]) * WINDOW_S * SECOND_NS
        first, stop = np.searchsorted(c.utc_ns, edges)
        if first == stop:
            return
        part, row = c.part[first:stop], c.row[first:stop]
        # Rows that are missing in between (left out) are read and skipped; a jump of more is another read.
        breaks = np.flatnonzero((np.diff(part) != 0) | (np.diff(row) <= 0) | (np.diff(row) > 256)) + 1
        for stretch in np.split(np.arange(stop - first), breaks):
            rows = row[stretch]
            values, flags = self.product.quantity.read(self.readers[int(part[stretch[0]])], int(rows[0]), int(rows[-1]) + 1)
            if len(rows) < len(values):
                values, flags = values[rows - rows[0]], flags[rows - rows[0]]
            yield values, flags, c.utc_ns[first:stop][stretch]

    def _window(self, baseline: np.ndarray, burst: np.ndarray, valid: np.ndarray, saturated: np.ndarray) -> Moments:
        known = baseline > 0
        columns = (known, baseline, np.where(known, valid + saturated, 0), np.where(known, burst + saturated, 0))
        return {name: np.asarray(column)[:, None] for name, column in zip(moments.BURSTS, columns, strict=True)}

    def _append(self, levels: Mapping[str, Moments], window: Moments) -> None:
        minutes = dict(levels["1min"])
        minutes |= quantiles(self.product, minutes)
        for name, found in {**levels, "1min": {**minutes, **window}}.items():
            for statistic, values in found.items():
                self.writers[name, statistic].append(values)

    def _skip(self) -> None:
        for (level, name), writer in self.writers.items():
            writer.skip(1 if name in moments.BURSTS else WINDOW_S // LEVELS[level].seconds)

    def _series(self) -> dict[str, bytes]:
        """Numbers of frames per bin."""
        files = {}
        for name, times in (("n_frames", self.chosen.utc_ns), ("n_expected", self.chosen.expected_ns)):
            seconds = np.bincount((times - self.start) // SECOND_NS, minlength=86_400)
            for level in FINE:
                writer = ShardWriter(self.product.array(level, name))
                writer.append(seconds.reshape(-1, level.seconds).sum(axis=1))
                files[writer.array.shard_path(self.day)] = writer.finish()
        return files

    def _flash_file(self) -> dict[str, bytes]:
        if "line" not in self.product.quantity.labels:
            return {}
        sink = io.BytesIO()
        pq.write_table(self.flashes, sink, compression="zstd")
        return {self.product.flash_file(self.day): sink.getvalue()}


def quantiles(product: Product, found: Mapping[str, np.ndarray]) -> Moments:
    """Quantiles of the rate from the histograms of a level, float32 [Hz]."""
    measure, some = product.quantity.measure, found["n_valid"] > 0
    histogram, low, high = found[moments.HISTOGRAM], found["minimum"], found["maximum"]
    if not some.all():
        histogram, low, high = histogram[some], low[some], high[some]
    values = measure.scale.quantiles(histogram, low, high, tuple(QUANTILES.values()))
    made = {}
    for name, value in zip(QUANTILES, values, strict=True):
        made[name] = np.full(some.shape, np.nan, np.float32)
        made[name][some] = rounded(value.reshape(-1) * measure.hz_per_value)
    return made
