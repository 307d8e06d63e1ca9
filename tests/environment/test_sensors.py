"""The product of sensors is opened and read by interval, and by readers of Parquet alone."""

from __future__ import annotations

import json

import duckdb
import numpy as np
import pandas as pd
import pytest

from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.environment.sensor_build import build_sensors
from antdask.environment.sensors import SensorProduct
from antdask.errors import ArchiveError, UnknownNameError
from tests.environment.readings_archive import COLOUR, SPEED, START, STEP, TEMPERATURE, archive_of_readings, truth


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    url = archive_of_readings(tmp_path_factory.mktemp("sensors"))
    with make_cluster("serial") as cluster:
        build_sensors(url, cluster)
    return Store(url)


def test_any_interval_holds_the_readings_of_its_time(store):
    known, product = truth(), SensorProduct.open(store)
    whole = (START, START + 100 * 86_400 * 10**9)
    for start, stop in (whole, (START + 1000 * STEP, START + 1003 * STEP), (START + 7400 * STEP, START + 7500 * STEP), (0, START), (START + 2000 * STEP, START + 2300 * STEP)):  # fmt: skip
        times, values, flags = product.read(SPEED, start, stop)
        own = known[(known["utc_ns"] >= start) & (known["utc_ns"] < stop)]
        assert times.tolist() == own["utc_ns"].tolist()
        np.testing.assert_allclose(values, own[SPEED], atol=1e-8)
        assert (flags == 1).all()
    with pytest.raises(UnknownNameError, match=SPEED):
        product.read("IL07/ADCP/current_sped", *whole)


def test_duckdb_and_pandas_read_it_without_antdask(store):
    product = SensorProduct.open(store)
    pattern = f"{store.url}/{product.root}/months/*.parquet"
    ((n, mean, unit),) = duckdb.sql(f"select count(*), avg(value), any_value(unit) from '{pattern}' where sensor = '{SPEED}'").fetchall()
    assert (n, unit) == (len(truth()), "m s-1")
    assert mean == pytest.approx(truth()[SPEED].mean(), abs=1e-7)
    frame = pd.read_parquet(f"{store.url}/{product.month_file(201003)}")
    assert list(frame.columns) == ["sensor", "time", "value", "unit", "quality"]
    assert str(frame["time"].dt.tz) == "UTC"
    assert frame[frame["sensor"] == COLOUR]["unit"].unique().tolist() == ["1"]


def test_a_damaged_description_is_told(store, tmp_path):
    other = Store(str(tmp_path))
    assert SensorProduct.open(other) is None
    other.write_small(SensorProduct.current_file(), b"{")
    with pytest.raises(ArchiveError, match="damaged"):
        SensorProduct.open(other)
    assert json.loads(store.read(SensorProduct.current_file()))["product"] == SensorProduct.open(store).id
    assert SensorProduct.open(store).info(TEMPERATURE).term.code == "TEMP"
