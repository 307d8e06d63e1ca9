import json

import pytest

from antdask.archive import documents
from antdask.archive.store import Store
from antdask.errors import ArchiveError
from antdask.plan import digest

DOCUMENT = {"reader": {"name": "km3net_online", "version": "1"}, "step": {"options": {"cut": 3}}}


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path))


def test_a_document_is_read_by_its_name(store):
    for place, length, read in (("lineages", 8, documents.lineage), ("environments", 16, documents.environment)):
        name = digest(DOCUMENT)[:length]
        store.write_small(f"{place}/{name}.json", json.dumps(DOCUMENT, indent=1).encode())
        assert read(store, name) == DOCUMENT
        with pytest.raises(FileNotFoundError):
            read(store, name[::-1])


def test_a_digit_that_changed_is_noticed(store):
    name, data = digest(DOCUMENT)[:8], json.dumps(DOCUMENT).encode()
    for altered, message in ((data.replace(b"3}", b"8}"), "altered"), (data[:-9], "damaged"), (b"\xff" + data, "damaged")):
        store.write_small(f"lineages/{name}.json", altered)
        with pytest.raises(ArchiveError, match=rf"{message}.*lineages/{name}\.json"):
            documents.lineage(store, name)
