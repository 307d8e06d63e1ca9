import json
import os
import shutil
import uuid
from pathlib import Path

import numpy as np
import pytest
from km3net_testdata import data_path

from antdask.archive import catalog
from antdask.archive.ledger import receipts
from antdask.archive.plans import to_bytes
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert, finish_part
from antdask.convert.scan import make_plan
from antdask.convert.status import status
from antdask.errors import ClusterError, ConflictError, DestinationError, UsageError
from antdask.settings import load
from antdask.simulate.damage import badbasket

FILES = [data_path(f"online/{n}") for n in ("km3net_online.root", "KM3NeT_00000049_00008456.summaryslice-167941.root")] + [
    data_path("seatray/antares.h5")
]
SERIAL = make_cluster("serial")


def content(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in Path(root, "parts").rglob("*") if p.is_file()}


def test_a_campaign_archives_every_entry_and_repeats_to_the_byte(tmp_path):
    summaries = [convert(make_plan(FILES, str(tmp_path / name)), SERIAL) for name in ("a", "b")]
    assert summaries[0].exit_code == 0 and summaries[0].parts_done == summaries[0].parts_total > 5
    assert content(tmp_path / "a") == content(tmp_path / "b") != {}
    again = convert(make_plan(FILES, str(tmp_path / "a")), SERIAL)
    assert again.parts_skipped == again.parts_done == again.parts_total
    wanted = ("rows", "hits", "bytes_in", "bytes_out", "quarantined", "parts_done", "parts_failed")
    assert {k: again.to_dict()[k] for k in wanted} == {k: summaries[0].to_dict()[k] for k in wanted}
    json.dumps(again.to_dict())


def test_processes_give_the_same_bytes(tmp_path):
    convert(make_plan(FILES, str(tmp_path / "a")), SERIAL)
    with make_cluster("processes", 2) as cluster:
        convert(make_plan(FILES, str(tmp_path / "b")), cluster)
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_a_second_campaign_adds_to_the_archive(tmp_path):
    first = convert(make_plan(FILES[:1], str(tmp_path / "a")), SERIAL)
    convert(make_plan(FILES[1:], str(tmp_path / "a")), SERIAL)
    current = catalog.load(Store(str(tmp_path / "a")))
    assert set(current.runs["detector"].to_pylist()) == {"km3net-44", "km3net-49", "antares"}
    assert current.parts.num_rows > first.parts_total and current.inputs.num_rows == 3


def test_the_same_run_cut_in_another_way_is_refused_and_nothing_changes(tmp_path):
    convert(make_plan(FILES[2:], str(tmp_path / "a")), SERIAL)
    before = content(tmp_path / "a")
    with pytest.raises(ConflictError, match="part-bytes"):
        convert(make_plan(FILES[2:], str(tmp_path / "a"), load(part_bytes=100_000)), SERIAL)
    assert content(tmp_path / "a") == before


def test_memory_is_a_destination_for_the_serial_cluster_only():
    url = f"memory://{uuid.uuid4().hex}"
    with make_cluster("processes", 1) as cluster, pytest.raises(UsageError, match="serial"):
        convert(make_plan(FILES[:1], url), cluster)
    assert convert(make_plan(FILES[:1], url), SERIAL).exit_code == 0
    assert status(url).exit_code == 0
    with pytest.raises(ClusterError):
        finish_part(f"{url}/plans/{make_plan(FILES[:1], url).id}.zip", 0)


def test_a_rejected_input_is_counted_and_the_rest_is_archived(tmp_path):
    (tmp_path / "bad.root").write_bytes(b"root" + bytes(100))
    summary = convert(make_plan([str(tmp_path / "bad.root"), FILES[1]], str(tmp_path / "a")), SERIAL)
    assert summary.exit_code == 3 and summary.rejected == 1 and summary.parts_done == 2 and summary.rows == 2  # data, and provenance
    assert catalog.load(Store(str(tmp_path / "a"))).quarantine["name"].to_pylist() == ["bad.root"]


@pytest.mark.parametrize("there", [False, True])
def test_slips_of_the_pen_leave_no_trace(tmp_path, there):
    if there:
        convert(make_plan(FILES[:1], str(tmp_path / "a")), SERIAL)
    before = sorted(p for p in (tmp_path / "a").rglob("*") if p.is_file())
    summary = convert(make_plan([str(tmp_path / "*.rot"), str(tmp_path / "gone.root"), str(tmp_path)], str(tmp_path / "a")), SERIAL)
    assert summary.exit_code == 3 and [r["code"] for r in summary.rejections] == ["input-missing", "input-missing", "input"]
    assert sorted(p for p in (tmp_path / "a").rglob("*") if p.is_file()) == before


