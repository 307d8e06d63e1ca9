"""The join of triggered hits with the snapshot, against a join by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antdask.sources import km3net_triggered
from antdask.sources.km3net_records import KEY_HIT, TRIGGERED_HIT
from antdask.sources.km3net_triggered import match

Event = tuple[list[int], list[int]]


def records(events: list[list[int]], dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Hit number h is dom h, channel h % 31, time 7 h, tot h % 256."""
    numbers = np.array([h for event in events for h in event], np.int64)
    table = np.zeros(len(numbers), dtype)
    table["dom_id"], table["channel_id"], table["tdc"], table["tot"] = numbers, numbers % 31, 7 * numbers, numbers % 256
    return table, np.array([len(event) for event in events], np.int64)


def by_hand(mine: list[int], others: list[int], offset: int) -> list[int]:
    """The n-th of equal entries gets the n-th of equal others, or the last of them."""
    found = []
    for i, number in enumerate(mine):
        places = [k for k, other in enumerate(others) if other == number]
        rank = mine[:i].count(number)
        found.append(places[min(rank, len(places) - 1)] + offset if places else -1)
    return found


def check(events: list[Event]) -> None:
    hits, triggered = [e[0] for e in events], [e[1] for e in events]
    of_hit, of_triggered = match(*records(hits, KEY_HIT), *records(triggered, TRIGGERED_HIT))
    expected_hit: list[int] = []
    expected_triggered: list[int] = []
    for mine, theirs in events:
        n, m = len(expected_hit), len(expected_triggered)
        expected_hit += by_hand(mine, theirs, m)
        expected_triggered += by_hand(theirs, mine, n)
    assert of_hit.tolist() == expected_hit
    assert of_triggered.tolist() == expected_triggered


hit_numbers = st.lists(st.integers(0, 12), max_size=12)


@given(st.lists(st.tuples(hit_numbers, hit_numbers), max_size=5))
@settings(deadline=None)
def test_the_join_equals_one_by_hand_repeated_hits_included(events: list[Event]) -> None:
    check(events)


def test_groups_of_events_do_not_change_the_join(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(km3net_triggered, "GROUP_HITS", 10)
    rng = np.random.default_rng(3)
    check([(rng.integers(0, 30, rng.integers(0, 25)).tolist(), rng.integers(0, 30, rng.integers(0, 9)).tolist()) for _ in range(40)])


def test_events_of_very_different_size_are_joined_in_full() -> None:
    rng = np.random.default_rng(4)
    large = rng.permutation(3000)
    check([([5], [5]), (large.tolist(), large[::3].tolist()), ([], [1, 2]), ([3, 4], [])])


@pytest.mark.parametrize("field", ["dom_id", "channel_id", "tdc", "tot"])
def test_a_hit_that_differs_in_one_member_is_another_hit(field: str) -> None:
    hits, n = records([[1, 2, 3]], KEY_HIT)
    triggered, m = records([[2]], TRIGGERED_HIT)
    triggered[field] += 1
    of_hit, of_triggered = match(hits, n, triggered, m)
    assert of_hit.tolist() == [-1, -1, -1]
    assert of_triggered.tolist() == [-1]


def test_the_same_hit_in_another_event_is_another_hit() -> None:
    check([([1], []), ([], [1])])
