import boost_histogram as bh
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from antdask.query.cells import Cells

DTYPES = ["u1", "i1", "u2", "i2"]


@given(
    st.lists(st.tuples(st.sampled_from(DTYPES), st.integers(-300, 300), st.integers(1, 40)), min_size=1, max_size=4), st.integers(0, 70_000)
)
def test_counts_are_those_of_boost_histogram(axes, rows):
    rng = np.random.default_rng(rows)
    columns = [rng.integers(np.iinfo(d).min, np.iinfo(d).max, rows, np.dtype(d), endpoint=True) for d, _, _ in axes]
    want = bh.Histogram(*(bh.axis.Integer(first, first + length) for _, first, length in axes), storage=bh.storage.Int64())
    want.fill(*columns)
    cells = Cells([(first, length) for _, first, length in axes])
    half = rows // 2
    cells.count([c[:half] for c in columns])
    cells.count([c[half:] for c in columns])
    assert (cells.counts.reshape(want.view(flow=True).shape) == want.view(flow=True)).all() and cells.counts.sum() == rows


def test_all_values_of_sixteen_bits_have_a_cell():
    for dtype in ("u2", "i2"):
        info = np.iinfo(dtype)
        cells = Cells([(info.min, 1 << 16)])
        cells.count([np.arange(1 << 16, dtype="u2").view(dtype)])
        assert cells.counts[[0, -1]].tolist() == [0, 0] and (cells.counts[1:-1] == 1).all()
