"""All hits of a frame: as many as counted, storey by storey, in time."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.simulate.detector import Detector
from antdask.simulate.spec import FRAME_TICKS, SimulationSpec
from antdask.simulate.timeslices import Timeslice, make_timeslice
from tests.simulate.sample import Sample


@pytest.fixture(scope="module")
def piece(sample: Sample, detector: Detector) -> Timeslice:
    counts = sample.light[0].count[0].copy()
    counts[counts > 0] = counts[counts > 0] // 4  # a quarter is quick, and says as much
    return make_timeslice(SimulationSpec().random(1), 17, counts, detector)


def test_modules_have_their_counts_less_what_the_chips_lose(piece: Timeslice, sample: Sample) -> None:
    counts = sample.light[0].count[0] // 4
    found = np.bincount(piece.hits.slot, minlength=900)
    assert (found <= counts).all()
    # 1.4 kHz per quarter module and 37 ns of gate: one in two thousand at 14 kHz.
    assert (counts - found).sum() / counts.sum() == pytest.approx(14e3 * 37e-9, rel=0.35)


def test_storeys_stand_one_after_the_other_and_their_hits_in_time(piece: Timeslice, detector: Detector) -> None:
    assert (np.diff(piece.storey) > 0).all()
    assert piece.counts.sum() == len(piece.hits.slot)
    assert (np.repeat(piece.storey, piece.counts) == piece.hits.slot // 3).all()
    time = detector.time_ns(piece.hits.chip, piece.hits.timestamp, piece.hits.tvc)
    same = np.diff(piece.hits.slot // 3) == 0
    assert np.diff(time)[same].min() > -0.3
    assert piece.hits.timestamp.max() < FRAME_TICKS
    assert piece.hits.timestamp.min() < 100


def test_times_are_uniform_and_chips_alternate(piece: Timeslice) -> None:
    counts, _ = np.histogram(piece.hits.timestamp, 64, (0, FRAME_TICKS))
    assert counts.std() == pytest.approx(np.sqrt(counts.mean()), rel=0.4)
    assert piece.hits.ars.max() == 5
    order = np.lexsort((piece.hits.timestamp, piece.hits.slot))
    same = np.diff(piece.hits.slot[order]) == 0
    assert (np.diff(piece.hits.chip[order] % 2)[same] != 0).mean() > 0.999


def test_dead_modules_are_silent(piece: Timeslice, detector: Detector) -> None:
    assert detector.live[piece.hits.slot].all()
    assert not set(piece.storey) & {25 * 5 + f for f in range(25)}
