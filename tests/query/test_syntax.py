"""The grammar of where reads what Python reads, and refuses the rest with its place."""

import ast
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antdask.errors import WhereError
from antdask.query.syntax import MAX_LENGTH, Call, Compare, Logic, Member, Name, Not, Number, parse, walk
from tests.query.reference import conditions


def test_the_tree_knows_names_numbers_and_places():
    tree = parse("n_hits > 0x1F and count( hits.tot in (1, -2.5,) ) >= 3")
    assert isinstance(tree, Logic) and len(tree.operands) == 2
    first, second = tree.operands
    assert first == Compare((">",), (Name("", "n_hits", None, 0), Number(31, 9)), 0)
    assert isinstance(second.operands[0], Call)
    assert second.operands[0].argument == Member(Name("hits", "tot", None, 25), (1, -2.5), False, 25)


@pytest.mark.parametrize(
    "text",
    [
        "a & b == c", "a == b & c", "not a == b and c == d or e == f", "a | b ^ c & d << e + f * g == 1", "-a * ~b % c // d / e == 1",
        "not not a < b", "a - b - c == 1", "a << b << c == 1", "a < b < c != d", "a in (1,) and not b not in [2, 3]", "+a == - - 1",
    ],
)  # fmt: skip
def test_operators_bind_as_in_python(text):
    assert shape(parse(text)) == python_shape(ast.parse(text, mode="eval").body)


@settings(max_examples=150, deadline=None)
@given(conditions)
def test_any_condition_is_read_as_python_reads_it(text):
    try:
        tree = parse(text)
    except WhereError as error:
        assert "nested" in str(error)
    else:
        assert shape(tree) == python_shape(ast.parse(text, mode="eval").body)


def shape(node):
    """The tree as nested lists."""
    match node:
        case Number():
            return node.value
        case Name():
            return node.column
        case Not():
            return ["not", shape(node.operand)]
        case Logic():
            return [node.operator, *map(shape, node.operands)]
        case Compare():
            return ["compare", *node.operators, *map(shape, node.operands)]
        case Member():
            return ["not in" if node.negated else "in", shape(node.operand), list(node.values)]
        case Call():
            return [node.function, shape(node.argument)]
    operands = [node.operand] if hasattr(node, "operand") else [node.left, node.right]
    return [node.operator, *map(shape, operands)]


SYMBOLS = {
    "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=", "Eq": "==", "NotEq": "!=", "Add": "+", "Sub": "-", "Mult": "*", "Div": "/",
    "FloorDiv": "//", "Mod": "%", "BitAnd": "&", "BitOr": "|", "BitXor": "^", "LShift": "<<", "RShift": ">>", "And": "and", "Or": "or",
}  # fmt: skip


def python_shape(node):
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return node.id
        case ast.UnaryOp(op=ast.Not()):
            return ["not", python_shape(node.operand)]
        case ast.UnaryOp(op=ast.UAdd()):
            return python_shape(node.operand)
        case ast.UnaryOp():
            inner = python_shape(node.operand)
            if isinstance(node.op, ast.USub) and isinstance(inner, int | float):
                return -inner
            return ["-" if isinstance(node.op, ast.USub) else "~", inner]
        case ast.BoolOp():
            return [SYMBOLS[type(node.op).__name__], *map(python_shape, node.values)]
        case ast.Compare(ops=[ast.In() | ast.NotIn() as op]):
            values = [python_shape(n) for n in node.comparators[0].elts]
            return ["in" if isinstance(op, ast.In) else "not in", python_shape(node.left), values]
        case ast.Compare():
            return ["compare", *[SYMBOLS[type(o).__name__] for o in node.ops], *map(python_shape, [node.left, *node.comparators])]
        case ast.BinOp():
            return [SYMBOLS[type(node.op).__name__], python_shape(node.left), python_shape(node.right)]
        case ast.Call():
            return [node.func.id, python_shape(node.args[0])]
    raise AssertionError(ast.dump(node))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("  \t", "empty"),
        ("a = 3", "character 3 of 'a = 3'.*Write '=='"),
        ("a > 1 && b < 2", "Write 'and'"),
        ("a > 1 AND b < 2", "Write 'and'"),
        ("a <> 2", "Write '!='"),
        ("a > ", "found the end"),
        ("a > 1)", "expected an operator or the end"),
        ("(a > 1", r"expected '\)', found the end"),
        ("a > 'x'", "Columns hold numbers"),
        ("a ** 2 > 3", r"found '\*\*'"),
        ("exp(a) > 3", "no function 'exp'"),
        ("max(a, b) > 3", "takes one argument"),
        ("a in 3", r"expected '\(' and a list"),
        ("a in (b,)", "expected a number"),
        ("a not 3", "expected 'in'"),
        ("12abc > 3", "Not a number"),
        ("1_000 > a", "Not a number"),
        ("a > 1; import os", "found ';'"),
        ("a.b.c > 1", "found '.'"),
        ("a[b] > 1", "expected a number from 0"),
        ("lambda: 1", "found ':'"),
        ("é > 1", "found 'é'"),
        ("a\x00 > 1", "character 2"),
        ("a > 1 if b else c", "found 'if'"),
        ("__import__('os').system('x')", "no function|Texts"),
        ("and > 1", "found 'and'"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(text, words):
    with pytest.raises(WhereError, match=words):
        parse(text)


def test_length_and_depth_are_bounded_before_python_breaks():
    long = "a > 1 or " * 500
    for text in (
        long + "a > 1",
        "(" * 500 + "a > 1" + ")" * 500,
        "not " * 900 + "a > 1",
        "-" * 900 + "1 > a",
        "a" + "+a" * 1900 + " > 1",
        "abs(" * 300,
    ):
        with pytest.raises(WhereError, match=r"too long|nested too deeply"):
            parse(text[: 10 * MAX_LENGTH])
    chained = "(" * 15 + "a" + "+b)" * 15 + "*c" * 20 + " > 1"
    assert sum(1 for _ in walk(parse(chained))) > 60
    with pytest.raises(WhereError, match="nested"):
        parse("(" * 19 + "a" + ("+b" * 30 + ")") * 19 + " > 1")
    wide = " or ".join(f"run == {i}" for i in range(250))
    assert len(parse(wide).operands) == 250


def test_the_deepest_text_that_is_read_leaves_room_on_the_stack():
    level = "a|b^c&d<<e+f*("
    text = level * 20 + "a" + ")" * 20 + " > 1"
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(600)
    try:
        with pytest.raises(WhereError, match="nested"):
            parse(text)
    finally:
        sys.setrecursionlimit(limit)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        parse(text)
    except WhereError as error:
        assert str(error)


def test_a_where_that_is_no_text_is_refused():
    with pytest.raises(WhereError, match="found 'bool'"):
        parse(True)
