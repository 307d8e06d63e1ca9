"""Integers are exact, reals follow IEEE, missing stays missing."""

import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antdask.query.arithmetic import Numbers, absolute, calculate, compare, extreme, inverse, member, negative

DTYPES = ["u1", "i1", "u4", "i4", "u8", "i8"]
OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod}
BITS = {"&": operator.and_, "|": operator.or_, "^": operator.xor}
SHIFTS = {"<<": operator.lshift, ">>": operator.rshift}
COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne}


@st.composite
def columns(draw, size=4):
    dtype = draw(st.sampled_from(DTYPES))
    info = np.iinfo(dtype)
    near = st.sampled_from([v for v in (0, 1, -1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1) if info.min <= v <= info.max])
    return np.array(draw(st.lists(st.one_of(near, st.integers(int(info.min), int(info.max))), min_size=size, max_size=size)), dtype)


reals = st.lists(st.one_of(st.floats(), st.sampled_from([2.0**53, 2.0**63, -(2.0**63), 2.0**64, 1e19])), min_size=4, max_size=4).map(
    np.array
)


@settings(max_examples=150, deadline=None)
@given(columns(), columns(), st.sampled_from([*OPERATORS, *BITS, *SHIFTS]))
def test_integers_are_computed_as_in_python(a, b, name):
    got = calculate(name, Numbers.of(a), Numbers.of(b))
    gone = np.zeros(4, bool) if got.missing is None else got.missing
    for x, y, z, missing in zip(a.tolist(), b.tolist(), got.values.tolist(), gone.tolist(), strict=True):
        if (name in "//%" and y == 0) or (name in SHIFTS and not 0 <= y <= 63):
            assert missing
        else:
            assert not missing and z == {**OPERATORS, **BITS, **SHIFTS}[name](x, y)


@settings(max_examples=200, deadline=None)
@given(columns())
def test_signs_and_bits_turn_without_an_end_of_the_range(a):
    assert negative(Numbers.of(a)).values.tolist() == [-x for x in a.tolist()]
    assert inverse(Numbers.of(a)).values.tolist() == [~x for x in a.tolist()]
    assert absolute(Numbers.of(a)).values.tolist() == [abs(x) for x in a.tolist()]


@settings(max_examples=150, deadline=None)
@given(st.one_of(columns(), reals), st.one_of(columns(), reals), st.sampled_from(list(COMPARISONS)))
def test_comparisons_are_exact_for_any_two_types(a, b, name):
    expected = [x == x and y == y and COMPARISONS[name](x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert compare(name, Numbers.of(a), Numbers.of(b)).tolist() == expected
    objects = Numbers(a.astype(object)) if a.dtype.kind != "f" else Numbers.of(a)
    assert compare(name, objects, Numbers.of(b)).tolist() == expected


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(columns(), reals),
    st.lists(st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.sampled_from([0, 2**53 + 1])), max_size=5),
)
def test_membership_is_equality_with_one_of_the_list(a, values):
    expected = [x == x and any(x == v for v in values) for x in a.tolist()]
    assert member(Numbers.of(a), values).tolist() == expected
    if a.dtype.kind != "f":
        assert member(Numbers(a.astype(object)), values).tolist() == expected


@pytest.mark.parametrize(
    ("name", "a", "b", "value"),
    [
        ("/", 1, 0, np.inf),
        ("/", -1, 0, -np.inf),
        ("/", 0, 0, np.nan),
        ("//", 1.0, 0, np.inf),
        ("%", 1.0, 0, np.nan),
        ("*", 1e300, 1e300, np.inf),
    ],
)
def test_reals_divide_by_zero_and_overflow_without_a_warning(name, a, b, value):
    assert np.array_equal(calculate(name, Numbers.of(a), Numbers.of(b)).values, value, equal_nan=True)


def test_missing_values_stay_missing_and_satisfy_no_comparison():
    a = Numbers.of(np.array([1, 2]), np.array([True, False]))
    total = calculate("+", a, Numbers.of(5))
    assert total.missing.tolist() == [True, False] and total.values[1] == 7
    for name in COMPARISONS:
        assert not compare(name, total, Numbers.of(np.array([6, np.nan]))).any()
    assert member(a, [1, 2]).tolist() == [False, True]
    assert Numbers.nothing(True).absent.all() and calculate("*", Numbers.nothing(False), Numbers.of(np.arange(3))).absent.all()


def test_extremes_mix_types_and_keep_what_is_unknown():
    parts = [Numbers.of(np.array([1, 2**63], np.uint64)), Numbers.of(np.array([-1, 5])), Numbers.of(np.array([0, 9], np.int32))]
    assert extreme(parts, largest=True).values.tolist() == [1, 2**63]
    assert extreme(parts, largest=False).values.tolist() == [-1, 5]
    assert extreme([*parts, Numbers.of(np.array([np.nan, 0.5]))], largest=False).absent.tolist() == [True, False]
