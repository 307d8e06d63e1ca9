"""Fields of gSeaGen: each says what it is called there, and whole numbers can be missing."""

from __future__ import annotations

import re

from antdask.model.gibuu_fields import GIBUU
from antdask.model.gseagen_fields import GSEAGEN, GSEAGEN_EVENT
from antdask.model.tables import MC
from antdask.sources import layout_map


def test_every_field_names_its_branch() -> None:
    columns = {c.field: c.source for c in layout_map.load("gseagen_1").dataset("Events").columns if c.field}
    for field in GSEAGEN_EVENT:
        assert field.origins == ((*GSEAGEN, *GIBUU) if field.name.startswith("target_") else GSEAGEN)
        found = re.match(r"(\w+): ", field.description)
        assert found is not None
        assert columns[field.name] == found[1]


def test_no_other_source_has_them() -> None:
    names = {field.name for field in GSEAGEN_EVENT}
    for origin in ("evt_ascii", "km3net_offline", "km3pipe_hdf5", "antares_raw"):
        assert not names & set(MC.rows.columns(origin))
    assert names < set(MC.rows.columns("gseagen"))
