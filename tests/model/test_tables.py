"""The declared tables are consistent: keys exist, parents come first, every stream has its schema."""

from __future__ import annotations

import pytest

from antdask.errors import UnknownNameError
from antdask.model import tables
from antdask.model.ragged import empty
from antdask.model.schema import Schema

EVERY = list(tables.SCHEMAS.values())


@pytest.mark.parametrize("schema", EVERY, ids=[s.name for s in EVERY])
def test_parents_stand_before_their_children(schema: Schema) -> None:
    assert schema.rows.parent is None
    seen = {schema.rows.name}
    for table in schema.tables[1:]:
        assert table.parent in seen
        seen.add(table.name)


@pytest.mark.parametrize("schema", EVERY, ids=[s.name for s in EVERY])
def test_rows_can_be_ordered_and_traced_to_their_source(schema: Schema) -> None:
    names = {f.name for f in schema.rows.fields if not f.origins}
    assert {*schema.order, "source_input", "source_entry"} <= names


@pytest.mark.parametrize("schema", EVERY, ids=[s.name for s in EVERY])
@pytest.mark.parametrize("origin", [*tables.ONLINE, *tables.SEATRAY])
def test_an_empty_batch_of_every_origin_is_sound(schema: Schema, origin: str) -> None:
    if all(t.columns(origin) for t in schema.given_by(origin)):
        assert empty(schema.name, origin).problems() == []


def test_every_event_has_its_whole_key() -> None:
    for name in ("events", "reco"):
        assert {"run", "frame_index", "trigger_counter"} <= {f.name for f in tables.schema(name).rows.fields}


def test_an_unknown_stream_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'events'"):
        tables.schema("event")
