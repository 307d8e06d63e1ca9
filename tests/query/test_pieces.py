"""Pieces read what is asked for, where it is asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antdask.model.ragged import cut, take
from tests.batches import random_batch, same
from tests.query.archives import piece_of


def batch_of(piece, batch):
    """Everything that is left in a piece, as a batch."""
    tables = {t: {c: piece.column(t, c) for c in columns} for t, columns in batch.tables.items()}
    return type(batch)(batch.stream, batch.origin, tables, {t: piece.offsets(t) for t in batch.offsets})


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    batch = random_batch("timeslices_l1", "km3net_online", 300, seed=1, mean=8.0)
    return batch, piece_of(tmp_path_factory.mktemp("slices"), batch, 20, 290)


masks = st.tuples(st.integers(0, 2**31), st.sampled_from([0.0, 0.02, 0.5, 1.0]), st.integers(0, 269), st.integers(0, 270))


@settings(max_examples=60, deadline=None)
@given(masks, st.lists(st.sampled_from(["slices", "frames", "hits"]), max_size=3, unique=True))
def test_rows_that_are_kept_have_what_hung_below_them(slices, mask, first):
    batch, piece = slices
    seed, share, start, length = mask
    chosen = (np.random.default_rng(seed).random(270) < share) & (np.arange(270) >= start) & (np.arange(270) < start + length)
    # What was read before the filter and what is read after it must agree.
    piece = piece.keep({})
    for table in first:
        piece.column(table, next(iter(batch.tables[table])))
    left = piece.keep({"slices": chosen})
    assert same(batch_of(left, batch), take(cut(batch, 20, 290), np.flatnonzero(chosen)))
    again = left.keep({"slices": np.arange(len(left)) % 3 == 1})
    assert same(batch_of(again, batch), take(batch_of(left, batch), np.arange(1, len(left), 3)))


def test_a_whole_piece_is_a_view_of_what_was_read(slices):
    _, piece = slices
    assert piece.keep({"slices": np.ones(270, bool)}) is piece
    column = piece.column("hits", "tdc")
    assert piece.column("hits", "tdc") is column
    part = piece.keep({"slices": (np.arange(270) >= 10) & (np.arange(270) < 30)})
    assert np.shares_memory(part.column("hits", "tdc"), column)


def test_edges_reach_through_the_levels(slices):
    batch, piece = slices
    whole = cut(batch, 20, 290)
    assert piece.edges("slices", "hits").tolist() == whole.offsets["hits"][whole.offsets["frames"]].tolist()
    assert piece.edges("frames", "hits").tolist() == whole.offsets["hits"].tolist()
    assert piece.edges("slices", "slices").tolist() == list(range(271))


def test_only_the_neighbourhood_of_kept_rows_is_read(tmp_path):
    batch = random_batch("rates", "km3net_online", 1000, mean=200.0)
    rows = np.flatnonzero(np.diff(batch.offsets["frames"]))[[3, 4, -3]]
    piece = piece_of(tmp_path, batch)
    read = []
    original = piece.reader.read
    piece.reader.read = lambda wanted: (read.extend((w.name, w.stop - w.start) for w in wanted), original(wanted))[1]
    left = piece.keep({"slices": np.isin(np.arange(1000), rows)})
    assert (left.column("frames", "rate_code") == take(batch, rows).tables["frames"]["rate_code"]).all()
    ours = [n for name, n in read if name == "frames/rate_code"]
    assert len(ours) == 2 and sum(ours) < 1500


def test_a_table_that_the_part_does_not_have_is_empty(tmp_path):
    piece = piece_of(tmp_path, random_batch("events", "seatray", 10))
    assert not piece.has("triggered_hits") and not piece.has("events", "utc_ns") and piece.has("hits", "om")
    assert piece.length("triggered_hits") == 0 and piece.offsets("triggered_hits").tolist() == [0] * 11
    assert len(piece.first(3)) == 3 and piece.first(50) is piece
    assert len(piece.keep({"triggered_hits": np.zeros(0, bool)})) == 0
