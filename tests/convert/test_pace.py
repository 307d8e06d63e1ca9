import numpy as np
import pytest

from antdask.convert.pace import AWAKE_S, WINDOW_S, Pace, measure


def steady(n, seconds=10.0, places=2, nbytes=1e9):
    """Parts of equal length on a number of places."""
    ended = (np.arange(n) // places + 1) * seconds
    return ended, np.full(n, seconds), np.full(n, seconds * 0.9), np.full(n, nbytes), np.ones(n)


def test_a_steady_campaign_is_measured_as_it_is():
    ended, *others = steady(40)
    pace = measure(ended, *others, left=int(20e9), now=ended[-1] + 5)
    assert pace.running and pace.at_work == pytest.approx(2) and pace.parts_per_second == pytest.approx(0.2)
    assert pace.bytes_per_second == pytest.approx(2e8) and pace.seconds_left == pytest.approx(100)
    assert pace.mb_per_second_core == pytest.approx(1e3 / 9) and pace.cpu_hours == pytest.approx(40 * 9 / 3600) and pace.part_seconds == 10


def test_a_sample_stands_for_all():
    ended, *others, weight = steady(40)
    some = slice(None, None, 4)
    pace = measure(ended[some], *(o[some] for o in others), weight[some] * 4, left=int(20e9), now=ended[-1])
    assert pace.cpu_hours == pytest.approx(0.1) and pace.seconds_left == pytest.approx(100, rel=0.1)


def test_only_the_last_hour_counts_for_the_rate():
    ended, *others = steady(2 * int(WINDOW_S))
    slow = ended - 1e6
    both = [np.concatenate([a, b]) for a, b in zip((slow, *others), (ended, *others), strict=True)]
    assert measure(*both, left=0, now=float(ended[-1])).parts_per_second == pytest.approx(0.2, rel=0.01)


def test_who_has_not_ended_a_part_for_long_is_not_at_work():
    ended, *others = steady(4)
    assert measure(ended, *others, left=10, now=ended[-1] + AWAKE_S - 1).running
    asleep = measure(ended, *others, left=10, now=ended[-1] + AWAKE_S + 1)
    assert not asleep.running and asleep.seconds_left is None
    ended, *others = steady(4, seconds=1000)
    assert measure(ended, *others, left=10, now=ended[-1] + 2900).running


def test_nothing_done_has_no_pace_and_nothing_left_no_end():
    none = np.zeros(0)
    assert measure(none, none, none, none, none, left=10, now=0.0) == Pace()
    ended, *others = steady(1)
    pace = measure(ended, *others, left=0, now=ended[-1])
    assert pace.seconds_left is None and pace.parts_per_second == pytest.approx(0.1)
