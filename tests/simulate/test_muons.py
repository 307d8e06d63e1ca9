"""Muons: unit vectors, times under the Cherenkov angle, hits on living modules only."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.simulate.detector import Detector
from antdask.simulate.muons import LONGEST_NS, Muons, light, make_muons


def test_directions_are_unit_vectors_and_positions_the_nearest_points() -> None:
    muons = make_muons(np.random.default_rng(1), 1000)
    assert np.linalg.norm(muons.direction, axis=1) == pytest.approx(1)
    assert (muons.position * muons.direction).sum(axis=1) == pytest.approx(0, abs=1e-9)
    assert (muons.direction[:, 2] < 0).mean() > 0.6
    assert muons.energy.min() > 60


def test_light_of_a_vertical_muon_arrives_floor_by_floor(detector: Detector) -> None:
    down = Muons(np.zeros((1, 3)), np.array([[0.0, 0, -1]]), np.ones(1))
    hits = light(np.random.default_rng(2), down, detector, np.array([32]))
    place = detector.position[hits.slot // 3]
    expected = (-place[:, 2] + np.hypot(place[:, 0], place[:, 1]) * np.sqrt(1.35**2 - 1)) / 0.299792458
    late = hits.time_ns + hits.first_ns[0] - expected
    assert late.min() > -1e-3
    assert np.mean(late) == pytest.approx(4, abs=2.5)
    assert hits.span_ns[0] == hits.time_ns.max() <= LONGEST_NS


def test_only_living_modules_are_hit_each_once(detector: Detector) -> None:
    rng = np.random.default_rng(3)
    hits = light(rng, make_muons(rng, 200), detector, np.full(200, 20))
    assert detector.live[hits.slot].all()
    keys = hits.event * 900 + hits.slot
    assert len(np.unique(keys)) == len(keys)
    assert 12 < len(keys) / 200 <= 20
    assert np.bincount(hits.event, hits.time_ns == 0, 200) == pytest.approx(1)
