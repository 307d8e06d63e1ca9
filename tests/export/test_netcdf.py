"""Files pass the checkers, open in xarray and netCDF4 alone, and hold what the product holds."""

from __future__ import annotations

import netCDF4
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import antdask
from antdask.environment.readings import Readings
from antdask.environment.series import regular, sensor_series
from antdask.errors import UsageError
from antdask.export.citation import Citation
from antdask.export.native import frames_of, native_file, slots_of
from antdask.export.netcdf import rates_file, sensor_file
from tests.environment.conftest import built, product, truth  # noqa: F401 - fixtures
from tests.environment.sea import START
from tests.export.checker import remarks

DAY_NS = 86_400 * 10**9
CITATION = Citation(created="2026-01-01T00:00:00Z")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def found(built):  # noqa: F811
    return antdask.open_archive(built).environment.open(level="15min", time="2010-03-01T22:00/2010-03-02T02:00", line=1)


@pytest.fixture(scope="module")
def files(found, built, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("netcdf")
    frame = pd.DataFrame(
        {
            "utc_ns": START + np.arange(40) * 360 * 10**9,
            "sensor": "IL07/CTD/temperature",
            "value": 13.2 + np.arange(40) * 1e-3,
            "unit": "degC",
            "quality": 0,
        }
    )
    series = sensor_series(Readings(frame, frame[:0], "a table"), "IL07/CTD/temperature")
    rows = antdask.open_archive(built).stream("rates").select(run=8).to_xarray(["utc_ns", "count", "count_flags"])
    counts = frames_of(rows, slots_of(None))
    return {
        "rates": rates_file(found, CITATION, folder / "rates.nc"),
        "sensor": sensor_file(series, "IL07/CTD/temperature", CITATION, folder / "sensor.nc"),
        "regular": sensor_file(regular(series), "IL07/CTD/temperature", CITATION, folder / "regular.nc"),
        "native": native_file(counts, CITATION, folder / "native.nc"),
    }


@pytest.mark.parametrize("name", ["rates", "sensor", "regular", "native"])
def test_a_file_passes_cf(files, name, tmp_path):
    assert remarks(files[name], "cf:1.11", tmp_path) == []


@pytest.mark.parametrize("name", ["rates", "sensor", "regular", "native"])
def test_a_file_passes_acdd_but_for_names_that_do_not_exist(files, name, tmp_path):
    found = remarks(files[name], "acdd:1.3", tmp_path)
    assert [r for r in found if "standard_name" not in r] == []


def test_a_rate_has_no_standard_name(files):
    with netCDF4.Dataset(files["rates"]) as file:
        assert not [n for n, v in file.variables.items() if n.startswith("BLUM") and "standard_name" in v.ncattrs()]
        assert file["BLUM"].sdn_uom_urn == "SDN:P06::UCPS"
        assert not [a for n in ("BLUM", "BLUM_MED") for a in file[n].ncattrs() if a.startswith("sdn_parameter")]
        assert file["BLUM"].variable_type == "technical"
        assert file["BLUM_QC"].variable_type == "quality_control"
        assert file["time"].sdn_parameter_urn == "SDN:P01::ELTMEP01"
        assert (file["time_end"][:] - file["time"][:] == 900).all()
        assert file.doi == file.institution_edmo_code == "not yet assigned"
        assert file["time"].units_metadata == "leap_seconds: none"
        assert "_FillValue" not in file["time"].ncattrs()


def test_a_depth_that_nobody_told_is_not_told_as_one(files):
    with netCDF4.Dataset(files["sensor"]) as file:
        assert "does not tell" in file["depth"].comment


def test_values_are_those_of_the_product_and_gaps_are_missing(files, found):
    with xr.open_dataset(files["rates"]) as file:
        np.testing.assert_allclose(file["BLUM"].values, found.rate.values, rtol=1e-6)
        np.testing.assert_array_equal(file["BLUM_N"].values, found.n_valid.values)
        assert (file.time.values == found.time.values).all()
        flags = file["BLUM_QC"].values
        assert (flags[np.isnan(file["BLUM"].values)] == 9).all()
        assert str(file["sensor_id"].values[40]) == "L01F14OM1"
        assert set(file["GAP"].values[40][flags[40] == 9].tolist()) == {1, 4}


def test_lines_can_stand_in_one_file(built, tmp_path):  # noqa: F811
    found = antdask.open_archive(built).environment.open(level="1d", line=[1, 3], floor=2)
    with xr.open_dataset(rates_file(found, CITATION, tmp_path / "two.nc")) as file:
        assert [str(n) for n in file["sensor_id"].values] == [f"L0{line}F02OM{om}" for line in (1, 3) for om in range(3)]
        assert file.attrs["platform_code"] == "L01-L03"


def test_the_same_input_gives_the_same_bytes(files, found, tmp_path):
    again = rates_file(found, CITATION, tmp_path / "rates.nc")
    assert again.read_bytes() == files["rates"].read_bytes()


def test_nothing_is_not_written(found, tmp_path):
    with pytest.raises(UsageError):
        rates_file(found.isel(time=slice(0, 0)), CITATION, tmp_path / "x.nc")
