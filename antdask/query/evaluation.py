"""Evaluating a bound ``where`` on a piece: every node over whole columns at once."""

from __future__ import annotations

import functools

import numpy as np

from antdask.query import arithmetic as exact
from antdask.query.arithmetic import Numbers
from antdask.query.pieces import Piece
from antdask.query.segments import count_true
from antdask.query.syntax import Binary, Call, Compare, Logic, Member, Name, Node, Not, Number, Unary

# Values, and the table whose rows they follow; ``None`` for constants.
type Placed[T] = tuple[T, str | None]


class Evaluation:
    """Evaluates nodes on one piece.

    Parameters
    ----------
    piece : Piece
        Its columns are read as far as the nodes name them.
    """

    def __init__(self, piece: Piece) -> None:
        self.piece, self.rows = piece, piece.schema.rows.name

    def mask(self, node: Node, table: str) -> np.ndarray:
        """Truth of a node for every row of a table, bool."""
        truth, place = self.truth(node)
        return self._lift(truth, place, table)

    def truth(self, node: Node) -> Placed[np.ndarray]:
        """Value of a truth node."""
        match node:
            case Compare():
                placed = self._compared(node)
            case Member():
                value, table = self.numbers(node.operand)
                inside = exact.member(value, node.values)
                placed = (~inside & ~value.absent if node.negated else inside), table
            case Logic():
                placed = self._joined(node)
            case Not():
                truth, table = self.truth(node.operand)
                placed = ~truth, table
            case Call(function="isnan"):
                value, table = self.numbers(node.argument)
                placed = value.absent, table
            case Call():
                placed = self._quantified(node), self.rows
            case _:
                raise TypeError(f"{type(node).__name__} is no truth value")
        return placed

    def numbers(self, node: Node) -> Placed[Numbers]:
        """Value of a number node."""
        match node:
            case Number():
                placed: Placed[Numbers] = Numbers.of(node.value), None
            case Name():
                placed = self._column(node), node.table
            case Unary():
                value, table = self.numbers(node.operand)
                placed = (exact.negative(value) if node.operator == "-" else exact.inverse(value)), table
            case Binary():
                (left, right), table = self._together([self.numbers(node.left), self.numbers(node.right)])
                placed = exact.calculate(node.operator, left, right), table
            case Call(function="abs"):
                value, table = self.numbers(node.argument)
                placed = exact.absolute(value), table
            case Call(function="count"):
                placed = self._counted(node), self.rows
            case Call():
                placed = self._reduced(node), self.rows
            case _:
                raise TypeError(f"{type(node).__name__} is no number")
        return placed

    def _compared(self, node: Compare) -> Placed[np.ndarray]:
        values, table = self._together([self.numbers(n) for n in node.operands])
        pairs = zip(node.operators, values[:-1], values[1:], strict=True)
        return functools.reduce(np.logical_and, (exact.compare(op, a, b) for op, a, b in pairs)), table

    def _joined(self, node: Logic) -> Placed[np.ndarray]:
        placed = [self.truth(n) for n in node.operands]
        table = self._lowest([place for _, place in placed])
        join = np.logical_and if node.operator == "and" else np.logical_or
        return functools.reduce(join, (self._lift(truth, place, table) for truth, place in placed)), table

    def _column(self, node: Name) -> Numbers:
        if not self.piece.has(node.table, node.column):
            real = self.piece.schema.table(node.table).field(node.column).numpy.kind == "f"
            return self._stretch(Numbers.nothing(real), self.piece.length(node.table))
        values = self.piece.column(node.table, node.column)
        return Numbers.of(values if node.index is None else values[:, node.index])

    def _together(self, placed: list[Placed[Numbers]]) -> Placed[list[Numbers]]:
        table = self._lowest([p for _, p in placed])
        return [self._lift_numbers(value, place, table) for value, place in placed], table

    def _lowest(self, tables: list[str | None]) -> str | None:
        """The lowest of tables that lie one above the other; the schema lists parents before children."""
        order = [t.name for t in self.piece.schema.tables]
        return max((t for t in tables if t is not None), key=order.index, default=None)

    def _lift(self, truth: np.ndarray, place: str | None, table: str | None) -> np.ndarray:
        if table is None:
            return truth
        if place is None:
            return np.broadcast_to(truth, self.piece.length(table))
        return truth if place == table else np.repeat(truth, np.diff(self.piece.edges(place, table)))

    def _lift_numbers(self, value: Numbers, place: str | None, table: str | None) -> Numbers:
        if place in (None, table) or table is None:
            return value
        missing = None if value.missing is None else self._lift(value.missing, place, table)
        return Numbers(self._lift(value.values, place, table), missing)

    def _stretch(self, value: Numbers, length: int) -> Numbers:
        missing = None if value.missing is None else np.broadcast_to(value.missing, length)
        return Numbers(np.broadcast_to(value.values, length), missing)

    def _edges(self, table: str | None) -> np.ndarray:
        return self.piece.edges(self.rows, table or self.rows)

    def _true(self, node: Call) -> tuple[np.ndarray, np.ndarray, bool]:
        """Per row: how many rows of the ragged table say yes, how many there are; and whether the part has the table."""
        truth, table = self.truth(node.argument)
        edges = self._edges(table)
        return count_true(truth, edges), np.diff(edges), self.piece.has(str(table))

    def _quantified(self, node: Call) -> np.ndarray:
        yes, total, there = self._true(node)
        return (yes > 0 if node.function == "any" else yes == total) & there

    def _counted(self, node: Call) -> Numbers:
        yes, _, there = self._true(node)
        return Numbers(yes, None if there else np.ones(len(yes), bool))

    def _reduced(self, node: Call) -> Numbers:
        value, table = self.numbers(node.argument)
        edges = self._edges(table)
        if not self.piece.has(str(table)):
            return self._stretch(Numbers.nothing(True), len(edges) - 1)
        value = self._stretch(value, int(edges[-1]))
        present = ~value.absent
        counts = np.diff(np.append(0, np.cumsum(present))[edges])
        # Segments of `reduceat` may not be empty: missing values go first, then rows without any.
        starts = np.append(0, np.cumsum(counts))[:-1][counts > 0]
        values, missing = value.values[present], counts == 0
        if node.function in ("min", "max"):
            ufunc = np.minimum if node.function == "min" else np.maximum
            return Numbers(_segments(ufunc, values, starts, missing), missing)
        low, high = (0, 0) if value.real else Numbers(values).extent()
        longest = int(counts.max(initial=0))
        values = values if value.real else exact.fit(Numbers(values), (low * longest, high * longest))
        total = Numbers(_segments(np.add, values, starts, missing), missing)
        if node.function == "mean":
            return exact.calculate("/", total, Numbers(counts))
        # The sum of no hits is 0; the sum of hits that all lack the value is missing.
        return Numbers(total.values, missing & (np.diff(edges) > 0))


def _segments(ufunc: np.ufunc, values: np.ndarray, starts: np.ndarray, empty: np.ndarray) -> np.ndarray:
    """One reduced value per row; 0 where the row is empty."""
    result = np.zeros(len(empty), values.dtype)
    if len(starts):
        with np.errstate(all="ignore"):
            result[~empty] = ufunc.reduceat(values, starts)
    return result
