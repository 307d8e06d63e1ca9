import contextlib
import dataclasses
import io
import json
import zipfile

import pytest

from antdask.archive import plans
from antdask.archive.store import Store
from antdask.errors import PlanError
from antdask.model.keys import RunKey
from antdask.plan import FileEntry, Plan, Rejected, Segment, make_parts


def plan(files=3, entries=1000, part_bytes=1000):
    made = []
    for i in range(files):
        segment = Segment("events", "T", RunKey("antares", i), 0, entries, 10 * entries)
        made.append(FileEntry(f"/data/{i}.root", "km3net_online", "l1", "km3net_online", 5000, 1, "", f"{i:064d}", (segment,), ("a note",)))
    parts = make_parts(made, {("events", "km3net_online/l1/km3net_online"): "0a0b0c0d"}, part_bytes)
    return Plan("/archive", tuple(made), parts, {"0a0b0c0d": {"x": 1}}, (Rejected("/x", "input", "no"),))


@pytest.fixture
def file(tmp_path):
    def write(p, edit=None):
        path = tmp_path / "plan.zip"
        data = plans.to_bytes(p)
        if edit is not None:
            with zipfile.ZipFile(io.BytesIO(data)) as z:
                members = {n: json.loads(z.read(n)) for n in z.namelist() if n.endswith(".json")}
            edit(members)
            with zipfile.ZipFile(path, "w") as z:
                for name, document in members.items():
                    z.writestr(name, json.dumps(document))
        else:
            path.write_bytes(data)
        return plans.PlanFile(str(path))

    return write


def test_a_plan_reads_back_with_its_identity(file):
    p = plan()
    again = file(p).whole()
    assert again == p and again.id == p.id and plans.to_bytes(again) == plans.to_bytes(p)


def test_a_worker_reads_its_piece_and_no_other(file, monkeypatch):
    p = plan(files=1200, entries=30, part_bytes=100)
    made = file(p)
    read = []
    real = zipfile.ZipFile.read
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda self, name, *a: read.append(name) or real(self, name, *a))
    for index in (0, 999, 1000, len(p.parts) - 1):
        assert made.assignment(index) == p.assignment(index)
    assert set(read) == {"parts/000000.json", "parts/000001.json", "parts/000003.json", "inputs/000000.json", "inputs/000001.json"}


@pytest.mark.parametrize("index", [-1, 30])
def test_a_part_that_is_not_in_the_plan_is_refused(file, index):
    with pytest.raises(PlanError, match="No such part"):
        file(plan()).assignment(index)


@pytest.mark.parametrize("data", [b"", b"{}", b"PK", plans.to_bytes(plan())[:300]])
def test_what_is_no_plan_is_refused_with_the_next_step(tmp_path, data):
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(PlanError, match="antdask plan"):
        plans.PlanFile(str(tmp_path / "x"))
    with pytest.raises(PlanError, match="There is no plan"):
        plans.PlanFile(str(tmp_path / "none"))


def test_a_plan_whose_bytes_changed_is_an_error_of_plans(tmp_path):
    data = plans.to_bytes(plan())
    for place in range(0, len(data), 7):
        (tmp_path / "x").write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        # Bytes that nobody reads may change: times of members, and whatever stands twice.
        with contextlib.suppress(PlanError):
            made = plans.PlanFile(str(tmp_path / "x"))
            assert made.whole() == plan() and made.table().num_rows == len(plan().parts)


def test_another_version_is_named(file):
    with pytest.raises(PlanError, match="expected 1, found 99"):
        file(plan(), lambda m: m["header.json"].update(plan_version=99))


def test_a_plan_from_outside_cannot_name_a_path_outside(file):
    made = file(plan(), lambda m: m["parts/000000.json"][0]["key"]["run"].update(detector="../../etc"))
    for call in (made.whole, lambda: made.assignment(0)):
        with pytest.raises(PlanError, match="damaged"):
            call()


def test_an_altered_plan_is_noticed(file):
    made = file(plan(), lambda m: m["parts/000000.json"][0]["ranges"][0].update(stop=77))
    with pytest.raises(PlanError, match="altered"):
        made.whole()


def test_an_archive_keeps_its_plans(tmp_path):
    store = Store(str(tmp_path))
    assert list(plans.saved(store)) == []
    kept = plans.save(store, plan())
    plans.save(store, plan())
    assert [p.id for p in plans.saved(store)] == [plan().id] == [kept.id]
    assert kept.archive == store.url != plan().archive and kept.cost() == plan().cost()


def test_the_columns_say_what_the_parts_say(file):
    p = plan(files=3)
    again = dataclasses.replace(p.parts[1], key=dataclasses.replace(p.parts[1].key, generation=2))
    p = dataclasses.replace(p, parts=(p.parts[0], again, *p.parts[2:]))
    table = file(p).table()
    assert table.column("content").to_pylist() == [part.key.content for part in p.parts]
    assert table.to_pylist()[1] == {
        "detector": "antares", "stream": "events", "lineage": "0a0b0c0d", "run": 0, "index": 1, "content": again.key.content,
        "generation": 2, "nbytes": again.nbytes, "entries": again.entries,
    }  # fmt: skip


def test_a_plan_moves_to_another_archive_and_keeps_its_identity(file, tmp_path):
    store = Store(str(tmp_path / "elsewhere"))
    kept = plans.save(store, file(plan(files=1200, entries=30)))
    assert (kept.id, kept.archive) == (plan(files=1200, entries=30).id, store.url)
    assert kept.whole() == dataclasses.replace(plan(files=1200, entries=30), archive=store.url)


def test_an_altered_plan_does_not_get_into_an_archive(file, tmp_path):
    made = file(plan(), lambda m: m["parts/000000.json"][0]["ranges"][0].update(stop=77))
    with pytest.raises(PlanError, match="altered"):
        plans.save(Store(str(tmp_path / "elsewhere")), made)


def test_what_a_plan_retires_is_part_of_its_identity(file):
    p = dataclasses.replace(plan(), retires=("antares/events/0a0b0c0d/00000001/0000-deadbeef",))
    assert p.id != plan().id
    assert file(p).whole() == p and file(p).retires == p.retires
    file(p).check()
