import dataclasses

import pytest

from antdask.archive import catalog, marker, plans, snapshot
from antdask.archive import layout as lay
from antdask.archive.store import Store
from antdask.plan import Rejected
from tests.archive.test_ledger import keep, plan, receipt_of


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "archive"))


def test_tables_say_what_the_receipts_say(store):
    p = plan()
    marker.create(store)
    for i in range(2):
        keep(store, receipt_of(p, i))
    plans.save(store, p)
    made = snapshot.rebuild(store)
    loaded = catalog.load(store)
    assert loaded.snapshot == made.snapshot
    for name in catalog.TABLES:
        assert getattr(loaded, name).equals(getattr(made, name))
    assert loaded.parts["part"].to_pylist() == [part.key.path for part in p.parts]
    assert loaded.blocks["frame_index_max"].to_pylist() == [4, 4] and loaded.blocks["utc_ns_min"].null_count == 2
    assert loaded.runs.to_pylist()[0] | {"rows": 10, "hits": 18, "n_parts": 2} == loaded.runs.to_pylist()[0]
    assert loaded.inputs["name"].to_pylist() == ["a.h5"] and loaded.quarantine.num_rows == 0


def test_old_snapshots_stay_for_a_day_and_then_go(store, monkeypatch):
    marker.create(store)
    names = [snapshot.rebuild(store).snapshot for _ in range(14)]

    def kept():
        return sorted({p.split("/")[1] for p in store.list("catalogue") if p.endswith(".parquet")})

    assert kept() == names[-12:]
    monkeypatch.setattr(snapshot, "_DAY_NS", 0)
    last = snapshot.rebuild(store).snapshot
    assert kept() == [*names[-2:], last]


def test_rejected_inputs_stand_in_quarantine_until_a_later_plan_takes_them():
    bad = dataclasses.replace(plan(), rejected=(Rejected("/data/a.h5", "corrupt", "x"), Rejected("/data/b.h5", "corrupt", "y")), inputs=())
    assert snapshot.merge(catalog.nothing(), set(), [], [bad]).quarantine["url"].to_pylist() == ["/data/a.h5", "/data/b.h5"]
    assert snapshot.merge(catalog.nothing(), set(), [], [bad, plan()]).quarantine["url"].to_pylist() == ["/data/b.h5"]


def test_only_new_receipts_are_read_and_gone_ones_forgotten(store, monkeypatch):
    p = plan()
    marker.create(store)
    plans.save(store, p)
    keep(store, receipt_of(p, 0))
    snapshot.rebuild(store)
    keep(store, receipt_of(p, 1))
    read = []
    real = Store.read
    monkeypatch.setattr(Store, "read", lambda self, path, *a: read.append(path) or real(self, path, *a))
    merged = snapshot.rebuild(store)
    assert [x for x in read if x.startswith("receipts")] == [lay.receipt_file(p.parts[1].key.path)]
    whole = snapshot.rebuild(store, whole=True)
    for name in catalog.TABLES:
        assert getattr(merged, name).equals(getattr(whole, name)), name
    store.remove(lay.receipt_file(p.parts[0].key.path))
    assert snapshot.rebuild(store).parts["part"].to_pylist() == [p.parts[1].key.path]
    assert snapshot.rebuild(store).blocks["part"].to_pylist() == [p.parts[1].key.path]
