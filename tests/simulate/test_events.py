"""Simulated events look like the only public ANTARES events: widths, hits, rates, charges, gaps, flags."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.simulate.detector import Detector, make_detector
from antdask.simulate.events import make_events
from antdask.simulate.sea import Sea
from antdask.simulate.simulation import run_content
from antdask.simulate.spec import FRAME_TICKS, SimulationSpec
from antdask.simulate.timeline import timeline
from tests.simulate.sample import Sample, real


def test_widths_of_events_are_those_of_real_ones(sample: Sample) -> None:
    assert np.median(sample.width_ns) == pytest.approx(4440, abs=15)
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        assert np.quantile(sample.width_ns, share) == pytest.approx(np.quantile(real().width_ns, share), rel=0.02)
    inside = (sample.width_ns > 4150) & (sample.width_ns < 6200)
    assert inside.mean() > 0.995


def test_numbers_of_hits_are_those_of_real_events(sample: Sample) -> None:
    assert sample.hits.mean() == pytest.approx(real().hits.mean(), rel=0.05)
    for share in (0.1, 0.5, 0.9):
        assert np.quantile(sample.hits, share) == pytest.approx(np.quantile(real().hits, share), rel=0.08)


def test_modules_count_57_khz(sample: Sample, detector: Detector) -> None:
    rate_khz = len(sample.module) / len(np.unique(sample.module)) / sample.width_ns.sum() * 1e6
    real_khz = len(real().module) / len(np.unique(real().module)) / real().width_ns.sum() * 1e6
    assert rate_khz == pytest.approx(real_khz, rel=0.05)
    assert set(sample.module) == set(np.flatnonzero(detector.live))


def test_charges_peak_at_one_photo_electron_and_are_cut_near_a_third(sample: Sample) -> None:
    counts, edges = np.histogram(sample.charge_pe, np.arange(0.25, 3.0, 0.1))
    assert edges[counts.argmax()] + 0.05 == pytest.approx(1.0, abs=0.11)
    assert (sample.charge_pe < 0.3).mean() == pytest.approx(0.022, abs=0.004)
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        assert np.quantile(sample.charge_pe, share) == pytest.approx(np.quantile(real().charge_pe, share), abs=0.06)
    assert (sample.charge_pe > 5).mean() == pytest.approx((real().charge_pe > 5).mean(), abs=0.004)


def test_hits_of_a_module_are_37_ns_apart_with_an_excess_behind(sample: Sample) -> None:
    gaps = sample.gaps_ns()
    assert gaps.min() >= 37.0
    per_hit = len(sample.module)
    for low, high in ((37, 40), (40, 50), (50, 100), (100, 300), (500, 1000)):
        found = ((gaps >= low) & (gaps < high)).sum() / per_hit
        expected = ((real().gaps_ns() >= low) & (real().gaps_ns() < high)).sum()
        assert found * len(real().module) == pytest.approx(expected, abs=4 * np.sqrt(expected) + 3)


def test_a_chip_rests_while_the_other_takes_over(sample: Sample) -> None:
    assert sample.gaps_ns(by=sample.chip).min() > 225
    assert np.bincount(sample.chip % 2) / len(sample.chip) == pytest.approx([0.5, 0.5], abs=0.01)


def test_one_event_in_eight_has_triggered_hits(sample: Sample) -> None:
    assert (sample.flagged > 0).mean() == pytest.approx((real().flagged > 0).mean(), abs=0.02)
    flagged = sample.flagged[sample.flagged > 0]
    assert 5 <= flagged.min() <= flagged.max() <= 27
    assert np.median(flagged) == pytest.approx(np.median(real().flagged[real().flagged > 0]), abs=5)


def test_hits_stand_in_time_and_inside_their_frame(sample: Sample) -> None:
    later = np.diff(sample.time_ns) >= -0.2  # the TVC of two chips differs by a count
    assert (later | (np.diff(sample.event) > 0)).all()
    assert all(e.hits.timestamp.max() < FRAME_TICKS for e in sample.pieces)


def test_triggered_hits_lie_under_the_cherenkov_angle_of_their_muon(sample: Sample, detector: Detector) -> None:
    events = sample.pieces[0]
    which = {int(e): i for i, e in enumerate(events.muon)}
    distances = []
    for event in np.flatnonzero(np.add.reduceat(events.hits.triggered.astype(int), events.offsets[:-1]) > 8)[:20]:
        span = slice(events.offsets[event], events.offsets[event + 1])
        hits = events.hits.triggered[span] == 1
        chip = events.hits.chip[span][hits]
        time = detector.time_ns(chip, events.hits.timestamp[span][hits], events.hits.tvc[span][hits])
        i = which[int(event)]
        offset = detector.position[chip // 6] - events.muons.position[i]
        along = offset @ events.muons.direction[i]
        away = np.sqrt((offset**2).sum(axis=1) - along**2)
        expected = events.passage_ns[i] + (along + away * np.sqrt(1.35**2 - 1)) / 0.299792458
        distances.append(time - expected)
    late = np.concatenate(distances)
    assert len(late) > 100
    # Light arrives late, by 4 ns on average, never early; a few flags are lost to noise in the gate.
    assert np.quantile(late, 0.01) > -1.0
    assert np.median(late) == pytest.approx(4 * np.log(2), abs=1.5)


def test_a_run_is_the_same_alone_and_among_others(detector: Detector) -> None:
    alone, among = SimulationSpec(first_run=45_003, events=50, seed=3), SimulationSpec(first_run=45_001, runs=5, events=50, seed=3)
    (a,), (b,) = (list(run_content(s, 45_003, detector)) for s in (alone, among))
    assert (a[2].hits.timestamp == b[2].hits.timestamp).all()
    assert (a[1].count == b[1].count).all()
    assert len(a[2].hits.timestamp) != len(next(run_content(among, 45_004, detector))[2].hits.timestamp)


def test_a_group_of_frames_without_events_gives_none() -> None:
    spec = SimulationSpec(events=1, event_rate_hz=0.2)
    detector = make_detector(spec)
    frames = next(timeline(spec, 45_001))
    light = Sea(spec, 45_001, detector).counts(frames.index)
    empty = type(frames)(frames.index, np.zeros_like(frames.events), frames.counter[:0])
    made = make_events(spec.random(1), empty, light.expected, detector)
    assert (len(made.hits.slot), len(made.muon), made.offsets.tolist()) == (0, 0, [0])
