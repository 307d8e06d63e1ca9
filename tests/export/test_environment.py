"""A folder of products that xarray, pandas and DuckDB's format open without antdask, twice the same."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as Xml
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

import antdask
from antdask.errors import UnknownNameError, UsageError
from antdask.export.citation import Citation
from antdask.export.environment import export_environment
from tests.environment.conftest import built, product, truth  # noqa: F401 - fixtures
from tests.export.checker import remarks

CITATION = Citation(created="2026-01-01T00:00:00Z", doi="https://doi.org/10.0000/x")
CHOICE = {"levels": ["1h", "1d"], "lines": [1, 2], "citation": CITATION}


@pytest.fixture(scope="module")
def archive(built):  # noqa: F811
    return antdask.open_archive(built)


@pytest.fixture(scope="module")
def folder(archive, tmp_path_factory):
    target = tmp_path_factory.mktemp("export") / "out"
    export_environment(archive, target, **CHOICE)
    return target


def test_every_product_is_there_and_files_pass_the_checker(folder, tmp_path):
    names = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert names == {
        "README.md", "erddap/datasets.xml", "tables/flashes.parquet", "tables/rates-1h.parquet", "tables/rates-1d.parquet",
        *(f"netcdf/rates-L0{line}-{level}.nc" for line in (1, 2) for level in ("1h", "1d")),
    }  # fmt: skip
    assert remarks(folder / "netcdf/rates-L02-1d.nc", "cf:1.11", tmp_path) == []


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
    assert [d.get("datasetID") for d in root] == ["antares_rates_1h", "antares_rates_1d"]
    with xr.open_dataset(folder / "netcdf/rates-L01-1h.nc") as file:
        assert {v.findtext("sourceName") for v in root[0].iter("dataVariable")} == set(file.variables) - {"time_bnds"}


def test_the_readme_tells_gaps_and_how_to_cite(folder):
    text = (folder / "README.md").read_text()
    assert "0 of 2 days hold no data" in text
    assert "3.85% of the frames of runs are missing" in text
    assert "10.0000/x" in text


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
