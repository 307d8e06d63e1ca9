"""Whose a row is, is known from the index or from runs of equal keys, and never guessed."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.sources.km3pipe_dataset import Dataset, _by_runs, nobody, owners
from tests.sources import km3pipe_samples as samples


@settings(deadline=None)
@given(st.lists(st.integers(0, 6), max_size=30), st.permutations(range(8)))
def test_runs_of_keys_are_those_that_a_loop_finds(counts: list[int], keys: list[int]) -> None:
    """Rows of event k stand together: every event finds its own, and rows of other keys belong to nobody."""
    numbers = [(k, n) for k, n in zip(keys, counts, strict=False) if n]
    rows = np.array([k for k, n in numbers for _ in range(n)], np.int64)
    events = np.array([1, 3, 5, 7])
    found = _by_runs(rows, np.zeros(len(rows), bool), events)
    for n, key in enumerate(events):
        assert np.flatnonzero(rows == key).tolist() == list(range(found.starts[n], found.stops[n]))
    assert not found.bad.any()
    assert found.strays == int((~np.isin(rows, events)).sum())


def test_an_event_in_two_places_is_bad() -> None:
    assert _by_runs(np.array([1, 2, 1]), np.zeros(3, bool), np.array([1, 2])).bad.tolist() == [True, False]


def test_events_beside_lost_rows_are_bad() -> None:
    found = _by_runs(np.array([1, 2, 0, 0, 4, 5]), np.array([0, 0, 1, 1, 0, 0], bool), np.array([1, 2, 3, 4, 5]))
    assert found.bad.tolist() == [False, True, True, True, False]
    assert found.strays == 0


def test_no_event_owns_nothing() -> None:
    assert _by_runs(np.array([1, 1]), np.zeros(2, bool), np.zeros(0, np.int64)).strays == 2
    assert nobody(3).counts.tolist() == [0, 0, 0]


def test_groups_and_tables_read_alike() -> None:
    with h5py.File(samples.path(samples.MUONS)) as file:
        hits, tracks = (Dataset.find(file, name, "file") for name in ("hits", "mc_tracks"))
        keys = np.arange(10)
        assert owners(hits, keys, keys).counts.sum() == len(hits) == 1293
        assert owners(tracks, keys, keys).counts.sum() == len(tracks) == 14
        for data in (hits, tracks):
            owned = owners(data, keys, keys)
            part = data.read(["time", data.key], owned.starts[[8, 2]], owned.stops[[8, 2]])
            whole = data.all_rows(["time", data.key])
            mine = [n for k in (8, 2) for n in np.flatnonzero(whole["group_id"] == k)]
            assert part["time"].tolist() == whole["time"][mine].tolist()


def test_what_is_no_data_set_is_refused() -> None:
    with h5py.File(samples.path(samples.MUONS)) as file, pytest.raises(UnknownLayoutError, match="no column that joins it"):
        Dataset.find(file, "raw_header", "file")


def test_an_index_that_is_too_short_leaves_events_without_rows_for_certain(tmp_path: object) -> None:
    with h5py.File(f"{tmp_path}/some.h5", "w") as file:
        file["hits/group_id"] = np.array([0, 0, 1])
        file["hits/_indices"] = np.array([(0, 2)], [("index", "i8"), ("n_items", "i8")])
        found = owners(Dataset.find(file, "hits", "file"), np.array([0, 1]), np.array([0, 1]))
        assert (found.bad.tolist(), found.counts.tolist(), found.strays) == ([False, True], [2, 0], 1)
        file["other/group_id"] = np.array([0, 0, 1])
        file["other/time"] = np.zeros(2)
        with pytest.raises(CorruptFileError, match="differ in length"):
            Dataset.find(file, "other", "file")
