"""Frames and trigger counters behave as in run 45978: gaps, other bases in other frames, counters that repeat."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.simulate.spec import FIRST_FRAME, SimulationSpec
from antdask.simulate.timeline import timeline
from tests.simulate.sample import Sample


def test_frames_ascend_with_gaps(sample: Sample) -> None:
    index = np.concatenate([f.index for f in sample.frames])
    steps = np.diff(index)
    assert index[0] == FIRST_FRAME
    assert steps.min() == 1
    assert 0.01 < (steps > 1).mean() < 0.06


def test_the_key_is_unique_and_its_parts_are_not(sample: Sample) -> None:
    keys = np.stack([sample.frame_index, sample.counter])
    assert len(np.unique(keys, axis=1).T) == len(sample.counter) == 8000
    assert len(np.unique(sample.frame_index)) < 2000
    assert len(np.unique(sample.counter)) < 6000


def test_the_counter_rises_inside_a_frame_with_gaps_and_starts_anew_in_the_next(sample: Sample) -> None:
    inside = np.diff(sample.frame_index) == 0
    steps = np.diff(sample.counter)
    assert set(steps[inside]) == {1, 2}
    assert (steps[inside] == 2).mean() == pytest.approx(0.12, abs=0.02)
    assert (steps[~inside] < 0).mean() > 0.3


def test_a_process_goes_on_counting_where_it_stopped() -> None:
    spec = SimulationSpec(events=4000)
    frames = list(timeline(spec, 45_001))
    counter = np.concatenate([f.counter for f in frames])
    assert 53_999 < counter.min() < counter.max() < 54_000 + 950 * 6 + 40 + 4000 / 40 * 1.5


@pytest.mark.parametrize("events", [0, 1, 5, 3000])
def test_there_are_as_many_events_as_asked_for(events: int) -> None:
    assert sum(int(f.events.sum()) for f in timeline(SimulationSpec(events=events), 45_001)) == events
    assert all(len(f.counter) == f.events.sum() for f in timeline(SimulationSpec(events=events), 45_001))
