"""Global attributes follow from what is given, and say what is not; a file may give it."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.errors import ConfigurationError, InputMissingError
from antdask.export.citation import NOT_ASSIGNED, Citation, global_attributes, read_citation


def test_attributes_are_those_of_the_data_and_the_citation():
    times = np.array(["2010-03-01", "2010-03-02"], "datetime64[ns]")
    found = global_attributes(Citation(creator="x"), "t", "s", "i", times, 86_400, (2400, 2000))
    assert found["time_coverage_duration"] == "PT172800S"
    assert found["creator_name"] == "x"
    assert (found["geospatial_vertical_min"], found["geospatial_vertical_max"]) == (2000, 2400)
    dated = Citation(creator="x", created="2026-01-01T00:00:00Z")
    assert global_attributes(dated, "t", "s", "i", times, 86_400, (0, 1)) == global_attributes(dated, "t", "s", "i", times, 86_400, (0, 1))
    assert found["doi"] == found["creator_email"] == NOT_ASSIGNED
    # Where nothing is said of a date, it is that of writing.
    assert found["date_created"][:4] >= "2026"


def test_simulated_data_say_so_and_name_nobody():
    times = np.array(["2010-03-01"], "datetime64[ns]")
    found = global_attributes(Citation().of("antares-simulated"), "t", "s", "i", times, 60, (0, 1))
    assert found["title"] == "SIMULATED: t"
    assert (found["time_coverage_end"], found["time_coverage_duration"]) == ("2010-03-01T00:00:00Z", "PT60S")
    assert not [v for k, v in found.items() if "Collaboration" in str(v)]
    assert Citation().of("antares") == Citation()


def test_a_file_says_who_publishes(tmp_path):
    (tmp_path / "c.toml").write_text('doi = "https://doi.org/10.0000/x"\nedmo = 1234\n')
    found = read_citation(str(tmp_path / "c.toml"))
    assert (found.doi, found.edmo) == ("https://doi.org/10.0000/x", "1234")
    assert found.missing == ["email", "investigator", "ror"]
    (tmp_path / "c.toml").write_text('author = "x"\n')
    with pytest.raises(ConfigurationError, match="author"):
        read_citation(str(tmp_path / "c.toml"))
    (tmp_path / "c.toml").write_text("=")
    with pytest.raises(ConfigurationError, match="no TOML"):
        read_citation(str(tmp_path / "c.toml"))
    with pytest.raises(InputMissingError):
        read_citation(str(tmp_path / "none.toml"))
