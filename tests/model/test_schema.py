"""Schemas answer who gives what, and name the nearest where a name is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.errors import UnknownNameError
from antdask.model.schema import Field, Schema, Table

ROWS = Table("rows", "row", "the rows", (Field("a", "u4", "1", "a number"), Field("b", "f8", "m", "a length", origins=("other",))))
BELOW = Table("hits", "hit", "below", (Field("c", "u1", "1", "per channel", dims=(("channel", 31),)),), parent="rows", origins=("mine",))
SCHEMA = Schema("stream", "for tests", ("a",), (ROWS, BELOW))


def test_columns_and_tables_depend_on_the_origin() -> None:
    assert list(ROWS.columns("mine")) == ["a"]
    assert list(ROWS.columns("other")) == ["a", "b"]
    assert [t.name for t in SCHEMA.given_by("mine")] == ["rows", "hits"]
    assert [t.name for t in SCHEMA.given_by("other")] == ["rows"]


def test_things_are_found_by_name() -> None:
    assert SCHEMA.rows is ROWS and SCHEMA.table("hits") is BELOW
    assert BELOW.field("c").numpy == np.dtype("u1")
    with pytest.raises(UnknownNameError, match=r"Unknown table 'hit' \(in stream 'stream'\)\. Did you mean 'hits'"):
        SCHEMA.table("hit")
    with pytest.raises(UnknownNameError, match="Unknown column 'z'"):
        ROWS.field("z")
