"""Every command has a public function behind it, a page before it, and help in front of it; none does the work itself."""

from __future__ import annotations

import ast
import inspect

import click
import pytest

from tests.house import tree
from tests.house.command_pages import PUBLIC, commands, page_name, public_function

COMMANDS = commands()
BODY_LINES = 15


def test_every_command_has_its_function_and_every_function_its_command() -> None:
    assert set(PUBLIC) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_calls_a_documented_public_function(name: str) -> None:
    function = public_function(name)
    assert callable(function) and inspect.getdoc(function)
    assert not PUBLIC[name].rpartition(".")[2].startswith("_")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_a_page_and_every_option_has_help(name: str) -> None:
    page = tree.text(page_name(name)) if (tree.ROOT / page_name(name)).exists() else ""
    assert page, f"{page_name(name)} is missing: run `make map`"
    options = [p for p in COMMANDS[name].params if isinstance(p, click.Option)]
    assert COMMANDS[name].help
    assert not [p.name for p in options if not p.help]
    assert not [flag for p in options for flag in p.opts if flag not in page]


def test_the_body_of_a_command_is_short() -> None:
    callbacks = {c.callback.__name__ for c in COMMANDS.values() if c.callback is not None}
    long = {
        node.name: length
        for name in tree.modules("antdask")
        if name.startswith("antdask/cli")
        for node in tree.syntax(name).body
        if isinstance(node, ast.FunctionDef) and node.name in callbacks and (length := _body_lines(node)) > BODY_LINES
    }
    assert not long, "what a command does belongs into the library"


def _body_lines(node: ast.FunctionDef) -> int:
    start = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
    return (node.end_lineno or 0) - start.lineno + 1
