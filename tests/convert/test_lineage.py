import dataclasses

import pytest
from km3net_testdata import data_path

from antdask.convert import lineage
from antdask.convert.lineage import lineage_document, lineage_id
from antdask.model.tables import schema
from antdask.sources import SOURCES

SOURCE = SOURCES.get("km3net_online")
ENTRY = SOURCE.describe(data_path("online/km3net_online.root"))


def of(entry=ENTRY, source=SOURCE, stream="events"):
    return lineage_id(lineage_document(stream, entry, source))


@pytest.mark.parametrize("name", ["events_sample.root", "muon_cc_daqevents.root"])
def test_lineage_does_not_depend_on_the_file_nor_on_how_it_is_split(name):
    assert of(SOURCE.describe(data_path(f"online/{name}"))) == of()


def test_lineage_depends_on_stream_and_version_of_the_reader():
    class Newer:
        name, version = SOURCE.name, SOURCE.version + "1"

    assert len({of(), of(stream="rates"), of(source=Newer())}) == 3


def test_a_declared_layout_is_part_of_the_lineage():
    maps = [dataclasses.replace(ENTRY, layout=name) for name in ("antares_raw_leaf_1", "antares_raw_packed_1")]
    assert len({of(), *map(of, maps)}) == 3


def test_parts_of_an_older_writer_are_told_apart(monkeypatch):
    document = lineage_document("events", ENTRY, SOURCE)
    assert lineage.writes_alike(document) and lineage.writes_alike({})
    monkeypatch.setattr(lineage, "WRITER_VERSION", document["writer"]["version"] + 1)
    assert not lineage.writes_alike(document) and lineage_id(document) != of()


def test_words_count_because_they_stand_in_the_bytes(monkeypatch):
    events = schema("events")
    rows = dataclasses.replace(events.rows, description="other words")
    before = of()
    monkeypatch.setattr(lineage, "schema", lambda stream: dataclasses.replace(events, tables=(rows, *events.tables[1:])))
    assert of() != before


def test_a_source_that_comes_later_leaves_the_lineages_of_others_alone(monkeypatch):
    events = schema("events")
    fields = tuple(dataclasses.replace(f, origins=(*f.origins, "new")) if f.origins else f for f in events.rows.fields)
    rows = dataclasses.replace(events.rows, fields=fields)
    before = of()
    monkeypatch.setattr(lineage, "schema", lambda stream: dataclasses.replace(events, tables=(rows, *events.tables[1:])))
    assert of() == before
