import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from antdask.convert.ordering import ranks, reorder
from antdask.model.ragged import concatenate, cut, sorting, take
from tests.batches import random_batch, same


def source(n, frames):
    batch = random_batch("timeslices", "km3net_online", n, seed=n)
    batch.tables["slices"]["frame_index"][:] = frames
    batch.tables["slices"]["source_entry"][:] = np.arange(100, 100 + n)
    return batch


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30), st.lists(st.integers(0, 30), max_size=5), st.sets(st.integers(0, 29)))
def test_the_result_is_that_of_a_sort_of_the_whole(frames, edges, lost):
    n = len(frames)
    batch = source(n, frames)
    cuts = sorted({0, n, *(e for e in edges if e < n)})
    pieces = [cut(batch, a, b) for a, b in itertools.pairwise(cuts)]
    kept = [take(p, np.flatnonzero(~np.isin(p.tables["slices"]["source_entry"] - 100, list(lost)))) for p in pieces]
    got = list(reorder(iter(kept), ranks([np.array(frames)]), 100))
    whole = concatenate(kept)
    order = sorting(whole)
    wanted = whole if order is None else take(whole, order)
    assert (same(concatenate(got), wanted)) if got else wanted.rows == 0


def test_a_row_leaves_as_soon_as_nothing_can_come_before_it():
    frames = [0, 2, 1, 4, 3, 5]
    batch = source(6, frames)
    seen = []

    def watched():
        for i in range(6):
            yield cut(batch, i, i + 1)
            seen.append((i, sum(b.rows for b in out)))

    out = []
    for b in reorder(watched(), ranks([np.array(frames)]), 100):
        out.append(b)
    # After entry 1 only one row is out, after entry 2 three, after 3 still three, then five and six.
    assert [n for _, n in seen] == [1, 1, 3, 3, 5, 6]
    assert concatenate(out).tables["slices"]["frame_index"].tolist() == sorted(frames)
