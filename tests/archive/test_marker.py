import json

import pytest

from antdask.archive import catalog, marker
from antdask.archive import layout as lay
from antdask.archive.store import Store
from antdask.errors import DestinationError, NotAnArchiveError, SchemaVersionError


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "archive"))


def test_an_archive_explains_itself(store):
    marker.create(store)
    marker.create(store)
    assert marker.check(store) == "1.0"
    assert b"You do not need antdask" in store.read(lay.README)
    assert "events" in json.loads(store.read(lay.SCHEMA_FILE))["streams"]
    assert catalog.load(store).parts.num_rows == 0


def test_the_schema_grows_with_what_may_come_and_never_shrinks(store):
    marker.create(store)
    whole = store.read(lay.SCHEMA_FILE)
    older = json.loads(whole)
    del older["streams"]["mc"], older["streams"]["events"]["tables"][0]["fields"][3]
    for content in (json.dumps(older).encode(), b"{", b"[]"):
        store.write_small(lay.SCHEMA_FILE, content)
        marker.create(store)
        assert store.read(lay.SCHEMA_FILE) == whole
    newer = json.loads(whole)
    newer["streams"]["neutrinos"] = {"tables": [{"name": "seen", "fields": [{"name": "energy"}]}]}
    store.write_small(lay.SCHEMA_FILE, json.dumps(newer).encode())
    store.write_small(lay.README, b"Our data set.")
    marker.create(store)
    assert json.loads(store.read(lay.SCHEMA_FILE)) == newer and store.read(lay.README) == b"Our data set."


@pytest.mark.parametrize("kind", ["file inside", "directory inside", "is a file"])
def test_a_place_that_holds_something_else_is_left_alone(tmp_path, kind):
    place = tmp_path / "archive"
    if kind == "is a file":
        place.write_text("precious")
    else:
        place.mkdir()
        (place / "x").mkdir() if kind == "directory inside" else (place / "x").write_text("precious")
    with pytest.raises(DestinationError, match="no antdask archive"):
        marker.create(Store(str(place)))
    assert sorted(p.name for p in tmp_path.rglob("*")) == sorted({"archive", *([] if kind == "is a file" else ["x"])})


def test_what_is_no_archive_or_newer_is_refused(store):
    with pytest.raises(NotAnArchiveError):
        catalog.load(store)
    marker.create(store)
    for text in ("", "{}", '{"format": "x", "schema_version": "1.0"}', '{"format": "antdask-archive", "schema_version": "one"}'):
        store.write_small(lay.MARKER, text.encode())
        with pytest.raises(NotAnArchiveError):
            marker.check(store)
    store.write_small(lay.MARKER, b'{"format": "antdask-archive", "schema_version": "2.0"}')
    with pytest.raises(SchemaVersionError, match=r"found 2\.0"):
        marker.check(store)


def test_an_empty_directory_becomes_an_archive(tmp_path):
    marker.create(Store(str(tmp_path)))
    assert marker.check(Store(str(tmp_path))) == "1.0"


def test_a_driver_that_is_killed_between_the_first_files_leaves_an_archive_that_the_next_one_completes(store, monkeypatch):
    write = Store.write_small

    def killed(self, path, data):
        if path == lay.README:
            raise KeyboardInterrupt
        write(self, path, data)

    with monkeypatch.context() as m, pytest.raises(KeyboardInterrupt):
        m.setattr(Store, "write_small", killed)
        marker.create(store)
    store.write_small(".antdask.json.elsewhere.1.0badcafe.tmp", b"")
    marker.create(store)
    assert store.exists(lay.README) and store.exists(lay.SCHEMA_FILE)


def test_what_a_killed_driver_left_of_the_marker_does_not_make_the_place_taken(store):
    store.write_small(".antdask.json.elsewhere.1.0badcafe.tmp", b"")
    marker.create(store)
    assert marker.check(store) == "1.0"


def test_a_web_server_is_refused_before_it_is_asked():
    with pytest.raises(DestinationError, match="can only be read"):
        marker.create(Store("http://127.0.0.1:9/x"))
