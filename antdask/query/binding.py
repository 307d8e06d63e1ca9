"""Binding: a ``where`` tree against the columns that there are, and what kind of value every node gives.

A value belongs to a table: ``n_hits`` to the row table, ``hits.tot`` to its hits, a literal to none. Values of a table and of one above it combine, and
belong to the lower one; ``any count sum min max mean all`` bring values of a ragged table up to the row table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import NoReturn

from antdask.errors import UnknownNameError
from antdask.model.schema import Schema
from antdask.model.tables import SCHEMAS
from antdask.query.syntax import EXAMPLE, Binary, Call, Compare, Logic, Member, Name, Node, Not, Number, Unary, refuse, walk

#: Integers that could need more bits are refused: a few products of 64-bit columns fit, an expression made to fill the memory does not.
MAX_BITS = 256
_BITWISE = ("&", "|", "^", "<<", ">>")
_TRUTHS = ("any", "all", "count")


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """What a node gives.

    Parameters
    ----------
    truth, real : bool
        A truth value; a real number. Otherwise an integer.
    table : str or None
        The table it belongs to; ``None`` for constants.
    bits : int
        Bound of the magnitude of an integer.
    """

    truth: bool
    real: bool
    table: str | None
    bits: int = 0


@dataclasses.dataclass(frozen=True)
class Scope:
    """The columns that a ``where`` may name.

    Parameters
    ----------
    schema : Schema
    columns : collection of str
        ``table/column`` of every column that is there.
    """

    schema: Schema
    columns: Collection[str]

    @property
    def names(self) -> list[str]:
        """The columns as they are written in a ``where``: those of the row table bare, others with their table."""
        rows = f"{self.schema.rows.name}/"
        return [c.removeprefix(rows).replace("/", ".") for c in self.columns]

    def find(self, name: str) -> tuple[str, str]:
        """Table and column of a name as it is written.

        Raises
        ------
        UnknownNameError
        """
        table, _, column = name.rpartition(".")
        table = table or self.schema.rows.name
        if f"{table}/{column}" in self.columns:
            return table, column
        error = UnknownNameError.of("column", name, self.names, where=f"stream '{self.schema.name}'")
        below = [t.name for t in self.schema.tables[1:] if f"{t.name}/{name}" in self.columns]
        if below:
            error.hint = f"It is a column of a ragged table: write {' or '.join(f'{t}.{name}' for t in below)}."
        elif any(t.name == table and column in {f.name for f in t.fields} for t in self.schema.tables):
            error.hint = f"The data selected here do not have it. {error.hint}"
        elif others := [n for n, s in SCHEMAS.items() if n != self.schema.name and any(f.name == name for f in s.rows.fields)]:
            error.hint = f"{', '.join(others)} may have it: select there, or join. {error.hint}"
        raise error


def bind(text: str, tree: Node, scope: Scope) -> Node:
    """The same tree with every name resolved to its table, checked.

    Raises
    ------
    UnknownNameError
        A column that is not there.
    WhereError
        Not a truth value, or values that do not go together.
    """
    bound = _resolve(text, tree, scope)
    kind = _Checker(text, scope).kind(bound)
    if not kind.truth:
        refuse(text, bound.at, "The where is a number, not a comparison", hint=f"Say what of it you want, e.g. n_hits > 200. {EXAMPLE}")
    if not any(isinstance(node, Name) for node in walk(bound)):
        refuse(text, bound.at, "The where compares no column")
    return bound


def table_of(node: Node, schema: Schema) -> str:
    """The table that a bound truth value belongs to; the row table for constants."""
    return _Checker("", Scope(schema, ())).kind(node).table or schema.rows.name


def _resolve(text: str, node: Node, scope: Scope) -> Node:
    def down(child: Node) -> Node:
        return _resolve(text, child, scope)

    match node:
        case Name():
            table, column = scope.find(f"{node.table}.{node.column}" if node.table else node.column)
            return dataclasses.replace(node, table=table, column=column)
        case Unary() | Not() | Member():
            return dataclasses.replace(node, operand=down(node.operand))
        case Binary():
            return dataclasses.replace(node, left=down(node.left), right=down(node.right))
        case Compare() | Logic():
            return dataclasses.replace(node, operands=tuple(down(child) for child in node.operands))
        case Call():
            return dataclasses.replace(node, argument=down(node.argument))
        case Number():
            return node


class _Checker:
    """Gives every node its kind, or refuses it."""

    def __init__(self, text: str, scope: Scope) -> None:
        self.text, self.schema = text, scope.schema

    def kind(self, node: Node) -> Kind:
        match node:
            case Number():
                kind = self.literal(node.value, node)
            case Name():
                kind = self.column(node)
            case Unary():
                kind = self.unary(node)
            case Binary():
                kind = self.binary(node)
            case Compare():
                kind = Kind(True, False, self.together(node, [self.number(n) for n in node.operands]))
            case Member():
                for value in node.values:
                    self.literal(value, node)
                kind = Kind(True, False, self.number(node.operand).table)
            case Logic():
                kind = Kind(True, False, self.together(node, [self.truth(n) for n in node.operands]))
            case Not():
                kind = self.truth(node.operand)
            case Call():
                kind = self.call(node)
        return kind

    def unary(self, node: Unary) -> Kind:
        kind = self.kind(node.operand)
        if node.operator == "~" and kind.truth:
            self.refuse(node, "'~' works on the bits of integers", hint="Before a comparison write 'not'.")
        if node.operator == "~" and kind.real:
            self.refuse(node, "'~' wants an integer")
        return dataclasses.replace(self.number(node.operand), bits=kind.bits + 1)

    def literal(self, value: int | float, node: Node) -> Kind:
        real = isinstance(value, float)
        bits = 0 if isinstance(value, float) else value.bit_length()
        if bits > MAX_BITS // 2:
            self.refuse(node, "A number is too large", hint=f"At most {MAX_BITS // 2} bits.")
        return Kind(False, real, None, bits)

    def column(self, node: Name) -> Kind:
        field = self.schema.table(node.table).field(node.column)
        name = f"{node.table}.{node.column}"
        if field.dims and node.index is None:
            self.refuse(node, f"'{name}' has {field.dims[0][1]} values per row", hint=f"Take one of them: {name}[0].")
        if node.index is not None and not field.dims:
            self.refuse(node, f"'{name}' has one value per row, which has no [{node.index}]")
        if node.index is not None and node.index >= field.dims[0][1]:
            self.refuse(node, f"'{name}' has no value [{node.index}]", hint=f"From 0 to {field.dims[0][1] - 1}.")
        return Kind(False, field.numpy.kind == "f", node.table, field.numpy.itemsize * 8)

    def binary(self, node: Binary) -> Kind:
        left, right = self.kind(node.left), self.kind(node.right)
        if left.truth and right.truth and node.operator in "&|":
            self.refuse(node, f"'{node.operator}' works on the bits of integers", hint=f"Between comparisons write '{'and' if node.operator == '&' else 'or'}'.")  # fmt: skip
        left, right = self.number(node.left), self.number(node.right)
        if node.operator in _BITWISE and (left.real or right.real):
            self.refuse(node, f"'{node.operator}' wants integers on both sides")
        table = self.together(node, [left, right])
        if node.operator == "/" or left.real or right.real:
            return Kind(False, True, table)
        if node.operator == "<<":
            bits = left.bits + (min(node.right.value, 64) if isinstance(node.right, Number) and isinstance(node.right.value, int) else 64)
        else:
            bits = left.bits + right.bits if node.operator == "*" else max(left.bits, right.bits) + 1
        return self.integer(node, table, int(bits))

    def integer(self, node: Node, table: str | None, bits: int) -> Kind:
        if bits > MAX_BITS:
            self.refuse(node, f"The integers could need more than {MAX_BITS} bits", hint="Compute with reals: multiply by 1.0 first.")
        return Kind(False, False, table, bits)

    def call(self, node: Call) -> Kind:
        if node.function in ("abs", "isnan"):
            kind = self.number(node.argument)
            return kind if node.function == "abs" else Kind(True, False, kind.table)
        rows = self.schema.rows.name
        inner = self.truth(node.argument) if node.function in _TRUTHS else self.number(node.argument)
        if inner.table in (None, rows):
            ragged = next((n.replace("/", ".") for n in self.ragged()), "")
            self.refuse(node, f"'{node.function}' wants a column of a ragged table", hint=f"Such as {ragged}." if ragged else "This stream has none.")  # fmt: skip
        if node.function in ("any", "all"):
            return Kind(True, False, rows)
        if node.function in ("count", "mean"):
            return Kind(False, node.function == "mean", rows, 48)
        return Kind(False, True, rows) if inner.real else self.integer(node, rows, inner.bits + (48 if node.function == "sum" else 0))

    def ragged(self) -> list[str]:
        return [f"{t.name}/{t.fields[0].name}" for t in self.schema.tables[1:]]

    def number(self, node: Node) -> Kind:
        kind = self.kind(node)
        if kind.truth:
            self.refuse(node, "A comparison stands where a number is wanted", hint="Join comparisons by 'and', 'or', 'not'.")
        return kind

    def truth(self, node: Node) -> Kind:
        kind = self.kind(node)
        if not kind.truth:
            words = self.text[node.at :].split()[:1] or ["it"]
            self.refuse(node, "A number stands where a comparison is wanted", hint=f"Compare it with something, e.g. {words[0].strip('()')} != 0.")  # fmt: skip
        return kind

    def together(self, node: Node, kinds: list[Kind]) -> str | None:
        """The lowest of the tables, of which each must lie above the next."""
        lowest: str | None = None
        for table in [k.table for k in kinds if k.table is not None]:
            if lowest is None or lowest in self.above(table):
                lowest = table
            elif table not in self.above(lowest):
                self.refuse(node, f"'{lowest}' and '{table}' hang side by side, so their rows have no partners", hint=f"Reduce one, e.g. any({table}.… > 0), or join them by 'and' at the top.")  # fmt: skip
        return lowest

    def above(self, table: str) -> list[str]:
        """The table and all above it."""
        names, name = [], str(table)
        while name:
            names.append(name)
            name = self.schema.table(name).parent or ""
        return names

    def refuse(self, node: Node, what: str, hint: str = EXAMPLE) -> NoReturn:
        refuse(self.text, node.at, what, hint=hint)
