"""Rows gather pieces of several parts, and mark what a part does not have."""

import numpy as np
import pytest

from antdask.model.ragged import concatenate
from antdask.model.tables import SCHEMAS
from antdask.query.rows import DETECTOR, Column, gather
from tests.batches import random_batch
from tests.query.archives import piece_of

EVENTS = SCHEMAS["events"]
PATHS = ["events/run", "events/utc_ns", "events/detector", "hits/tot", "hits/triggered", "triggered_hits/tot"]


@pytest.fixture
def batches():
    return [random_batch("events", "km3net_online", 10, seed=1), random_batch("events", "seatray", 8, seed=2)]


@pytest.fixture
def pieces(batches, tmp_path):
    found = [piece_of(tmp_path / str(i), batch) for i, batch in enumerate(batches)]
    for piece, detector in zip(found, ("km3net-44", "antares"), strict=True):
        piece.detector = detector
    return found


def test_columns_stand_one_after_the_other(pieces, batches):
    rows = gather(EVENTS, ["events", "hits", "triggered_hits"], PATHS, pieces)
    assert len(rows) == 18 and rows.length("hits") == batches[0].hits + batches[1].hits
    triggered = rows.tables["hits"]["triggered"]
    assert triggered.missing is None and triggered.values.tolist() == [v for b in batches for v in b.tables["hits"]["triggered"].tolist()]
    utc = rows.tables["events"]["utc_ns"]
    assert utc.missing.tolist() == [False] * 10 + [True] * 8 and utc.values[:10].tolist() == batches[0].tables["events"]["utc_ns"].tolist()
    assert rows.tables["hits"]["tot"].missing.sum() == batches[1].hits
    assert rows.tables["events"]["detector"].values.tolist() == ["km3net-44"] * 10 + ["antares"] * 8
    assert np.diff(rows.offsets["hits"].values).tolist() == [n for b in batches for n in np.diff(b.offsets["hits"]).tolist()]
    assert rows.offsets["triggered_hits"].missing.tolist() == [False] * 10 + [True] * 8 and rows.offsets["hits"].missing is None
    assert rows.field("events", "detector") is DETECTOR and rows.children("events") == ["hits", "triggered_hits"]


def test_no_piece_gives_columns_without_rows():
    rows = gather(EVENTS, ["events", "hits"], ["events/run", "events/detector", "hits/tot"], [])
    assert len(rows) == 0 == rows.length("hits") and rows.tables["hits"]["tot"].values.dtype == np.uint8
    assert rows.offsets["hits"].values.tolist() == [0] and rows.tables["events"]["detector"].values.dtype.kind == "U"


def test_one_piece_is_handed_on(pieces):
    rows = gather(EVENTS, ["events", "hits"], ["events/run", "hits/tot"], pieces[:1])
    assert rows.tables["hits"]["tot"].values is pieces[0].column("hits", "tot")


def test_a_flat_view_repeats_what_lies_above(tmp_path):
    batches = [random_batch("timeslices_l1", "km3net_online", 6, seed=s, mean=3.0) for s in (1, 2)]
    whole = concatenate(batches)
    pieces = [piece_of(tmp_path / str(i), batch) for i, batch in enumerate(batches)]
    paths = ["slices/run", "slices/frame_index", "slices/n_hits", "frames/dom_id", "hits/tot"]
    rows = gather(SCHEMAS["timeslices_l1"], ["slices", "frames", "hits"], paths, pieces)
    columns = {label: (table, column.values) for label, table, column in rows.flat("hits")}
    assert list(columns) == ["run", "frame_index", "slices.n_hits", "frames.dom_id", "tot"]
    frame_of = np.repeat(np.arange(whole.length("frames")), np.diff(whole.offsets["hits"]))
    slice_of = np.repeat(np.arange(12), np.diff(whole.offsets["frames"]))[frame_of]
    assert columns["frames.dom_id"][1].tolist() == whole.tables["frames"]["dom_id"][frame_of].tolist()
    assert columns["slices.n_hits"][1].tolist() == whole.tables["slices"]["n_hits"][slice_of].tolist()
    assert columns["tot"] == ("hits", pytest.approx(whole.tables["hits"]["tot"]))


def test_a_column_repeats_with_its_missing_places():
    column = Column(np.array([1, 2, 3]), np.array([False, True, False])).repeat(np.array([2, 1, 0]))
    assert column.values.tolist() == [1, 1, 2] and column.missing.tolist() == [False, False, True]
