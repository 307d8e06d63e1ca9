"""Order and chunks of the arrays of a level: size, time to write, and time of the questions that people ask, layout by layout.

``python -m tests.benchmarks environment_orders``; bins of 15 minutes, shards of 64 days, 15 years. Values are sums of counts around 60 kHz with the tides of a day and the
noise of counting; every third shard holds the same bytes. Seconds are processor time, the best of several.
"""

from __future__ import annotations

import dataclasses
import math
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from antdask.archive.store import Store
from antdask.environment.arrays import GridArray, encode_blocks, join_shard, read

CHANNELS, BINS, SHARDS = 900, 6144, 85
#: Channels and bins of a chunk, and whether time comes first.
LAYOUTS = (
    ((900, 96), False),
    ((75, 1536), False),
    ((75, 6144), False),
    ((15, 6144), False),
    ((3, 6144), False),
    ((900, 96), True),
    ((75, 1536), True),
    ((15, 6144), True),
)
#: Channels and bins of a question, from the first bin of 2012 on.
DAY, START = 96, 96 * 730
QUESTIONS = {
    "one module, 15 years": (slice(200, 201), slice(0, BINS * SHARDS)),
    "all modules, a day": (slice(0, CHANNELS), slice(START, START + DAY)),
    "a line, 20 days": (slice(150, 225), slice(START, START + 20 * DAY)),
    "all modules, 64 days": (slice(0, CHANNELS), slice(START, START + 64 * DAY)),
}


@dataclasses.dataclass(frozen=True)
class Layout:
    """An array of one layout."""

    chunk: tuple[int, int]
    time_first: bool

    def turned(self, pair: tuple[Any, Any]) -> tuple[Any, Any]:
        """A pair of (channel, time) in the order of the array."""
        return pair[::-1] if self.time_first else pair

    @property
    def array(self) -> GridArray:
        """The array; its path tells it from others."""
        dims, shape = self.turned(("channel", "time")), self.turned((CHANNELS, BINS * SHARDS))
        return GridArray("a", np.dtype("u8"), dims, shape, self.turned((CHANNELS, BINS)), self.turned(self.chunk), {})


def shard_of_sums(seed: int) -> np.ndarray:
    """Sums of 8,583 counts, uint64, shape (channels, bins)."""
    rng, t = np.random.default_rng(seed), np.arange(BINS) / DAY
    level = rng.normal(6300, 900, (CHANNELS, 1)).clip(3500, 11_000)
    light = level * (1 + 0.03 * np.sin(2 * np.pi * t * 24 / 17.6) + 0.01 * np.cumsum(rng.standard_normal(BINS)) / 8)
    mean = 8583 * light
    return np.rint(mean + np.sqrt(mean) * rng.standard_normal((CHANNELS, BINS))).astype(np.uint64)


def seconds_of(action: Callable[[], Any], rounds: int = 3) -> float:
    """Processor time, the best of several [s]."""
    best = math.inf
    for _ in range(rounds):
        began = time.process_time()
        action()
        best = min(best, time.process_time() - began)
    return best


def main() -> None:
    """Write each layout, ask it, delete it; print one table."""
    table = Table(title="Layouts of one array (u8) of the level 15min, 15 years of 900 modules", title_justify="left")
    for name in ("order", "chunk", "GB", "encode [MB/s]", *QUESTIONS):
        table.add_column(name, justify="right")
    values = [shard_of_sums(seed) for seed in range(3)]
    for chunk, time_first in LAYOUTS:
        layout, folder = Layout(chunk, time_first), Path(tempfile.mkdtemp(prefix="antdask-bench-orders-"))
        try:
            array, store = layout.array, Store(str(folder))
            sides = [v.T if time_first else v for v in values]
            seconds = seconds_of(lambda a=array, s=sides: join_shard(a, encode_blocks(a, s[0])))  # type: ignore[misc]
            shards = [join_shard(array, encode_blocks(array, side)) for side in sides]
            for number in range(SHARDS):
                store.write_small(array.shard_path(number), shards[number % 3])
            asked = [seconds_of(lambda a=array, k=layout.turned(key), s=store: read(s, a, k)) for key in QUESTIONS.values()]  # type: ignore[misc]
            nbytes = sum(len(shards[n % 3]) for n in range(SHARDS))
            order = "(time, channel)" if time_first else "(channel, time)"
            shape = "{} x {}".format(*layout.turned(chunk))
            table.add_row(order, shape, f"{nbytes / 1e9:.2f}", f"{values[0].nbytes / seconds / 1e6:.0f}", *(f"{s:.3f}" for s in asked))
        finally:
            shutil.rmtree(folder)
    Console(width=140).print(table)
