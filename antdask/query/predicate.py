"""The ``where`` language: a condition on columns, checked once, then evaluated on pieces and asked which blocks it can leave out.

What a condition does depends on the table it belongs to::

    n_hits > 200                        keeps rows
    any(hits.tot > 100)                 keeps rows: any, all, count, sum, min, max, mean bring hits up to their row
    hits.tot > 100                      keeps hits; rows stay when at least one hit is left

A comparison with a missing value or a NaN is False, whatever the operator; ``not`` makes it True; ``isnan(x)`` asks for it.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Protocol

import numpy as np

from antdask.model.schema import Schema
from antdask.query.binding import Scope, bind, table_of
from antdask.query.bounds import Bounds, Chance
from antdask.query.evaluation import Evaluation
from antdask.query.pieces import Piece
from antdask.query.syntax import Call, Logic, Name, Node, parse, walk


class Condition(Protocol):
    """What keeps rows, written or not: its words, what it reads, what it leaves of a piece, and which blocks it can do without."""

    @property
    def text(self) -> str:
        """In words."""
        ...

    @property
    def identity(self) -> str:
        """A text that differs wherever two conditions may keep different rows."""
        ...

    @property
    def columns(self) -> frozenset[tuple[str, str]]:
        """Table and column of everything it reads."""
        ...

    def apply(self, piece: Piece) -> Piece:
        """What is left of a piece."""
        ...

    def chance(self, bounds: Bounds, length: int) -> Chance:
        """Which of `length` blocks may hold a match, and in which every row matches with all its hits."""
        ...


@dataclasses.dataclass(frozen=True)
class Predicate:
    """One condition.

    Parameters
    ----------
    text : str
        As it was written.
    schema : Schema
        Of the stream.
    terms : tuple of (str, Node)
        What ``and`` joins at the top, each with the table whose rows it keeps.
    """

    text: str
    schema: Schema
    terms: tuple[tuple[str, Node], ...]

    @classmethod
    def of(cls, text: str, scope: Scope) -> Predicate:
        """Read and check a condition.

        Raises
        ------
        WhereError
            Not a comparison expression; the message says what, at which character, and shows an example.
        UnknownNameError
            A column that is not there; the message shows the nearest.
        """
        tree = parse(text)
        # Each term on its own, so that terms on tables side by side can stand together.
        whole = tree.operands if isinstance(tree, Logic) and tree.operator == "and" else (tree,)
        bound = [bind(text, term, scope) for term in whole]
        return cls(text, scope.schema, tuple((table_of(term, scope.schema), term) for term in bound))

    @property
    def identity(self) -> str:
        """See `Condition.identity`."""
        return self.text

    @property
    def columns(self) -> frozenset[tuple[str, str]]:
        """Table and column of everything it reads."""
        return frozenset((n.table, n.column) for _, term in self.terms for n in walk(term) if isinstance(n, Name))

    @property
    def keeps_rows_only(self) -> bool:
        """Whether it takes no hits out of the rows it keeps."""
        return all(table == self.schema.rows.name for table, _ in self.terms)

    def apply(self, piece: Piece) -> Piece:
        """What is left of a piece.

        Raises
        ------
        DamagedPartError
        """
        rows = self.schema.rows.name
        # First what is cheap, so that ragged columns are read for fewer rows. Terms do not see each other, so the order is free.
        cheap = [term for table, term in self.terms if table == rows and _names_only(term, rows)]
        for term in cheap:
            piece = piece.keep({rows: Evaluation(piece).mask(term, rows)})
        rest = [(table, term) for table, term in self.terms if term not in cheap]
        if not rest or not len(piece):
            return piece
        if len({table for table, _ in rest}) == 1 and all(_is_plain(term, table) for table, term in rest):
            table, names = rest[0][0], sorted({n.column for _, term in rest for n in walk(term) if isinstance(n, Name)})
            picked = piece.pick(table, names, functools.partial(_all_hold, [term for _, term in rest], table)) if names else None
            if picked is not None:
                return picked
        evaluation = Evaluation(piece)
        masks: dict[str, np.ndarray] = {}
        for table, term in rest:
            mask = evaluation.mask(term, table)
            masks[table] = masks[table] & mask if table in masks else mask
        return piece.keep(masks)

    def chance(self, bounds: Bounds, length: int) -> Chance:
        """Which of `length` blocks may hold a match, and in which every row matches with all its hits."""
        parts = [bounds.chance(term, length) for _, term in self.terms]
        may = np.logical_and.reduce([c.may for c in parts])
        must = np.logical_and.reduce([c.must for c in parts])
        return Chance(may, must if self.keeps_rows_only else np.zeros(length, bool))


def _names_only(term: Node, table: str) -> bool:
    return all(node.table == table for node in walk(term) if isinstance(node, Name))


def _is_plain(term: Node, table: str) -> bool:
    """Whether a term looks at each row of a table by itself."""
    nodes = list(walk(term))
    bare = all(node.table == table and node.index is None for node in nodes if isinstance(node, Name))
    return bare and all(node.function in ("abs", "isnan") for node in nodes if isinstance(node, Call))


def _all_hold(terms: list[Node], table: str, piece: Piece) -> np.ndarray:
    evaluation = Evaluation(piece)
    return functools.reduce(np.logical_and, (evaluation.mask(term, table) for term in terms))
