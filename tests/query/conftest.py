"""Two archives of the query room: a small one of random batches of three detectors, and one part cut into many blocks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import antdask
from antdask.model.ragged import concatenate
from tests.batches import random_batch
from tests.query.archives import Entry, write_archive

HOUR = 3_600_000_000_000


@pytest.fixture(scope="session")
def small_entries():
    """Parts out of order; run 7 exists for two detectors; antares has no UTC."""
    return [
        Entry(random_batch("events", "km3net_online", 120, seed=1, mean=9.0), run=7),
        Entry(random_batch("events", "km3net_online", 90, seed=2, mean=9.0, first_frame=500), run=7, index=1),
        Entry(random_batch("events", "km3net_online", 60, seed=3, mean=9.0), run=5),
        Entry(random_batch("events", "seatray", 40, seed=4, mean=9.0), detector="antares", run=7, lineage="bbbbbbbb"),
        Entry(random_batch("reco", "seatray", 30, seed=5), detector="antares", run=7, lineage="cccccccc"),
        Entry(random_batch("timeslices_l1", "km3net_online", 25, seed=6, mean=6.0), run=5),
        Entry(random_batch("rates", "km3net_online", 50, seed=7, mean=6.0), run=5),
    ]


@pytest.fixture(scope="session")
def small(small_entries, tmp_path_factory):
    """The archive of these parts, open."""
    return antdask.open_archive(write_archive(tmp_path_factory.mktemp("small") / "archive", small_entries))


@pytest.fixture(scope="session")
def long_batch():
    """150,000 events in time order, which make several blocks; 16 frames per second."""
    batch = concatenate([random_batch("events", "km3net_online", 50_000, seed=s, mean=2.0, first_frame=50_000 * s) for s in range(3)])
    columns = batch.tables["events"]
    columns["utc_ns"] = 1_500_000_000_000_000_000 + columns["frame_index"].astype(np.int64) * 62_500_000
    columns["n_hits"] = np.diff(batch.offsets["hits"]).astype(np.uint32)
    return batch


@pytest.fixture(scope="session")
def long(long_batch, tmp_path_factory):
    """An archive of that one part, open."""
    return antdask.open_archive(write_archive(tmp_path_factory.mktemp("long") / "archive", [Entry(long_batch, run=9)]))


def lists(batch, table, column, mask=None):
    """A ragged column as a list per row."""
    offsets = batch.offsets[table]
    values = [batch.tables[table][column][a:b].tolist() for a, b in itertools.pairwise(offsets)]
    return [v for v, keep in zip(values, mask, strict=True) if keep] if mask is not None else values
