"""Rates from bytes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from antdask.calibration.rates import rate_bounds_hz, rate_hz

CODES = np.arange(256, dtype=np.uint8)


def test_every_code_gives_the_rate_of_the_formula() -> None:
    expected = [0.0] + [2e3 * math.exp(r * math.log(1000) / 255) for r in range(1, 256)]
    np.testing.assert_allclose(rate_hz(CODES), expected, rtol=1e-14)
    assert rate_hz(CODES).dtype == np.float64


def test_the_ends_are_those_of_the_scale() -> None:
    assert rate_hz(CODES)[0] == 0
    assert math.isclose(rate_hz(CODES)[255], 2e6, rel_tol=1e-12)
    assert math.isclose(rate_hz(CODES)[2] / rate_hz(CODES)[1], 1.0275, rel_tol=1e-4)


def test_bounds_are_gapless_and_hold_their_rate() -> None:
    lower, upper = rate_bounds_hz(CODES)
    np.testing.assert_allclose(lower[1:], upper[:-1], rtol=1e-14)
    assert (lower[0], upper[255]) == (0, math.inf)
    assert ((lower <= rate_hz(CODES)) & (rate_hz(CODES) < upper)).all()
    np.testing.assert_allclose(np.sqrt(lower[1:255] * upper[1:255]), rate_hz(CODES)[1:255], rtol=1e-12)


def test_shape_is_kept_and_chunks_equal_the_whole() -> None:
    frames = np.random.default_rng(1).integers(0, 256, (7, 31)).astype(np.uint8)
    whole = rate_hz(frames)
    assert whole.shape == (7, 31)
    np.testing.assert_array_equal(np.concatenate([rate_hz(frames[:3]), rate_hz(frames[3:])]), whole)
    assert rate_hz(np.zeros((0, 31), np.uint8)).shape == (0, 31)


@pytest.mark.parametrize("function", [rate_hz, rate_bounds_hz])
def test_what_is_no_byte_is_refused(function: object) -> None:
    with pytest.raises(TypeError, match="uint8, found float64"):
        function(rate_hz(CODES))
