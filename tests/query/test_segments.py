import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from antdask.query.segments import count_true


@given(st.lists(st.lists(st.booleans(), max_size=5), max_size=6))
def test_counts_are_those_of_each_row(rows):
    edges = np.cumsum([0, *map(len, rows)])
    mask = np.array([v for row in rows for v in row], bool)
    assert count_true(mask, edges).tolist() == [sum(row) for row in rows]
