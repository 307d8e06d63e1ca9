"""No module needs itself by a detour: imports inside functions and for types count, so that each can be read knowing only those below it."""

from __future__ import annotations

import ast
import graphlib

from tests.house import tree


def test_no_modules_need_each_other() -> None:
    needs = {module_of(name): needed_by(name) for name in tree.modules("antdask")}
    circle: list[str] = []
    try:
        graphlib.TopologicalSorter(needs).prepare()
    except graphlib.CycleError as error:
        circle = error.args[1][::-1]
    assert not circle, f"{' imports '.join(circle)}: move what both need into a module below, or hand it over as an argument"


def test_imports_inside_functions_and_for_types_count() -> None:
    assert {"antdask.query.sql", "antdask.archive.store"} <= needed_by("antdask/query/archive.py")
    assert "antdask.query.joins" in needed_by("antdask/query/select.py")


def module_of(name: str) -> str:
    """The module in a file."""
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def needed_by(name: str) -> set[str]:
    """The modules of the package that a file imports anywhere; all imports are absolute."""
    known = {module_of(other) for other in tree.modules("antdask")}
    found = set[str]()
    for node in ast.walk(tree.syntax(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno} is relative"
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inside if inside <= known else {str(node.module), *inside}
    return found & known
