"""The commands of the environment: what they say is what the library gives."""

from __future__ import annotations

import contextlib
import json
import sqlite3

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from antdask.cli import main
from tests.environment.sea import archive_of, counts_batch, quiet


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    return archive_of(tmp_path_factory.mktemp("cli") / "archive", [(7, counts_batch(quiet(400)))])


def call(*words, code=0):
    result = CliRunner().invoke(main, [str(w) for w in words])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def built(url):
    before = json.loads(call("environment", "build", url, "--cluster", "serial", "--dry-run", "-q", "--json").stdout)
    assert (before["days"], before["days_built"], before["dry_run"]) == (1, 1, True)
    found = json.loads(call("environment", "build", url, "--cluster", "serial", "-q", "--json").stdout)
    assert (found["days_built"], found["frames"], found["exit_code"]) == (1, 400, 0)
    return url


def test_open_says_what_there_is_and_writes_it(built, tmp_path):
    facts = json.loads(call("environment", "open", built, "--level", "1min", "--line", 2, "-o", tmp_path / "t.csv", "--json").stdout)
    assert (facts["level"], facts["channels"], facts["bins"]) == ("1min", 75, 1440)
    table = pd.read_csv(tmp_path / "t.csv")
    assert len(table) == facts["rows"] == 75
    assert np.isclose(table["rate"].mean(), 6300 / 0.1048576, rtol=1e-3)


def test_people_get_a_table(built):
    assert "1min" in call("environment", "open", built).stdout


def test_export_lists_its_files(built, tmp_path):
    found = json.loads(call("environment", "export", built, tmp_path / "out", "--level", "1d", "--line", 1, "--json").stdout)
    assert {"README.md", "netcdf/rates-L01-1d.nc", "tables/rates-1d.parquet"} <= set(found["files"])


def test_a_data_base_becomes_series_of_sensors(url, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "slow.db")) as base:
        base.execute("create table slow (at text, t real)")
        base.executemany("insert into slow values (?, ?)", [("2010-03-01T00:00:00Z", 13.2), ("2010-03-01T00:06:00Z", 13.3), ("never", 1.0)])
        base.commit()
    how = (
        "--query",
        "select * from slow",
        "--site",
        "antares",
        "--column",
        "time=at",
        "--column",
        "value=t",
        "--column",
        "unit=",
        "--unit",
        "degC",
    )
    words = (
        "environment",
        "extract",
        f"sqlite:///{tmp_path / 'slow.db'}",
        tmp_path / "t.csv",
        *how,
        "--name",
        "IL07/CTD/temperature",
        "--json",
    )
    found = json.loads(call(*words).stdout)
    assert (found["readings"], found["sensors"], found["rejected"]) == (2, 1, 1)
    assert "no time" in found["first_rejected"]
    call("convert", tmp_path / "t.csv", "--archive", url, "--cluster", "serial", "-q")
    (tmp_path / "s.toml").write_text('[sensor."IL07/CTD/temperature"]\ndepth = 2200.0\n')
    made = json.loads(call("environment", "sensors", url, "--about", tmp_path / "s.toml", "--cluster", "serial", "-q", "--json").stdout)
    assert (made["sensors"], made["months_built"], made["readings"]) == (1, 1, 2)
    assert "--column time=at" in call("environment", "extract", tmp_path / "t.csv", tmp_path / "x.csv", "--site", "a", "--column", "when=at", code=2).output  # fmt: skip


def test_errors_are_one_sentence(built):
    assert "1 to 12" in call("environment", "open", built, "--line", 44, code=2).output
    result = call("environment", "build", built, "--factor", 0.5, "--cluster", "serial", code=2)
    assert "must lie above" in result.output
