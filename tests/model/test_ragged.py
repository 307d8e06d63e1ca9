"""Ragged arithmetic agrees with plain lists, at every level of nesting."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antdask.model.ragged import Batch, concatenate, cut, empty, join_offsets, offsets_of, ranges, sorting, take

STREAM, ORIGIN = "timeslices_l1", "km3net_online"
NESTED = st.lists(st.lists(st.lists(st.integers(0, 255), max_size=4), max_size=4), max_size=6)
Lists = list[list[list[int]]]


def batch_of(slices: Lists) -> Batch:
    """A batch of timeslices whose hits carry these values as tot; every other column is zero."""
    frames = [frame for row in slices for frame in row]
    tot = np.array([hit for frame in frames for hit in frame], np.uint8)
    blank = empty(STREAM, ORIGIN)
    lengths = {"slices": len(slices), "frames": len(frames), "hits": len(tot)}
    tables = {n: {k: np.zeros(lengths[n], v.dtype) for k, v in columns.items()} for n, columns in blank.tables.items()}
    tables["hits"]["tot"] = tot
    tables["slices"]["frame_index"] = np.arange(len(slices), dtype=np.uint32)
    counts = {"frames": [len(row) for row in slices], "hits": [len(frame) for frame in frames]}
    return Batch(STREAM, ORIGIN, tables, {n: offsets_of(np.array(c, np.int64)) for n, c in counts.items()})


def lists_of(batch: Batch) -> Lists:
    """The nested lists that a batch holds."""
    tot, hits, frames = batch.tables["hits"]["tot"].tolist(), batch.offsets["hits"], batch.offsets["frames"]
    return [[tot[hits[f] : hits[f + 1]] for f in range(frames[r], frames[r + 1])] for r in range(batch.rows)]


@given(NESTED)
def test_a_batch_of_lists_is_sound_and_gives_them_back(slices: Lists) -> None:
    batch = batch_of(slices)
    assert batch.problems() == []
    assert lists_of(batch) == slices
    assert (batch.rows, batch.hits) == (len(slices), sum(len(f) for row in slices for f in row))


@given(NESTED, st.data())
def test_take_agrees_with_lists_for_any_choice_of_rows(slices: Lists, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(slices) - 1), max_size=8)) if slices else []
    taken = take(batch_of(slices), np.array(rows, np.int64))
    assert taken.problems() == []
    assert lists_of(taken) == [slices[r] for r in rows]


@given(NESTED, st.data())
def test_cuts_joined_again_are_the_whole(slices: Lists, data: st.DataObject) -> None:
    edge = data.draw(st.integers(0, len(slices)))
    batch = batch_of(slices)
    pieces = [cut(batch, 0, edge), cut(batch, edge, len(slices))]
    assert [lists_of(p) for p in pieces] == [slices[:edge], slices[edge:]]
    assert all(p.problems() == [] for p in pieces)
    assert lists_of(concatenate(pieces)) == slices


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 5))))
def test_ranges_agrees_with_a_loop(pairs: list[tuple[int, int]]) -> None:
    starts, counts = (np.array(list(side), np.int64) for side in zip(*pairs, strict=True)) if pairs else (np.zeros(0, np.int64),) * 2
    assert ranges(starts, counts).tolist() == [i for start, count in pairs for i in range(start, start + count)]


def test_small_counts_do_not_overflow() -> None:
    assert offsets_of(np.full(3, 200, np.uint8)).tolist() == [0, 200, 400, 600]
    assert join_offsets([np.array([0, 2**40]), np.array([0, 1])]).tolist() == [0, 2**40, 2**40 + 1]


def test_sorting_is_stable_and_none_where_nothing_moves() -> None:
    batch = batch_of([[], [], []])
    assert sorting(batch) is None
    batch.tables["slices"]["frame_index"][:] = [2, 1, 2]
    order = sorting(batch)
    assert order is not None and order.tolist() == [1, 0, 2]


def test_problems_name_what_contradicts_the_schema() -> None:
    batch = batch_of([[[1, 2]]])
    hits = batch.tables["hits"]
    cases = [
        (dataclasses.replace(batch, tables={**batch.tables, "hits": {**hits, "tot": hits["tot"].astype("i8")}}), "hits.tot: int64"),
        (dataclasses.replace(batch, tables={**batch.tables, "hits": {"tot": hits["tot"]}}), "hits: columns differ"),
        (dataclasses.replace(batch, tables={"slices": batch.tables["slices"]}), "instead of"),
        (dataclasses.replace(batch, offsets={**batch.offsets, "hits": np.array([0, 1])}), "do not run from 0 to 2"),
        (dataclasses.replace(batch, offsets={**batch.offsets, "hits": np.array([0])}), "not int64 of length 2"),
    ]
    for broken, words in cases:
        assert any(words in problem for problem in broken.problems()), (words, broken.problems())


@pytest.mark.parametrize("origin", ["km3net_online", "seatray"])
def test_an_empty_batch_has_every_declared_column(origin: str) -> None:
    batch = empty("events", origin)
    assert batch.problems() == [] and batch.rows == batch.hits == 0
