"""Readings from CSV, SQLite, a real PostgreSQL and an archive are the same; what is no reading is kept with its reason."""

from __future__ import annotations

import contextlib
import sqlite3

import numpy as np
import pandas as pd
import pytest
import sqlalchemy

import antdask
from antdask.environment.readings import TableMap, read_csv, read_sql, read_stream
from antdask.errors import InputError, InputMissingError, UsageError
from antdask.simulate.slow_control import sensors, slow_control_table
from antdask.simulate.spec import SimulationSpec, run_start_ns
from tests.batches import random_batch
from tests.query.archives import Entry, write_archive
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
    frame = pd.read_csv(table)
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
        pd.read_csv(table).to_sql("slow", base, index=False)
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


def test_the_stream_of_an_archive_gives_the_same(table, tmp_path):
    whole = read_csv(str(table)).frame.iloc[:500].sort_values("utc_ns", kind="stable")
    batch = random_batch("slow_control", "slow_control_table", len(whole))
    rows = batch.tables[batch.schema.rows.name]
    rows["utc_ns"], rows["value"] = whole["utc_ns"].to_numpy(), whole["value"].to_numpy()
    for name, texts, width in (("sensor", whole["sensor"], 64), ("value_unit", whole["unit"], 16)):
        rows[name] = np.array([list(t.encode().ljust(width, b"\0")) for t in texts], np.uint8)
    archive = antdask.open_archive(write_archive(tmp_path / "a", [Entry(batch, "antares")]))
    expected = whole.sort_values(["sensor", "utc_ns"], kind="stable").reset_index(drop=True)
    pd.testing.assert_frame_equal(read_stream(archive).frame, expected)


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
