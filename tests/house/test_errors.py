"""The tree drawn in the docstring of antdask.errors is the tree of its classes."""

from __future__ import annotations

import re

from antdask import errors
from tests.house.error_page import builtins_of, walk

LINE = re.compile(r"^ {4}(?P<branch>[│├└─ ]*)(?P<name>\w+Error)(?: \((?P<builtin>\w+)\))?(?: +(?P<code>\d)\b)?", re.MULTILINE)


def drawn() -> list[tuple[str, int, list[str], int]]:
    """Name, depth, built-in base and exit code of every line; a line without a number has that of the line above it in the tree."""
    rows: list[tuple[str, int, list[str], int]] = []
    codes: dict[int, int] = {}
    for found in LINE.finditer(errors.__doc__ or ""):
        depth = len(found["branch"]) // 4
        codes[depth] = int(found["code"]) if found["code"] else codes[depth - 1]
        rows.append((found["name"], depth, [found["builtin"]] if found["builtin"] else [], codes[depth]))
    return rows


def test_the_drawing_is_the_tree_of_classes_with_their_exit_codes() -> None:
    real = [(kind.__name__, depth, builtins_of(kind), kind.exit_code) for kind, depth in walk(errors.AntdaskError)]
    assert drawn() == real


def test_every_code_is_unique_and_every_error_is_documented() -> None:
    kinds = [kind for kind, _ in walk(errors.AntdaskError)]
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(kind.__doc__ for kind in kinds)


def test_every_class_of_the_module_stands_in_the_tree() -> None:
    defined = {name for name, thing in vars(errors).items() if isinstance(thing, type) and thing.__module__ == errors.__name__}
    assert defined == {name for name, *_ in drawn()}
