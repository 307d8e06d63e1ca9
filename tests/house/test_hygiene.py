"""What must not stand in any file: machine paths, registry hosts, open ends, swallowed errors, unpickling, skipped tests."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house import tree

# Each pattern is written so that it does not match itself.
FORBIDDEN = {
    "a path of one machine": (r"(?<![\w.}<])/(?:r[o]ot|w[o]rk|t[m]p|h[o]me)/[a-z.]", ("",)),
    "the host of a package registry": (r"p[y]pi\.org|pythonh[o]sted\.org|deb\.d[e]bian\.org|registry\.n[p]mjs\.org", ("",)),
    "an open end": (r"\b(?:TO[D]O|FI[X]ME|X{3})\b", ("",)),
    "an example that does not run": (r"doctest: *\+SK[I]P", ("antdask/", "docs/", "README.md")),
    "a test that may not run": (r"pytest\.(?:skip|importo[r]skip|xf[a]il)\b|mark\.(?:skip|skipif|xf[a]il)\b", ("tests/",)),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern, places = FORBIDDEN[what]
    hits = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name in tree.files()
        if name.startswith(places)
        for number, line in enumerate(tree.text(name).splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert not hits, what


def test_no_exception_is_swallowed() -> None:
    hits = [
        f"{name}:{node.lineno}"
        for name in tree.modules("antdask")
        for node in ast.walk(tree.syntax(name))
        if isinstance(node, ast.ExceptHandler) and all(isinstance(s, ast.Pass) or _is_ellipsis(s) for s in node.body) and _is_broad(node)
    ]
    assert not hits, "an error that nobody hears of"


def _is_broad(node: ast.ExceptHandler) -> bool:
    names = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else {"BaseException"}
    return bool(names & {"BaseException", "Exception", "ImportError", "OSError", "ValueError"})


def _is_ellipsis(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and statement.value.value is ...


def test_data_are_never_unpickled_or_evaluated() -> None:
    banned = {"pickle", "dill", "cloudpickle", "marshal", "shelve"}
    hits = []
    for name in tree.modules("antdask"):
        for node in ast.walk(tree.syntax(name)):
            if isinstance(node, ast.Import) and banned & {alias.name.split(".")[0] for alias in node.names}:
                hits.append(f"{name}:{node.lineno}")
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in banned:
                hits.append(f"{name}:{node.lineno}")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec"}:
                hits.append(f"{name}:{node.lineno}")
    assert not hits


def test_only_settings_reads_the_environment() -> None:
    readers = [
        f"{name}:{node.lineno}"
        for name in tree.modules("antdask")
        if name != "antdask/settings.py"
        for node in ast.walk(tree.syntax(name))
        if isinstance(node, ast.Attribute)
        and node.attr in {"environ", "getenv"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    ]
    assert not readers, "settings.py is the only reader of environment variables"
