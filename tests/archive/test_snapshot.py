import dataclasses

import pytest

from antdask.archive import catalog, choices, marker, plans, snapshot
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


def test_a_snapshot_of_an_antdask_that_knew_fewer_bounds_is_carried_on(store):
    p = plan()
    marker.create(store)
    keep(store, receipt_of(p, 0))
    plans.save(store, p)
    made = snapshot.rebuild(store)
    gone = ["frame_index_min", "frame_index_max", "n_hits_min"]
    catalog.save(store, dataclasses.replace(made, blocks=made.blocks.drop_columns(gone)))
    assert catalog.load(store).blocks["frame_index_max"].to_pylist() == [None]
    keep(store, receipt_of(p, 1))
    again = snapshot.rebuild(store)
    assert sorted(again.blocks["frame_index_max"].to_pylist(), key=str) == [4, None]
    assert again.blocks.schema == catalog.BLOCKS and again.parts.num_rows == 2
    assert snapshot.rebuild(store, whole=True).blocks["frame_index_max"].to_pylist() == [4, 4]


def test_old_snapshots_stay_for_a_day_and_then_go(store, monkeypatch):
    marker.create(store)
    names = [snapshot.rebuild(store).snapshot for _ in range(14)]

    def kept():
        return sorted({p.split("/")[1] for p in store.list("catalogue") if p.endswith(".parquet")})

    assert kept() == names[-12:]
    monkeypatch.setattr(snapshot, "_DAY_NS", 0)
    last = snapshot.rebuild(store).snapshot
    assert kept() == [*names[-2:], last]


def test_rejected_inputs_stand_in_quarantine_until_a_later_plan_takes_them(store):
    bad = dataclasses.replace(
        plan(), rejected=(Rejected("/data/a.h5", "corrupt", "x"), Rejected("/data/b.h5", "corrupt", "y")), inputs=(), parts=()
    )
    marker.create(store)
    plans.save(store, bad)
    assert snapshot.rebuild(store).quarantine["url"].to_pylist() == ["/data/a.h5", "/data/b.h5"]
    plans.save(store, plan())
    assert snapshot.rebuild(store).quarantine["url"].to_pylist() == ["/data/b.h5"]
    assert snapshot.rebuild(store, whole=True).quarantine["url"].to_pylist() == ["/data/b.h5"]


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
        one, other = (getattr(made, name).drop_columns(["since_ns"] if name == "plans" else []) for made in (merged, whole))
        assert one.equals(other), name
    store.remove(lay.receipt_file(p.parts[0].key.path))
    assert snapshot.rebuild(store).parts["part"].to_pylist() == [p.parts[1].key.path]
    assert snapshot.rebuild(store).blocks["part"].to_pylist() == [p.parts[1].key.path]


def merge_of(p, name="feedc0de"):
    """A receipt that stands for both parts of a plan."""
    parts = [receipt_of(p, i) for i in range(2)]
    path = f"antares/events/0a0b0c0d/00000007/0000-{name}"
    briefs = [r.brief() for r in parts]
    return dataclasses.replace(
        parts[0], part=path, content=name, rows=10, hits=18, entries=10, supersedes=briefs, sources=[b.part for b in briefs]
    )


@pytest.fixture
def merged(store):
    """Two parts, and one that stands for them."""
    p = plan()
    marker.create(store)
    plans.save(store, p)
    for i in range(2):
        keep(store, receipt_of(p, i))
    snapshot.rebuild(store)
    keep(store, merge_of(p))
    return p


@pytest.mark.parametrize("whole", [False, True])
def test_a_merged_part_takes_the_place_of_its_sources_at_once(store, merged, whole):
    made = snapshot.rebuild(store, whole=whole)
    assert made.parts["part"].to_pylist() == [merge_of(merged).part] and made.blocks["part"].unique().to_pylist() == [merge_of(merged).part]
    assert made.superseded["part"].to_pylist() == [part.key.path for part in merged.parts]
    assert made.superseded["by"].unique().to_pylist() == [merge_of(merged).part] and made.superseded["rows"].to_pylist() == [5, 5]
    assert made.runs.to_pylist()[0]["rows"] == 10
    again = snapshot.rebuild(store)
    for name in catalog.TABLES:
        assert getattr(again, name).equals(getattr(made, name)), name


def test_what_a_lost_merged_part_stood_for_comes_back(store, merged):
    snapshot.rebuild(store)
    store.remove(lay.receipt_file(merge_of(merged).part))
    for whole in (False, True):
        made = snapshot.rebuild(store, whole=whole)
        assert made.parts["part"].to_pylist() == [part.key.path for part in merged.parts] and made.superseded.num_rows == 0
        assert made.blocks.num_rows == 2


