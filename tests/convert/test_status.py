import dataclasses
import json
import shutil
import time
from pathlib import Path

import pytest

from antdask.archive import failed, marker, plans, snapshot
from antdask.archive import layout as lay
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.convert.status import status
from tests.archive.test_ledger import keep, plan, receipt_of
from tests.archive.test_snapshot import merge_of


@pytest.fixture
def store(tmp_path):
    made = Store(str(tmp_path / "a"))
    marker.create(made)
    plans.save(made, plan())
    return made


def test_parts_are_counted_whether_the_catalogue_knows_them_or_not(store):
    assert status(store.url).campaigns[0]["parts_missing"] == 2
    keep(store, receipt_of(plan(), 0))
    snapshot.rebuild(store)
    keep(store, receipt_of(plan(), 1))
    found = status(store.url)
    assert found.campaigns == [
        {
            "plan": plan().id, "parts_total": 2, "parts_done": 2, "parts_missing": 0, "failed": {}, "uncounted": 0, "quarantined": 0, "rejected": 0,
            "rows": 10, "hits": 18, "bytes_in": 100, "bytes_out": 6,
        }
    ]  # fmt: skip
    assert found.exit_code == 0 and found.orphans is None
    assert json.loads(json.dumps(found.to_dict()))["pace"]["running"] is False


def test_no_more_receipts_are_read_than_needed(store, monkeypatch):
    for i in range(2):
        keep(store, receipt_of(plan(), i))
    monkeypatch.setattr("antdask.convert.status.SAMPLE", 1)
    read, real = [], Store.read
    monkeypatch.setattr(Store, "read", lambda self, path, *a: read.append(path) or real(self, path, *a))
    found = status(store.url).campaigns[0]
    assert len([p for p in read if p.startswith("receipts")]) == 1
    assert (found["parts_done"], found["uncounted"], found["rows"]) == (2, 1, 5)
    read.clear()
    snapshot.rebuild(store)
    read.clear()
    assert status(store.url).campaigns[0]["rows"] == 10 and not [p for p in read if p.startswith("receipts")]


def test_failures_are_counted_by_class_until_the_part_is_done(store, monkeypatch):
    failed.keep(store, plan().id, 0, {"kind": "transient"})
    failed.keep(store, plan().id, 1, {"kind": "data"})
    assert status(store.url).campaigns[0]["failed"] == {"data": 1, "transient": 1}
    monkeypatch.setattr("antdask.convert.status.SAMPLE", 1)
    assert status(store.url).campaigns[0]["failed"] == {"transient": 1, "not read": 1}
    keep(store, receipt_of(plan(), 0))
    assert status(store.url).campaigns[0]["failed"] == {"data": 1}


def test_superseded_parts_are_counted_apart_and_are_no_orphans(store):
    for i in range(2):
        keep(store, receipt_of(plan(), i))
    keep(store, merge_of(plan()))
    for _ in range(2):
        found = status(store.url, files=True)
        assert (found.superseded, found.orphans, found.campaigns[0]["parts_done"]) == (0 if not found.snapshot else 2, 0, 2)
        snapshot.rebuild(store)
    store.remove(lay.receipt_file(plan().parts[0].key.path))
    assert status(store.url, files=True).orphans == 1


def test_files_are_looked_at_if_wanted(store):
    for i in range(2):
        keep(store, receipt_of(plan(), i))
    snapshot.rebuild(store)
    store.write_small(lay.part_file(plan().parts[0].key.path), b"ab")
    assert status(store.url).exit_code == 0
    found = status(store.url, files=True)
    assert (found.campaigns[0]["parts_missing"], found.orphans, found.exit_code) == (1, 0, 4)


def test_a_running_campaign_tells_its_pace_and_when_it_will_end(store):
    work = {"started_ns": time.time_ns() - 10 * 10**9, "seconds": 10.0, "cpu_seconds": 5.0}
    keep(store, dataclasses.replace(receipt_of(plan(), 0), work=work))
    pace = status(store.url).pace
    assert pace.running and pace.at_work == pytest.approx(1, rel=0.1) and pace.seconds_left == pytest.approx(10, rel=0.1)
    assert pace.mb_per_second_core == pytest.approx(500 / 1e6 / 5)
    snapshot.rebuild(store)
    again = status(store.url).pace
    assert again.mb_per_second_core == pytest.approx(pace.mb_per_second_core) and again.running


def test_what_two_plans_want_remains_to_be_done_once(store):
    plans.save(store, dataclasses.replace(plan(), rejected=(), retires=("antdask/x",)))
    work = {"started_ns": time.time_ns() - 10 * 10**9, "seconds": 10.0, "cpu_seconds": 5.0}
    keep(store, dataclasses.replace(receipt_of(plan(), 0), work=work))
    found = status(store.url)
    assert len(found.campaigns) == 2 and found.pace.seconds_left == pytest.approx(10, rel=0.1)


def test_a_part_that_failed_is_kept_with_all_that_is_known_and_forgotten_when_it_is_done(real_files, tmp_path):
    copy = tmp_path / "antares.h5"
    shutil.copy(real_files["antares.h5"], copy)
    made = make_plan([str(copy)], str(tmp_path / "a"))
    hidden = tmp_path / "hidden"
    copy.rename(hidden)
    store = Store(made.archive)
    with make_cluster("serial") as cluster:
        convert(made, cluster)
        assert status(made.archive).campaigns[0]["failed"] == {"data": 2}
        [first, _] = failed.records(store, made.id, failed.numbers(store, made.id))
        assert (first["kind"], first["code"], first["attempts"], first["key"]) == ("data", "input-missing", 1, made.parts[0].key.path)
        assert first["host"] and "check_unchanged" in first["trace"] and "antares.h5" in first["message"] and first["time_ns"] > 0
        hidden.rename(copy)
        convert(made, cluster)
    assert failed.numbers(store, made.id) == [] and status(made.archive).campaigns[0]["failed"] == {}
    assert not list(Path(store.full("failures")).rglob("*.json"))
