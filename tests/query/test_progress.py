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


def test_a_notebook_shows_how_far_a_histogram_is(small, impatient, monkeypatch):
    shown_html = []

    class Handle:
        def update(self, content):
            shown_html.append(content.data)

    class Front:
        HTML = staticmethod(lambda text: type("H", (), {"data": text})())

        @staticmethod
        def display(content, display_id):
            shown_html.append(content.data)
            return Handle()

    module = type(sys)("IPython")
    module.display, module.get_ipython = Front, type("ZMQInteractiveShell", (), {})
    monkeypatch.setitem(sys.modules, "IPython", module)
    assert progress.in_notebook()
    small.stream("events").select(detector="km3net-44").histogram("hits.tot")
    assert (
        "of 270 rows" in shown_html[0]
        and shown_html[-1].startswith("<div><progress value='270' max='270'")
        and "rows in " in shown_html[-1]
    )


def test_nothing_is_shown_elsewhere_or_for_what_is_quick(small, monkeypatch, capsys):
    assert not progress.in_notebook()
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
