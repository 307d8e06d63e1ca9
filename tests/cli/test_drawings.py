"""Tables of what was found, where a command seldom shows them."""

from __future__ import annotations

import io

from rich.console import Console

from antdask.cli import drawings
from antdask.convert.compaction import Compaction
from antdask.convert.garbage import Garbage
from antdask.convert.quarantine import Case, Readmission
from antdask.convert.replan import Difference, Grown
from antdask.plan import Plan


def drawn(thing: object) -> str:
    sink = io.StringIO()
    Console(file=sink, width=200).print(thing)
    return sink.getvalue()


def test_every_difference_is_drawn() -> None:
    text = drawn(drawings.difference(Difference(("a",), ("b",), ("c",), (("d", "e"),), ("f",), ("g",), ("h",), ("i",), ("/x", "/y"))))
    assert all(f" {letter} " in text for letter in "abcdefghi") and "/x → /y" in text


def test_what_stays_is_drawn_with_its_reason() -> None:
    text = drawn(drawings.garbage(Garbage("/a", {"p": 10}, {"o": 20}, ["s"], [("plan", 1)], {"k": "not whole"}, 3)))
    assert all(word in text for word in ("superseded", "orphan", "not whole", "30 B could be deleted", "3 things stay"))


def test_what_cannot_be_read_yet_is_drawn() -> None:
    text = drawn(drawings.readmission(Readmission("", 1, 2, 3, 0, [("/a.root", "no such input")], ["derived/part"]), dry_run=True))
    assert "no such input" in text and "derived/part" in text and "1 parts" in text and "2 parts" in text and "3 inputs" in text


def test_inputs_that_are_gone_are_counted() -> None:
    assert "1 inputs of the plan are not where they were" in drawn(drawings.grown(Grown(Plan("/a", (), (), {}), 0, 0, ("/x",)), "b.plan"))


def test_lineages_that_stay_as_they_are_are_named() -> None:
    assert "other columns" in drawn(drawings.compaction(Compaction(Plan("/a", (), (), {}), 0, 0, {"0a0b0c0d": "other columns"})))


def test_a_whole_input_in_quarantine_has_no_entries() -> None:
    assert "all: it could not be described" in drawn(drawings.cases([Case("a", "/a", "corrupt", "why")]))
