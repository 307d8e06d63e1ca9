import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import uproot
from km3net_testdata import data_path

from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import CopiesWarning, inspect, inspect_each, make_plan, scan
from antdask.errors import AntdaskError, InputError, InputMissingError, PlanError, UnknownFormatError
from antdask.settings import load
from antdask.simulate import SimulationSpec, simulate
from antdask.sources import describe_each

L1 = data_path("online/KM3NeT_00000267_00025291_L1.root")
SEATRAY = data_path("seatray/antares.h5")


@contextlib.contextmanager
def closed(folder: Path) -> Iterator[None]:
    """A folder that its owner may not enter, looked at by somebody who is not root."""
    root = os.geteuid() == 0
    folder.chmod(0)
    if root:
        for above in [folder.parent, *folder.parent.parents][:-1]:
            above.chmod(above.stat().st_mode | 0o055)
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)


def test_inspect_describes_one_file():
    entry = inspect(L1)
    assert entry.format == "km3net_online" and [(s.stream, s.run.run, s.stop) for s in entry.segments] == [
        ("timeslices_l1", 25291, 3),
        ("headers", 25291, 1),
    ]


def test_one_bad_input_does_not_stop_the_others(tmp_path):
    (tmp_path / "empty.root").write_bytes(b"")
    (tmp_path / "text.root").write_text("hello, this is no ROOT file at all")
    (tmp_path / "half.root").write_bytes(Path(L1).read_bytes()[:100_000])
    (tmp_path / "folder").mkdir()
    plan = make_plan([str(tmp_path / "*.root"), str(tmp_path / "missing.root"), str(tmp_path / "folder"), L1, SEATRAY], str(tmp_path / "a"))
    assert {Path(f.url).name for f in plan.inputs} == {Path(L1).name, "antares.h5"}
    assert {Path(r.url).name: r.code for r in plan.rejected} == {
        "empty.root": "unknown-format",
        "text.root": "unknown-format",
        "half.root": "corrupt",
        "missing.root": "input-missing",
        "folder": "input",
    }


def test_a_folder_that_a_glob_may_not_enter_is_named_and_the_others_are_planned(tmp_path):
    for name in ("open", "closed"):
        (tmp_path / name).mkdir()
    shutil.copy(L1, tmp_path / "open")
    shutil.copy(SEATRAY, tmp_path / "closed")
    with closed(tmp_path / "closed"):
        entries, rejected = scan([str(tmp_path / "*/*")])
        deeper = scan([str(tmp_path / "**/*")])
        single = scan([str(tmp_path / "closed/antares.h5"), str(tmp_path / "closed/*.h5")])
    assert [Path(e.url).name for e in entries] == [Path(L1).name] and deeper == (entries, rejected)
    assert [(r.url, r.code) for r in rejected] == [(str(tmp_path / "closed"), "input-unreadable")]
    assert [r.code for r in single[1]] == ["input-unreadable"] * 2


def test_the_same_content_under_two_names_is_planned_once(tmp_path):
    shutil.copy(L1, tmp_path / "copy.root")
    with pytest.warns(CopiesWarning, match=r"1 of the inputs .*copy\.root is .*L1\.root$"):
        entries, rejected = scan([L1, str(tmp_path / "copy.root"), L1])
    assert len(entries) == 1 and not rejected
    for n in range(7):
        shutil.copy(SEATRAY, tmp_path / f"{n}.h5")
    with pytest.warns(CopiesWarning, match=r"6 of the inputs .*1\.h5 is .*0\.h5; .*; and 1 more$"):
        scan([str(tmp_path / "*.h5")])


def test_a_plan_repeats_and_does_not_depend_on_the_destination(tmp_path):
    assert make_plan([L1], str(tmp_path / "a")).id == make_plan([L1], "memory://b").id


def test_small_parts_cut_a_run(tmp_path):
    plan = make_plan([SEATRAY], str(tmp_path), load(part_bytes=100_000))
    events = [p for p in plan.parts if p.key.stream == "events"]
    assert len(events) > 3 and sum(p.entries for p in events) == 81


def test_nothing_to_do_and_broken_budgets_are_said(tmp_path):
    with pytest.raises(PlanError, match="No inputs"):
        make_plan([], str(tmp_path))
    with pytest.raises(PlanError, match="budget"):
        make_plan([L1], str(tmp_path), load(max_bytes=1000))


@pytest.mark.parametrize(("name", "error"), [("missing.root", InputMissingError), (".", InputError)])
def test_inspect_names_what_is_wrong(tmp_path, name, error):
    with pytest.raises(error):
        inspect(str(tmp_path / name))


def test_unknown_content_lists_the_formats(tmp_path):
    (tmp_path / "x").write_bytes(os.urandom(100))
    with pytest.raises(UnknownFormatError, match="km3net_online"):
        inspect(str(tmp_path / "x"))


