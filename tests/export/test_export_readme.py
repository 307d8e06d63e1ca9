"""The README of an export tells gaps as spans, lines with their modules, and what nobody has assigned yet."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

import antdask
from antdask.export.citation import NOT_ASSIGNED, Citation
from antdask.export.export_readme import _gaps, readme
from tests.environment.conftest import built, product, truth  # noqa: F401 - fixtures


def test_gaps_are_told_as_spans():
    there = pd.DataFrame(
        {"day": ["20100301", "20100303", "20100310"], "frames": 9, "expected": 10, "duplicate": 1, "clock": 0, "overlap": 2}
    )
    text = _gaps(there, "2010-03-01", "2010-03-10")
    assert "7 of 10 days hold no data: 2010-03-02, 2010-03-04 to 2010-03-09." in text
    assert "10.00% of the frames" in text and "3 duplicated frames" in text and "6 frames of overlapping" in text


def test_many_gaps_are_cut_short():
    days = pd.date_range("2010-01-01", periods=50, freq="2D")
    there = pd.DataFrame({"day": days.strftime("%Y%m%d"), "frames": 1, "expected": 1, "duplicate": 0, "clock": 0, "overlap": 0})
    assert "the 40 longest of 49" in _gaps(there, "2010-01-01", str(days[-1].date()))


@pytest.mark.parametrize("doi", [NOT_ASSIGNED, "https://doi.org/10.0000/x"])
def test_what_is_not_assigned_is_said(built, doi):  # noqa: F811
    citation = dataclasses.replace(Citation(created="2026-05-01T00:00:00Z"), doi=doi)
    text = readme(antdask.open_archive(built).environment, ["1d"], citation)
    assert ("DOI not yet assigned" in text) == (doi == NOT_ASSIGNED)
    assert "ANTARES Collaboration (2026)" in text
    assert (
        ", doi." in text.partition("Before it is published")[2]
        if doi == NOT_ASSIGNED
        else "doi." not in text.partition("Before it is published")[2]
    )
    assert "| 12 |" in text
    assert "104.8576 ms" in text
    assert "simulated" not in text
    assert "These data are simulated" in readme(antdask.open_archive(built).environment, ["1d"], citation.of("antares-simulated"))
