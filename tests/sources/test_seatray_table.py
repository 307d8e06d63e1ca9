"""What a SeaTray table and its index say together."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.errors import CorruptFileError
from antdask.model.keys import RunKey
from antdask.model.tables import schema
from antdask.sources import layout_map
from antdask.sources.hdf5_table import opened
from antdask.sources.seatray_index import MIXED, OTHER_KEY, Index
from antdask.sources.seatray_table import check, columns_of, counters, find_index, find_table, key_verdicts, segments, width
from tests.sources.seatray_samples import FITS, PULSES, REAL

MAP = layout_map.load("seatray_hdf5_3")


def index(counter: list[int]) -> Index:
    n = len(counter)
    event = np.arange(n, dtype=np.uint32)
    return Index(
        np.full(n, 5, np.uint32), event, np.ones(n, np.uint8), np.array(counter, np.int32), np.zeros(n, np.uint64), np.zeros(n, np.uint64)
    )


def test_table_and_index_of_the_real_file() -> None:
    with opened(REAL) as file:
        table, rows = find_table(file, REAL, MAP, FITS), find_index(file, REAL, MAP, FITS)
    assert len(rows) == 23
    assert (table.name, table.chunk_rows) == (FITS, 326)
    assert set(rows.trigger_counter.tolist()) == {-1}
    assert rows.start[:4].tolist() == [0, 0, 2, 3]


def test_segments_follow_the_run() -> None:
    made = segments("events", "T", np.array([3, 3, 4, 3]), np.array([1, 2, 4, 8]))
    assert [(s.run, s.start, s.stop, s.nbytes) for s in made] == [
        (RunKey("antares", 3), 0, 2, 3),
        (RunKey("antares", 4), 2, 3, 4),
        (RunKey("antares", 3), 3, 4, 8),
    ]
    assert segments("events", "T", np.array([], int), np.array([], int)) == []


def test_the_counter_comes_from_the_rows() -> None:
    counter, verdicts = counters(np.array([8, 8, 9], np.int32), np.array([2, 0, 1]), index([-1, -1, -1]))
    assert counter.tolist() == [8, -1, 9]
    assert verdicts.tolist() == [0, 0, 0]


def test_counters_that_contradict_each_other_are_marked() -> None:
    _, verdicts = counters(np.array([8, 7, 9, 9], np.int32), np.array([2, 1, 1]), index([-1, 9, 8]))
    assert verdicts.tolist() == [MIXED, 0, MIXED]


def test_rows_must_repeat_the_key_of_their_index() -> None:
    rows = {"Run": np.array([5, 5, 6]), "Event": np.array([0, 0, 1]), "exists": np.array([1, 1, 1])}
    assert key_verdicts(rows, index([-1, -1, -1]), np.array([0, 0, 1])).tolist() == [0, OTHER_KEY, 0]


def test_a_value_that_a_field_cannot_hold_is_marked() -> None:
    rows = {c.source: np.zeros(3, c.dtype) for c in MAP.dataset(PULSES).columns}
    rows["string"][:] = [1, -1, 127]
    columns, bad = columns_of(rows, MAP.dataset(PULSES), schema("events").table("hits").columns("seatray"), "hits")
    assert bad.tolist() == [False, True, False]
    assert columns["line"].dtype == np.uint8


def test_the_width_of_a_record_counts_no_padding() -> None:
    assert [width(MAP.dataset(name)) for name in (PULSES, FITS)] == [52, 201]


def test_the_first_run_of_verdicts_is_raised_with_its_entries() -> None:
    check(np.zeros(4, np.uint8), 10, "file", "T")
    with pytest.raises(CorruptFileError, match=r"trigger counter changes inside one event, entries 11:13 \(in file, T\)") as caught:
        check(np.array([0, MIXED, MIXED, 0, MIXED], np.uint8), 10, "file", "T")
    assert (caught.value.tree, caught.value.start, caught.value.stop) == ("T", 11, 13)
