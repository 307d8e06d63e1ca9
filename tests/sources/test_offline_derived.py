"""Derived fields of offline events: runs, times, weights and flags."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from antdask.errors import ConfigurationError
from antdask.sources import layout_map
from antdask.sources.layout_dataset import Dataset, Derived
from antdask.sources.offline_derived import derive, run_of
from antdask.sources.root_nested import Nested


def plain(*values: int | float, dtype: str = "i4") -> Nested:
    return Nested(np.array(values, dtype), ())


def only(dataset: str, *fields: str) -> Dataset:
    found = layout_map.load("km3net_offline_1").dataset(dataset)
    return dataclasses.replace(found, derived=tuple(d for d in found.derived if d.field in fields))


def test_the_run_is_that_of_the_simulation_before_there_is_one() -> None:
    assert run_of(np.array([0, 7, -1]), np.array([5, 6, -2])).tolist() == [5, 7, 0]
    assert run_of(np.array([1]), np.array([1])).dtype == np.uint32


def test_times_are_exact_in_nanoseconds() -> None:
    parts = {"t.fSec": plain(2_000_000_000, 0), "t.fNanoSec": plain(999_999_999, -5)}
    assert derive(only("E", "utc_ns"), parts, 0, 2)["events.utc_ns"].tolist() == [2_000_000_000_999_999_999, -5]


def test_weights_are_missing_where_the_list_is_short() -> None:
    parts = {"w": Nested(np.array([1.0, 2.0, 3.0]), (np.array([2, 0, 1]),))}
    made = derive(only("E/mc", "w1", "w2", "w3"), parts, 0, 3)
    np.testing.assert_array_equal(made["events.w1"], [1, np.nan, 3])
    np.testing.assert_array_equal(made["events.w2"], [2, np.nan, np.nan])
    assert np.isnan(made["events.w3"]).all()


def test_triggered_hits_are_counted_event_by_event() -> None:
    parts = {"hits": plain(2, 0, 3), "hits.trig": Nested(np.array([0, 4, 1, 0, 2], "u8"), (np.array([2, 0, 3]),))}
    made = derive(only("E", "n_triggered", "triggered", "n_hits"), parts, 0, 3)
    assert made["events.n_triggered"].tolist() == [1, 0, 2]
    assert made["hits.triggered"].tolist() == [0, 1, 1, 0, 1]
    assert made["events.n_hits"].tolist() == [2, 0, 3]


def test_tracks_know_their_event() -> None:
    parts = {"trks": plain(2, 0, 1), "run_id": plain(9, 9, 8), "mc_run_id": plain(0, 0, 0)}
    made = derive(only("E/trks", "run", "track_index", "event_entry", "exists", "algorithm"), parts, 10, 13)
    assert made["tracks.run"].tolist() == [9, 9, 8]
    assert made["tracks.track_index"].tolist() == [0, 1, 0]
    assert made["tracks.event_entry"].tolist() == [10, 10, 12]
    assert made["tracks.exists"].tolist() == [1, 1, 1]
    assert made["tracks.algorithm"].tolist() == [0, 0, 0]


def test_an_unknown_field_is_refused() -> None:
    unknown = dataclasses.replace(only("E"), derived=(Derived("events", "colour", (), "-", "-", "verified"),))
    with pytest.raises(ConfigurationError, match="nobody knows"):
        derive(unknown, {}, 0, 0)
