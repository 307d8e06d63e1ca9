"""Fields of the tables for astronomy: one number joins the streams of a file, angles and dates stand raw, and no column of others is changed by them."""

from __future__ import annotations

import pytest

from antdask.model.astro_fields import ASTRO, ASTRO_EVENT, ASTRO_FIT, ASTRO_MC, ASTRO_PARTICLE
from antdask.model.tables import schema


@pytest.mark.parametrize("stream", ["dst", "mc", "reco"])
def test_the_number_of_the_event_stands_in_every_stream_of_its_file(stream: str) -> None:
    rows = schema(stream).rows
    assert rows.columns("astro_hdf5")["event_number"].dtype == "i8"


def test_only_these_tables_give_them() -> None:
    assert {f.origins for f in (*ASTRO_EVENT, *ASTRO_MC, *ASTRO_PARTICLE, *ASTRO_FIT)} == {ASTRO}


def test_angles_are_those_of_the_flight_and_never_called_like_those_of_the_origin() -> None:
    columns = schema("reco").rows.columns("astro_hdf5")
    assert {columns[n].unit for n in ("theta", "phi")} == {"rad"}
    assert "in which the particle flies" in columns["theta"].description
    assert not {"zenith", "azimuth", "dx", "dy", "dz", "length"} & set(columns)


def test_time_is_kept_as_it_stands_and_as_an_integer() -> None:
    columns = schema("dst").rows.columns("astro_hdf5")
    assert [(columns[n].dtype, columns[n].unit) for n in ("utc_ns", "utc_jd1", "utc_jd2")] == [("i8", "ns"), ("f8", "d"), ("f8", "d")]
