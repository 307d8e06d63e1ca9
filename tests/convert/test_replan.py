import dataclasses
import os
import shutil
from pathlib import Path

import pytest

from antdask.archive import plans
from antdask.archive.plans import PlanFile
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.replan import compare, replan
from antdask.convert.scan import make_plan
from antdask.errors import InputChangedError, PlanError
from antdask.settings import load

SERIAL = make_cluster("serial")
NAMES = ("antares.h5", "KM3NeT_00000133_JDAQEvent.root", "KM3NeT_00000267_00025291_SN.root")
SMALL = load(part_bytes=200_000)


@pytest.fixture
def files(real_files, tmp_path):
    return [str(shutil.copy(real_files[name], tmp_path / name)) for name in NAMES]


def test_more_inputs_come_behind_the_others_and_what_is_done_stays_done(files, tmp_path):
    first = make_plan(files[:2], str(tmp_path / "a"), SMALL)
    done = convert(first, SERIAL)
    plans_before = plans.to_bytes(first)
    grown = replan(first, files, SMALL)
    assert (grown.added, grown.known, grown.missing) == (1, 2, ())
    assert (
        grown.plan.inputs[:2] == first.inputs
        and grown.plan.parts[: len(first.parts)] == first.parts
        and len(grown.plan.parts) > len(first.parts)
    )
    assert plans.to_bytes(first) == plans_before and grown.plan.id != first.id
    summary = convert(grown.plan, SERIAL)
    assert summary.parts_skipped == done.parts_total and summary.parts_done == summary.parts_total == len(grown.plan.parts)
    whole = make_plan(files, str(tmp_path / "a"), SMALL)
    assert {p.key.path for p in whole.parts} == {p.key.path for p in grown.plan.parts}


def test_a_plan_file_grows_too_and_nothing_new_makes_the_same_plan(files, tmp_path):
    first = make_plan(files[:2], str(tmp_path / "a"))
    file = plans.save(Store(str(tmp_path / "a")), first)
    assert replan(file, files[:1]).plan == first
    assert replan(file, [files[2]]).plan == replan(first, [files[2]]).plan


@pytest.mark.parametrize("how", ["added again", "not mentioned", "truncated"])
def test_an_input_that_is_another_file_now_is_refused_by_name(files, tmp_path, how):
    first = make_plan(files[:2], str(tmp_path / "a"))
    data = Path(files[1]).read_bytes()
    Path(files[1]).write_bytes(data[:5000] if how == "truncated" else data + bytes(8))
    with pytest.raises(InputChangedError, match=Path(files[1]).name) as caught:
        replan(first, files[1:] if how != "not mentioned" else files[2:])
    assert files[0] not in str(caught.value) and "readmit" in str(caught.value)


def test_a_touched_file_is_the_same_and_a_missing_one_is_told(files, tmp_path):
    first = make_plan(files[:2], str(tmp_path / "a"))
    os.utime(files[0], (1, 1))
    Path(files[1]).unlink()
    grown = replan(first, files[2:])
    assert grown.missing == (files[1],) and grown.added == 1 and grown.plan.inputs[:2] == first.inputs


def test_what_could_not_be_described_stays_named_until_it_can(files, tmp_path):
    bad = tmp_path / "bad.root"
    bad.write_bytes(b"root" + bytes(100))
    first = make_plan([files[0], str(bad)], str(tmp_path / "a"))
    assert [r.url for r in replan(first, [files[1]]).plan.rejected] == [str(bad)]
    shutil.copy(files[2], bad)
    assert replan(first, [str(bad)]).plan.rejected == ()


def test_the_budget_is_kept(files, tmp_path):
    with pytest.raises(PlanError, match="budget"):
        replan(make_plan(files[:1], str(tmp_path / "a")), files[1:], load(max_parts=3))


def test_two_plans_are_compared_by_content(files, tmp_path):
    first = make_plan(files[:2], str(tmp_path / "a"), SMALL)
    assert not compare(first, first)
    grown = replan(first, files[2:], SMALL).plan
    found = compare(first, grown)
    assert (
        found
        and found.inputs_added == (files[2],)
        and found.parts_added == tuple(sorted(p.key.path for p in grown.parts[len(first.parts) :]))
    )
    assert (found.inputs_removed, found.parts_removed, found.inputs_changed, found.archive) == ((), (), (), None)
    back = compare(grown, first)
    assert (
        back.inputs_removed == found.inputs_added
        and back.parts_removed == found.parts_added
        and back.lineages_removed == found.lineages_added
    )
    moved = tmp_path / "moved.h5"
    Path(files[0]).rename(moved)
    elsewhere = make_plan([str(moved), files[1]], str(tmp_path / "b"), SMALL)
    found = compare(first, elsewhere)
    assert (
        found.inputs_moved == ((files[0], str(moved)),)
        and not found.parts_added
        and found.archive == (str(tmp_path / "a"), str(tmp_path / "b"))
    )
    Path(files[1]).write_bytes(Path(files[1]).read_bytes() + bytes(8))
    found = compare(elsewhere, make_plan([str(moved), files[1]], str(tmp_path / "b"), SMALL))
    assert found.inputs_changed == (files[1],) and len(found.parts_added) == len(found.parts_removed) > 0
    found = compare(first, dataclasses.replace(first, parts=first.parts[1:]))
    assert found.parts_removed == (first.parts[0].key.path,) and found.to_dict()["parts_added"] == ()


def test_plan_files_are_compared_like_plans(files, tmp_path):
    first, second = (make_plan(some, str(tmp_path / "a"), SMALL) for some in (files[:1], files[:2]))
    kept = []
    for name, plan in (("one", first), ("two", second)):
        (tmp_path / name).write_bytes(plans.to_bytes(plan))
        kept.append(PlanFile(str(tmp_path / name)))
    assert compare(*kept) == compare(first, second)
