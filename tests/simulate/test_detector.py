"""The simulated detector: 885 modules, some dead, and chips whose constants give back what went in."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.simulate.detector import Detector, make_detector
from antdask.simulate.spec import SimulationSpec


def test_line_12_has_modules_on_twenty_storeys_and_dead_lines_are_dead() -> None:
    live = make_detector(SimulationSpec(dead_lines=(3,))).live.reshape(12, 25, 3)
    assert not live[11, 20:].any()
    assert not live[2].any()
    assert live[[0, 1, 5, 8]].any(axis=(1, 2)).all()
    assert 660 < live.sum() < 810


def test_as_many_modules_are_alive_as_in_run_45978(detector: Detector) -> None:
    assert detector.live.sum() == pytest.approx(636, abs=20)
    assert detector.rate_hz[~detector.live].sum() == 0


def test_the_detector_is_that_of_its_seed() -> None:
    a, b, c = (make_detector(SimulationSpec(seed=s)) for s in (1, 1, 2))
    assert (a.rate_hz == b.rate_hz).all()
    assert (a.gain != c.gain).any()


def test_measured_times_and_charges_come_back_to_a_count(detector: Detector) -> None:
    rng = np.random.default_rng(1)
    chip = rng.integers(0, 1800, 5000)
    fraction, charge = rng.integers(0, 256, 5000).astype(np.uint8), rng.uniform(0, 15, 5000).astype(np.float32)
    tvc, avc = detector.measure(chip, fraction, charge)
    assert np.abs(detector.charge_pe(chip, avc) - charge).max() < 0.5 / 7.5 + 1e-3
    time = detector.time_ns(chip, np.zeros(5000, np.uint32), tvc)
    assert np.abs(time - 25 / 256 * fraction).max() < 25 / 200 + 0.1


def test_large_charges_end_at_255_counts(detector: Detector) -> None:
    chip = np.arange(1800)
    _, avc = detector.measure(chip, np.zeros(1800, np.uint8), np.full(1800, 40, np.float32))
    assert (avc == 255).all()
    assert 18 < np.median(detector.charge_pe(chip, avc)) < 26


def test_the_modules_drawn_follow_the_rates(detector: Detector) -> None:
    share = np.bincount(detector.by_rate, minlength=900) / 65_536
    assert share == pytest.approx(detector.rate_hz / detector.rate_hz.sum(), abs=2e-5)


def test_storeys_stand_14_5_m_apart_on_lines_60_m_apart(detector: Detector) -> None:
    position = detector.position.reshape(12, 25, 3)
    assert np.diff(position[:, :, 2], axis=1) == pytest.approx(14.5)
    feet = position[:, 0, :2]
    distance = np.linalg.norm(feet[:, None] - feet[None], axis=2) + 1000 * np.eye(12)
    assert 45 < distance.min(axis=1).min() <= distance.min(axis=1).max() < 75
