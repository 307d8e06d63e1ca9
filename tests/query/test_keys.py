"""Keys of rows are numbered exactly, and blocks without any of them are left out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antdask.model.tables import schema
from antdask.query.arithmetic import Numbers
from antdask.query.bounds import Bounds, Interval
from antdask.query.keys import KeyCondition, Keys

NAMES = ("run", "frame_index", "trigger_counter")
ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 5), st.sampled_from([-(2**63), -1, 0, 1, 2**53, 2**53 + 1, 2**63 - 1])), max_size=30
)


def columns(rows):
    return {name: np.array([row[i] for row in rows], np.int64) for i, name in enumerate(NAMES)}


@given(ROWS, ROWS)
def test_a_key_has_one_number_and_others_have_none(own, asked):
    keys = Keys.of(columns(own))
    assert len(keys) == len(set(own))
    numbers = keys.numbers(list(columns(asked).values())).tolist()
    assert [n >= 0 for n in numbers] == [row in own for row in asked]
    known = {row: n for row, n in zip(asked, numbers, strict=True) if n >= 0}
    assert len(set(known.values())) == len(known) and all(0 <= n < len(keys) for n in known.values())
    assert Keys.of(columns(own)).digest() == keys.digest()


@pytest.mark.parametrize("dtype", ["u4", "i8", "u8"])
def test_the_width_of_integers_does_not_matter(dtype):
    keys = Keys.of({"run": np.array([7, 2**31], "u4")})
    assert keys.numbers([np.array([2**31, 7, 8], dtype)]).tolist() == [1, 0, -1]


@given(ROWS, st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=10), st.booleans())
def test_a_block_with_such_a_row_is_never_left_out(own, blocks, one_run):
    run, low, extent = (np.array(v, np.int64) for v in zip(*blocks, strict=True))
    high, last = low + extent, run + (0 if one_run else 1)
    known = {
        "run": Interval(Numbers.of(run), Numbers.of(last), np.zeros(len(run), bool)),
        "frame_index": Interval(Numbers.of(low), Numbers.of(high), np.zeros(len(run), bool)),
    }
    condition = KeyCondition("these", schema("events"), {"": Keys.of(columns(own))})
    chance = condition.chance(Bounds(schema("events"), known), len(run))
    needed = np.array([any(a <= r <= z and b <= f <= y for r, f, _ in own) for a, z, b, y in zip(run, last, low, high, strict=True)])
    assert not chance.must.any() and (chance.may >= needed).all()
    if one_run and own:
        assert (chance.may == needed).all()


def test_unknown_bounds_leave_nothing_out():
    condition = KeyCondition("these", schema("events"), {"antares": Keys.of(columns([(1, 2, 3)]))})
    assert condition.chance(Bounds(schema("events"), {}), 3).may.tolist() == [True] * 3
    assert condition.columns == {("events", name) for name in NAMES}