def test_an_archive_whose_inputs_are_all_damaged_tells_of_them(tmp_path):
    (tmp_path / "bad.root").write_bytes(b"root" + bytes(100))
    convert(make_plan([str(tmp_path / "bad.root")], str(tmp_path / "a")), SERIAL)
    assert catalog.load(Store(str(tmp_path / "a"))).quarantine["name"].to_pylist() == ["bad.root"]


def test_an_input_whose_name_is_not_utf8_is_rejected_by_name_and_can_be_read_through_a_link(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9.h5"
    shutil.copy(FILES[2], name)
    summary = convert(make_plan([str(tmp_path / "*.h5"), os.fsdecode(name), FILES[1]], str(tmp_path / "a")), SERIAL)
    assert [(Path(r["url"]).name, r["code"]) for r in summary.rejections] == [("caf\\xe9.h5", "input")] * summary.rejected
    assert summary.rejected and summary.parts_done == 2
    assert set(catalog.load(Store(str(tmp_path / "a"))).quarantine["name"].to_pylist()) == {"caf\\xe9.h5"}
    (tmp_path / "cafe.h5").symlink_to(os.fsdecode(name))
    assert convert(make_plan([str(tmp_path / "cafe.h5")], str(tmp_path / "a")), SERIAL).exit_code == 0


def test_an_input_that_vanishes_fails_its_part_and_the_next_run_resumes(tmp_path):
    for f in FILES:
        shutil.copy(f, tmp_path)
    names = [str(tmp_path / Path(f).name) for f in FILES]
    plan = make_plan(names, str(tmp_path / "a"))
    hidden = tmp_path / "hidden"
    Path(names[1]).rename(hidden)
    summary = convert(plan, SERIAL)
    assert summary.exit_code == 4 and summary.parts_failed == 2 and {f["code"] for f in summary.failures} == {"input-missing"}
    assert status(str(tmp_path / "a")).exit_code == 4
    hidden.rename(names[1])
    resumed = convert(plan, SERIAL)
    assert resumed.exit_code == 0 and resumed.parts_skipped == summary.parts_done
    assert status(str(tmp_path / "a")).exit_code == 0


@pytest.mark.parametrize(("fraction", "stops"), [(0.0, True), (0.1, True), (0.8, False), (1.0, False)])
def test_too_many_bad_parts_stop_a_campaign(fraction, stops, tmp_path):
    # One input goes, and one was damaged before it was planned: parts fail, and parts have gaps.
    for f in FILES:
        shutil.copy(f, tmp_path)
    names = [tmp_path / Path(f).name for f in FILES]
    content = bytearray(names[0].read_bytes())
    badbasket(content, np.random.default_rng(0))
    names[0].write_bytes(content)
    settings = load(part_bytes=300_000, max_bad_fraction=fraction)
    plan = make_plan(map(str, names), str(tmp_path / "a"), settings)
    names[1].unlink()
    summary = convert(plan, SERIAL, settings)
    bad = summary.parts_failed + sum(r.lost > 0 for r in receipts(Store(plan.archive)))
    assert summary.exit_code == 4 and (summary.stopped != "") == stops
    if stops:
        assert bad == int(fraction * len(plan.parts)) + 1 and "--max-bad-fraction" in summary.stopped and "quarantined" in summary.stopped
    else:
        assert summary.parts_missing == 0 and bad >= 2 and summary.quarantined > 0


def test_one_part_after_the_other_from_a_shell_loop_gives_the_same_archive(tmp_path):
    convert(make_plan(FILES, str(tmp_path / "a")), SERIAL)
    plan = make_plan(FILES, str(tmp_path / "b"))
    file = tmp_path / "plan.zip"
    file.write_bytes(to_bytes(plan))
    for i in range(len(plan.parts)):
        finish_part(str(file), i)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert status(str(tmp_path / "b"), rebuild=True).campaigns[0]["parts_missing"] == 0
    assert catalog.load(Store(str(tmp_path / "b"))).parts.num_rows == len(plan.parts)


def test_a_place_in_use_is_left_alone(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "thesis.tex").write_text("x")
    with pytest.raises(DestinationError):
        convert(make_plan(FILES[:1], str(tmp_path / "a")), SERIAL)
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["thesis.tex"]


def test_an_orphan_is_counted_until_it_is_adopted(tmp_path):
    plan = make_plan(FILES[:1], str(tmp_path / "a"))
    convert(plan, SERIAL)
    next((tmp_path / "a" / "receipts").rglob("*.json")).unlink()
    state = status(str(tmp_path / "a"), files=True)
    assert state.orphans == 1 and state.campaigns[0]["parts_missing"] == 1
    convert(plan, SERIAL)
    assert status(str(tmp_path / "a"), files=True).orphans == 0 and status(str(tmp_path / "a")).orphans is None
