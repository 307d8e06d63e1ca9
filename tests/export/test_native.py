"""A day of frames is written piece by piece, and holds what the archive holds."""

from __future__ import annotations

import netCDF4
import numpy as np
import pytest

import antdask
from antdask.errors import UsageError
from antdask.export import native
from antdask.export.citation import Citation
from antdask.export.native import native_day, slots_of
from tests.environment.conftest import built, product, truth  # noqa: F401 - fixtures
from tests.export.checker import remarks

CITATION = Citation(created="2026-01-01T00:00:00Z")


def test_a_day_of_one_line_is_the_frames_of_that_day(built, truth, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(native, "_PIECE_NS", 100 * 10**9)
    path = native_day(antdask.open_archive(built), "2010-03-02", CITATION, tmp_path / "day.nc", [2])
    midnight = np.datetime64("2010-03-02", "ns").astype(np.int64)
    own = truth.utc_ns >= midnight
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        file["sensor_id"].set_auto_chartostring(False)
        np.testing.assert_array_equal(file["COUNT"][:], truth.count[own, 75:150].T)
        np.testing.assert_array_equal(file["COUNT_QC"][:], truth.flags[own, 75:150].T)
        np.testing.assert_allclose(file["time"][:], truth.utc_ns[own] * 1e-9, atol=1e-6)
        assert file.time_coverage_end.startswith(str(np.datetime64(int(truth.utc_ns[own][-1]), "ns").astype("datetime64[s]")))
        assert file["sensor_id"][:][0].tobytes().rstrip(b"\0") == b"L02F01OM0"
        assert "data_processing_level" not in file.ncattrs()
    assert remarks(path, "cf:1.11", tmp_path) == []


def test_a_day_without_frames_is_told(built, tmp_path):  # noqa: F811
    with pytest.raises(UsageError, match="No frames"):
        native_day(antdask.open_archive(built), "2011-01-01", CITATION, tmp_path / "day.nc")
    assert not list(tmp_path.iterdir())
    assert slots_of(None).size == 900 and slots_of([12]).tolist() == list(range(825, 900))
