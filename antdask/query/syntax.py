"""The grammar of ``where``: from text to a tree, by a tokenizer and a parser of our own; nothing is ever evaluated as Python.

::

    n_hits > 200 and count(hits.tot > 100) >= 3

    Logic and
    ├── Compare >        Name n_hits    Number 200
    └── Compare >=       Call count     Number 3
                         └── Compare >  Name hits.tot  Number 100

Operators bind as in Python: ``or``, ``and``, ``not``, comparisons and ``in``, ``|``, ``^``, ``&``, shifts, ``+ -``, ``* / // %``, signs and ``~``.
Every node knows the character at which it begins, so that a refusal can point at it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import NoReturn

from antdask.errors import WhereError

#: Longest text, most open parentheses, and deepest tree that are read.
MAX_LENGTH, MAX_NESTING, MAX_DEPTH = 4_000, 20, 40
EXAMPLE = "Example: n_hits > 200 and frame_index < 1000."

FUNCTIONS = ("abs", "isnan", "any", "all", "count", "sum", "min", "max", "mean")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_KEYWORDS = ("and", "or", "not", "in")
# Binding power of the operators between two numbers.
_POWER = {"|": 1, "^": 2, "&": 3, "<<": 4, ">>": 4, "+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "%": 6}
_INSTEAD = {"=": "==", "&&": "and", "||": "or", "!": "not", "<>": "!=", "AND": "and", "OR": "or", "NOT": "not", "IN": "in"}

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<real>(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)
    |(?P<integer>0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)
    |(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)
    |(?P<operator>&&|\|\||<>|<<|>>|<=|>=|==|!=|//|\*\*|[-+*/%&|^~<>()\[\],=!])
    )""",
    re.VERBOSE | re.ASCII,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Number:
    """A literal."""

    value: int | float
    at: int


@dataclasses.dataclass(frozen=True, slots=True)
class Name:
    """A column: ``n_hits``, ``hits.tot``, ``frames.rate_code[5]``; `table` is empty where the text gives none."""

    table: str
    column: str
    index: int | None
    at: int


@dataclasses.dataclass(frozen=True, slots=True)
class Unary:
    """``-x`` or ``~x``."""

    operator: str
    operand: Node
    at: int


