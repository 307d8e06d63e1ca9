"""Interval analysis: which blocks can hold a matching row, and which match as a whole, from the minima and maxima in the catalogue alone.

An interval per node and block, computed with the arithmetic that evaluates the rows (rounding is monotone, so bounds stay bounds)::

    n_hits > 200        block 0: n_hits 13 … 180      no row can match: pruned
                        block 1: n_hits 90 … 3,110    read and evaluated
                        block 2: n_hits 201 … 512     every row matches: not evaluated

An unknown bound allows everything. A value may be missing or NaN wherever that cannot be excluded; since such a comparison is False, it matters below
``not`` and in ``isnan`` only.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

from antdask.model.schema import Field, Schema
from antdask.query import arithmetic as exact
from antdask.query.arithmetic import Numbers
from antdask.query.syntax import Binary, Call, Compare, Logic, Member, Name, Node, Not, Number, Unary

# Longer lists are compared by their smallest and largest value only.
_LIST = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Interval:
    """Bounds of the values of each block.

    Parameters
    ----------
    low, high : Numbers
        Missing where unknown.
    hole : bool or array of bool
        Whether a value may be missing or NaN.
    """

    low: Numbers
    high: Numbers
    hole: np.ndarray | bool

    @property
    def known(self) -> np.ndarray:
        """Where both bounds are known."""
        known: np.ndarray = ~(self.low.absent | self.high.absent)
        return known


@dataclasses.dataclass(frozen=True, slots=True)
class Chance:
    """Per block, bool: whether a row may match, and whether every row must."""

    may: np.ndarray
    must: np.ndarray


UNKNOWN_REAL = Interval(Numbers.nothing(True), Numbers.nothing(True), True)
UNKNOWN = Interval(Numbers.nothing(False), Numbers.nothing(False), True)


class Bounds:
    """The minima and maxima of some columns of the row table, block by block.

    Parameters
    ----------
    schema : Schema
    known : mapping of column name to Interval
        Columns of the row table; all intervals of one length.
    """

    def __init__(self, schema: Schema, known: Mapping[str, Interval]) -> None:
        self.schema, self.known = schema, known

    def chance(self, node: Node, length: int) -> Chance:
        """What the bounds say about a bound truth node in each of `length` blocks."""
        chance = self._chance(node)
        return Chance(np.broadcast_to(chance.may, length), np.broadcast_to(chance.must, length))

    def _chance(self, node: Node) -> Chance:
        match node:
            case Compare():
                sides = [self._interval(n) for n in node.operands]
                chance = _all([_compare(op, a, b) for op, a, b in zip(node.operators, sides[:-1], sides[1:], strict=True)])
            case Member():
                chance = _member(self._interval(node.operand), node)
            case Logic(operator="and"):
                chance = _all([self._chance(n) for n in node.operands])
            case Logic():
                parts = [self._chance(n) for n in node.operands]
                chance = Chance(
                    functools.reduce(np.logical_or, (c.may for c in parts)), functools.reduce(np.logical_or, (c.must for c in parts))
                )
            case Not():
                inner = self._chance(node.operand)
                chance = Chance(~inner.must, ~inner.may)
            case Call(function="isnan"):
                chance = Chance(np.asarray(self._interval(node.argument).hole), np.array(False))
            case Call(function="any"):
                chance = Chance(self._chance(node.argument).may, np.array(False))
            case _:
                # "all" holds for a row without hits, whatever the bounds.
                chance = Chance(np.array(True), np.array(False))
        return chance

    def _interval(self, node: Node) -> Interval:
        match node:
            case Number():
                value = Numbers.of(node.value)
                interval = Interval(value, value, hole=isinstance(node.value, float) and node.value != node.value)
            case Name():
                field = self.schema.table(node.table).field(node.column)
                given = self.known.get(node.column) if node.table == self.schema.rows.name else None
                interval = given or declared(field)
            case Unary():
                inner = self._interval(node.operand)
                turn = exact.negative if node.operator == "-" else exact.inverse
                interval = Interval(turn(inner.high), turn(inner.low), inner.hole)
            case Binary():
                interval = _calculate(node.operator, self._interval(node.left), self._interval(node.right))
            case Call(function="abs"):
                interval = _absolute(self._interval(node.argument))
            case Call(function="min" | "max"):
                interval = dataclasses.replace(self._interval(node.argument), hole=True)
            case Call(function="count"):
                interval = Interval(Numbers.of(0), Numbers.nothing(False), True)
            case _:
                interval = UNKNOWN
        return interval


def declared(field: Field) -> Interval:
    """What the dtype alone allows."""
    if field.numpy.kind == "f":
        return UNKNOWN_REAL
    info = np.iinfo(field.numpy)
    return Interval(Numbers.of(int(info.min)), Numbers.of(int(info.max)), True)


def given(field: Field, low: np.ndarray, high: np.ndarray, unknown: np.ndarray) -> Interval:
    """Bounds of a column from the catalogue.

    Parameters
    ----------
    low, high : arrays of the dtype of the field, shape (blocks,)
    unknown : array of bool
        Where a bound is not known: there the dtype alone counts, and values may be missing.
    """
    whole = declared(field)
    if whole.low.real:
        return Interval(Numbers.of(low, unknown), Numbers.of(high, unknown), True)
    # In the dtype of the field: NumPy would make reals of int64 and uint64.
    least, most = (bound.values.astype(field.numpy) for bound in (whole.low, whole.high))
    return Interval(Numbers(np.where(unknown, least, low)), Numbers(np.where(unknown, most, high)), unknown)


def _all(parts: list[Chance]) -> Chance:
    return Chance(functools.reduce(np.logical_and, (c.may for c in parts)), functools.reduce(np.logical_and, (c.must for c in parts)))


def _compare(operator: str, a: Interval, b: Interval) -> Chance:
    whole = np.logical_not(np.logical_or(a.hole, b.hole))
    if operator in (">", ">="):
        a, b, operator = b, a, operator.replace(">", "<")
    if operator in ("<", "<="):
        never = exact.compare(">=" if operator == "<" else ">", a.low, b.high)
        return Chance(~never, exact.compare(operator, a.high, b.low) & whole)
    apart = exact.compare(">", a.low, b.high) | exact.compare(">", b.low, a.high)
    same = exact.compare("==", a.low, a.high) & exact.compare("==", b.low, b.high) & exact.compare("==", a.low, b.low)
    return Chance(~apart, same & whole) if operator == "==" else Chance(~same, apart & whole)


def _member(a: Interval, node: Member) -> Chance:
    values = sorted(node.values)
    spans = [(v, v) for v in values] if len(values) <= _LIST else [(values[0], values[-1])]
    inside = np.zeros(np.broadcast_shapes(a.low.values.shape, a.high.values.shape), bool)
    for low, high in spans:
        inside = inside | ~(exact.compare(">", a.low, Numbers.of(high)) | exact.compare("<", a.high, Numbers.of(low)))
    one = exact.compare("==", a.low, a.high) & exact.member(a.low, values)
    whole = np.logical_not(a.hole)
    return Chance(~one, ~inside & whole) if node.negated else Chance(inside, one & whole)


def _calculate(operator: str, a: Interval, b: Interval) -> Interval:
    hole = np.logical_or(a.hole, b.hole)
    real = a.low.real or b.low.real or operator == "/"
    if operator in ("+", "-"):
        first, last = (b.low, b.high) if operator == "+" else (b.high, b.low)
        result = Interval(exact.calculate(operator, a.low, first), exact.calculate(operator, a.high, last), hole)
    elif operator == "//" and real:
        # Not computed as one rounded operation, so that nothing is known about its rounding.
        result = UNKNOWN_REAL
    elif operator in ("*", "/", "//"):
        result = _corners(operator, a, b, hole)
    elif operator in ("<<", ">>"):
        wild = exact.compare("<", b.low, Numbers.of(0)) | exact.compare(">", b.high, Numbers.of(exact.MAX_SHIFT)) | ~b.known
        result = _unless(wild, _corners(operator, a, b, hole))
    elif operator == "%":
        result = _remainder(b, hole)
    else:
        result = _bitwise(operator, a, b, hole)
    # Infinities make NaN out of nothing.
    return dataclasses.replace(result, hole=True) if real else result


def _corners(operator: str, a: Interval, b: Interval, hole: np.ndarray) -> Interval:
    """Of an operation that is monotone in each operand where the divisor keeps its sign."""
    values = [exact.calculate(operator, x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    result = Interval(exact.extreme(values, largest=False), exact.extreme(values, largest=True), hole)
    if operator in ("/", "//"):
        return _unless(_around_zero(b), result)
    return result


def _around_zero(b: Interval) -> np.ndarray:
    zero = Numbers.of(0)
    around: np.ndarray = ~(exact.compare(">", b.low, zero) | exact.compare("<", b.high, zero))
    return around


def _unless(wild: np.ndarray, interval: Interval) -> Interval:
    """The interval, unknown where it is `wild`."""
    return Interval(
        Numbers(interval.low.values, exact.either(interval.low.missing, wild)),
        Numbers(interval.high.values, exact.either(interval.high.missing, wild)),
        np.logical_or(interval.hole, wild),
    )


def _remainder(b: Interval, hole: np.ndarray) -> Interval:
    """The remainder has the sign of the divisor and is not beyond it (a rounded real may reach it)."""
    zero = Numbers.of(0)
    low, high = exact.extreme([b.low, zero], largest=False), exact.extreme([b.high, zero], largest=True)
    return _unless(_around_zero(b), Interval(low, high, hole))


def _bitwise(operator: str, a: Interval, b: Interval, hole: np.ndarray) -> Interval:
    """Bits of numbers that are not negative: ``&`` is at most the smaller, ``|`` and ``^`` at most the sum."""
    zero = Numbers.of(0)
    negative = ~(exact.compare(">=", a.low, zero) & exact.compare(">=", b.low, zero))
    # a | b <= a + b holds without a look at the bits.
    high = exact.extreme([a.high, b.high], largest=False) if operator == "&" else exact.calculate("+", a.high, b.high)
    low = exact.extreme([a.low, b.low], largest=True) if operator == "|" else zero
    return _unless(negative, Interval(low, high, hole))


def _absolute(a: Interval) -> Interval:
    sides = [exact.absolute(a.low), exact.absolute(a.high)]
    low, high = exact.extreme(sides, largest=False), exact.extreme(sides, largest=True)
    around = _around_zero(a)
    return Interval(Numbers(np.where(around, np.zeros((), low.values.dtype), low.values), low.missing), high, a.hole)
