"""Records in maps: bits that overlap, do not fit or say nothing are refused."""

from __future__ import annotations

from typing import Any

import pytest

from antdask.errors import ConfigurationError, UnknownNameError
from antdask.sources.layout_record import interval, parse_record

WORDS = {"provenance": "test", "status": "assumed"}


def record(**changes: Any) -> dict[str, Any]:
    fields = [
        {"name": "a", "bits": [0, 3], "target": "hits.ars", "valid": [0, 5]},
        {"name": "b", "bits": [10, 22], "target": "hits.timestamp", "status": "verified"},
    ]
    return {"name": "r", "kind": "packed", "nbytes": 4, "endian": "big", "fields": fields, **changes}


def test_bits_are_counted_from_the_most_significant_one() -> None:
    made = parse_record(record(), WORDS)
    assert made.mask == 0b111 << 29 | 2**22 - 1
    assert [(f.dtype, f.valid, f.status) for f in made.fields] == [("u1", (0, 5), "assumed"), ("u4", None, "verified")]


def test_members_of_structures_have_dtypes_and_give_the_size() -> None:
    fields = [{"name": "Line", "dtype": "u1", "target": "hits.line"}, {"name": "Time", "dtype": "u4", "target": "hits.timestamp"}]
    made = parse_record({"name": "s", "kind": "struct", "fields": fields}, WORDS)
    assert (made.nbytes, made.endian) == (5, "big")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fields": [{"name": "a", "bits": [0, 3], "note": "-"}, {"name": "b", "bits": [2, 3], "note": "-"}]}, "overlap"),
        ({"fields": [{"name": "a", "bits": [30, 3], "note": "-"}]}, "do not fit"),
        ({"fields": [{"name": "a", "bits": [0, 3]}]}, "needs a note"),
        ({"fields": [{"name": "a", "bits": [0, 0], "note": "-"}]}, "'bits' is the first bit"),
        ({"fields": [{"name": "a", "bits": [0, 3], "note": "-", "valid": [1]}]}, "'valid' is"),
        ({"fields": [{"name": "a", "note": "-"}]}, "Missing in a field"),
        ({"nbytes": 9}, "1 to 8 bytes"),
        ({"endian": "middle"}, "big or little endian"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        parse_record(record(**changes), WORDS)


def test_unknown_words_are_named() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'packed'"):
        parse_record(record(kind="pack"), WORDS)
    with pytest.raises(UnknownNameError, match="Did you mean 'endian'"):
        parse_record(record(endain="big"), WORDS)
    with pytest.raises(UnknownNameError, match="key 'dtype'"):
        parse_record(record(fields=[{"name": "a", "bits": [0, 3], "dtype": "u1", "note": "-"}]), WORDS)


def test_an_interval_may_be_absent() -> None:
    assert interval(None, "here") is None
    assert interval([1, 12], "here") == (1, 12)
