"""Pieces: rows of one part that are read column by column, only when a column is asked for, and only where rows are left.

A piece begins as a range of rows. Each filter makes a smaller piece; what is read later is read for the remaining rows only::

    rows 0:61234 of the part ── n_hits > 200 ──► 312 rows ── hits.tot > 100 ──► 298 rows, 4,711 hits ── to_awkward() reads the other columns
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from antdask.archive.reading import PartReader, Wanted
from antdask.archive.sweep import can_sweep, sweep
from antdask.model.ragged import offsets_of, ranges
from antdask.model.schema import Schema
from antdask.query.segments import count_true

# Rows of a table in the part: a range where they are neighbours, else ascending numbers.
type Index = slice | np.ndarray

# A condition that holds for one in more than so many is looked at while columns pass by, and what it keeps is kept by number.
_RARE = 32


class Piece:
    """Rows of one part, with all that hangs below them.

    Parameters
    ----------
    reader : PartReader
    schema : Schema
    rows : (start, stop) or int64 array
        Range of rows of the row table, or ascending numbers of rows.
    detector : str
        Label of the detector, which no column of a part repeats.
    known : mapping of str to (start, stop), optional
        Where rows of ragged tables lie, as far as the catalogue tells.
    """

    def __init__(
        self,
        reader: PartReader,
        schema: Schema,
        rows: tuple[int, int] | np.ndarray,
        detector: str = "",
        known: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        self.reader, self.schema, self.detector = reader, schema, detector
        self._names = frozenset(reader.names)
        self._tables = frozenset(name.rpartition("/")[0] for name in self._names)
        self._index: dict[str, Index] = {schema.rows.name: slice(*rows) if isinstance(rows, tuple) else rows}
        self._known = {} if known is None else known
        self._offsets: dict[str, np.ndarray] = {}
        self._columns: dict[tuple[str, str], np.ndarray] = {}

    def __len__(self) -> int:
        return self.length(self.schema.rows.name)

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether the part holds a table, or a column of it."""
        return table in self._tables if column is None else f"{table}/{column}" in self._names

    def length(self, table: str) -> int:
        """Number of rows of a table; 0 where the part has no such table."""
        index = self._locate(table)
        return index.stop - index.start if isinstance(index, slice) else len(index)

    def column(self, table: str, name: str) -> np.ndarray:
        """Values of a column that the part has, shape (length, …).

        Raises
        ------
        DamagedPartError
        """
        self.load([(table, name)])
        return self._columns[table, name]

    def load(self, columns: Iterable[tuple[str, str]]) -> None:
        """Read columns that the part has, all at once, and keep them.

        Raises
        ------
        DamagedPartError
        """
        lacking = [key for key in dict.fromkeys(columns) if key not in self._columns]
        if lacking:
            self._columns.update(zip(lacking, self._read([(*key, None) for key in lacking]), strict=True))

    def fill(self, places: Mapping[tuple[str, str], np.ndarray]) -> None:
        """Write columns that the part has to places of the right shape; what must be read goes there at once and is not kept.

        Raises
        ------
        DamagedPartError
        """
        for key, place in places.items():
            if key in self._columns:
                place[...] = self._columns[key]
        lacking = [(*key, place) for key, place in places.items() if key not in self._columns]
        if lacking:
            self._read(lacking)

    def sweep(self, columns: Sequence[tuple[str, str]], use: Callable[[list[np.ndarray]], object]) -> None:
        """Hand columns of one table that the part has to a function, stretch by stretch; the arrays are good until it returns.

        Raises
        ------
        DamagedPartError
        """
        index, names = self._place(columns[0][0]), [f"{table}/{name}" for table, name in columns]
        if isinstance(index, slice) and not any(key in self._columns for key in columns) and can_sweep(self.reader, names):
            sweep(self.reader, names, index.start, index.stop, use)
        else:
            self.load(columns)
            use([self._columns[key] for key in columns])

    def offsets(self, table: str) -> np.ndarray:
        """Offsets into a ragged table, int64, one more than the parent has rows, from 0."""
        self._locate(table)
        return self._offsets[table]

    def edges(self, above: str, below: str) -> np.ndarray:
        """Offsets from one table straight into another some levels below, int64, from 0."""
        if above == below:
            return np.arange(self.length(above) + 1, dtype=np.int64)
        edges: np.ndarray = self.offsets(below)[self.edges(above, self.schema.table(below).parent or above)]
        return edges

    def keep(self, masks: Mapping[str, np.ndarray]) -> Piece:
        """The rows where the masks are true.

        What hangs below a dropped row goes with it. Where a mask is given for a ragged table, the rows above stay when at least one row of it is left.
        """
        full, left = self._spread(masks)
        if all(mask.all() for mask in full.values()):
            return self
        piece = Piece(self.reader, self.schema, (0, 0), self.detector)
        spots = {table: _spots(mask) for table, mask in full.items()}
        for table in full:
            piece._index[table] = _pick_index(self._index[table], spots[table])
            parent = self.schema.table(table).parent
            if parent is not None:
                counts = left[table] if table in left else np.diff(self._offsets[table])
                piece._offsets[table] = offsets_of(counts[spots[parent]])
        piece._columns = {key: values[spots[key[0]]] for key, values in self._columns.items()}
        return piece

    def pick(self, table: str, names: Sequence[str], holds: Callable[[Piece], np.ndarray]) -> Piece | None:
        """The same as `keep` for a condition on columns of one table below rows that lie side by side, looked at while the columns pass by.

        Only for conditions that hold for few, where the part lies here, and where nothing of the table was read before; else ``None``, and nothing has happened.

        Parameters
        ----------
        holds : callable
            Takes a piece that has these columns of this table and nothing else, and gives a mask.

        Raises
        ------
        DamagedPartError
        """
        rows, paths = self.schema.rows.name, [f"{table}/{name}" for name in names]
        below = self.schema.table(table).parent == rows and set(self._index) == {rows} and all(self.has(table, name) for name in names)
        # What comes over a network is not read twice for a guess.
        place = self._place(table) if below and self.reader.store.local else None
        if not isinstance(place, slice) or not can_sweep(self.reader, paths):
            return None
        keys = [(table, name) for name in names]
        spots, values, passed = [np.zeros(0, np.int64)], [[np.zeros(0, self.reader.layout(p).dtype)] for p in paths], 0

        def look(columns: list[np.ndarray]) -> bool:
            nonlocal passed
            stretch = copy.copy(self)
            stretch._index, stretch._columns = {table: slice(0, len(columns[0]))}, dict(zip(keys, columns, strict=True))
            here = np.flatnonzero(holds(stretch))
            spots.append(here + passed)
            passed += len(columns[0])
            for kept, column in zip(values, columns, strict=True):
                kept.append(column[here])
            return len(here) * _RARE < len(columns[0])

        if not sweep(self.reader, paths, place.start, place.stop, look):
            return None
        found = [np.concatenate(kept) for kept in values]
        return self._picked(table, np.concatenate(spots), dict(zip(keys, found, strict=True)))

    def _picked(self, table: str, spots: np.ndarray, values: dict[tuple[str, str], np.ndarray]) -> Piece:
        piece, rows = Piece(self.reader, self.schema, (0, 0), self.detector), self.schema.rows.name
        if len(spots):
            counts = np.bincount(np.searchsorted(self.offsets(table), spots, "right") - 1, minlength=len(self))
            above = _spots(counts > 0)
            piece._index = {rows: _pick_index(self._index[rows], above), table: _pick_index(self._index[table], spots)}
            piece._offsets[table] = offsets_of(counts[above])
            piece._columns = {key: column[above] for key, column in self._columns.items()} | values
        return piece

    def _spread(self, masks: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Masks of all tables that are located so far; and how many rows below each row are left, where a mask is given for them."""
        known = [t for t in self.schema.tables if t.name in self._index]
        full = {t.name: masks[t.name].copy() if t.name in masks else np.ones(self.length(t.name), bool) for t in known}
        filtered, counts = set(masks), dict[str, np.ndarray]()
        for table in reversed(known):
            if table.parent is not None and table.name in filtered:
                counts[table.name] = count_true(full[table.name], self._offsets[table.name])
                full[table.parent] &= counts[table.name] > 0
                filtered.add(table.parent)
        cut = set(masks)
        for table in known:
            # Rows that were dropped because nothing is left of this table below them have nothing to take along.
            reasons = {table.parent} & cut | {t.name for t in known if t.parent == table.parent and t.name in filtered}
            if table.parent is not None and reasons - {table.name}:
                full[table.name] &= np.repeat(full[table.parent], np.diff(self._offsets[table.name]))
                cut.add(table.name)
        return full, counts

    def _place(self, table: str) -> Index:
        """Where rows of a table lie; of neighbours below neighbours only the ends are looked up."""
        if table in self._known and table not in self._index and self.has(table):
            return slice(*self._known[table])
        parent = self.schema.table(table).parent
        above = None if parent is None or table in self._index or not self.has(table) else self._place(parent)
        if not isinstance(above, slice) or above.stop == above.start:
            return self._locate(table)
        name = f"{table}/offsets"
        first, last = self.reader.read([Wanted(name, above.start, above.start + 1), Wanted(name, above.stop, above.stop + 1)])
        return slice(int(first[0]), int(last[0]))

    def _locate(self, table: str) -> Index:
        if table not in self._index:
            parent = self.schema.table(table).parent
            above = self._locate(str(parent))
            if not self.has(table) or not self.length(str(parent)):
                self._index[table], self._offsets[table] = slice(0, 0), np.zeros(self.length(str(parent)) + 1, np.int64)
            elif isinstance(above, slice):
                raw = self.reader.offsets(table, above.start, above.stop)
                self._index[table], self._offsets[table] = slice(int(raw[0]), int(raw[-1])), raw - raw[0]
            else:
                starts, counts = self._extents(table, above)
                self._index[table], self._offsets[table] = ranges(starts, counts), offsets_of(counts)
        return self._index[table]

    def _extents(self, table: str, parents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First row and number of rows of a ragged table below scattered parent rows."""
        starts, counts = np.empty(len(parents), np.int64), np.empty(len(parents), np.int64)
        runs = _runs(parents, self._chunk(f"{table}/offsets"))
        wanted = [Wanted(f"{table}/offsets", int(parents[run.start]), int(parents[run.stop - 1]) + 2) for run in runs]
        for run, raw in zip(runs, self.reader.read(wanted), strict=True):
            spots = parents[run] - int(parents[run.start])
            starts[run], counts[run] = raw[spots], raw[spots + 1] - raw[spots]
        return starts, counts

    def _read(self, columns: Sequence[tuple[str, str, np.ndarray | None]]) -> list[np.ndarray]:
        """Columns at the rows that are left, into the places that are given."""
        wanted: list[Wanted] = []
        scattered: list[tuple[np.ndarray, np.ndarray, list[slice]]] = []
        found = []
        for table, name, place in columns:
            index, path = self._locate(table), f"{table}/{name}"
            layout = self.reader.layout(path)
            values = np.empty((self.length(table), *layout.shape[1:]), layout.dtype) if place is None else place
            found.append(values)
            if isinstance(index, slice):
                wanted.append(Wanted(path, index.start, index.stop, values))
                continue
            runs = _runs(index, layout.chunk[0])
            wanted += [Wanted(path, int(index[run.start]), int(index[run.stop - 1]) + 1) for run in runs]
            scattered.append((values, index, runs))
        arrays = [a for a, w in zip(self.reader.read(wanted), wanted, strict=True) if w.into is None]
        for values, index, runs in scattered:
            for run in runs:
                values[run] = arrays.pop(0)[index[run] - int(index[run.start])]
        return found

    def _chunk(self, name: str) -> int:
        return self.reader.layout(name).chunk[0]


def _runs(index: np.ndarray, gap: int) -> list[slice]:
    """Cut ascending numbers where a whole chunk between them is not needed.

    Examples
    --------
    >>> _runs(np.array([1, 5, 100, 103]), 50)
    [slice(0, 2, None), slice(2, 4, None)]
    """
    cuts = [0, *(np.flatnonzero(np.diff(index) > gap) + 1).tolist(), len(index)]
    return [slice(a, b) for a, b in itertools.pairwise(cuts) if b > a]


def _spots(mask: np.ndarray) -> Index:
    """Where a mask is true, as a range where it can be."""
    spots = np.flatnonzero(mask)
    if len(spots) == 0:
        return slice(0, 0)
    first, last = int(spots[0]), int(spots[-1])
    return slice(first, last + 1) if last - first + 1 == len(spots) else spots


def _pick_index(index: Index, spots: Index) -> Index:
    if isinstance(index, np.ndarray):
        picked: np.ndarray = index[spots]
        return picked
    if isinstance(spots, np.ndarray):
        return spots + int(index.start)
    return slice(index.start + spots.start, index.start + spots.stop)
