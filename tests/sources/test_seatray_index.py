"""The arithmetic of row indices: verdicts, joins, cuts."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from antdask.sources import seatray_index as si

counts = st.lists(st.integers(0, 5), min_size=1, max_size=12)


def ragged(sizes: list[int], order: list[int] | None = None) -> tuple[si.Index, int]:
    """A sound index of blocks of these sizes; absent objects restart at 0."""
    stop = np.cumsum(sizes)
    start = stop - sizes
    exists = (np.array(sizes) > 0).astype(np.uint8)
    n = len(sizes)
    columns = (np.full(n, 7, np.uint32), np.arange(n, dtype=np.uint32), exists, np.full(n, -1, np.int32), start * exists, stop * exists)
    index = si.Index(*columns[:4], columns[4].astype(np.uint64), columns[5].astype(np.uint64))
    return (index.take(np.array(order)) if order else index), int(stop[-1])


@given(counts, st.randoms())
def test_a_sound_index_in_any_order_has_no_verdict(sizes: list[int], random: st.DataObject) -> None:
    order = list(range(len(sizes)))
    random.shuffle(order)
    index, rows = ragged(sizes, order)
    assert not si.block_verdicts(index, rows).any()


@given(counts, st.data())
def test_any_change_of_a_range_is_seen_at_the_entry_that_changed(sizes: list[int], data: st.DataObject) -> None:
    index, rows = ragged(sizes)
    entry = data.draw(st.integers(0, len(sizes) - 1))
    side = data.draw(st.sampled_from(["start", "stop"]))
    value = data.draw(st.integers(0, 2 * rows + 2) | st.just(2**64 - 1))
    column = getattr(index, side)
    if column[entry] == value:
        return
    column[entry] = value
    verdicts = si.block_verdicts(index, rows)
    if index.start[entry] == index.stop[entry] <= rows and sizes[entry] == 0:
        assert not verdicts.any(), "nothing at another place is still nothing"
    else:
        assert verdicts[entry]


def test_a_range_far_outside_blames_no_neighbour() -> None:
    index, rows = ragged([3, 4, 5])
    index.stop[1] = 2**63
    assert si.block_verdicts(index, rows).tolist() == [0, si.OUTSIDE, 0]
    assert [r.tolist() for r in index.ranges(rows)] == [[0, 3, 7], [3, 12, 12]]


def test_rows_before_the_first_and_after_the_last_event_are_missed() -> None:
    index, _ = ragged([3, 4])
    index.start[0] = 1
    assert si.block_verdicts(index, 9).tolist() == [si.ORPHAN_ROWS, si.ORPHAN_ROWS]


def test_an_index_of_nothing_over_rows_is_silent_only_without_rows() -> None:
    index, _ = ragged([0, 0])
    assert si.block_verdicts(index, 0).tolist() == [0, 0]


def test_entries_without_rows_are_doubted_only_in_a_damaged_index() -> None:
    index, rows = ragged([3, 0, 5])
    assert si.doubt(si.block_verdicts(index, rows), index).tolist() == [0, 0, 0]
    index.stop[2] = 99
    assert si.doubt(si.block_verdicts(index, rows), index).tolist() == [0, si.UNSURE, si.OUTSIDE]


def test_one_row_per_object_points_to_itself() -> None:
    index, _ = ragged([1, 0, 1])
    index.start[2], index.stop[2] = 2, 3
    assert si.row_verdicts(index, 3).tolist() == [0, 0, 0]
    assert si.row_verdicts(index, 4).tolist() == [0, 0, 0, si.NO_ROW]
    assert si.row_verdicts(index, 2).tolist() == [0, 0, si.NO_ROW]
    index.start[2] = 1
    assert si.row_verdicts(index, 3).tolist() == [0, 0, si.MISPLACED]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=10),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=10),
)
def test_join_pairs_the_nth_with_the_nth_of_the_same_key(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> None:
    found = si.join(np.array(left).reshape(-1, 2), np.array(right).reshape(-1, 2))
    waiting = list(enumerate(right))
    for key, row in zip(left, found.tolist(), strict=True):
        expected = next(((n, k) for n, k in waiting if k == key), None)
        assert row == (expected[0] if expected else -1)
        if expected:
            waiting.remove(expected)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.integers(1, 15), st.data())
def test_cuts_are_gapless_never_empty_and_small_where_they_can_be(weights: list[int], limit: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(weights)))
    stop = data.draw(st.integers(start, len(weights)))
    pieces = si.cut(np.array(weights), start, stop, limit)
    assert [n for a, b in pieces for n in range(a, b)] == list(range(start, stop))
    assert all(sum(weights[a:b]) <= limit or b == a + 1 for a, b in pieces)


def test_frames_of_different_runs_differ() -> None:
    one, two = np.array([1, 2], np.uint32), np.array([2, 1], np.uint32)
    index = si.Index(one, two, one, one, one, one)
    assert index.frame.tolist() == [2**32 + 2, 2 * 2**32 + 1]


def test_every_verdict_has_words() -> None:
    assert sorted(si.WORDS) == list(range(1, 13))
