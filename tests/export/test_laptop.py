"""Tables as CSV, and endings that are none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import antdask
from antdask.environment.readings import Readings
from antdask.environment.series import regular, sensor_series
from antdask.errors import UsageError
from antdask.export.laptop import rates_table, sensors_table
from tests.environment.conftest import built, product, truth  # noqa: F401 - fixtures
from tests.environment.sea import START


def test_csv_holds_the_same_as_the_dataset(built, tmp_path):  # noqa: F811
    found = antdask.open_archive(built).environment.open(level="1d", line=3)
    assert rates_table(found, tmp_path / "t.csv") == 150
    table = pd.read_csv(tmp_path / "t.csv")
    assert table["n_valid"].sum() == int(found.n_valid.sum())
    assert table["rate"].to_numpy() == pytest.approx(found.rate.values.T.ravel(), rel=1e-5)


def test_sensors_stand_below_each_other_with_their_bins(tmp_path):
    frame = pd.DataFrame({"utc_ns": START + np.array([0, 6, 50]) * 60 * 10**9, "sensor": "a/temperature", "value": [13.0, 13.2, 13.4], "unit": "degC", "quality": 0})  # fmt: skip
    turning = frame.assign(sensor="a/current_direction", value=[350.0, 20.0, 90.0], unit="deg")
    readings = Readings(pd.concat([frame, turning]), frame[:0], "a table")
    series = {name: regular(sensor_series(readings, name)) for name in ("a/temperature", "a/current_direction")}
    for ending, read in (("parquet", pd.read_parquet), ("csv", pd.read_csv)):
        assert sensors_table(series, tmp_path / f"t.{ending}") == 4
        table = read(tmp_path / f"t.{ending}").set_index(["variable", "n"])
        assert table.loc[("TEMP", 2), ["mean", "minimum", "maximum"]].tolist() == pytest.approx([13.1, 13.0, 13.2])
        assert table.loc[("CDIR", 2), "mean"] == pytest.approx(5.0)
        assert table.loc["CDIR", "minimum"].isna().all()
        assert set(table["unit"]) == {"degree_Celsius", "degree"}


def test_another_ending_is_refused(built, tmp_path):  # noqa: F811
    with pytest.raises(UsageError):
        rates_table(antdask.open_archive(built).environment.open(level="1d"), tmp_path / "t.xlsx")
