"""Descriptions of astropy tables: units, times and masks are found, other forms are refused by their own words, and nothing is evaluated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antdask.errors import CorruptFileError, InputError, UnknownLayoutError
from antdask.sources.table_description import Description, parse
from tests.sources import astro_samples as samples

COLUMNS = [
    "datatype:",
    "- {name: t.jd1, datatype: float64}",
    "- {name: t.jd2, datatype: float64}",
    "- {name: q, unit: m, datatype: float64}",
]
TIME = [
    "meta: !!omap",
    "- __serialized_columns__:",
    "    t:",
    "      __class__: astropy.time.core.Time",
    "      format: unix",
    "      in_subfmt: '*'",
    "      jd1: !astropy.table.SerializedColumn {name: t.jd1}",
    "      jd2: !astropy.table.SerializedColumn {name: t.jd2}",
    "      scale: utc",
]


def read(lines: list[str]) -> Description:
    return parse([line.encode() for line in lines], "file, T")


def test_the_real_tables_are_described_as_they_stand() -> None:
    found = read(samples.words("RECO/RECO_EVENTS"))
    assert list(found.dtypes) == list(samples.columns("RECO/RECO_EVENTS"))
    assert {n: u for n, u in found.units.items() if u} == {
        "tracktime_ns": "ns", "energy": "GeV", "theta_detectorframe": "rad", "phi_detectorframe": "rad",
    }  # fmt: skip
    assert found.times == {"tracktime_utc": ("tracktime_utc.jd1", "tracktime_utc.jd2")}
    assert found.masks == {}
    assert found.text.decode().split("\n") == samples.words("RECO/RECO_EVENTS")
    assert read(samples.words("HEADER")).dtypes == {"Parameter": "string", "Value": "string"}


def test_a_time_and_its_parts_are_found() -> None:
    assert read(COLUMNS + TIME).times == {"t": ("t.jd1", "t.jd2")}


def test_a_mask_is_found() -> None:
    lines = [*COLUMNS, "- {name: q.mask, datatype: bool}", *TIME[:2], "    q:", "      __class__: astropy.table.column.MaskedColumn"]
    lines += ["      data: !astropy.table.SerializedColumn {name: q}", "      mask: !astropy.table.SerializedColumn {name: q.mask}"]
    assert read(lines).masks == {"q": "q.mask"}


def test_quoted_names_and_lines_that_go_on_are_read() -> None:
    lines = ["datatype:", "- {name: 'it''s, so', unit: km / s, datatype: float32, description: \"a: b\",", "  format: .3f}"]
    found = read(lines)
    assert (found.units, found.dtypes) == ({"it's, so": "km / s"}, {"it's, so": "float32"})


def test_what_a_user_noted_of_a_table_is_left_in_the_text() -> None:
    lines = [*COLUMNS, "meta: !!omap", "- comments: !!python/object/apply:os.system [ls]", "  - x", *TIME[1:]]
    assert read(lines).times == {"t": ("t.jd1", "t.jd2")}


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("scale: utc", "scale: tai", "tai, unix"),
        ("format: unix", "format: jd", "utc, jd"),
        ("__class__: astropy.time.core.Time", "__class__: astropy.units.quantity.Quantity", "Quantity"),
        ("      scale: utc", "      location: [1, 2]", "location"),
        ("      in_subfmt: '*'", "      anything: 1", "anything"),
        ("      format: unix", "      format: !!python/name:os.system", "os.system"),
        ("jd1: !astropy.table.SerializedColumn {name: t.jd1}", "jd1: !other.Class {name: t.jd1}", "other"),
        ("unit: m, datatype: float64", "unit: !astropy.units.Unit {unit: m}, datatype: float64", "Unit"),
        ("datatype: float64}", "datatype: object}", "object"),
        ("datatype: float64}", "datatype: float64, shape: [3]}", "shape"),
        ("datatype: float64}", "unit: m}", "t.jd1"),
        ("meta: !!omap", "schema: other", "schema"),
        ("datatype:", "stuff:", "stuff"),
    ],
)
def test_any_other_form_is_refused_by_its_own_words(old: str, new: str, word: str) -> None:
    lines = "\n".join(COLUMNS + TIME).replace(old, new, 1).split("\n")
    assert lines != COLUMNS + TIME
    with pytest.raises(UnknownLayoutError, match=word):
        read(lines)


def test_a_part_that_the_table_does_not_have_is_damage() -> None:
    with pytest.raises(CorruptFileError, match=r"columns that it does not have.*t\.jd2"):
        read([line for line in COLUMNS if "jd2" not in line] + TIME)
    with pytest.raises(CorruptFileError, match="no text"):
        parse([b"datatype:", b"- {name: \xff, datatype: bool}"], "file")


@given(st.lists(st.integers(0, 600), min_size=1, max_size=3), st.binary(min_size=1, max_size=2))
def test_damaged_words_are_read_or_refused(places: list[int], other: bytes) -> None:
    text = bytearray("\n".join(COLUMNS + TIME).encode())
    for place in places:
        text[place % len(text) : place % len(text) + len(other)] = other
    try:
        found = parse(bytes(text).split(b"\n"), "file")
    except InputError:
        return
    assert set(found.units) == set(found.dtypes)
