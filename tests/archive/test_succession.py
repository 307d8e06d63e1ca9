import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antdask.archive.succession import Claim, collect, resolve


def merged(name, *takes):
    return Claim(name, (name,), frozenset(takes))


def live(there, taken):
    return set(there) - set(taken)


def test_a_merged_part_stands_for_its_sources_while_it_is_there():
    claim = merged("M", "P1", "P2")
    assert resolve([claim], {"M", "P1", "P2", "Q"}) == {"P1": "M", "P2": "M"}
    assert resolve([claim], {"P1", "P2", "Q"}) == {}
    assert resolve([claim], {"M"}) == {"P1": "M", "P2": "M"}


def test_parts_that_were_merged_twice_go_back_to_the_last():
    first, second = merged("M1", "P1", "P2"), merged("M2", "M1", "P1", "P2", "P3")
    everything = {"M1", "M2", "P1", "P2", "P3"}
    assert live(everything, resolve([first, second], everything)) == {"M2"}
    assert live({"M2"}, resolve([second], {"M2"}, before={"M2"})) == {"M2"}
    # The last one was lost: what it stood for counts again, as far as it is there.
    assert live(everything - {"M2"}, resolve([first, second], everything - {"M2"})) == {"M1", "P3"}


def test_no_row_is_given_twice_where_two_merged_the_same_part():
    left, right = merged("M1", "P1", "P2"), merged("M2", "P2", "P3")
    there = {"M1", "M2", "P1", "P2", "P3"}
    taken = resolve([left, right], there)
    assert live(there, taken) == {"M1", "P3"} and taken["M2"] == "M1"


def test_who_counted_before_keeps_what_it_has():
    left, right = merged("M1", "P1", "P2"), merged("M2", "P2", "P3", "P4")
    there = {"M1", "M2", "P3", "P4"}  # P1 and P2 were cleared away
    assert live(there, resolve([left, right], there, before={"M1"})) == {"M1", "P3", "P4"}
    # The same without a former snapshot: what is gone can come from nowhere else.
    assert live(there, resolve([left, right], there)) == {"M1", "P3", "P4"}


def test_a_plan_retires_parts_when_all_of_its_own_are_there():
    claim = Claim("plan", ("Q1", "Q2"), frozenset({"P"}))
    assert resolve([claim], {"P", "Q1"}) == {}
    assert resolve([claim], {"P", "Q1", "Q2"}) == {"P": "plan"}


def test_a_plan_that_comes_too_late_does_not_double_rows():
    late, compacted = Claim("plan", ("P.r1",), frozenset({"P"})), merged("M", "P", "Q")
    there = {"P.r1", "P", "Q", "M"}
    assert live(there, resolve([late, compacted], there, before={"M"})) == {"M"}


def test_what_a_plan_has_retired_stays_retired_when_its_own_parts_are_merged():
    plan, later = Claim("plan", ("P.r1",), frozenset({"P"})), merged("M", "P.r1", "Q")
    there = {"P", "P.r1", "Q", "M"}
    for before in (set(), {"plan"}):
        assert live(there, resolve([plan, later], there, before)) == {"M"}
    # Cleared away but for the first.
    assert live({"P", "M"}, resolve([Claim("plan", (), frozenset({"P"})), later], {"P", "M"}, {"M", "plan"})) == {"M"}


def test_a_circle_takes_nothing_from_both():
    a, b = merged("A", "B"), merged("B", "A")
    assert len(live({"A", "B"}, resolve([a, b], {"A", "B"}))) == 1


def test_claims_come_back_from_the_table_of_a_snapshot():
    rows = [{"part": "P1", "by": "M"}, {"part": "P2", "by": "M"}, {"part": "X", "by": "N"}]
    assert collect(rows) == [merged("M", "P1", "P2"), merged("N", "X")]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_of_claims_does_not_matter(order):
    claims = [merged("M1", "P1", "P2"), merged("M2", "P2", "P3"), merged("M3", "M1", "P1", "P2", "P4")]
    there = {"M1", "M2", "M3", "P1", "P2", "P3", "P4"}
    assert resolve([claims[i] for i in order], there) == resolve(claims, there)


@given(st.data())
def test_every_entry_is_given_exactly_once_whatever_was_merged(data):
    """Parts hold entries; merged ones those of their sources; at any time live parts hold each entry once."""
    held = {f"P{i}": {i} for i in range(data.draw(st.integers(1, 8)))}
    claims, there, before = [], set(held), set()
    entries = set().union(*held.values())
    for step in range(data.draw(st.integers(0, 5))):
        now = sorted(live(there, resolve(claims, there, before)))
        some = data.draw(st.lists(st.sampled_from(now), min_size=1, max_size=4, unique=True))
        name = f"M{step}"
        held[name] = set().union(*(held[p] for p in some))
        known = {c.name: c.takes for c in claims}
        claims.append(merged(name, *some, *itertools.chain(*(known.get(p, ()) for p in some))))
        there.add(name)
        taken = resolve(claims, there, before)
        given_ = [e for p in live(there, taken) for e in held[p]]
        assert sorted(given_) == sorted(entries)
        assert name in live(there, taken)
        before = set(taken.values())
        if data.draw(st.booleans()):  # clear away
            there -= set(taken)
