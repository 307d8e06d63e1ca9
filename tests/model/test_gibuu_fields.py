"""Fields of GiBUU: each names its branch, and no place in a nucleus passes for one in the sea."""

from __future__ import annotations

from antdask.model.gibuu_fields import GIBUU, GIBUU_EVENT, GIBUU_PARTICLE, INTERACTIONS
from antdask.model.tables import MC
from antdask.sources import layout_map


def test_every_field_of_an_event_names_its_branch() -> None:
    columns = {c.field: c.source for c in layout_map.load("gibuu_1").dataset("RootTuple").columns if c.field}
    for field in GIBUU_EVENT:
        assert field.origins == GIBUU
        assert field.description.endswith(f"({columns[field.name]})")


def test_places_in_the_nucleus_have_a_unit_and_names_of_their_own() -> None:
    columns = MC.table("particles").columns("gibuu")
    assert {f.name: f.unit for f in GIBUU_PARTICLE} == {"nucleus_x": "fm", "nucleus_y": "fm", "nucleus_z": "fm"}
    assert not {"x", "y", "z", "time_ns", "dx"} & set(columns)
    assert {columns[c].unit for c in ("px", "py", "pz", "energy")} == {"GeV"}


def test_every_kind_of_interaction_has_a_name() -> None:
    assert [number for number, _ in INTERACTIONS] == list(range(1, 38))
    assert len({name for _, name in INTERACTIONS}) == 37
