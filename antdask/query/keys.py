"""Keys: the runs, frames or events that some rows name, and the condition that keeps rows of a stream which name the same.

::

    tracks of interest   run 45978 frame 12 trigger 59401 …          events
                                      └── Keys ── KeyCondition ──►   blocks without any of them are pruned, rows without are never read
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from antdask.model.schema import Schema
from antdask.query.bounds import Bounds, Chance
from antdask.query.pieces import Piece


@dataclasses.dataclass(frozen=True, eq=False)
class Keys:
    """Distinct tuples of integers, by which rows of other tables are numbered.

    Parameters
    ----------
    names : tuple of str
        Columns, e.g. ``("run", "frame_index", "trigger_counter")``.
    values : tuple of int64 array
        For each column its distinct values, ascending.
    pairs : tuple of int64 array
        For each column but the first the distinct combinations of the number of what came before with the number of its own value, ascending.
    """

    names: tuple[str, ...]
    values: tuple[np.ndarray, ...]
    pairs: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, columns: Mapping[str, np.ndarray]) -> Keys:
        """The keys of some rows: integer columns of one length."""
        values, pairs = [], []
        code = np.zeros(0, np.int64)
        for i, column in enumerate(columns.values()):
            own, number = np.unique(_bits(column), return_inverse=True)
            values.append(own)
            if i == 0:
                code = number
                continue
            # Both numbers are smaller than the number of rows, so that their product fits.
            distinct, code = np.unique(code * len(own) + number, return_inverse=True)
            pairs.append(distinct)
        return cls(tuple(columns), tuple(values), tuple(pairs))

    def __len__(self) -> int:
        return len(self.pairs[-1] if self.pairs else self.values[0])

    def numbers(self, columns: Sequence[np.ndarray]) -> np.ndarray:
        """The number of each row's key, int64 from 0, or -1 where it is none of these.

        Examples
        --------
        >>> keys = Keys.of({"run": np.array([7, 7, 5]), "frame_index": np.array([30, 10, 10])})
        >>> keys.numbers([np.array([5, 7, 5, 7]), np.array([10, 10, 30, 30])])
        array([ 0,  1, -1,  2])
        """
        code = _place(self.values[0], _bits(columns[0]))
        for own, pairs, column in zip(self.values[1:], self.pairs, columns[1:], strict=True):
            number = _place(own, _bits(column))
            combined = _place(pairs, code * len(own) + number)
            code = np.where((code >= 0) & (number >= 0), combined, -1)
        return code

    def inside(self, low: Sequence[np.ndarray], high: Sequence[np.ndarray]) -> np.ndarray:
        """Whether one of the keys may lie between bounds of its first two columns, for each pair of bounds."""
        if len(low) > 1 and self.pairs and (low[0] == high[0]).all():
            # The run is known, so its frames are a range of the pairs.
            run, width = _place(self.values[0], low[0]), len(self.values[1])
            first, last = np.searchsorted(self.values[1], low[1]), np.searchsorted(self.values[1], high[1], "right")
            found = np.searchsorted(self.pairs[0], run * width + last) > np.searchsorted(self.pairs[0], run * width + first)
            return np.asarray(found & (run >= 0))
        sides = zip(self.values, low, high, strict=False)
        each = [np.searchsorted(own, b, "right") > np.searchsorted(own, a) for own, a, b in sides]
        return np.asarray(np.logical_and.reduce(each))

    def digest(self) -> str:
        """A short word that differs where the keys do."""
        digest = hashlib.sha256(repr(self.names).encode())
        for array in (*self.values, *self.pairs):
            digest.update(array.tobytes())
        return digest.hexdigest()[:16]


@dataclasses.dataclass(frozen=True, eq=False)
class KeyCondition:
    """Keeps the rows of a stream whose key is one of those given; stands beside conditions that were written, see `predicate.Condition`.

    Parameters
    ----------
    text : str
        What it is in words.
    schema : Schema
        Of the stream.
    keys : mapping of str to Keys
        By detector; under an empty word those that hold for every detector.
    """

    text: str
    schema: Schema
    keys: Mapping[str, Keys]

    @property
    def identity(self) -> str:
        """See `predicate.Condition.identity`: the keys themselves, and not how many they are."""
        return " ".join([self.text, *(f"{detector}:{keys.digest()}" for detector, keys in sorted(self.keys.items()))])

    @property
    def columns(self) -> frozenset[tuple[str, str]]:
        """Table and column of everything it reads."""
        return frozenset((self.schema.rows.name, name) for keys in self.keys.values() for name in keys.names)

    def apply(self, piece: Piece) -> Piece:
        """What is left of a piece.

        Raises
        ------
        DamagedPartError
        """
        rows, keys = self.schema.rows.name, self.keys.get(piece.detector, self.keys.get(""))
        if keys is None:
            return piece.keep({rows: np.zeros(len(piece), bool)})
        piece.load((rows, name) for name in keys.names)
        return piece.keep({rows: keys.numbers([piece.column(rows, name) for name in keys.names]) >= 0})

    def chance(self, bounds: Bounds, length: int) -> Chance:
        """Which of `length` blocks may hold such a row; the catalogue never shows that every row of a block is one."""
        may = np.zeros(length, bool)
        for keys in self.keys.values():
            may |= _may(keys, bounds, length)
        return Chance(may, np.zeros(length, bool))


def _may(keys: Keys, bounds: Bounds, length: int) -> np.ndarray:
    low, high, known = [], [], np.ones(length, bool)
    for name in keys.names[:2]:
        interval = bounds.known.get(name)
        if interval is None:
            break
        known &= interval.known
        low.append(np.broadcast_to(_bits(interval.low.values), length))
        high.append(np.broadcast_to(_bits(interval.high.values), length))
    return ~known | keys.inside(low, high) if low else np.ones(length, bool)


def _bits(values: np.ndarray) -> np.ndarray:
    """As int64; equal numbers stay equal, and numbers of one dtype different."""
    return np.asarray(values).astype(np.int64, copy=False)


def _place(ascending: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Where each value stands, or -1."""
    if not len(ascending):
        return np.full(len(values), -1, np.int64)
    place = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    return np.where(ascending[place] == values, place, -1)
