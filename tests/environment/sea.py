"""Small archives of rates: batches of counts with a truth that is known."""

from __future__ import annotations

import dataclasses

import numpy as np

from antdask.model.ragged import Batch
from antdask.model.time import ANTARES_FRAME_NS
from tests.query.archives import Entry, write_archive

SLOTS = 900
#: 2010-03-01T00:00:00 UTC.
START = 1_267_401_600 * 10**9


def counts_batch(count, flags=None, start_ns=START, index=None, utc_ns=None) -> Batch:
    """Counts of consecutive frames, shape (frames, 900), as a batch of the stream rates."""
    frames = len(count)
    index = np.arange(frames) if index is None else np.asarray(index)
    columns = {
        "run": np.zeros(frames, np.uint32),
        "frame_index": index.astype(np.uint32),
        "utc_ns": np.asarray(start_ns + index * ANTARES_FRAME_NS if utc_ns is None else utc_ns, np.int64),
        "count": np.asarray(count, np.uint32),
        "count_flags": np.zeros(count.shape, np.uint8) if flags is None else np.asarray(flags, np.uint8),
        "source_input": np.zeros(frames, np.uint16),
        "source_entry": np.arange(frames, dtype=np.uint64),
    }
    return Batch("rates", "antares_raw", {"slices": columns}, {})


def quiet(frames, seed=0, mean=6300, channels=SLOTS) -> np.ndarray:
    """Poisson counts; slots from `channels` on are dead (0)."""
    count = np.random.default_rng(seed).poisson(mean, (frames, SLOTS)).astype(np.uint32)
    count[:, channels:] = 0
    return count


def archive_of(url, batches) -> str:
    """An archive with a part for each (run, batch); parts of one run are numbered in order."""
    numbers: dict[int, int] = {}
    entries = []
    for run, batch in batches:
        entries.append(Entry(batch, "antares", run, numbers.get(run, 0)))
        numbers[run] = numbers.get(run, 0) + 1
    return write_archive(url, entries)


@dataclasses.dataclass(frozen=True, eq=False)
class Truth:
    """What was put in: starts, counts and flags of all frames, and the batches that hold them."""

    utc_ns: np.ndarray
    count: np.ndarray
    flags: np.ndarray
    batches: list

    def bin(self, start_ns, seconds):
        """Valid counts per channel, and number of saturated frames, of the frames that start in a bin."""
        rows = (self.utc_ns >= start_ns) & (self.utc_ns < start_ns + seconds * 10**9)
        valid = [self.count[rows, c][self.flags[rows, c] == 0].astype(np.int64) for c in range(SLOTS)]
        return valid, ((self.flags[rows] & 3) > 0).sum(axis=0)
