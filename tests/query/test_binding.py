"""Names are found or refused; values that do not go together are refused."""

import pytest

from antdask.errors import UnknownNameError, WhereError
from antdask.model.tables import SCHEMAS
from antdask.query.binding import Scope, bind, table_of
from antdask.query.syntax import parse

EVENTS = SCHEMAS["events"]
ALL = Scope(EVENTS, [f"{t.name}/{f.name}" for t in EVENTS.tables for f in t.fields])


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("n_hits > 3", "events"),
        ("events.n_hits > 3", "events"),
        ("hits.tot > 3", "hits"),
        ("hits.tot > n_hits", "hits"),
        ("any(hits.tot > n_hits) or n_hits == 0", "events"),
        ("isnan(hits.charge_pe)", "hits"),
        ("abs(hits.time_ns) < max(hits.time_ns)", "hits"),
        ("triggered_hits.tot in (1, 2)", "triggered_hits"),
    ],
)
def test_a_condition_belongs_to_the_lowest_table_that_it_names(text, table):
    assert table_of(bind(text, parse(text), ALL), EVENTS) == table


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n_hits", "character 1 of 'n_hits'.*e.g. n_hits > 200"),
        ("n_hits + 1", "is a number, not a comparison"),
        ("max(hits.tot)", "is a number, not a comparison"),
        ("1 < 2", "compares no column"),
        ("n_hits and run == 1", "character 1 .* n_hits != 0"),
        ("run == 1 or n_hits", "character 13 .* n_hits != 0"),
        ("not n_hits", "n_hits != 0"),
        ("(n_hits > 1) + 1 > 1", "comparison stands where a number is wanted"),
        ("(n_hits > 1) & (run == 1)", "Between comparisons write 'and'"),
        ("(n_hits > 1) | (run == 1)", "Between comparisons write 'or'"),
        ("~(n_hits > 1)", "write 'not'"),
        ("~charge_sum_pe == 1", "'~' wants an integer"),
        ("charge_sum_pe & 1 == 1", "integers on both sides"),
        ("run << 1.5 > 1", "integers on both sides"),
        ("count(hits.tot) > 3", "Compare it with something, e.g. hits.tot != 0"),
        ("any(n_hits > 3)", "wants a column of a ragged table"),
        ("sum(3) > run", "wants a column of a ragged table"),
        ("sum(hits.tot > 3) > 1", "comparison stands where a number"),
        ("hits.tot == triggered_hits.tot", "side by side"),
        ("run > " + "9" * 50, "too large"),
        ("utc_ns * utc_ns * utc_ns * utc_ns * utc_ns > 1", "256 bits"),
        ("utc_ns << run << run << run << run > 1", "256 bits"),
    ],
)
def test_what_is_no_condition_is_refused_with_its_place_and_a_way_out(text, words):
    with pytest.raises(WhereError, match=words) as refusal:
        bind(text, parse(text), ALL)
    assert refusal.value.exit_code == 2 and "character" in str(refusal.value)


def test_names_are_listed_as_they_are_written():
    scope = Scope(EVENTS, ["events/run", "hits/tot"])
    assert scope.names == ["run", "hits.tot"]
    assert scope.find("events.run") == ("events", "run") and scope.find("hits.tot") == ("hits", "tot")
    with pytest.raises(UnknownNameError, match=r"Known: hits\.tot, run"):
        scope.find("n_hits")
    with pytest.raises(UnknownNameError, match=r"Unknown column 'shower\.tot'"):
        scope.find("shower.tot")
    with pytest.raises(UnknownNameError, match=r"reco.* may have it: select there, or join"):
        scope.find("energy")
