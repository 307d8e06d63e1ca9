"""Counts of the frames: baseline, slow drift, bursts, saturation, and missing data that are not zero."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.simulate.detector import Detector
from antdask.simulate.sea import FRAME_S, HIGH_RATE, HIGH_RATE_VETO, NO_DATA, SATURATION, XOFF, Sea
from antdask.simulate.spec import SimulationSpec, run_start_ns
from tests.simulate.sample import Sample


def test_counts_follow_their_expectation_as_poisson_does(sample: Sample) -> None:
    light = sample.light[0]
    good = light.flags == 0
    pull = (light.count[good] - light.expected[good]) / np.sqrt(light.expected[good])
    assert pull.mean() == pytest.approx(0, abs=0.02)
    assert pull.std() == pytest.approx(1, abs=0.02)


def test_modules_count_about_55_khz_on_average(sample: Sample) -> None:
    count = np.concatenate([c.count[(c.flags & NO_DATA) == 0] for c in sample.light])
    assert count.mean() / FRAME_S == pytest.approx(55e3, rel=0.05)


def test_bursts_light_up_a_module_a_tenth_of_the_time_and_its_neighbours_with_it(sample: Sample, detector: Detector) -> None:
    count = np.concatenate([c.count for c in sample.light])[:, detector.live]
    baseline = np.median(count, axis=0)
    burst = count > 1.2 * baseline
    assert 0.05 < burst.mean() < 0.25
    line_floor = np.flatnonzero(detector.live) // 3
    same = np.flatnonzero(np.diff(line_floor) == 0)
    both = (burst[:, same] & burst[:, same + 1]).mean()
    assert both > 3 * burst.mean() ** 2


def test_strong_bursts_are_vetoed_and_saturate() -> None:
    spec = SimulationSpec()
    live = np.full(900, 1e6)
    detector = _detector(spec, live)
    light = Sea(spec, 45_001, detector).counts(np.arange(2, 50))
    sent = (light.flags & NO_DATA) == 0
    assert (light.count[sent] == SATURATION).all()
    assert (light.flags[sent] & HIGH_RATE_VETO).all()
    assert 0.1 < (light.flags[sent] & XOFF > 0).mean() < 0.3
    assert HIGH_RATE < SATURATION


def test_dead_modules_have_no_data_rather_than_zero(sample: Sample, detector: Detector) -> None:
    flags = np.concatenate([c.flags for c in sample.light])
    assert (flags[:, ~detector.live] == NO_DATA).all()
    silent = (flags[:, detector.live] & NO_DATA) > 0
    assert 0.0002 < silent.mean() < 0.003


def test_the_baseline_drifts_by_some_per_cent_in_a_day(detector: Detector) -> None:
    spec = SimulationSpec()
    frames = np.arange(0, 824_000, 4000)
    drift = Sea(spec, 45_001, detector).baseline(frames)
    assert 0.04 < np.ptp(drift) < 0.15
    assert np.abs(np.diff(drift)).max() < 0.005
    assert run_start_ns(45_002) - run_start_ns(45_001) == 7200 * 10**9


def _detector(spec: SimulationSpec, rate: np.ndarray) -> Detector:
    from antdask.simulate.detector import make_detector

    made = make_detector(spec)
    return Detector(rate > 0, rate, made.position, made.pedestal, made.gain, made.tvc_min, made.tvc_span)
