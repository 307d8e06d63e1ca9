"""What a ``where`` means, row by row with Python integers: Python's own parser for the text, and a loop instead of columns."""

from __future__ import annotations

import ast
import operator

import numpy as np
from hypothesis import strategies as st

COMPARE = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
INTEGER = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor, ast.LShift: operator.lshift, ast.RShift: operator.rshift,
}  # fmt: skip
REAL = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.remainder,
}


def evaluate(node, row):
    """Value of a node for one row (a dict; a column that is not there is missing): bool, int, float or ``None``."""
    match node:
        case ast.Expression():
            return evaluate(node.body, row)
        case ast.Constant():
            return node.value
        case ast.Name():
            return row.get(node.id)
        case ast.UnaryOp(op=ast.Not()):
            return not evaluate(node.operand, row)
        case ast.UnaryOp():
            value = evaluate(node.operand, row)
            return (
                None if value is None else {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.inv}[type(node.op)](value)
            )
        case ast.BoolOp():
            return (all if isinstance(node.op, ast.And) else any)([evaluate(v, row) for v in node.values])
        case ast.Compare():
            sides = [evaluate(n, row) for n in (node.left, *node.comparators)]
            return all(compare(op, a, b) for op, a, b in zip(node.ops, sides[:-1], sides[1:], strict=True))
        case ast.BinOp():
            return binary(type(node.op), evaluate(node.left, row), evaluate(node.right, row))
        case ast.Call(func=ast.Name(id="abs")):
            value = evaluate(node.args[0], row)
            return None if value is None else abs(value)
        case ast.Call(func=ast.Name(id="isnan")):
            return absent(evaluate(node.args[0], row))
        case ast.Tuple():
            return [evaluate(n, row) for n in node.elts]
    raise AssertionError(ast.dump(node))


def absent(value):
    return value is None or value != value


def compare(op, a, b):
    if absent(a):
        return False
    if isinstance(op, ast.In | ast.NotIn):
        return (a in b) == isinstance(op, ast.In)
    return not absent(b) and bool(COMPARE[type(op)](a, b))


def binary(op, a, b):
    if a is None or b is None:
        return None
    if op is ast.Div or isinstance(a, float) or isinstance(b, float):
        with np.errstate(all="ignore"):
            return float(REAL[op](np.float64(a), np.float64(b)))
    if (op in (ast.FloorDiv, ast.Mod) and b == 0) or (op in (ast.LShift, ast.RShift) and not 0 <= b <= 63):
        return None
    return INTEGER[op](a, b)


def matches(text, rows):
    """Truth of the text for each row."""
    tree = ast.parse(text, mode="eval")
    return [bool(evaluate(tree, row)) for row in rows]


INTEGERS = ("run", "trigger_counter", "n_hits", "exists", "source_entry", "utc_ns", "trigger_mask", "clock_status")
REALS = ("charge_sum_pe",)
NEAR = st.sampled_from([0, 1, 2, 3, 7, 63, 64, 100, 2**32, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64])
LITERALS = st.one_of(st.integers(0, 70), NEAR).map(str)
REAL_LITERALS = st.sampled_from(["0.0", "0.5", "3.0", "1e3", "9007199254740992.0", "9007199254740993.0", "9.3e18", "1.9e19", "1e300"])


def _joined(operators, part):
    return st.tuples(part, st.sampled_from(operators), part).map(lambda t: f"{t[0]} {t[1]} {t[2]}")


def _wrapped(part):
    return st.one_of(part.map("({})".format), part.map("-({})".format), part.map("abs({})".format))


integers = st.recursive(
    st.one_of(st.sampled_from(INTEGERS), LITERALS),
    lambda part: st.one_of(_joined(["+", "-", "*", "//", "%", "&", "|", "^", "<<", ">>"], part), _wrapped(part), part.map("~({})".format)),
    max_leaves=5,
)
reals = st.recursive(
    st.one_of(st.sampled_from(REALS), REAL_LITERALS, st.sampled_from(INTEGERS)),
    lambda part: st.one_of(_joined(["+", "-", "*", "/"], part), _wrapped(part), _joined(["//", "%"], part.map("({})".format))),
    max_leaves=5,
)
numbers = st.one_of(integers, reals)
lists = st.lists(st.one_of(LITERALS, REAL_LITERALS, LITERALS.map("-{}".format)), max_size=4).map(
    lambda v: f"({', '.join([*v, ''])})" if v else "()"
)
comparisons = st.one_of(
    _joined(["<", "<=", ">", ">=", "==", "!="], numbers),
    st.tuples(_joined(["<", "<="], integers), st.sampled_from(["<", "==", "!="]), numbers).map(" ".join),
    st.tuples(numbers, st.sampled_from(["in", "not in"]), lists).map(" ".join),
    numbers.map("isnan({})".format),
)
conditions = st.recursive(
    comparisons,
    lambda part: st.one_of(_joined(["and", "or"], part), part.map("({})".format), part.map("not ({})".format), part.map("not {}".format)),
    max_leaves=4,
)
