"""What the chips take: nothing inside a gate, nothing while a chip is busy, one chip after the other."""

from __future__ import annotations

import numpy as np

from antdask.simulate.readout import DEAD_NS, GATE_NS, LOW_BITS, NS, SLOT_BITS, pack, take

TIME_BITS = 17


def taken(times_ns: list[float], slots: list[int] | None = None) -> tuple[list[float], list[int]]:
    """Times that are left, and their chips, of hits of one event."""
    time = (np.array(times_ns) * NS).astype(np.uint64)
    slot = np.zeros(len(time), np.uint64) if slots is None else np.array(slots, np.uint64)
    keys = np.sort(pack((np.zeros(len(time), np.uint64), 0), (slot, SLOT_BITS), (time, TIME_BITS), (np.zeros(1, np.uint64), LOW_BITS)))
    left = take(keys, TIME_BITS)
    return np.round(left.time / NS).tolist(), left.chip.tolist()


def test_hits_inside_the_gate_are_one_hit() -> None:
    assert taken([100, 120, 136]) == ([100], [0])
    assert taken([100, 120, 140, 150]) == ([100, 140], [0, 1])


def test_a_third_hit_waits_for_a_free_chip() -> None:
    assert taken([100, 150, 200, 331]) == ([100, 150, 331], [0, 1, 0])


def test_modules_do_not_know_each_other() -> None:
    times, chips = taken([100, 101, 102], slots=[4, 5, 6])
    assert times == [100, 101, 102]
    assert chips == [0, 1, 0]


def test_it_agrees_with_a_loop_over_random_hits() -> None:
    rng = np.random.default_rng(4)
    slots = rng.integers(0, 6, 400)
    times = np.sort(rng.integers(0, 60_000, 400))
    keys = np.sort(pack((np.zeros(400, np.uint64), 0), (slots, SLOT_BITS), (times, TIME_BITS), (np.zeros(1, np.uint64), LOW_BITS)))
    left = take(keys, TIME_BITS)
    for slot in range(6):
        mine = left.time[left.slot == slot].astype(int)
        assert mine.tolist() == _loop(sorted(times[slots == slot].tolist()))
        assert (np.diff(left.chip[left.slot == slot].astype(int)) != 0).all()


def _loop(times: list[int]) -> list[int]:
    """First the gates, then the chips, as the definition says."""
    for back, dead in ((1, GATE_NS), (2, DEAD_NS)):
        kept: list[int] = []
        for t in times:
            if len(kept) < back or t - kept[-back] >= np.ceil(dead * NS):
                kept.append(t)
        times = kept
    return times


def test_no_hits_at_all() -> None:
    assert all(len(column) == 0 for column in take(np.zeros(0, np.uint64), TIME_BITS))
