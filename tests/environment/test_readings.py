"""Readings from CSV, SQLite, a real PostgreSQL and an archive are the same; what is no reading is kept with its reason."""

from __future__ import annotations

import contextlib
import sqlite3

import numpy as np
import pandas as pd
import pytest
import sqlalchemy

import antdask
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.environment.readings import TableMap, read_csv, read_sql, read_stream, write_table
from antdask.errors import InputError, InputMissingError, UsageError
from antdask.simulate.slow_control import PREAMBLE, sensors, slow_control_table
from antdask.simulate.spec import SimulationSpec, run_start_ns
from tests.servers.postgres import postgres  # noqa: F401 - a fixture

SPEC = SimulationSpec(seed=5)
RUN = 45_001


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("slow") / "slow.csv"
    path.write_text(slow_control_table(SPEC, RUN))
    return path


@pytest.fixture(scope="module")
def frame(table):
    frame = pd.read_csv(table, skiprows=PREAMBLE.count("\n"))
    return frame.assign(time=pd.to_datetime(frame["time"], format="ISO8601"))


def test_a_simulated_table_is_read_whole(table, frame):
    found = read_csv(str(table))
    assert len(found.frame) == len(frame)
    assert found.rejected.empty
    assert found.sensors == sorted(name for name, *_ in sensors())
    own = found.frame[found.frame["sensor"] == "IL07/CTD/temperature"]
    true = frame[frame["sensor"] == "IL07/CTD/temperature"]
    assert own["utc_ns"].tolist() == [int(t.value) for t in true["time"].dt.as_unit("ns")]
    assert own["value"].tolist() == true["value"].tolist()
    assert own["utc_ns"].min() >= run_start_ns(RUN)


def test_sqlite_gives_the_same(table, frame, tmp_path):
    path = tmp_path / "slow.db"
    with contextlib.closing(sqlite3.connect(path)) as base:
        pd.read_csv(table, skiprows=PREAMBLE.count("\n")).to_sql("slow", base, index=False)
    found = read_sql(f"sqlite:///{path}", "select * from slow")
    pd.testing.assert_frame_equal(found.frame, read_csv(str(table)).frame)


def test_postgresql_gives_the_same_with_time_stamps_of_its_own(table, frame, postgres):  # noqa: F811
    engine = sqlalchemy.create_engine(postgres.url)
    frame.rename(columns={"time": "at", "sensor": "what"}).to_sql("slow", engine, index=False)
    engine.dispose()
    columns = TableMap(time="at", sensor="what")
    found = read_sql(postgres.url, "select * from slow where what like 'IL07/%'", columns)
    whole = read_csv(str(table)).frame
    expected = whole[whole["sensor"].str.startswith("IL07/")].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.frame, expected)


def archived(table, url):
    with make_cluster("serial") as cluster:
        convert(make_plan([str(table)], str(url)), cluster)
    return antdask.open_archive(str(url))


def test_the_stream_of_an_archive_gives_the_same(table, tmp_path):
    pd.testing.assert_frame_equal(read_stream(archived(table, tmp_path / "a")).frame, read_csv(str(table)).frame)


def test_a_data_base_becomes_a_table_that_is_archived(postgres, tmp_path):  # noqa: F811
    rows = pd.DataFrame({"at": pd.to_datetime(["2010-03-28T03:00:00.123456+02:00", "2010-03-28T00:59:59Z", "2010-03-29"], utc=True, format="ISO8601"), "what": ["b", "a", "a"], "x": [0.1 + 0.2, np.nan, 3.0], "qc": [1, 9, 4]})  # fmt: skip
    engine = sqlalchemy.create_engine(postgres.url)
    rows.to_sql("sensors", engine, index=False)
    engine.dispose()
    found = read_sql(postgres.url, "select * from sensors", TableMap("at", "what", "x", "", "qc", default_unit="V"))
    path = tmp_path / "table.csv"
    assert write_table(found, path, "antares") == 3
    assert path.read_text().splitlines()[2:] == [
        "time,sensor,value,unit,quality",
        "2010-03-28T00:59:59.000000000Z,a,,V,9",
        "2010-03-28T01:00:00.123456000Z,b,0.30000000000000004,V,1",
        "2010-03-29T00:00:00.000000000Z,a,3.0,V,4",
    ]
    pd.testing.assert_frame_equal(read_stream(archived(path, tmp_path / "a")).frame, found.frame)


def test_a_table_that_cannot_hold_the_readings_is_not_written(tmp_path):
    (tmp_path / "in.csv").write_text('time,sensor,value,unit\n2010-03-01,"a,b",1,V\n')
    found = read_csv(str(tmp_path / "in.csv"))
    with pytest.raises(UsageError, match="sensor of this kind"):
        write_table(found, tmp_path / "out.csv", "antares")
    with pytest.raises(UsageError, match="site"):
        write_table(found, tmp_path / "out.csv", "../up")
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]


def test_what_is_no_reading_is_kept_with_its_reason(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text(
        "time,sensor,value,unit\n2010-03-01T00:00:00Z,a,1.5,V\nyesterday,a,2,V\n2010-03-01T00:00:02Z,a,high,V\n2010-03-01T00:00:01Z,a,,V\n"
    )
    found = read_csv(str(path))
    assert found.frame["value"].tolist()[:1] == [1.5]
    assert np.isnan(found.frame["value"].iloc[1])
    assert found.rejected["reason"].tolist() == ["no time", "no number"]


def test_times_are_utc_whatever_zone_they_are_written_in(tmp_path):
    path = tmp_path / "zones.csv"
    path.write_text("t;v\n2010-03-28T00:30:00Z;1\n2010-03-28T03:30:00+02:00;2\n2010-03-28T02:30:00;3\n")
    found = read_csv(str(path), TableMap("t", "", "v", "", name="L01/voltage", default_unit="V"), separator=";")
    assert np.diff(found.frame["utc_ns"]).tolist() == [3600 * 10**9, 3600 * 10**9]
    assert set(found.frame["unit"]) == {"V"}


def test_what_cannot_be_read_is_said(tmp_path, table):
    with pytest.raises(InputMissingError):
        read_csv(str(tmp_path / "none.csv"))
    with pytest.raises(InputError, match="no column 'when'"):
        read_csv(str(table), TableMap(time="when"))
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match="cannot be read"):
        read_csv(str(tmp_path / "empty.csv"))
    with pytest.raises(UsageError, match="SELECT"):
        read_sql("sqlite://", "drop table slow")
    with pytest.raises(UsageError, match="password"):
        read_sql("postgresql://a:secret@host/db", "select 1")
    with pytest.raises(UsageError, match="SQLAlchemy"):
        read_sql("nonsense", "select 1")
    with pytest.raises(InputError, match="refuses"):
        read_sql("sqlite://", "select * from nothing")
