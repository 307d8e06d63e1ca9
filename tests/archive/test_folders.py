import os

import pytest

from antdask.archive import folders, marker, plans, snapshot
from antdask.archive import layout as lay
from antdask.archive.catalog_reader import CatalogReader
from antdask.archive.store import Store
from tests.archive.test_ledger import keep, plan, receipt_of
from tests.archive.test_snapshot import merge_of


@pytest.fixture
def store(tmp_path):
    """An archive with a part in a quiet folder."""
    made = Store(str(tmp_path / "a"))
    marker.create(made)
    plans.save(made, plan())
    keep(made, receipt_of(plan(), 0))
    quieten(made)
    snapshot.rebuild(made)
    return made


def quieten(store):
    """As if all had been written an hour ago."""
    for folder, _, _ in os.walk(store.full("receipts")):
        now = os.stat(folder).st_mtime_ns
        os.utime(folder, ns=(now, now - 3600 * 10**9))


def look(store, monkeypatch, quick=True):
    """What is found, and which folders were listed for it."""
    listed, real = [], Store.list
    monkeypatch.setattr(Store, "list", lambda self, prefix="": listed.append(prefix) or real(self, prefix))
    found = folders.look(store, CatalogReader.open(store), quick)
    monkeypatch.undo()
    return found.fresh, sorted(found.absent.to_pylist()), [p for p in listed if p.startswith("receipts")]


def test_a_quiet_folder_is_not_listed(store, monkeypatch):
    assert look(store, monkeypatch) == ([], [], [])
    assert look(store, monkeypatch, quick=False) == ([], [], ["receipts"])


def test_what_came_or_went_is_seen(store, monkeypatch):
    first, second = (part.key.path for part in plan().parts)
    own = "receipts/" + first.rpartition("/")[0]
    keep(store, receipt_of(plan(), 1))
    assert look(store, monkeypatch) == ([second], [], [own])
    store.remove(lay.receipt_file(first))
    assert look(store, monkeypatch) == ([second], [first], [own]) == (*look(store, monkeypatch, quick=False)[:2], [own])


def test_a_new_folder_and_one_that_vanished_are_seen(store, monkeypatch):
    other = receipt_of(plan(lineage="99999999"), 0)
    keep(store, other)
    fresh, absent, listed = look(store, monkeypatch)
    assert (fresh, absent) == ([other.part], []) and len(listed) == 1
    snapshot.rebuild(store)
    store.remove(lay.receipt_file(plan().parts[0].key.path))
    os.rmdir(store.full("receipts/" + plan().parts[0].key.path.rpartition("/")[0]))
    assert look(store, monkeypatch)[:2] == ([], [plan().parts[0].key.path])


def test_a_folder_that_changed_lately_is_not_trusted(store, monkeypatch):
    keep(store, receipt_of(plan(), 1))
    snapshot.rebuild(store)
    assert CatalogReader.open(store).folders.num_rows == 0
    assert look(store, monkeypatch)[2] == ["receipts"]


def test_what_was_cleared_away_is_known_to_be_gone_without_a_look(store, monkeypatch):
    keep(store, receipt_of(plan(), 1))
    keep(store, merge_of(plan()))
    snapshot.rebuild(store)
    paths = sorted(part.key.path for part in plan().parts)
    for path in paths:
        store.remove(lay.receipt_file(path))
    quieten(store)
    assert look(store, monkeypatch, quick=False)[:2] == ([], paths)
    snapshot.rebuild(store)
    assert look(store, monkeypatch) == ([], paths, [])


def test_without_a_snapshot_everything_is_new(store):
    assert folders.look(store, None).fresh == [plan().parts[0].key.path]


def test_other_stores_are_listed():
    store = Store("memory://folders")
    assert folders.times(store, 2 * 10**18) == {}
