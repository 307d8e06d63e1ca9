"""Global attributes follow from what is given, never from the clock."""

from __future__ import annotations

import numpy as np

from antdask.export.citation import Citation, global_attributes


def test_attributes_are_those_of_the_data_and_the_citation():
    times = np.array(["2010-03-01", "2010-03-02"], "datetime64[ns]")
    found = global_attributes(Citation(creator="x"), "t", "s", "i", times, 86_400, (2400, 2000))
    assert found["time_coverage_duration"] == "PT172800S"
    assert found["creator_name"] == "x"
    assert (found["geospatial_vertical_min"], found["geospatial_vertical_max"]) == (2000, 2400)
    assert found == global_attributes(Citation(creator="x"), "t", "s", "i", times, 86_400, (2400, 2000))
