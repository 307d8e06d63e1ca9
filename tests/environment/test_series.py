"""Series of a sensor: units and flags, duplicates told, bins without interpolation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from antdask.environment.readings import Readings, read_csv
from antdask.environment.sensor_info import Deployment, SensorInfo
from antdask.environment.series import all_series, components, regular, sensor_series
from antdask.environment.vocabulary import TERMS
from antdask.errors import UnknownNameError, UsageError

START = 1_267_401_600 * 10**9


def readings(minutes, values, sensor="IL07/ADCP/current_speed", unit="cm/s"):
    frame = pd.DataFrame(
        {"utc_ns": START + np.asarray(minutes) * 60 * 10**9, "sensor": sensor, "value": values, "unit": unit, "quality": np.uint8(0)}
    )
    return Readings(frame, frame.iloc[:0], "a table")


def test_values_come_in_the_unit_of_the_term_with_flags():
    found = sensor_series(readings([0, 6, 12], [5.0, np.nan, 500.0]), "IL07/ADCP/current_speed")
    np.testing.assert_allclose(found.CSPD.values, [0.05, np.nan, 5.0])
    assert found.CSPD_QC.values.tolist() == [1, 9, 4]
    assert found.CSPD.attrs["standard_name"] == "sea_water_speed"
    assert found.CSPD.attrs["sdn_uom_urn"] == "SDN:P06::UVAA"
    assert found.CSPD.attrs["ancillary_variables"] == "CSPD_QC"


def test_two_readings_of_one_instant_are_one_and_told():
    found = sensor_series(readings([0, 0, 6], [5.0, 6.0, 7.0]), "IL07/ADCP/current_speed")
    assert found.CSPD.values.tolist() == [0.05, pytest.approx(0.07)]
    assert found.attrs["duplicates"] == 1


def test_what_is_known_of_a_sensor_stands_with_its_series():
    deployments = (Deployment("", "SBE37-SMP", "1234", "certificate 7 of 2007"), Deployment("2010-11-01", "SBE37-SMP", "99", "none"))
    info = SensorInfo("x", TERMS["TEMP"], 2200.0, deployments)
    found = sensor_series(readings([0], [13.2], unit="degC"), "IL07/ADCP/current_speed", info)
    assert found.TEMP.attrs["sensor_depth"] == 2200.0
    assert found.TEMP.attrs["calibration"] == "SBE37-SMP, serial 1234, certificate 7 of 2007; from 2010-11-01, SBE37-SMP, serial 99, none"
    assert (found.TEMP.attrs["sensor_model"], found.TEMP.attrs["sensor_serial_number"]) == ("SBE37-SMP", "1234; 99")


def test_flags_of_the_source_count_where_they_are_graver():
    given = readings([0, 6, 12, 18], [5.0, 6.0, 500.0, 7.0])
    given.frame["quality"] = np.array([0, 4, 1, 2], np.uint8)
    assert sensor_series(given, "IL07/ADCP/current_speed").CSPD_QC.values.tolist() == [1, 4, 4, 2]


def test_bins_hold_good_readings_only_and_gaps_stay():
    series = sensor_series(readings([0, 6, 12, 18, 50], [5.0, 7.0, 500.0, 9.0, 11.0]), "IL07/ADCP/current_speed")
    found = regular(series, "15min")
    np.testing.assert_allclose(found.CSPD.values, [0.06, 0.09, np.nan, 0.11])
    np.testing.assert_allclose(found.CSPD_MAX.values, [0.07, 0.09, np.nan, 0.11])
    assert found.CSPD_N.values.tolist() == [2, 1, 0, 1]
    assert found.time.values[0] == np.datetime64("2010-03-01T00:00:00")


def test_directions_around_north_have_a_mean_in_the_north():
    series = sensor_series(readings([0, 5, 20, 25], [350.0, 20.0, 90.0, 270.0], "x/current_direction", "deg"), "x/current_direction")
    found = regular(series, "15min")
    np.testing.assert_allclose(found.CDIR.values, [5.0, np.nan], atol=1e-9)
    assert found.CDIR_N.values.tolist() == [2, 2]
    assert set(found.data_vars) == {"CDIR", "CDIR_N"}


def test_a_current_is_split_towards_east_and_north():
    speed = sensor_series(readings([0, 6, 12], [10.0, 20.0, 500.0]), "IL07/ADCP/current_speed")
    direction = sensor_series(readings([0, 6, 12, 18], [90.0, 210.0, 0.0, 0.0], "x/current_direction", "deg"), "x/current_direction")
    found = components(speed, direction)
    np.testing.assert_allclose(found.UCUR.values, [0.1, -0.1, np.nan], atol=1e-12)
    np.testing.assert_allclose(found.VCUR.values, [0, -0.2 * np.sqrt(0.75), np.nan], atol=1e-12)
    assert found.UCUR.attrs["sdn_parameter_urn"] == "SDN:P01::LCEWZZ01"
    with pytest.raises(UsageError, match="CSPD"):
        components(direction, speed)


def test_an_unknown_sensor_is_said():
    with pytest.raises(UnknownNameError, match="IL07/ADCP/current_speed"):
        sensor_series(readings([0], [1.0]), "IL07/ADCP/current_sped")


def test_all_sensors_of_a_table_whose_kind_is_known_are_read(tmp_path):
    path = tmp_path / "slow.csv"
    path.write_text("time,sensor,value,unit\n2010-03-01,IL07/CTD/temperature,13.2,degC\n2010-03-01,IL07/colour,3,1\n")
    assert list(all_series(read_csv(str(path)))) == ["IL07/CTD/temperature"]
