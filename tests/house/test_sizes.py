"""Files and functions stay small enough to be read at once, and carry names that say something."""

from __future__ import annotations

import ast

from tests.house import tree

FILE_LINES, FUNCTION_LINES, FILE_BYTES = 400, 60, 1_000_000
EMPTY_WORDS = {"util", "utils", "helper", "helpers", "common", "misc", "base", "core", "manager"}
TOP = {"antdask", "deploy", "tests", "notebooks", "docs", ".ci"}
TOP_FILES = {"pyproject.toml", "requirements.txt", "Makefile", "README.md", "LICENSE"}
CODE = ("antdask", "tests", "deploy", "notebooks")


def test_no_module_is_longer_than_a_reader_holds_in_mind() -> None:
    long = {name: n for name in tree.modules(*CODE) if (n := len(tree.text(name).splitlines())) > FILE_LINES}
    assert not long, f"more than {FILE_LINES} lines: split by noun"


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{name}:{node.lineno} {node.name}": length
        for name in tree.modules(*CODE)
        for node in ast.walk(tree.syntax(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    }
    assert not long, f"more than {FUNCTION_LINES} lines: find the second idea and give it a name"


def test_names_say_what_is_inside() -> None:
    empty = [name for name in tree.files() if EMPTY_WORDS & set(name.rpartition("/")[2].partition(".")[0].split("_"))]
    assert not empty, "a name that would fit any file: name the noun"


def test_the_top_level_holds_the_house_and_nothing_else() -> None:
    strange = {n for n in tree.files() if (n.split("/")[0] not in TOP if "/" in n else n not in TOP_FILES and not n.startswith("."))}
    assert not strange, f"folders: {sorted(TOP)}; files: {sorted(TOP_FILES)}"


def test_no_file_is_large() -> None:
    large = {name: size for name in tree.files() if (size := (tree.ROOT / name).stat().st_size) > FILE_BYTES}
    assert not large, "data do not belong into the repository"


def test_every_module_says_in_its_first_line_what_it_is() -> None:
    silent = [name for name in tree.modules("antdask") if not ast.get_docstring(tree.syntax(name))]
    assert not silent, "docs/map.md shows the first line of the docstring"
