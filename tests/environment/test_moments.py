"""Statistics: whatever way bins and frames are put together, the result is the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from antdask.environment.grid import LEVELS
from antdask.environment.moments import coarsen, dtype_of, empty, merge, names


def moments_of(frames: np.ndarray, level: str = "1s") -> dict[str, np.ndarray]:
    """Statistics of one frame per bin, -1 for none."""
    n = (frames >= 0).astype("u8")
    v = np.where(frames >= 0, frames, 0).astype("u8")
    found = {"n_valid": n, "sum": v, "sum_sq": v * v, "minimum": v, "maximum": v}
    return {name: values.astype(dtype_of(name, LEVELS[level])) for name, values in found.items()}


FRAMES = st.lists(st.integers(-1, 2**22), min_size=60, max_size=60).map(lambda v: np.array([v, v[::-1]]))


def same(a, b):
    return a.keys() == b.keys() and all((a[k] == b[k]).all() for k in a)


@settings(max_examples=50, deadline=None)
@given(FRAMES)
def test_coarse_bins_equal_those_from_finer_ones_and_from_frames(frames):
    fine = moments_of(frames)
    stepwise = coarsen(coarsen(fine, 10, LEVELS["10s"]), 6, LEVELS["1min"])
    assert same(stepwise, coarsen(fine, 60, LEVELS["1min"]))
    valid = [row[row >= 0] for row in frames]
    assert stepwise["n_valid"][:, 0].tolist() == [len(v) for v in valid]
    assert stepwise["sum_sq"][:, 0].tolist() == [int((v.astype("u8") ** 2).sum()) for v in valid]
    assert stepwise["minimum"][:, 0].tolist() == [v.min() if len(v) else 0 for v in valid]
    assert stepwise["maximum"][:, 0].tolist() == [v.max() if len(v) else 0 for v in valid]


@settings(max_examples=50, deadline=None)
@given(FRAMES)
def test_bins_first_gives_the_same_as_channels_first(frames):
    fine = moments_of(frames)
    turned = coarsen({k: v.T for k, v in fine.items()}, 10, LEVELS["10s"], axis=0)
    assert same({k: v.T for k, v in turned.items()}, coarsen(fine, 10, LEVELS["10s"]))


@settings(max_examples=50, deadline=None)
@given(FRAMES, st.integers(0, 2**60))
def test_merging_parts_of_the_frames_gives_those_of_all(frames, seed):
    first = np.random.default_rng(seed).random(frames.shape) < 0.5
    a, b = moments_of(np.where(first, frames, -1)), moments_of(np.where(first, -1, frames))
    assert same(merge(a, b), moments_of(frames))
    assert same(merge(b, a), merge(a, b))


def test_squares_of_a_full_day_of_the_largest_values_fit():
    assert 823_975 * 2**44 < 2**64
    assert 573 * 2**22 < 2**32


def test_empty_bins_have_every_statistic_of_their_level():
    for level in LEVELS.values():
        made = empty(level, 3, 4)
        assert tuple(made) == names(level)
        assert all(v.dtype == dtype_of(n, level) and not v.any() for n, v in made.items())
