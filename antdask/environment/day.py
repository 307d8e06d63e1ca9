"""One day: its frames in, the shards of the fine levels, the flashes and a receipt out."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from antdask.archive.reading import PartReader
from antdask.archive.series import SeriesReader
from antdask.archive.store import Store, destination_errors
from antdask.environment import moments
from antdask.environment.accumulate import WINDOW_S, Window
from antdask.environment.arrays import GridArray, ShardWriter
from antdask.environment.baseline import find_baselines
from antdask.environment.excursions import Excursions
from antdask.environment.flashes import SCHEMA, find_flashes
from antdask.environment.frames import Chosen, RunSpan, choose
from antdask.environment.grid import DAY_NS, FINE, LEVELS, SECOND_NS
from antdask.environment.histogram import keep_twelve_bits
from antdask.environment.moments import Moments
from antdask.environment.product import Product

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
    product = Product.existing(store, lineage)
    start = product.grid.day_start(task.day)
    readers = [PartReader(store, part) for part in task.parts]
    runs = [int(part["run"]) for part in task.parts]
    chosen = choose(readers, runs, task.spans, (start, start + DAY_NS), product.quantity.measure.frame_ns)
    # A reader must not trust a receipt while the shards behind it are replaced.
    store.remove(product.day_file(task.day))
    written: dict[str, tuple[int, int]] = {}
    flashes = 0
    if len(chosen.expected_ns) or len(chosen.utc_ns):
        with contextlib.ExitStack() as files:
            work = _Day(product, task.day, chosen, files)
            written = work.work(_Frames(product, readers, chosen))
            flashes = work.flashes.num_rows
    else:
        _clear(product, task.day)
    receipt = {
        "day": product.grid.day_name(task.day),
        "number": task.day,
        "inputs": task.inputs,
        "frames": len(chosen.utc_ns),
        "expected": len(chosen.expected_ns),
        "left_out": chosen.left_out,
        "flashes": flashes,
        "files": written,
    }
    product.write_json(product.day_file(task.day), receipt, sort_keys=True)
    return {**receipt, "files": {}, "bytes_out": sum(n for n, _ in written.values()), "seconds": time.perf_counter() - began}


def _clear(product: Product, day: int) -> None:
    """Remove the shards and flashes of an earlier build."""
    for level in FINE:
        for name, array in product.arrays(level).items():
            if name not in ("time", "window"):
                product.store.remove(array.shard_path(day))
    product.store.remove(product.flash_file(day))


class _Frames:
    """The frames of a day, window by window, module by module."""

    def __init__(self, product: Product, readers: list[PartReader], chosen: Chosen) -> None:
        self.quantity, self.channels, self.chosen = product.quantity, product.channels, chosen
        self.readers, self._part = readers, -1
        self._open: SeriesReader | None = None
        self._values, self._flags = np.empty((0, 0), np.uint32), np.empty((0, 0), np.uint8)

    def between(self, start_ns: int, stop_ns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Values and flags, shape (channels, frames), and times of the frames of a window, in time; the next window writes over them."""
        c = self.chosen
        first, stop = np.searchsorted(c.utc_ns, [start_ns, stop_ns]).tolist()
        if first == stop:
            return None
        n = stop - first
        if self._values.shape[1] < n:
            # A little more, since windows differ by a frame.
            self._values, self._flags = np.empty((self.channels, n + 8), np.uint32), np.empty((self.channels, n + 8), np.uint8)
        values, flags = self._values[:, :n], self._flags[:, :n]
        part, row = c.part[first:stop], c.row[first:stop]
        # Rows that are missing in between (left out) are read and skipped; a jump of more is another read.
        breaks = np.flatnonzero((np.diff(part) != 0) | (np.diff(row) <= 0) | (np.diff(row) > 256)) + 1
        for stretch in np.split(np.arange(n), breaks):
            own = slice(int(stretch[0]), int(stretch[-1]) + 1)
            self._read(self._series(int(part[own.start])), row[own], values[:, own], flags[:, own])
        return values, flags, c.utc_ns[first:stop]

    def release(self) -> None:
        """Forget the last window and what is kept of its part."""
        self._values, self._flags = np.empty((0, 0), np.uint32), np.empty((0, 0), np.uint8)
        self._part, self._open = -1, None

    def _series(self, part: int) -> SeriesReader:
        """Reader of a part; of one at a time, since each keeps 20 MB."""
        if self._open is None or part != self._part:
            self._part, self._open = part, SeriesReader(self.readers[part])
        return self._open

    def _read(self, part: SeriesReader, rows: np.ndarray, values: np.ndarray, flags: np.ndarray) -> None:
        first, last = int(rows[0]), int(rows[-1]) + 1
        if last - first == len(rows):
            self.quantity.read(part, first, last, values, flags)
            return
        shape = (self.channels, last - first)
        every, said = np.empty(shape, np.uint32), np.empty(shape, np.uint8)
        self.quantity.read(part, first, last, every, said)
        values[...], flags[...] = every[:, rows - first], said[:, rows - first]


