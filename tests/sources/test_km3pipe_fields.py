"""Columns come under the names of the model, in any width, and a value that does not fit is noticed."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.model.mc_fields import NO_NUMBER
from antdask.model.schema import Field
from antdask.model.tables import MC
from antdask.sources import layout_map
from antdask.sources.km3pipe_fields import absent, convert, demand, known, parameters, place, sources

MAP = layout_map.load("km3pipe_hdf5")


def field(dtype: str, name: str = "some") -> Field:
    return Field(name, dtype, "1", "")


@pytest.mark.parametrize(
    ("values", "dtype", "good"),
    [
        (np.array([0, 255, 256, -1], "i8"), "u1", [True, True, False, False]),
        (np.array([0, 2**63], "u8"), "i8", [True, False]),
        (np.array([-(2**31), 2**31 - 1, 2**31], "i8"), "i4", [True, True, False]),
        (np.array([True, False]), "u8", [True, True]),
        (np.array([1.0, 1.5, 1e300, np.inf]), "i8", [True, False, False, False]),
        (np.array([2**40], "i8"), "f8", [True]),
    ],
)
def test_values_fit_or_do_not(values: np.ndarray, dtype: str, good: list[bool]) -> None:
    found, bad = convert(values, field(dtype))
    assert found.dtype == dtype
    assert (~bad).tolist() == good
    assert found[~bad].tolist() == values[~bad].tolist()


def test_nothing_as_a_real_number_is_nothing_as_a_whole_one() -> None:
    assert convert(np.array([np.nan, 3.0]), field("i8"))[0].tolist() == [NO_NUMBER, 3]


def test_what_is_absent_is_marked_by_its_kind() -> None:
    assert absent(field("i4"), 1).tolist() == [NO_NUMBER]
    assert np.isnan(absent(field("f8"), 1)).all()
    assert [absent(field("u8", n), 1).tolist()[0] for n in ("trigger_mask", "run")] == [0, 0]
    assert absent(field("i8", "trigger_counter"), 2).tolist() == [-1, -1]


def test_other_names_of_a_column_are_found() -> None:
    info = MAP.dataset("event_info")
    assert sources(info, "events", ["event_id", "mc_t", "utc_seconds"], "file") == {
        "event_number": "event_id",
        "group_id": "event_id",
        "mc_time_ns": "mc_t",
        "timestamp_s": "utc_seconds",
    }
    assert {"utc_seconds", "timestamp", "det_id"} <= known(info)
    with pytest.raises(UnknownLayoutError, match="'event_id' of 'event_info' is missing"):
        sources(info, "events", ["run_id"], "file")


def test_fields_without_column_are_filled_and_rows_that_do_not_fit_are_named() -> None:
    fields = {n: f for n, f in MC.table("particles").columns("km3pipe_hdf5").items() if n in ("particle_id", "x", "length")}
    found, bad = place(fields, {"particle_id": "id", "x": "pos_x"}, {"id": np.array([1, 2**40]), "pos_x": np.array([1.5, 2.5])}, 2)
    assert bad.tolist() == [False, True]
    assert found["x"].tolist() == [1.5, 2.5] and np.isnan(found["length"]).all()


def test_columns_of_no_field_become_rows_of_name_and_value() -> None:
    columns = {"chi2": np.array([1.5, np.nan]), "n": np.array([7, 2**53 + 1])}
    found, bad = parameters(["chi2", "n"], columns, 2)
    assert found["parameter_id"].tolist() == [zlib.crc32(b"chi2"), zlib.crc32(b"n")] * 2
    np.testing.assert_array_equal(found["value"], [1.5, 7.0, np.nan, 2.0**53])
    assert bad.tolist() == [False, True]
    assert [len(column) for column in parameters([], {}, 3)[0].values()] == [0, 0]


def test_the_first_run_of_entries_that_are_not_in_order_is_named() -> None:
    demand(np.ones(3, bool), 5, "hits", "file", "what")
    with pytest.raises(CorruptFileError, match="what") as caught:
        demand(np.array([True, False, False, True, False]), 10, "hits", "file", "what")
    assert (caught.value.tree, caught.value.start, caught.value.stop) == ("hits", 11, 13)
    with pytest.raises(CorruptFileError) as caught:
        demand(np.array([True, False]), 0, "hits", "file", "what")
    assert (caught.value.start, caught.value.stop) == (1, 2)
