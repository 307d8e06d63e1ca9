import dataclasses

from km3net_testdata import data_path

from antdask.convert.lineage import lineage_document, lineage_id
from antdask.sources import SOURCES

SOURCE = SOURCES.get("km3net_online")
ENTRY = SOURCE.describe(data_path("online/km3net_online.root"))


def test_lineage_changes_with_reader_layout_and_stream_and_not_with_the_file():
    first = lineage_id(lineage_document("events", ENTRY, SOURCE))
    other_file = SOURCE.describe(data_path("online/events_sample.root"))
    assert lineage_id(lineage_document("events", other_file, SOURCE)) == first
    assert lineage_id(lineage_document("rates", ENTRY, SOURCE)) != first
    assert lineage_id(lineage_document("events", dataclasses.replace(ENTRY, layout="other"), SOURCE)) != first

    class Newer:
        name, version = SOURCE.name, SOURCE.version + "1"

    assert lineage_id(lineage_document("events", ENTRY, Newer())) != first
