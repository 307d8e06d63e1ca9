import pyarrow as pa
import pyarrow.compute as pc

from antdask.query.pushdown import narrowed, terms


def test_terms_are_those_that_arrow_writes():
    a, b = pc.field("a"), pc.field("b")
    assert terms(str((a > 1) & (b <= 2.5) & (a != 7))) == ["a > 1", "b <= 2.5", "a != 7"]
    member = pc.if_else(a.is_valid(), a.isin(pa.array([3, 5], pa.uint32())), pa.scalar(None, pa.bool_()))
    assert [t.replace(" ", "") for t in terms(str(member & (b == 1)))] == ["ain(3,5)", "b==1"]
    assert terms("") == [] and len(terms(str((a > 1) | (b < 2)))) == 1


def test_what_is_not_understood_is_left_out(small):
    events = small.stream("events")
    one = narrowed(events, "hits", '((tot > 3) and (detector == "km3net-44") and is_valid(tot) and (run == 7))')
    assert [step.what for step in one.steps] == ["hits.tot > 3", "detector km3net-44", "run == 7"]
    assert narrowed(events, "events", '(detector == "nobody")').steps == ()