def test_what_was_cleared_away_stays_known(store, merged):
    snapshot.rebuild(store)
    for part in merged.parts:
        store.remove(lay.receipt_file(part.key.path))
    for whole in (False, True):
        made = snapshot.rebuild(store, whole=whole)
        assert made.parts["part"].to_pylist() == [merge_of(merged).part]
        assert made.superseded["part"].to_pylist() == [part.key.path for part in merged.parts] and made.superseded["rows"].to_pylist() == [
            5,
            5,
        ]


def again(p, index):
    """The part anew, as the next generation, and the plan that asks for it."""
    part = dataclasses.replace(p.parts[index], index=0, key=dataclasses.replace(p.parts[index].key, generation=1))
    return dataclasses.replace(p, parts=(part,), retires=(p.parts[index].key.path,))


def test_a_plan_retires_a_part_when_its_own_are_there(store):
    p = plan()
    marker.create(store)
    for some in (p, again(p, 0)):
        plans.save(store, some)
    for i in range(2):
        keep(store, receipt_of(p, i))
    assert snapshot.rebuild(store).parts["part"].to_pylist() == [part.key.path for part in p.parts]
    keep(store, receipt_of(again(p, 0), 0))
    made = snapshot.rebuild(store)
    assert made.parts["part"].to_pylist() == [again(p, 0).parts[0].key.path, p.parts[1].key.path]
    assert made.superseded.select(["part", "by", "rows"]).to_pylist() == [{"part": p.parts[0].key.path, "by": again(p, 0).id, "rows": 5}]
    assert made.plans["plan"].to_pylist() == sorted([p.id, again(p, 0).id]) and made.plans["parts"].to_pylist() in ([1, 2], [2, 1])


def test_a_choice_with_a_plan_waits_for_it(store):
    p = plan()
    other = dataclasses.replace(plan(lineage="99999999"), lineages={"99999999": {"step": {"name": "m:f"}}})
    marker.create(store)
    for some in (p, other):
        plans.save(store, some)
    keep(store, receipt_of(p, 0))
    keep(store, receipt_of(p, 1))
    keep(store, receipt_of(other, 0))
    choices.write(store, choices.Choice("events", "99999999", plan=other.id))

    def current():
        made = snapshot.rebuild(store)
        assert made.runs["rows"].to_pylist() == [10]
        return {part for part, flag in zip(made.parts["part"].to_pylist(), made.parts["current"].to_pylist(), strict=True) if flag}

    assert current() == {part.key.path for part in p.parts}
    keep(store, receipt_of(other, 1))
    assert current() == {part.key.path for part in other.parts}
    choices.write(store, choices.Choice("events", "0a0b0c0d"))
    assert current() == {part.key.path for part in p.parts}


def test_a_slow_snapshot_does_not_hide_a_newer_one(store, monkeypatch):
    marker.create(store)
    p = plan()
    plans.save(store, p)
    save, rivals = catalog.save, []

    def late(where, made):
        """While this snapshot is saved, a part is signed, and another driver makes a snapshot that knows of it."""
        save(where, made)
        if not rivals:
            rivals.append(None)
            keep(store, receipt_of(p, 0))
            rivals.append(snapshot.rebuild(store).snapshot)

    monkeypatch.setattr(catalog, "save", late)
    made = snapshot.rebuild(store)
    assert made.parts.num_rows == 1 and len(rivals) == 2
    found = catalog.load(store)
    assert found.snapshot == made.snapshot > rivals[1] and found.parts.num_rows == 1


def test_a_clock_that_is_behind_hides_nothing(store, monkeypatch):
    marker.create(store)
    p = plan()
    plans.save(store, p)
    first = snapshot.rebuild(store).snapshot
    monkeypatch.setattr(Store, "now", lambda _: 1e9)
    for number in range(6):
        if number < len(p.parts):
            keep(store, receipt_of(p, number))
        made = snapshot.rebuild(store)
        assert made.snapshot > first and catalog.load(store).snapshot == made.snapshot
    assert catalog.load(store).parts.num_rows == len(p.parts)
    choices.write(store, choices.Choice("events", "00000001"))
    last = choices.write(store, choices.Choice("events", "00000002"))
    monkeypatch.setattr(choices.time, "time_ns", lambda: 10**17)
    assert choices.write(store, choices.Choice("events", "00000003")).name > last.name
    assert [c.lineage for c in choices.read(store)] == ["00000001", "00000002", "00000003"]


def test_inputs_of_archived_parts_are_no_inputs(store):
    marker.create(store)
    p = plan()
    plans.save(store, dataclasses.replace(p, inputs=(dataclasses.replace(p.inputs[0], format="archive_part"),)))
    assert snapshot.rebuild(store).inputs.num_rows == 0
