"""A folder of products that xarray, pandas and DuckDB's format open without antdask, twice the same."""

from __future__ import annotations

import hashlib
import shutil
import xml.etree.ElementTree as Xml
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import xarray as xr

import antdask
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.environment.sensor_build import build_sensors
from antdask.errors import UnknownNameError, UsageError
from antdask.export.citation import Citation
from antdask.export.environment import export_environment
from tests.environment.conftest import built, product, truth  # noqa: F401 - fixtures
from tests.export.checker import remarks

# The checker warns of its own future.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
CITATION = Citation(created="2026-01-01T00:00:00Z", doi="https://doi.org/10.0000/x")
CHOICE = {"levels": ["1h", "1d"], "lines": [1, 2], "citation": CITATION, "native": "2010-03-02"}
SENSOR = "IL07/CTD/temperature"


@pytest.fixture(scope="module")
def archive(built, tmp_path_factory):  # noqa: F811
    """The rates of a copy, and readings of three sensors, one of them a compass."""
    folder = tmp_path_factory.mktemp("both")
    url = str(shutil.copytree(built, folder / "archive"))
    rows = [f"2010-03-01T23:{6 * i:02d}:00Z,{name},{value},{unit}" for i in range(10) for name, value, unit in ((SENSOR, 13.2 + i / 100, "degC"), ("IL07/ADCP/current_direction", 350 + i, "deg"), ("L01/S01/heading", 10, "deg"))]  # fmt: skip
    (folder / "slow.csv").write_text("# site: antares\ntime,sensor,value,unit\n" + "\n".join(rows) + "\n")
    with make_cluster("serial") as cluster:
        convert(make_plan([str(folder / "slow.csv")], url), cluster)
        build_sensors(url, cluster)
    return antdask.open_archive(url)


@pytest.fixture(scope="module")
def folder(archive, tmp_path_factory):
    target = tmp_path_factory.mktemp("export") / "out"
    export_environment(archive, target, **CHOICE)
    return target


def test_every_product_is_there_and_files_pass_the_checker(folder, tmp_path):
    names = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert names == {
        "README.md", "erddap/datasets.xml", "tables/flashes.parquet", "tables/rates-1h.parquet", "tables/rates-1d.parquet",
        "tables/sensors-1h.parquet", "tables/sensors-1d.parquet", "netcdf/counts-2010-03-02.nc",
        *(f"netcdf/IL07-{n}{end}.nc" for n in ("CTD-temperature", "ADCP-current_direction") for end in ("", "-1h", "-1d")),
        *(f"netcdf/rates-L0{line}-{level}.nc" for line in (1, 2) for level in ("1h", "1d")),
    }  # fmt: skip
    for name in ("rates-L02-1d", "IL07-CTD-temperature", "IL07-ADCP-current_direction-1h", "counts-2010-03-02"):
        assert remarks(folder / f"netcdf/{name}.nc", "cf:1.11", tmp_path) == []
        assert [r for r in remarks(folder / f"netcdf/{name}.nc", "acdd:1.3", tmp_path) if "standard_name" not in r] == []


def test_tables_hold_what_the_product_holds(folder, archive):
    table = pd.read_parquet(folder / "tables/rates-1h.parquet")
    found = archive.environment.open(level="1h", line=[1, 2])
    assert len(table) == int(((found.n_valid > 0) | (found.n_saturated > 0)).sum())
    one = table[(table["line"] == 2) & (table["floor"] == 3) & (table["om"] == 1)].set_index("time")["rate"]
    series = found.rate.isel(channel=75 + 7).to_series().dropna()
    assert one.to_numpy() == pytest.approx(series.to_numpy(), rel=1e-6)
    assert [str(t) for t in one.index] == [f"{t}+00:00" for t in series.index]


def test_the_fragment_for_erddap_names_every_variable(folder):
    root = Xml.fromstring(f"<all>{(folder / 'erddap/datasets.xml').read_text()}</all>")
    sensors = ["antares_IL07_ADCP_current_direction", "antares_IL07_CTD_temperature"]
    assert [d.get("datasetID") for d in root] == ["antares_rates_1h", "antares_rates_1d", *sensors]
    with xr.open_dataset(folder / "netcdf/rates-L01-1h.nc") as file:
        assert {v.findtext("sourceName") for v in root[0].iter("dataVariable")} == set(file.variables) - {"time_bnds"}


def test_the_readme_tells_gaps_and_how_to_cite(folder):
    text = (folder / "README.md").read_text()
    assert "0 of 2 days hold no data" in text
    assert "3.85% of the frames of runs are missing" in text
    assert "10.0000/x" in text
    assert "Not yet assigned: email, investigator, ror, edmo." in text
    assert "| 1 | 2010-03-01 | 2010-03-02 | 2 | 74 of 75 |" in text
    assert f"| {SENSOR} | `TEMP` | degree_Celsius |  | 10 | 2010-03-01 to 2010-03-01 |" in text
    assert "to be filled in" not in text and "1970" not in text


def test_duckdb_joins_rates_and_sensors_without_antdask(folder):
    sql = f"""select count(*), max(s.mean) from '{folder}/tables/rates-1h.parquet' r join '{folder}/tables/sensors-1h.parquet' s using (time)
              where r.line = 1 and r.floor = 2 and r.om = 0 and s.variable = 'TEMP'"""
    assert duckdb.sql(sql).fetchall() == [(1, pytest.approx(13.245))]


def test_the_same_archive_gives_the_same_bytes(folder, archive, tmp_path):
    export_environment(archive, tmp_path / "again", **CHOICE)

    def digests(root: Path):
        skip = "erddap"  # holds the name of the folder
        return {
            str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in root.rglob("*")
            if p.is_file() and skip not in p.parts
        }

    assert digests(folder) == digests(tmp_path / "again")


def test_what_cannot_be_written_is_said(archive, folder, tmp_path):
    with pytest.raises(UsageError, match="not empty"):
        export_environment(archive, folder)
    with pytest.raises(UnknownNameError):
        export_environment(archive, tmp_path / "x", levels=["2h"])
    for wrong in ("2011-13-41", "1999-01-01"):
        with pytest.raises(UsageError, match=wrong):
            export_environment(archive, tmp_path / "x", levels=["1d"], lines=[1], native=wrong)
    assert not (tmp_path / "x").exists()
