import json

import pytest

from antdask.archive import catalog
from antdask.archive import layout as lay
from antdask.archive.store import Store
from antdask.errors import ArchiveError, DestinationError, NotAnArchiveError, SchemaVersionError
from antdask.plan import Rejected
from tests.archive.test_ledger import keep, plan, receipt_of


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "archive"))


def test_an_archive_explains_itself(store):
    catalog.create(store)
    catalog.create(store)
    assert catalog.check(store) == "1.0"
    assert b"You do not need antdask" in store.read(lay.README)
    assert "events" in json.loads(store.read(lay.SCHEMA_FILE))["streams"]
    assert catalog.load(store).parts.num_rows == 0


@pytest.mark.parametrize("kind", ["file inside", "directory inside", "is a file"])
def test_a_place_that_holds_something_else_is_left_alone(tmp_path, kind):
    place = tmp_path / "archive"
    if kind == "is a file":
        place.write_text("precious")
    else:
        place.mkdir()
        (place / "x").mkdir() if kind == "directory inside" else (place / "x").write_text("precious")
    with pytest.raises(DestinationError, match="no antdask archive"):
        catalog.create(Store(str(place)))
    assert sorted(p.name for p in tmp_path.rglob("*")) == sorted({"archive", *([] if kind == "is a file" else ["x"])})


def test_what_is_no_archive_or_newer_is_refused(store):
    with pytest.raises(NotAnArchiveError):
        catalog.load(store)
    catalog.create(store)
    for text in ("", "{}", '{"format": "x", "schema_version": "1.0"}', '{"format": "antdask-archive", "schema_version": "one"}'):
        store.write_small(lay.MARKER, text.encode())
        with pytest.raises(NotAnArchiveError):
            catalog.check(store)
    store.write_small(lay.MARKER, b'{"format": "antdask-archive", "schema_version": "2.0"}')
    with pytest.raises(SchemaVersionError, match=r"found 2\.0"):
        catalog.check(store)


def test_tables_say_what_the_receipts_say(store):
    p = plan()
    catalog.create(store)
    for i in range(2):
        keep(store, receipt_of(p, i))
    store.write_small(lay.plan_file(p.id), p.to_json().encode())
    snapshot = catalog.rebuild(store)
    loaded = catalog.load(store)
    assert loaded.snapshot == snapshot.snapshot
    for name in catalog.TABLES:
        assert getattr(loaded, name).equals(getattr(snapshot, name))
    assert loaded.parts["part"].to_pylist() == [part.key.path for part in p.parts]
    assert loaded.blocks["frame_index_max"].to_pylist() == [4, 4] and loaded.blocks["utc_ns_min"].null_count == 2
    assert loaded.runs.to_pylist()[0] | {"rows": 10, "hits": 18, "n_parts": 2} == loaded.runs.to_pylist()[0]
    assert loaded.inputs["name"].to_pylist() == ["a.h5"] and loaded.quarantine.num_rows == 0


def test_old_snapshots_stay_for_a_while_and_then_go(store):
    catalog.create(store)
    names = [catalog.rebuild(store).snapshot for _ in range(5)]
    kept = {p.split("/")[1] for p in store.list("catalogue") if p.endswith(".parquet")}
    assert kept == set(names[-3:])


def test_rejected_inputs_stand_in_quarantine_until_a_later_plan_takes_them():
    import dataclasses

    bad = dataclasses.replace(plan(), rejected=(Rejected("/data/a.h5", "corrupt", "x"), Rejected("/data/b.h5", "corrupt", "y")), inputs=())
    assert catalog.from_receipts([], [bad]).quarantine["url"].to_pylist() == ["/data/a.h5", "/data/b.h5"]
    assert catalog.from_receipts([], [bad, plan()]).quarantine["url"].to_pylist() == ["/data/b.h5"]


def test_a_damaged_catalogue_says_how_to_mend_it(store):
    catalog.create(store)
    snapshot = catalog.rebuild(store).snapshot
    store.write_small(f"catalogue/{snapshot}/parts.parquet", b"PAR1")
    with pytest.raises(ArchiveError, match="rebuild"):
        catalog.load(store)
    store.write_small(lay.CURRENT, b"?")
    with pytest.raises(ArchiveError, match="rebuild"):
        catalog.load(store)