def test_a_strict_plan_leaves_out_what_rests_on_assumptions(tmp_path: Path) -> None:
    raw, *_ = simulate(SimulationSpec(events=20, slow_control=False), tmp_path)
    inputs = [str(raw), str(data_path("offline/usr-sample.root")), str(data_path("online/KM3NeT_00000133_JDAQEvent.root"))]
    made = make_plan(inputs, str(tmp_path / "archive"), strict=True)
    assert {f.format for f in made.inputs} == {"km3net_offline", "km3net_online"}
    (left,) = made.rejected
    assert (left.url, left.code) == (str(raw), "configuration")
    assert "PhysicsEvent/FrameIndex" in left.reason
    assert len(make_plan(inputs, str(tmp_path / "archive")).inputs) == 3


def test_a_file_of_two_formats_is_planned_for_both(tmp_path: Path) -> None:
    path = str(data_path("mupage/mcv8.1.mupage_tuned_100G.sirene.jterbr00013288.10.root"))
    made = make_plan([path, path], str(tmp_path / "archive"))
    assert [f.format for f in made.inputs] == ["km3net_offline", "km3net_online"]
    assert len({p.key.path for p in made.parts}) == len(made.parts) == 7


def test_many_files_are_looked_at_on_a_cluster_and_the_plan_is_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("antdask.convert.scan.GROUP", 2)
    (tmp_path / "bad.root").write_bytes(b"root" + bytes(100))
    inputs = [L1, str(tmp_path / "bad.root"), SEATRAY, str(tmp_path / "none.root"), data_path("online/summaryslices.root")]
    seen = []
    with make_cluster("processes", 2) as cluster:
        plan = make_plan(inputs, str(tmp_path / "a"), progress=seen.append, cluster=cluster)
    assert plan == make_plan(inputs, str(tmp_path / "a")) and len(plan.inputs) == 3 and len(plan.rejected) == 2
    assert sorted(seen) == sorted(u for u in map(str, inputs) if "none" not in u)


def test_a_look_that_fails_for_no_fault_of_the_file_costs_no_other_file(tmp_path, monkeypatch):
    def fail(url, like):
        if "seatray" in url:
            raise RuntimeError("out of luck")
        return describe_each(url)

    monkeypatch.setattr("antdask.convert.scan.describe_each", fail)
    monkeypatch.setattr("antdask.convert.scan.GROUP", 1)
    with make_cluster("serial") as cluster:
        entries, rejected = scan([L1, SEATRAY], cluster=cluster)
    assert [e.url for e in entries] == [L1] and [(r.url, r.code) for r in rejected] == [(SEATRAY, "RuntimeError")]


def test_a_bug_in_a_reader_is_not_taken_for_many_bad_files(tmp_path, monkeypatch):
    def fail(url, like):
        raise RuntimeError("out of luck")

    monkeypatch.setattr("antdask.convert.scan.describe_each", fail)
    monkeypatch.setattr("antdask.convert.scan.GROUP", 1)
    for i in range(8):
        (tmp_path / f"{i}.root").write_bytes(b"root")
    with make_cluster("serial") as cluster, pytest.raises(AntdaskError, match="out of luck"):
        scan([str(tmp_path / "*.root")], cluster=cluster)


def test_parts_of_an_archive_are_no_inputs(tmp_path):
    with make_cluster("serial") as cluster:
        convert(make_plan([SEATRAY], str(tmp_path / "a")), cluster)
    plan = make_plan([str(tmp_path / "a" / "parts" / "**" / "*.zip")], str(tmp_path / "b"))
    assert plan.inputs == () and len(plan.rejected) == 2 and "antdask reprocess" in plan.rejected[0].reason


def test_what_one_source_cannot_read_is_rejected_beside_what_another_can(tmp_path):
    name = data_path("dst/mcv5.1.km3_numuCC.ALL.dst.bdt.10events.root")
    data = bytearray(Path(name).read_bytes())
    with uproot.open(name) as file:
        key = file.key("T")
    data[key.fSeekKey + key.fKeylen + 200] ^= 0xFF
    (tmp_path / "x.root").write_bytes(data)
    entries, rejected = scan([str(tmp_path / "x.root")], cache=str(tmp_path / "cache"))
    assert [(e.format, e.entries("mc")) for e in entries] == [("km3net_offline", 10)]
    assert [(r.url, r.code) for r in rejected] == [(str(tmp_path / "x.root"), "corrupt")]
    assert "'T'" in rejected[0].reason and "is archived" in rejected[0].reason
    # Nothing of it is remembered: the next look says the same.
    assert scan([str(tmp_path / "x.root")], cache=str(tmp_path / "cache")) == (entries, rejected)


def test_inspect_tells_what_each_source_makes_of_a_file():
    found, damaged = inspect_each(data_path("mupage/mcv8.1.mupage_tuned_100G.sirene.jterbr00013288.10.root"))
    assert [(e.format, len(e.segments)) for e in found] == [("km3net_offline", 3), ("km3net_online", 4)] and damaged == []
