import json

import pytest

from antdask.archive import failed
from antdask.archive import layout as lay
from antdask.archive.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path))


def test_a_record_stays_until_the_part_is_done(store):
    failed.keep(store, "plan", 7, {"kind": "data", "code": "corrupt", "message": "a basket", "trace": "x", "attempts": 1, "host": "node7"})
    failed.keep(store, "plan", 12, {"kind": "transient"})
    failed.keep(store, "other", 1, {"kind": "bug"})
    assert failed.numbers(store, "plan") == [7, 12] and failed.numbers(store, "none") == []
    first, second = failed.records(store, "plan", [7, 12])
    assert (first["part"], first["kind"], first["host"], second["kind"]) == (7, "data", "node7", "transient")
    assert 0 < first["time_ns"] <= second["time_ns"]
    failed.forget(store, "plan", 7)
    failed.forget(store, "plan", 7)
    assert failed.numbers(store, "plan") == [12]


def test_the_last_failure_of_a_part_is_the_one_that_is_kept(store):
    for kind in ("transient", "data"):
        failed.keep(store, "plan", 7, {"kind": kind})
    assert [r["kind"] for r in failed.records(store, "plan", [7])] == ["data"]


def test_a_record_that_went_or_is_torn_hides_no_other(store):
    failed.keep(store, "plan", 1, {"kind": "bug"})
    store.write_small(lay.failure_file("plan", 2), b'{"kind": ')
    assert [r["kind"] for r in failed.records(store, "plan", [0, 1, 2])] == ["bug", "unknown"]
    assert json.loads(store.read(lay.failure_file("plan", 1)))["plan"] == "plan"
