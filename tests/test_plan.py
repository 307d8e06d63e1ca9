import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

import antdask.plan
from antdask.errors import PlanError
from antdask.model.keys import RunKey
from antdask.plan import FileEntry, Plan, Rejected, Segment, check_budget, content_id, cut_evenly, make_parts

RUN = RunKey("antares", 7)
KIND = "km3net_online/l1/km3net_online"


def entry(name="a.root", fingerprint="f" * 64, segments=(Segment("events", "T", RUN, 0, 1000, 10_000),)):
    return FileEntry(f"/data/{name}", "km3net_online", "l1", "km3net_online", 5000, 1, "uuid", fingerprint, tuple(segments))


def plan(entries=(entry(),), part_bytes=3000):
    return Plan(
        "/archive",
        tuple(entries),
        make_parts(entries, {("events", KIND): "0a0b0c0d"}, part_bytes),
        {"0a0b0c0d": {"x": 1}},
        (Rejected("/x", "input", "no"),),
    )


@given(st.integers(0, 1000), st.integers(1, 1000), st.integers(0, 10**12), st.integers(1, 10**9))
def test_pieces_cover_the_range_once_and_none_is_empty(start, n, nbytes, limit):
    pieces = cut_evenly(start, start + n, nbytes, limit)
    assert pieces[0][0] == start and pieces[-1][1] == start + n
    assert all(a < b for a, b in pieces)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(pieces))


def test_parts_have_unique_addresses_and_keep_every_entry():
    parts = plan().parts
    assert len({p.key.path for p in parts}) == len(parts) == 4
    assert sum(p.entries for p in parts) == 1000


def test_the_destination_is_no_part_of_the_identity_and_the_input_is():
    assert dataclasses.replace(plan(), archive="/elsewhere").id == plan().id
    assert plan([entry(fingerprint="0" * 64)]).id != plan().id


def test_content_depends_on_bytes_not_on_names():
    ranges = plan().parts[0].ranges
    assert content_id([entry("a.root")], ranges) == content_id([entry("b.root")], ranges)
    assert content_id([entry(fingerprint="1" * 64)], ranges) != content_id([entry()], ranges)


def test_two_files_of_one_run_get_different_parts():
    parts = plan([entry(), entry("b.root", "1" * 64)], part_bytes=10**9).parts
    assert [p.key.index for p in parts] == [0, 1]
    assert parts[0].key.content != parts[1].key.content


def test_an_assignment_holds_its_part_and_its_inputs_only():
    p = plan([entry(), entry("b.root", "1" * 64)], part_bytes=10**9)
    task = p.assignment(1)
    assert task.inputs == p.inputs[1:] and [r.input for r in task.part.ranges] == [0] and task.part.key == p.parts[1].key
    assert (task.plan, task.archive, task.lineage) == (p.id, "/archive", {"x": 1})
    with pytest.raises(PlanError, match="No such part"):
        p.assignment(2)


def test_the_budget_is_kept():
    check_budget(plan(), 4, 10**9)
    with pytest.raises(PlanError, match="budget of parts"):
        check_budget(plan(), 3, 10**9)
    with pytest.raises(PlanError, match="bytes_uncompressed"):
        check_budget(plan(), 4, 9_999)


def test_cost_adds_up():
    cost = plan().cost()
    assert cost["bytes_uncompressed"] == 10_000 and cost["entries"] == 1000 and cost["inputs"] == 1 and cost["rejected"] == 1


def test_parts_whose_short_contents_coincide_get_longer_ones(monkeypatch):
    real = antdask.plan.content_of
    monkeypatch.setattr("antdask.plan.content_of", lambda i, c, digits=8: "deadbeef" if digits == 8 else real(i, c, digits))
    contents = [p.key.content for p in plan().parts]
    assert contents[0] == "deadbeef" and len(set(contents)) == 4 and {len(c) for c in contents[1:]} == {16}


def test_more_inputs_go_on_where_the_parts_before_ended():
    before = plan().parts
    more = make_parts([entry("b.root", "1" * 64)], {("events", KIND): "0a0b0c0d"}, 3000, after=before, first_input=1)
    assert [p.index for p in more] == [4, 5, 6, 7] and [p.key.index for p in more] == [4, 5, 6, 7]
    assert {r.input for p in more for r in p.ranges} == {1}
    assert [p.key.content for p in more] == [
        p.key.content for p in make_parts([entry("b.root", "1" * 64)], {("events", KIND): "0a0b0c0d"}, 3000)
    ]
