"""Bars appear in notebooks and terminals when something takes its time, and count what was done."""

import io
import sys

import pytest

from antdask.query import progress
from antdask.query.progress import saw, shown


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "RENEW_EVERY", 0.0)


def test_a_notebook_shows_how_far_a_histogram_is(small, impatient, notebook):
    small.stream("events").select(detector="km3net-44").histogram("hits.tot")
    assert "of 270 rows" in notebook[0] and notebook[-1].startswith("<div><progress value='270' max='270'") and "rows in " in notebook[-1]


def test_nothing_is_shown_elsewhere_or_for_what_is_quick(small, monkeypatch, capsys):
    with shown("rows", 10) as tell:
        tell(5)
    with shown("rows", 10, "terminal") as tell:
        tell(5)
    small.stream("events").histogram({"n_hits": (10, 0, 100)})
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_one_line(impatient, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with shown("rows looked at", 300, "terminal"):
        saw(150)
        with shown("others", 3, "terminal") as inner:  # one bar at a time
            inner(30)
    assert "rows looked at" in screen.getvalue() and "60%" in screen.getvalue()
    saw(1)
