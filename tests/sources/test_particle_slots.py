"""Particles of several kinds as rows: every one at its place, whatever an event lacks."""

from __future__ import annotations

import numpy as np

from antdask.sources.particle_slots import ParticleSlots


def test_kinds_follow_each_other_event_by_event() -> None:
    slots = ParticleSlots(np.array([[1, 0, 2], [1, 1, 0], [0, 0, 0], [1, 0, 1]]))
    joined = slots.join([np.array([10, 20, 40]), np.array([21]), np.array([11, 12, 41])])
    assert joined.tolist() == [10, 11, 12, 20, 21, 40, 41]
    assert slots.offsets.tolist() == [0, 3, 5, 5, 7]


def test_one_number_stands_for_all_of_a_kind() -> None:
    slots = ParticleSlots(np.array([[1, 2], [1, 1]]))
    joined = slots.join([-7, np.array([1, 2, 3], np.uint8).astype(np.int16)])
    assert (joined.tolist(), joined.dtype) == ([-7, 1, 2, -7, 3], np.dtype(np.int16))


def test_no_event_has_no_rows() -> None:
    slots = ParticleSlots(np.zeros((0, 3), np.int64))
    assert slots.join([0.0, 0.0, np.zeros(0)]).tolist() == []
    assert slots.offsets.tolist() == [0]
