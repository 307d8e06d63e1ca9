"""Pruning by minima and maxima never drops a row that matches."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from antdask.errors import WhereError
from antdask.model.tables import SCHEMAS
from antdask.query.binding import Scope
from antdask.query.bounds import Bounds
from antdask.query.bounds import given as given_bounds
from antdask.query.predicate import Predicate
from tests.query.archives import sample
from tests.query.reference import conditions, matches

EVENTS = SCHEMAS["events"]
ALL = Scope(EVENTS, [f"{t.name}/{f.name}" for t in EVENTS.tables for f in t.fields])
SEATRAY = EVENTS.rows.columns("seatray")


def blocks_of(columns, size):
    """Bounds of blocks of `size` rows as the catalogue would have them: none where a value is NaN."""
    starts = np.arange(0, len(columns["run"]), size)
    known = {}
    for name, values in columns.items():
        low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
        known[name] = given_bounds(EVENTS.rows.field(name), low, high, low != low)
    return known, len(starts)


def ordered(seed, by):
    rng = np.random.default_rng(seed)
    columns = {name: sample(field.numpy, 48, rng) for name, field in SEATRAY.items()}
    order = np.argsort(columns[by], kind="stable")
    return {name: values[order] for name, values in columns.items()}


@settings(max_examples=250, deadline=None)
@given(
    conditions, st.integers(0, 3), st.sampled_from(["run", "trigger_counter", "charge_sum_pe", "source_entry", "n_hits"]), st.integers(1, 6)
)
@example("not charge_sum_pe > 5.0", 0, "charge_sum_pe", 2)
@example("run % trigger_counter == 0 or run >> exists > 3", 0, "run", 3)
def test_pruning_never_drops_a_row_and_never_passes_a_wrong_one(text, seed, by, size):
    columns = ordered(seed, by)
    try:
        predicate = Predicate.of(text, ALL)
    except WhereError:
        assume(False)
    lists = {k: v.tolist() for k, v in columns.items()}
    truth = np.array(matches(text, [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]))
    known, length = blocks_of(columns, size)
    chance = predicate.chance(Bounds(EVENTS, known), length)
    for block in range(length):
        rows = truth[block * size : (block + 1) * size]
        assert chance.may[block] or not rows.any()
        assert not chance.must[block] or rows.all()


def chance(text, low, high, name="n_hits", unknown=False):
    field = EVENTS.rows.field(name)
    bounds = {name: given_bounds(field, np.array([low], field.numpy), np.array([high], field.numpy), np.array([unknown]))}
    found = Predicate.of(text, ALL).chance(Bounds(EVENTS, bounds), 1)
    return bool(found.may[0]), bool(found.must[0])


@pytest.mark.parametrize(
    ("text", "low", "high", "expected"),
    [
        ("n_hits > 200", 13, 180, (False, False)),
        ("n_hits > 200", 90, 3110, (True, False)),
        ("n_hits > 200", 201, 512, (True, True)),
        ("100 < n_hits <= 200", 201, 300, (False, False)),
        ("n_hits == 7", 7, 7, (True, True)),
        ("n_hits != 7", 7, 7, (False, False)),
        ("n_hits in (1, 2, 300)", 3, 299, (False, False)),
        ("n_hits not in (1, 2, 300)", 3, 299, (True, True)),
        ("n_hits in (5, 6)", 5, 5, (True, True)),
        ("n_hits * 2 + 1 > 401", 13, 200, (False, False)),
        ("n_hits / 2 > 100.0", 13, 200, (False, False)),
        ("-n_hits < -200", 13, 200, (False, False)),
        ("abs(n_hits - 100) > 50", 60, 140, (False, False)),
        ("n_hits & 7 > 7", 0, 2**32 - 1, (False, False)),
        ("n_hits | 1 > 400", 0, 200, (False, False)),
        ("n_hits % 10 > 10", 0, 300, (False, False)),
        ("n_hits >> 4 > 20", 0, 300, (False, False)),
        ("n_hits // 10 > 30", 0, 300, (False, False)),
        ("n_hits > 200 or run > 4294967295", 13, 180, (False, False)),
        ("max(hits.tot) > 255", 0, 9, (False, False)),
        ("any(hits.tot > 255)", 0, 9, (False, False)),
        ("hits.tot > 255", 0, 9, (False, False)),
        ("hits.tot > 100 and n_hits > 2", 3, 9, (True, False)),
        ("count(hits.tot > 3) < 0", 0, 9, (False, False)),
        ("sum(hits.charge_pe) > 500", 0, 9, (True, False)),
    ],
)
def test_bounds_decide_where_they_can(text, low, high, expected):
    assert chance(text, low, high) == expected


def test_bounds_of_64_bits_are_compared_exactly():
    big = 2**53
    assert chance(f"trigger_counter > {big}", 0, big, "trigger_counter") == (False, False)
    assert chance(f"trigger_counter > {big}.0", 0, big + 1, "trigger_counter") == (True, False)
    assert chance("source_entry > 18446744073709551614", 0, 2**64 - 2, "source_entry") == (False, False)


def test_an_unknown_bound_never_prunes_but_the_type_does():
    assert chance("n_hits > 200", 0, 0, unknown=True) == (True, False)
    assert chance("n_hits > 4294967295", 0, 0, unknown=True) == (False, False)
    assert chance("not n_hits >= 0", 0, 0, unknown=True) == (True, False)
    assert chance("not n_hits >= 0", 0, 5) == (False, False)


def test_nan_is_possible_in_every_column_of_reals():
    assert chance("charge_sum_pe > 5", 0, 4, "charge_sum_pe") == (False, False)
    assert chance("not charge_sum_pe < 5", 0, 4, "charge_sum_pe") == (True, False)
    assert chance("charge_sum_pe < 5", 0, 4, "charge_sum_pe") == (True, False)
    assert chance("isnan(charge_sum_pe)", 0, 4, "charge_sum_pe") == (True, False)
    assert chance("isnan(n_hits)", 0, 4) == (False, False)


def test_a_long_list_is_compared_by_its_ends():
    text = f"n_hits in ({', '.join(str(2 * i) for i in range(100))})"
    assert chance(text, 199, 300) == (False, False)
    assert chance(text, 3, 3) == (True, False)
