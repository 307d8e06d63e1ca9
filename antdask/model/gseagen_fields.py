"""Fields of events as gSeaGen itself writes them (trees Header and Events), before their conversion to aanet or .evt."""

from __future__ import annotations

from antdask.model.gibuu_fields import GIBUU
from antdask.model.schema import REAL, Field

GSEAGEN = ("gseagen",)

# One line per field, however long.
# fmt: off


def _number(name: str, text: str, ucd: str = "meta.number", more: tuple[str, ...] = ()) -> Field:
    return Field(name, "i4", "1", text, ucd, origins=(*GSEAGEN, *more), missing="-2147483648")


def _real(name: str, unit: str, text: str, ucd: str = "") -> Field:
    return Field(name, "f8", unit, text, ucd, origins=GSEAGEN, missing="NaN", codec=REAL)


#: Of the event: what stands in w2list once the event is converted.
GSEAGEN_EVENT = (
    _real("p_scale", "1", "PScale: by how much the probability of interaction was scaled"),
    _number("target_a", "TargetA: nucleons of the nucleus that was hit (GiBUU: nucleus_A)", more=GIBUU),
    _number("target_z", "TargetZ: protons of the nucleus that was hit (GiBUU: nucleus_Z)", more=GIBUU),
    _number("interaction_id", "InterId: kind of the interaction in the numbering of GENIE", "meta.code.class"),
    _number("scattering_id", "ScattId: kind of the scattering in the numbering of GENIE", "meta.code.class"),
    _real("bjorken_x_of_event", "1", "Bx: Bjorken x of the interaction"),
    _real("bjorken_y_of_event", "1", "By: Bjorken y of the interaction"),
    _number("vertex_in_can", "VerInCan: 1 where the interaction is inside the can", "meta.code"),
    _real("water_cross_section", "m2", "WaterXSec: cross section on a nucleon of water"),
    _real("water_interaction_length", "m", "WaterIntLen: interaction length in water"),
    _real("p_earth", "1", "PEarth: probability that the neutrino passes the Earth"),
    _real("column_depth", "g.m-2", "ColumnDepth: matter in front of the vertex"),
    _real("cross_section_mean", "m2", "XSecMean: mean cross section of a nucleon along the path"),
    _real("generation_area", "1", "Agen: area of generation, in the unit of the generator"),
)
