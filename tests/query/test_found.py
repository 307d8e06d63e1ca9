"""Rows of a side that belong to rows of a block: as records, as lists, and beside each other."""

import numpy as np
import pyarrow as pa

from antdask.query.found import Found


def test_pairs_repeat_a_row_for_each_that_belongs_to_it():
    found = Found(pa.table({"x": [5, 6, 7]}), np.array([2, 0, 1]), np.array([1, 0, 2]), False)
    repeats, right = found.pairs(np.array([2, 1, 0]))
    assert repeats.tolist() == [0, 0, 1, 2] and right.tolist() == [0, 1, -1, 2]
    assert found.awkward().x.to_list() == [[7], [], [5, 6]]
    assert Found(pa.table({"x": [5], "run": [1]}), np.array([0]), np.array([0, 1]), True, ("run",)).awkward().to_list() == [None, {"x": 5}]
