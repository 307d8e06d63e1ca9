"""Bars in notebooks are one element that is replaced, as HTML or as text; where no notebook is, that is known."""

from __future__ import annotations

import sys

import pytest

from antdask.notebook import Drawing, Place, in_notebook


def test_a_notebook_is_known_by_its_shell(notebook: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert in_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()


def test_an_element_is_drawn_once_and_replaced(notebook: list[str]) -> None:
    place = Place()
    assert not place.used
    for done in (0, 5, 10):
        place.show(Drawing(done, 10, f"<{done}>"))
    assert place.used and ["value='0'" in notebook[0], "value='10'" in notebook[2]] == [True, True]
    assert "&lt;10&gt;" in notebook[2]


def test_a_bar_without_a_total_or_beyond_it_is_one_too() -> None:
    assert "value" not in Drawing(3, 0, "3 parts").data and repr(Drawing(3, 0, "3 parts")) == f"[{'-' * 20}] 3 parts"
    assert repr(Drawing(11, 10, "")).startswith("[" + "#" * 20 + "]")
