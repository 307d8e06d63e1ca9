"""Pieces read what is asked for, where it is asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antdask.archive.ledger import receipts
from antdask.archive.reading import PartReader
from antdask.archive.store import Store
from antdask.model.ragged import cut, take
from antdask.query.pieces import Piece
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
    assert len(piece.keep({"triggered_hits": np.zeros(0, bool)})) == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 255), st.integers(0, 400), st.integers(1, 400), st.booleans())
def test_rare_rows_that_are_picked_as_columns_pass_are_those_that_are_kept(events, top, start, rows, told):
    batch, tmp_path = events
    stop = min(batch.rows, start + rows)
    start = min(start, stop)
    edges = batch.offsets["hits"][[start, stop]].tolist()
    pieces = [piece_of_events(tmp_path, batch, start, stop, {"hits": edges} if told and known else {}) for known in (True, False)]
    picked = pieces[0].pick("hits", ["avc", "tvc"], lambda p: (p.column("hits", "avc") >= top) & (p.column("hits", "tvc") < 200))
    kept = pieces[1].keep({"hits": (pieces[1].column("hits", "avc") >= top) & (pieces[1].column("hits", "tvc") < 200)})
    share = np.mean((batch.tables["hits"]["avc"] >= top) & (batch.tables["hits"]["tvc"] < 200))
    assert picked is not None or share > 1 / 64 or rows < 50
    if picked is not None:
        assert len(picked) == len(kept) and (len(kept) == 0 or same(batch_of(picked, batch), batch_of(kept, batch)))


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    batch, tmp_path = random_batch("events", "antares_raw", 400, seed=1, mean=400.0), tmp_path_factory.mktemp("events")
    piece_of(tmp_path, batch)
    return batch, tmp_path


def piece_of_events(tmp_path, batch, start, stop, known):
    store = Store(str(tmp_path))
    (receipt,) = receipts(store)
    return Piece(PartReader(store, {"part": receipt.part, "arrays": receipt.arrays}), batch.schema, (start, stop), "", known)


def test_what_is_not_rare_or_was_read_before_is_not_picked(events):
    batch, tmp_path = events
    piece = piece_of_events(tmp_path, batch, 0, batch.rows, {})
    assert piece.pick("hits", ["avc"], lambda p: p.column("hits", "avc") >= 0) is None
    piece.column("hits", "avc")
    assert piece.pick("hits", ["avc"], lambda p: p.column("hits", "avc") > 255) is None
