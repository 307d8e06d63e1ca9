import dataclasses

import pytest

from antdask.archive import layout as lay
from antdask.archive import marker, plans, snapshot
from antdask.archive.store import Store
from antdask.convert.survey import Survey
from tests.archive.test_ledger import keep, plan, receipt_of
from tests.archive.test_snapshot import merge_of


@pytest.fixture
def store(tmp_path):
    made = Store(str(tmp_path / "a"))
    marker.create(made)
    plans.save(made, plan())
    for i in range(2):
        keep(made, receipt_of(plan(), i))
    snapshot.rebuild(made)
    return made


def texts(store):
    return [text for _, text in Survey.take(store).problems]


def test_a_sound_archive_is_sound(store):
    found = Survey.take(store)
    assert found.problems == [] and (len(found.live), found.rows, found.hits, found.lost) == (2, 10, 18, 0)


def test_a_merged_archive_is_sound_before_and_after_it_is_cleared(store):
    keep(store, merge_of(plan()))
    assert any("catalogue and receipts disagree" in t for t in texts(store))
    snapshot.rebuild(store)
    found = Survey.take(store)
    assert found.problems == [] or all("its plan" in t for _, t in found.problems)
    assert list(found.live) == [merge_of(plan()).part] and found.rows == 10
    for part in plan().parts:
        store.remove(lay.receipt_file(part.key.path))
        store.remove(lay.part_file(part.key.path))
    assert texts(store) == []
    store.remove(lay.receipt_file(merge_of(plan()).part))
    assert any("was cleared away" in t for t in texts(store))


def test_entries_that_stand_in_two_parts_are_found(store):
    # The same entries in another part of the same lineage, which nobody declared to stand for them.
    double = dataclasses.replace(merge_of(plan()), supersedes=[], ranges=[{"input": 0, "tree": "T", "start": 3, "stop": 7}], entries=10)
    keep(store, double)
    snapshot.rebuild(store)
    found = [(part.rpartition("/")[2], text) for part, text in Survey.take(store).problems if "too" in text]
    assert len(found) == 2 and found[0][1].startswith("entries 3 to 5 stand in") and found[1][1].startswith("entries 5 to 7 stand in")


def test_entries_that_are_not_accounted_for_are_found(store):
    keep(store, dataclasses.replace(receipt_of(plan(), 0), rows=4))
    keep(store, dataclasses.replace(receipt_of(plan(), 1), rows=4, dropped=1))
    found = [t for t in texts(store) if "came in" in t]
    assert len(found) == 2 and "4 rows, 0 quarantined and 1 dropped entries, but 5 entries came in" in found[1]


def test_a_step_may_drop_entries(store):
    other = dataclasses.replace(plan(lineage="99999999"), lineages={"99999999": {"step": {"name": "m:f"}}})
    plans.save(store, other)
    for i in range(2):
        keep(store, dataclasses.replace(receipt_of(other, i), rows=3, dropped=2))
    snapshot.rebuild(store)
    assert texts(store) == []


def test_what_is_missing_and_of_another_size_is_found(store):
    store.write_small(lay.part_file(plan().parts[0].key.path), b"ab")
    store.remove(lay.part_file(plan().parts[1].key.path))
    found = texts(store)
    assert any("has 2 bytes, the receipt says 3" in t for t in found) and any("the part file is missing" in t for t in found)
    assert sum("is not done" in t for t in found) == 2
