"""Keys of any kind are boxes and picks: the same values as if all were read."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from antdask.environment import lazy
from antdask.environment.grid import LEVELS
from antdask.environment.lazy import LazyGaps, LazyGrid, _box, variable

SLICES = st.builds(slice, st.integers(-9, 9), st.integers(-9, 9), st.sampled_from([None, 1, 2, 3, -1, -2]))


@given(st.one_of(SLICES, st.integers(-7, 6), st.lists(st.integers(-7, 6), max_size=5).map(np.array)))
def test_a_box_and_its_pick_are_the_key(key):
    values = np.arange(7)
    key = key.astype(int) if isinstance(key, np.ndarray) else key
    box, pick = _box(key, 7)
    assert box.step is None
    assert np.array_equal(values[box][pick], values[key])


def test_a_function_of_columns_is_read_where_it_is_asked_for(product):
    level = LEVELS["1min"]
    first = int(product.grid.bins(np.array([1_267_487_700 * 10**9]), level)[0])
    twice = LazyGrid(product, level, ("n_valid", "n_frames"), lambda c: c["n_valid"] + c["n_frames"], (first, first + 5), "i8")
    found = variable(("channel", "time"), twice, {})
    assert found.shape == (900, 5)
    part = found[10:12, 1:3].values
    assert part.shape == (2, 2)
    assert (part == found.values[10:12, 1:3]).all()


def test_reasons_need_no_reading_of_values(product):
    level = LEVELS["1h"]
    gaps = LazyGaps(product, level, (0, 24))
    assert gaps.shape == (900, 24)
    # The first day of the year has no runs.
    assert (variable(("channel", "time"), gaps, {}).values == 1).all()


def test_reasons_of_one_window_are_its_own_while_another_is_read(product, monkeypatch):
    # A day with data, in which modules are silent, and one without: what threads of Dask do side by side, one inside of the other.
    level = LEVELS["1h"]
    first = int(product.grid.bins(np.array([1_267_401_600 * 10**9]), level)[0])
    gaps = variable(("channel", "time"), LazyGaps(product, level, (0, first + 48)), {})
    alone = gaps[:, first : first + 24].values
    original, inside = lazy.read, [False]

    def read(*place):
        if not inside[0]:
            inside[0] = True
            assert gaps[:3, :2].shape == (3, 2) and gaps[:3, :2].values.shape == (3, 2)
            inside[0] = False
        return original(*place)

    monkeypatch.setattr(lazy, "read", read)
    assert (alone == 4).any() and (gaps[:, first : first + 24].values == alone).all()