class _Day:
    """The work on one day.

    Parameters
    ----------
    files : contextlib.ExitStack
        Keeps the drafts of the shards.
    """

    def __init__(self, product: Product, day: int, chosen: Chosen, files: contextlib.ExitStack) -> None:
        self.product, self.day, self.chosen = product, day, chosen
        self.start = product.grid.day_start(day)
        self.flashes: pa.Table = SCHEMA.empty_table()
        self.drafts: dict[str, tuple[Path, ShardWriter]] = {}
        self.writers: dict[tuple[str, str], ShardWriter] = {}
        for level in FINE:
            for name, array in product.arrays(level).items():
                if name not in ("time", "window"):
                    self.writers[level.name, name] = self._open(array, files)

    def _open(self, array: GridArray, files: contextlib.ExitStack) -> ShardWriter:
        path = array.shard_path(self.day)
        draft = files.enter_context(self.product.store.draft(path))
        with destination_errors(self.product.store.scratch):
            writer = ShardWriter(array, files.enter_context(draft.open("wb")))
        self.drafts[path] = (draft, writer)
        return writer

    def work(self, frames: _Frames) -> dict[str, tuple[int, int]]:
        """Make every file of the day; bytes and CRC-32C by path."""
        product = self.product
        follow = self._pass(frames)
        # The largest arrays go before flashes need memory.
        frames.release()
        self._series()
        written = self._publish()
        if follow is not None:
            labels = product.quantity.labels
            self.flashes = find_flashes(follow.close(), labels["line"], labels["floor"], product.quantity.measure, product.flashes)
        return written | self._flash_file()

    def _pass(self, frames: _Frames) -> Excursions | None:
        """Window by window into the shards; modules are followed where neighbours are known."""
        product, channels, measure = self.product, self.product.channels, self.product.quantity.measure
        window, follow = Window(channels, measure), None
        if "line" in product.quantity.labels:
            follow = Excursions(channels, measure, product.flashes)
        for number in range(WINDOWS):
            begin = self.start + number * WINDOW_S * SECOND_NS
            found = frames.between(begin, begin + WINDOW_S * SECOND_NS)
            if found is None:
                self._skip()
                continue
            values, flags, utc = found
            window.fill(values, flags, (utc - begin) // SECOND_NS)
            baseline, burst, valid = find_baselines(window.narrow, measure, product.baseline)
            if follow is not None:
                follow.follow(values, flags, utc, baseline)
            self._append(window.levels(), self._window(baseline, burst, valid, window.n_saturated))
        return follow

    def _window(self, baseline: np.ndarray, burst: np.ndarray, valid: np.ndarray, saturated: np.ndarray) -> Moments:
        known = baseline > 0
        columns = (known, baseline, np.where(known, valid + saturated, 0), np.where(known, burst + saturated, 0))
        return {name: np.asarray(column)[:, None] for name, column in zip(moments.BURSTS, columns, strict=True)}

    def _append(self, levels: Mapping[str, Moments], window: Moments) -> None:
        for name, found in {**levels, "1min": {**levels["1min"], **window}}.items():
            for statistic, values in found.items():
                self.writers[name, statistic].append(values)

    def _skip(self) -> None:
        for (level, name), writer in self.writers.items():
            if name not in moments.FRAMES:
                writer.skip(1 if name in moments.BURSTS else WINDOW_S // LEVELS[level].seconds)

    def _series(self) -> None:
        """Numbers of frames per bin."""
        for name, times in (("n_frames", self.chosen.utc_ns), ("n_expected", self.chosen.expected_ns)):
            seconds = np.bincount((times - self.start) // SECOND_NS, minlength=86_400)
            for level in FINE:
                self.writers[level.name, name].append(seconds.reshape(-1, level.seconds).sum(axis=1))

    def _publish(self) -> dict[str, tuple[int, int]]:
        """Give the shards their names; those of an earlier build go first, since nothing is overwritten."""
        store = self.product.store
        for path, (draft, writer) in self.drafts.items():
            with destination_errors(store.scratch):
                writer.finish()
                writer.close()
            store.remove(path)
            store.publish(draft, path)
        return {path: (writer.nbytes, writer.crc32c) for path, (_, writer) in self.drafts.items()}

    def _flash_file(self) -> dict[str, tuple[int, int]]:
        if "line" not in self.product.quantity.labels:
            return {}
        sink = io.BytesIO()
        pq.write_table(self.flashes, sink, compression="zstd")
        data, path = sink.getvalue(), self.product.flash_file(self.day)
        self.product.store.write_small(path, data)
        return {path: (len(data), int(google_crc32c.value(data)))}


def quantiles(product: Product, found: Mapping[str, np.ndarray]) -> Moments:
    """Quantiles of the rate from the histograms of a level, float32 [Hz], in the 12 significant bits that are kept."""
    measure, some = product.quantity.measure, found["n_valid"] > 0
    histogram, low, high = found[moments.HISTOGRAM], found["minimum"], found["maximum"]
    if not some.all():
        # Most of a period may hold nothing.
        histogram, low, high = histogram[some], low[some], high[some]
    values = measure.scale.quantiles(histogram, low, high, tuple(moments.QUANTILES.values()))
    made = {}
    for name, value in zip(moments.QUANTILES, values, strict=True):
        kept = (value.reshape(-1) * measure.hz_per_value).astype(np.float32)
        keep_twelve_bits(kept)
        made[name] = np.full(some.shape, np.nan, np.float32)
        made[name][some] = kept
    return made
