"""Conditions select what Python says they select, row by row."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, example, given, settings

from antdask.errors import UnknownNameError, WhereError
from antdask.model.ragged import Batch, take
from antdask.model.tables import SCHEMAS
from antdask.query.binding import Scope
from antdask.query.predicate import Predicate
from tests.batches import random_batch
from tests.query.archives import piece_of, sample
from tests.query.reference import conditions, matches

EVENTS = SCHEMAS["events"]
ALL = Scope(EVENTS, [f"{t.name}/{f.name}" for t in EVENTS.tables for f in t.fields])


def extreme_batch(stream: str, origin: str, rows: int, seed: int) -> Batch:
    batch = random_batch(stream, origin, rows, seed=seed, mean=4.0)
    rng = np.random.default_rng(seed)
    for columns in batch.tables.values():
        for name, values in columns.items():
            if values.ndim == 1 and name != "frame_index":
                columns[name] = sample(values.dtype, len(values), rng)
    return batch


@pytest.fixture(scope="module")
def seatray(tmp_path_factory):
    batch = extreme_batch("events", "seatray", 60, seed=3)
    return batch, piece_of(tmp_path_factory.mktemp("seatray"), batch)


@pytest.fixture(scope="module")
def online(tmp_path_factory):
    batch = extreme_batch("events", "km3net_online", 80, seed=4)
    return batch, piece_of(tmp_path_factory.mktemp("online"), batch)


def read(text, scope=ALL):
    """The predicate; refused sizes of integers are not what is tested here."""
    try:
        return Predicate.of(text, scope)
    except WhereError as error:
        assume(not any(word in str(error) for word in ("bits", "nested", "compares no column")))
        raise


def rows_of(batch):
    columns = {k: v.tolist() for k, v in batch.tables["events"].items()}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def kept(predicate, batch, piece):
    """Numbers of the rows that are left, through a column that is unique."""
    left = predicate.apply(piece)
    return np.flatnonzero(np.isin(batch.tables["events"]["frame_index"], left.column("events", "frame_index")))


@settings(max_examples=250, deadline=None)
@given(conditions)
@example("trigger_counter < -1")
@example("source_entry > -1 and source_entry != 18446744073709551614")
@example("trigger_counter > 9.3e18 or trigger_counter >= 9007199254740993.0")
@example("trigger_counter == 9007199254740993.0")
@example("not (charge_sum_pe > 0.0) and isnan(utc_ns)")
@example("run << source_entry >= 0")
@example("trigger_counter // exists in (0, -1, 9223372036854775807)")
def test_a_condition_is_what_python_says_row_by_row(seatray, text):
    batch, piece = seatray
    predicate = read(text)
    assert predicate.keeps_rows_only
    expected = matches(text, rows_of(batch))
    left = predicate.apply(piece)
    assert left.column("events", "source_input").tolist() == batch.tables["events"]["source_input"][expected].tolist()
    assert left.column("events", "trigger_counter").tolist() == batch.tables["events"]["trigger_counter"][expected].tolist()


def test_examples_of_a_physicist_select_these_rows(online):
    batch, piece = online
    c = batch.tables["events"]
    for text, mask in (
        ("n_hits > 3", c["n_hits"] > 3),
        ("trigger_mask & 1 == 1", c["trigger_mask"] & np.uint64(1) == 1),
        ("utc_ns >= 0 and not clock_status in (1, 2)", (c["utc_ns"] >= 0) & ~np.isin(c["clock_status"], [1, 2])),
        ("3 <= n_hits < 100", (c["n_hits"] >= 3) & (c["n_hits"] < 100)),
    ):
        assert Predicate.of(text, ALL).apply(piece).column("events", "n_hits").tolist() == c["n_hits"][mask].tolist()


def per_event(batch, function):
    offsets = batch.offsets["hits"]
    hits = batch.tables["hits"]
    return np.array([function({k: v[a:b] for k, v in hits.items()}) for a, b in itertools.pairwise(offsets)])


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("any(hits.tot > 100)", lambda h: (h["tot"] > 100).any()),
        ("all(hits.tot > 0)", lambda h: (h["tot"] > 0).all()),
        ("count(hits.tot > 2) >= 3", lambda h: (h["tot"] > 2).sum() >= 3),
        ("sum(hits.tot) > 300", lambda h: h["tot"].astype(int).sum() > 300),
        ("max(hits.tdc) == 4294967295", lambda h: len(h["tdc"]) > 0 and h["tdc"].max() == 4294967295),
        ("min(hits.dom_id) < 0", lambda h: len(h["dom_id"]) > 0 and h["dom_id"].min() < 0),
        ("mean(hits.tot) > 100", lambda h: len(h["tot"]) > 0 and h["tot"].mean() > 100),
        ("sum(hits.trigger_mask) >= 18446744073709551616", lambda h: sum(h["trigger_mask"].tolist()) >= 2**64),
        ("isnan(max(hits.tot))", lambda h: len(h["tot"]) == 0),
        ("sum(hits.tot) == 0", lambda h: h["tot"].astype(int).sum() == 0),
        ("any(isnan(hits.charge_pe))", lambda h: len(h["tot"]) > 0),
        ("sum(hits.charge_pe) > 0 or isnan(mean(hits.charge_pe))", lambda h: True),
        ("any(hits.tot > mean(hits.tot))", lambda h: len(h["tot"]) > 0 and (h["tot"] > h["tot"].mean()).any()),
    ],
)
def test_reductions_bring_hits_up_to_their_event(online, text, function):
    batch, piece = online
    assert kept(Predicate.of(text, ALL), batch, piece).tolist() == np.flatnonzero(per_event(batch, function)).tolist()


def test_values_that_are_missing_do_not_enter_a_reduction(seatray):
    batch, piece = seatray
    expected = per_event(batch, lambda h: (good := h["charge_pe"][~np.isnan(h["charge_pe"])]).size > 0 and good.max() > 5)
    assert kept(Predicate.of("max(hits.charge_pe) > 5", ALL), batch, piece).tolist() == np.flatnonzero(expected).tolist()
    # The table of the trigger list is not there at all: nothing can be said about it, and no comparison holds.
    for text in (
        "any(triggered_hits.tot >= 0)",
        "all(triggered_hits.tot >= 0)",
        "count(triggered_hits.tot >= 0) >= 0",
        "triggered_hits.tot >= 0",
    ):
        assert len(Predicate.of(text, ALL).apply(piece)) == 0
    assert len(Predicate.of("isnan(sum(triggered_hits.tot))", ALL).apply(piece)) == 60


def test_a_bare_condition_on_hits_keeps_hits_and_the_rows_that_have_one(online):
    batch, piece = online
    mask = (batch.tables["hits"]["tot"] > 5) & (np.repeat(batch.tables["events"]["overlays"], np.diff(batch.offsets["hits"])) > 2)
    left = Predicate.of("hits.tot > 5 and overlays > 2", ALL).apply(piece)
    same = Predicate.of("overlays > 2 and not hits.tot <= 5", ALL).apply(piece)
    for piece in (left, same):
        assert piece.column("hits", "tdc").tolist() == batch.tables["hits"]["tdc"][mask].tolist()
    counts = np.add.reduceat(np.append(mask, False), batch.offsets["hits"][:-1]) * (np.diff(batch.offsets["hits"]) > 0)
    assert np.diff(left.offsets("hits")).tolist() == counts[counts > 0].tolist()
    assert left.column("events", "frame_index").tolist() == batch.tables["events"]["frame_index"][counts > 0].tolist()


def test_conditions_on_tables_side_by_side_hold_together_at_the_top_only(online):
    _, piece = online
    left = Predicate.of("hits.tot > 5 and triggered_hits.tot > 5 and n_hits > 1", ALL).apply(piece)
    assert (left.column("hits", "tot") > 5).all() and (left.column("triggered_hits", "tot") > 5).all()
    assert (np.diff(left.offsets("hits")) > 0).all() and (np.diff(left.offsets("triggered_hits")) > 0).all()
    with pytest.raises(WhereError, match="side by side"):
        Predicate.of("hits.tot > 5 or triggered_hits.tot > 5", ALL)


def test_a_later_condition_sees_what_the_first_left(online):
    batch, piece = online
    first = Predicate.of("hits.tot > 5", ALL).apply(piece)
    both = Predicate.of("count(hits.tot >= 0) >= 2", ALL).apply(first)
    expected = per_event(batch, lambda h: (h["tot"] > 5).sum() >= 2)
    assert both.column("events", "frame_index").tolist() == batch.tables["events"]["frame_index"][expected].tolist()


def test_frames_and_hits_of_timeslices_are_kept_with_what_is_above_them(tmp_path):
    schema = SCHEMAS["timeslices_l1"]
    scope = Scope(schema, [f"{t.name}/{f.name}" for t in schema.tables for f in t.fields])
    batch = extreme_batch("timeslices_l1", "km3net_online", 40, seed=8)
    piece = piece_of(tmp_path, batch)
    left = Predicate.of("frames.status > 2 and hits.tot > 5", scope).apply(piece)
    frame_of = np.repeat(np.arange(batch.length("frames")), np.diff(batch.offsets["hits"]))
    mask = (batch.tables["hits"]["tot"] > 5) & (batch.tables["frames"]["status"][frame_of] > 2)
    frames = np.unique(frame_of[mask])
    slice_of = np.repeat(np.arange(batch.rows), np.diff(batch.offsets["frames"]))
    assert left.column("hits", "tdc").tolist() == batch.tables["hits"]["tdc"][mask].tolist()
    assert left.column("frames", "daq").tolist() == batch.tables["frames"]["daq"][frames].tolist()
    assert left.column("slices", "frame_index").tolist() == batch.tables["slices"]["frame_index"][np.unique(slice_of[frames])].tolist()
    rows = Predicate.of("any(hits.tot > 5 and frames.status > 2)", scope).apply(piece)
    assert rows.column("slices", "frame_index").tolist() == left.column("slices", "frame_index").tolist()
    whole = take(batch, np.unique(slice_of[frames]))
    assert rows.column("hits", "tdc").tolist() == whole.tables["hits"]["tdc"].tolist()


def test_one_value_of_a_wide_column_is_named_by_its_number(tmp_path):
    schema = SCHEMAS["rates"]
    scope = Scope(schema, [f"{t.name}/{f.name}" for t in schema.tables for f in t.fields])
    batch = random_batch("rates", "km3net_online", 30)
    left = Predicate.of("frames.rate_code[30] > 200", scope).apply(piece_of(tmp_path, batch))
    mask = batch.tables["frames"]["rate_code"][:, 30] > 200
    assert (left.column("frames", "rate_code") == batch.tables["frames"]["rate_code"][mask]).all()
    for text, word in (
        ("frames.rate_code > 3", r"rate_code\[0\]"),
        ("frames.rate_code[31] > 3", "From 0 to 30"),
        ("run[0] > 3", "one value per row"),
    ):
        with pytest.raises(WhereError, match=word):
            Predicate.of(text, scope)


def test_unknown_columns_name_the_nearest():
    with pytest.raises(UnknownNameError, match=r"Did you mean 'n_hits'"):
        Predicate.of("n_hit > 3", ALL)
    with pytest.raises(UnknownNameError, match=r"Did you mean 'hits.tot'"):
        Predicate.of("hits.tott > 3", ALL)
    with pytest.raises(UnknownNameError, match=r"write hits.tot or triggered_hits.tot"):
        Predicate.of("tot > 3", ALL)
    with pytest.raises(UnknownNameError, match="utc_ns"):
        Predicate.of("utc_ns > 3", Scope(EVENTS, ["events/run", "events/n_hits"]))