@dataclasses.dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic or bit operation."""

    operator: str
    left: Node
    right: Node
    at: int


@dataclasses.dataclass(frozen=True, slots=True)
class Compare:
    """A chain ``a < b <= c``: one operator less than operands."""

    operators: tuple[str, ...]
    operands: tuple[Node, ...]
    at: int


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """``x in (1, 2)`` or ``x not in (1, 2)``."""

    operand: Node
    values: tuple[int | float, ...]
    negated: bool
    at: int


@dataclasses.dataclass(frozen=True, slots=True)
class Logic:
    """``and`` or ``or`` of two or more."""

    operator: str
    operands: tuple[Node, ...]
    at: int


@dataclasses.dataclass(frozen=True, slots=True)
class Not:
    """``not x``."""

    operand: Node
    at: int


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """One of `FUNCTIONS` on one argument."""

    function: str
    argument: Node
    at: int


type Node = Number | Name | Unary | Binary | Compare | Member | Logic | Not | Call


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    match node:
        case Unary() | Not() | Member():
            return (node.operand,)
        case Binary():
            return (node.left, node.right)
        case Compare() | Logic():
            return node.operands
        case Call():
            return (node.argument,)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def refuse(text: str, at: int, what: str, *, found: object = None, expected: object = None, hint: str = EXAMPLE) -> NoReturn:
    """Raise the error that points at a character (counted from 1).

    Raises
    ------
    WhereError
        Always.
    """
    around = text if len(text) <= 60 else f"{'…' if at > 20 else ''}{text[max(0, at - 20) : at + 40]}…"
    raise WhereError(what, where=f"where, character {at + 1} of {around!r}", found=found, expected=expected, hint=hint)


@dataclasses.dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse(text: str) -> Node:
    """The tree of an expression.

    Raises
    ------
    WhereError
        Not a text, too long, too deep, or not an expression of this grammar.

    Examples
    --------
    >>> parse("1 < run")
    Compare(operators=('<',), operands=(Number(value=1, at=0), Name(table='', column='run', index=None, at=4)), at=0)
    """
    if not isinstance(text, str):
        raise WhereError("A where is a text", found=repr(type(text).__name__), expected="a comparison of columns", hint=EXAMPLE)
    if len(text) > MAX_LENGTH:
        raise WhereError(
            "The where is too long", found=f"{len(text)} characters", expected=f"at most {MAX_LENGTH}", hint="Select runs by run=[…]."
        )
    if not text.strip():
        raise WhereError("The where is empty", hint=EXAMPLE)
    return _Parser(text).whole()


def _tokens(text: str) -> list[_Token]:
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            if text[at] in "\"'":
                refuse(text, at, "Texts cannot be compared in a where", found=repr(text[at]), hint=f"Columns hold numbers. {EXAMPLE}")
            refuse(text, at, "A where cannot hold this character", found=repr(text[at]))
        kind = str(match.lastgroup)
        token = _Token(kind, match.group(kind), match.start(kind))
        if kind in ("real", "integer") and match.end() < end and (text[match.end()].isalnum() or text[match.end()] in "_."):
            refuse(text, token.at, "Not a number", found=repr(text[token.at : match.end() + 1]))
        if token.text in _INSTEAD:
            refuse(text, token.at, f"'{token.text}' is no operator here", hint=f"Write '{_INSTEAD[token.text]}'.")
        found.append(token)
        at = match.end()
    return [*found, _Token("end", "", end)]


class _Parser:
    """Recursive descent for truth values, precedence climbing for numbers; every nesting is counted."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.position, self.depth = text, _tokens(text), 0, 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.position]

    def take(self) -> _Token:
        token = self.token
        self.position += 1
        return token

    def accept(self, *texts: str) -> bool:
        if self.token.kind in ("operator", "name") and self.token.text in texts:
            self.position += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.accept(text):
            self.unexpected(f"'{text}'")

    def unexpected(self, expected: str) -> NoReturn:
        found = f"'{self.token.text}'" if self.token.kind != "end" else "the end"
        refuse(self.text, self.token.at, "The where cannot be read", found=found, expected=expected)

    def whole(self) -> Node:
        node = self.either()
        if self.token.kind != "end":
            self.unexpected("an operator or the end")
        self.measure(node)
        return node

    def measure(self, node: Node) -> None:
        # Chains lean to the left, so they are as deep as they are long; without recursion, since that is what is guarded here.
        layer: tuple[Node, ...] = (node,)
        for _ in range(MAX_DEPTH + 1):
            deepest, layer = layer, tuple(child for n in layer for child in children(n))
            if not layer:
                return
        self.too_deep(deepest[0].at)

    def either(self) -> Node:
        return self.joined("or", lambda: self.joined("and", self.negation))

    def joined(self, operator: str, part: Callable[[], Node]) -> Node:
        at = self.token.at
        operands = [part()]
        while self.accept(operator):
            operands.append(part())
        return operands[0] if len(operands) == 1 else Logic(operator, tuple(operands), at)

    def negation(self) -> Node:
        at = self.token.at
        if self.accept("not"):
            with self.nesting(at):
                return Not(self.negation(), at)
        return self.comparison()

    def comparison(self) -> Node:
        at = self.token.at
        first = self.number(0)
        if self.token.text in ("in", "not"):
            return self.membership(first, at)
        operators, operands = [], [first]
        while self.token.text in COMPARISONS:
            operators.append(self.take().text)
            operands.append(self.number(0))
        return Compare(tuple(operators), tuple(operands), at) if operators else first

    def membership(self, operand: Node, at: int) -> Node:
        negated = self.accept("not")
        self.expect("in")
        closing = ")" if self.accept("(") else "]" if self.accept("[") else self.unexpected("'(' and a list of numbers")
        values: list[int | float] = []
        while not self.accept(closing):
            values.append(self.literal())
            if not self.accept(",") and self.token.text != closing:
                self.unexpected(f"',' or '{closing}'")
        return Member(operand, tuple(values), negated, at)

    def literal(self) -> int | float:
        sign = -1 if self.accept("-") else 1
        if self.token.kind not in ("real", "integer"):
            self.unexpected("a number")
        return sign * _value(self.take())

    def number(self, power: int) -> Node:
        at = self.token.at
        left = self.signed()
        while _POWER.get(self.token.text, 0) > power:
            operator = self.take().text
            left = Binary(operator, left, self.number(_POWER[operator]), at)
        return left

    def signed(self) -> Node:
        at = self.token.at
        if self.accept("+"):
            with self.nesting(at):
                return self.signed()
        if self.token.text in ("-", "~") and self.token.kind == "operator":
            operator = self.take().text
            with self.nesting(at):
                operand = self.signed()
            if operator == "-" and isinstance(operand, Number):
                return Number(-operand.value, at)
            return Unary(operator, operand, at)
        return self.atom()

    def atom(self) -> Node:
        token = self.token
        if token.kind in ("real", "integer"):
            return Number(_value(self.take()), token.at)
        if token.kind == "name" and token.text not in _KEYWORDS:
            self.take()
            return self.call(token) if self.token.text == "(" else self.column(token)
        if self.accept("("):
            with self.nesting(token.at):
                node = self.either()
            self.expect(")")
            return node
        return self.unexpected("a column, a number or '('")

    def call(self, token: _Token) -> Node:
        if token.text not in FUNCTIONS:
            refuse(self.text, token.at, f"There is no function '{token.text}'", hint=f"Known: {', '.join(FUNCTIONS)}.")
        self.expect("(")
        with self.nesting(token.at):
            argument = self.either()
        if self.token.text == ",":
            refuse(self.text, self.token.at, f"'{token.text}' takes one argument")
        self.expect(")")
        return Call(token.text, argument, token.at)

    def column(self, token: _Token) -> Node:
        table, _, column = token.text.rpartition(".")
        index = None
        if self.accept("["):
            if self.token.kind != "integer":
                self.unexpected("a number from 0")
            index = int(_value(self.take()))
            self.expect("]")
        return Name(table, column, index, token.at)

    @contextlib.contextmanager
    def nesting(self, at: int) -> Iterator[None]:
        self.depth += 1
        if self.depth > MAX_NESTING:
            self.too_deep(at)
        yield
        self.depth -= 1

    def too_deep(self, at: int) -> NoReturn:
        refuse(
            self.text,
            at,
            "The where is nested too deeply, or a chain is too long",
            hint=f"At most {MAX_NESTING} parentheses and {MAX_DEPTH} operators deep; a long list is written x in (1, 2, 3).",
        )


def _value(token: _Token) -> int | float:
    return float(token.text) if token.kind == "real" else int(token.text, 0 if token.text[:2].lower() in ("0x", "0b") else 10)
