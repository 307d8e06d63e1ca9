import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from antdask.query.segments import count_true


@given(st.lists(st.lists(st.booleans(), max_size=5), max_size=6))
def test_counts_are_those_of_each_row(rows):
    edges = np.cumsum([0, *map(len, rows)])
    mask = np.array([v for row in rows for v in row], bool)
    assert count_true(mask, edges).tolist() == [sum(row) for row in rows]


@given(st.integers(1, 40), st.lists(st.integers(0, 1999), max_size=9))
def test_rare_ones_are_counted_the_same(rows, spots):
    edges = np.sort(np.append(np.random.default_rng(rows).integers(0, 2000, rows), [0, 2000]))
    mask = np.zeros(2000, bool)
    mask[spots] = True
    assert count_true(mask, edges).tolist() == [int(mask[a:b].sum()) for a, b in itertools.pairwise(edges)]
