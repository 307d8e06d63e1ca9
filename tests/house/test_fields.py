"""Every declared column says what it is: description, unit, kind of quantity, and what is missing."""

from __future__ import annotations

import re

import pytest

from antdask.model import antares_fields, antdst_fields, astro_fields, mc_fields, offline_fields, tables
from antdask.model.schema import AMPLITUDE, INTEGER, REAL, SERIES, SYMBOL, Field

# Words of the IVOA list UCD1+ version 1.6 that are in use, with their place: P first only, S second only, Q both, V as P but for vectors too.
# A new word must be looked up in that list before it is added here.
UCD_WORDS = {
    **dict.fromkeys(
        ("meta.code", "meta.code.class", "meta.code.qual", "meta.code.status", "meta.id", "meta.number", "meta.record", "meta.ref"), "P"
    ),
    **dict.fromkeys(("stat.error", "stat.fit.chi2", "stat.fit.goodness", "stat.likelihood", "arith.rate"), "P"),
    **dict.fromkeys(("instr.det", "meta.file", "obs", "stat.min", "stat.max", "arith.sum"), "S"),
    **dict.fromkeys(("instr", "phys.electCharge", "phys.energy", "phys.size", "pos.az.azi", "pos.az.zd"), "Q"),
    **dict.fromkeys(("pos.cartesian.x", "pos.cartesian.y", "pos.cartesian.z", "pos.distance", "phys.veloc"), "Q"),
    **dict.fromkeys(("pos.spherical.azi", "pos.spherical.colat"), "Q"),
    **dict.fromkeys(("time", "time.duration", "time.end", "time.epoch", "time.interval", "time.start"), "Q"),
}
PREFIXES = "|".join(("", "da", "d", "c", "m", "u", "n", "p", "f", "h", "k", "M", "G", "T", "P"))
SYMBOLS = "|".join(("s", "d", "yr", "m", "g", "A", "K", "V", "Hz", "eV", "rad", "deg", "byte", "bit", "Pa", "C"))
UNIT = re.compile(rf"(?:{PREFIXES})(?:{SYMBOLS})(?:[+-]?\d+)?(?:[./](?:{PREFIXES})(?:{SYMBOLS})(?:[+-]?\d+)?)*")
#: Of UDUNITS, since VOUnits has no degree Celsius and no percent.
UDUNITS = {"0.01 degC", "0.01 percent"}

ORIGINS = {
    *tables.ONLINE,
    *tables.SEATRAY,
    *antares_fields.ANTARES_RAW,
    *antdst_fields.ANTDST,
    *astro_fields.ASTRO,
    *mc_fields.BEGUN,
    *mc_fields.BARE,
    *offline_fields.KM3NET_DST,
}

FIELDS = [(f"{s.name}/{t.name}/{f.name}", f) for s in tables.SCHEMAS.values() for t in s.tables for f in t.fields]
FIELDS += [(f"runs/{f.name}", f) for f in tables.RUNS.fields]


@pytest.mark.parametrize(("place", "field"), FIELDS, ids=[place for place, _ in FIELDS])
def test_a_field_documents_itself(place: str, field: Field) -> None:
    assert len(field.description) >= 10, "a description is more than the name"
    assert field.unit in {"1", *UDUNITS} or UNIT.fullmatch(field.unit), "a VOUnit string, or 1"
    assert field.codec in {INTEGER, AMPLITUDE, SYMBOL, REAL, SERIES}
    assert field.numpy.byteorder in "=|", "byte order is the format's business"
    assert set(field.origins) <= ORIGINS
    assert ucd_problems(field.ucd) == []


def ucd_problems(ucd: str) -> list[str]:
    """What is wrong with a UCD, in words."""
    words = ucd.split(";") if ucd else []
    found = [f"{word} is not in the list of words used" for word in words if word not in UCD_WORDS]
    found += [f"{word} may not stand first" for word in words[:1] if UCD_WORDS.get(word) == "S"]
    found += [f"{word} may stand first only" for word in words[1:] if UCD_WORDS.get(word) == "P"]
    return found


def test_a_wrong_ucd_is_noticed() -> None:
    assert ucd_problems("meta.id;obs") == []
    assert ucd_problems("obs;meta.id") == ["obs may not stand first", "meta.id may stand first only"]
    assert ucd_problems("time.warp") == ["time.warp is not in the list of words used"]


def test_names_within_a_table_are_unique() -> None:
    for schema in tables.SCHEMAS.values():
        for table in schema.tables:
            names = [f.name for f in table.fields]
            assert len(names) == len(set(names)), f"{schema.name}/{table.name}"
            assert "offsets" not in names, "the name of the array of offsets"
