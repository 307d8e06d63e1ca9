"""Sides: what can be joined to the rows of a selection, and which of its rows belong to which: streams, tables by key, series by time."""

from __future__ import annotations

import abc
import dataclasses
import functools
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from antdask.errors import UnknownNameError, UsageError
from antdask.model.ragged import ranges
from antdask.query.columns import Names, key_columns
from antdask.query.explanation import Explanation
from antdask.query.found import Found
from antdask.query.keys import KeyCondition, Keys
from antdask.query.narrowable import Narrowable
from antdask.query.rows import Rows
from antdask.query.scan import ROWS_ALONE
from antdask.query.times import series_table, time_step

#: A trigger counter that the source does not give.
NO_COUNTER = -1
# Streams with several rows for one key: each fit gives a row of its own.
_MANY = ("reco",)


@dataclasses.dataclass(frozen=True, eq=False)
class Side(abc.ABC):
    """Something that is joined.

    Parameters
    ----------
    name : str
        Of the field in the result.
    needs : tuple of str
        Columns of the selection by which rows are found.
    one : bool
        Whether at most one row belongs to each.
    what : str
        In words.
    hidden : tuple of str
        Columns that only serve to find rows.
    """

    name: str
    needs: tuple[str, ...]
    one: bool
    what: str
    hidden: tuple[str, ...]

    @abc.abstractmethod
    def find(self, detector: str, rows: Rows) -> Found:
        """What belongs to the rows of a block of one detector."""

    @abc.abstractmethod
    def nothing(self) -> Found:
        """What belongs to no rows."""

    def explain(self) -> Explanation | None:
        """What reading it takes at most, if it must be read."""
        return None

    def _found(self, data: Rows | pa.Table, left: np.ndarray, right: np.ndarray, words: Any) -> Found:
        """By numbers of keys on both sides; -1 on the right belongs to nothing.

        Raises
        ------
        UsageError
            Several rows where one is expected.
        """
        order = np.argsort(right, kind="stable")
        ascending = right[order]
        first, last = np.searchsorted(ascending, left), np.searchsorted(ascending, left, "right")
        counts = last - first
        if self.one and len(counts) and counts.max() > 1:
            raise UsageError(
                f"Several rows of '{self.name}' belong to one row",
                where=words(int(counts.argmax())),
                found=int(counts.max()),
                hint="Select one of them first, or take all as a list: one=False.",
            )
        return Found(data, order[ranges(first, counts)], counts, self.one, self.hidden)


@dataclasses.dataclass(frozen=True, eq=False)
class StreamSide(Side):
    """Rows of another stream with the same key.

    Parameters
    ----------
    left, right : Narrowable
    columns : names
        Of the other stream.
    """

    left: Narrowable
    right: Narrowable
    columns: Names

    @classmethod
    def of(cls, left: Narrowable, right: Narrowable, columns: Names, name: str | None, one: bool | None) -> StreamSide:
        """Check that there is a common key.

        Raises
        ------
        UsageError, UnknownNameError
        """
        own, other = (_key(s) for s in (left, right))
        common = tuple(n for n in own if n in other)
        stream = right.index.schema.name
        if "run" not in common:
            raise UsageError(f"'{left.index.schema.name}' and '{stream}' have no run in common", hint="By time: asof(…).")
        if right.chosen is not None:
            raise UsageError("Rows that were taken by number cannot be joined to others")
        right._paths(columns)
        unique = set(other) <= set(common) and stream not in _MANY
        if left.on_missing == "skip":
            right = right.select(on_missing="skip")
        words = f"{stream} of the same {', '.join(common)}"
        hidden = _unasked(common, columns)
        return cls(name or stream, common, unique if one is None else one, words, hidden, left, right, columns)

    def find(self, detector: str, rows: Rows) -> Found:
        """See `Side.find`.

        Raises
        ------
        UsageError, DamagedPartError
        """
        table = rows.tables[rows.schema.rows.name]
        columns = {name: table[name].values for name in self.needs}
        keys = Keys.of(columns)
        data = self._narrowed(detector, np.unique(columns["run"]), keys)._rows(self.columns, None)
        other = data.tables[data.schema.rows.name]
        right = keys.numbers([other[name].values for name in self.needs])
        found = self._found(data, keys.numbers(list(columns.values())), right, lambda i: str({n: int(v[i]) for n, v in columns.items()}))
        self._demand_named(columns, found.counts)
        return found

    def _demand_named(self, columns: dict[str, np.ndarray], counts: np.ndarray) -> None:
        """Refuse rows that belong together only because neither says which event it is of.

        Raises
        ------
        UsageError
        """
        if "trigger_counter" not in columns:
            return
        nameless = (columns["trigger_counter"] == NO_COUNTER) & (counts > 0)
        if nameless.any():
            first = int(np.argmax(nameless))
            raise _nameless({n: int(v[first]) for n, v in columns.items()}, f"{int(counts[first])} rows of '{self.name}' of the same run")

    def nothing(self) -> Found:
        """See `Side.nothing`."""
        return Found(self.right.no_rows(self.columns), np.zeros(0, np.int64), np.zeros(0, np.int64), self.one, self.hidden)

    def _narrowed(self, detector: str, runs: np.ndarray, keys: Keys) -> Narrowable:
        index = self.right.index
        right = self.right._keep("the same run", index.has_word("detector", [detector]) & np.isin(index.part("run"), runs))
        return right.narrowed_to(KeyCondition(self.what, index.schema, {detector: keys}))

    def explain(self) -> Explanation:
        """See `Side.explain`."""
        left, index, parts = self.left.index, self.right.index, self.left.current_parts
        labels, names = left.words["detector"]
        mask = np.zeros(len(index), bool)
        for code in np.unique(labels[parts]).tolist():
            runs = left.part("run")[parts[labels[parts] == code]]
            mask |= index.has_word("detector", [names[code]]) & np.isin(index.part("run"), runs)
        return self.right._keep("the same runs", mask).explain(self.columns)


@dataclasses.dataclass(frozen=True, eq=False)
class TableSide(Side):
    """Rows of a table of the user's, or of the run table, with the same key.

    Parameters
    ----------
    table : pyarrow.Table
    by_detector : bool
        Whether a column names the detector.
    """

    table: pa.Table
    by_detector: bool

    @classmethod
    def of(cls, left: Narrowable, table: pa.Table | pd.DataFrame, columns: Names, name: str, one: bool | None) -> TableSide:
        """Find the key columns of the table.

        Raises
        ------
        UsageError, UnknownNameError
        """
        found = (
            table
            if isinstance(table, pa.Table)
            else pa.Table.from_pandas(table.reset_index() if table.index.name else table, preserve_index=False)
        )
        keys = tuple(n for n in _key(left) if n in found.column_names)
        if not keys:
            raise UsageError(
                f"The table '{name}' names no rows", found=", ".join(found.column_names), expected=f"a column {' or '.join(_key(left))}"
            )
        for key in keys:
            if not pa.types.is_integer(found[key].type):
                raise UsageError(f"Column '{key}' of the table '{name}' holds no integers", found=str(found[key].type))
        wanted = [columns] if isinstance(columns, str) else columns
        for one_name in wanted or ():
            if one_name not in found.column_names:
                raise UnknownNameError.of("column", one_name, found.column_names, where=f"the table '{name}'")
        label = ["detector"] if "detector" in found.column_names else []
        # A row without a key belongs to nothing.
        found = found.filter(functools.reduce(pc.and_, (pc.is_valid(found[key]) for key in keys)))
        kept = found.column_names if wanted is None else list(dict.fromkeys([*label, *keys, *wanted]))
        return cls(
            name,
            keys,
            True if one is None else one,
            f"table '{name}' of the same {', '.join(keys)}",
            _unasked((*label, *keys), columns),
            found.select(kept).combine_chunks(),
            bool(label),
        )

    def find(self, detector: str, rows: Rows) -> Found:
        """See `Side.find`.

        Raises
        ------
        UsageError
        """
        table = rows.tables[rows.schema.rows.name]
        columns = {name: table[name].values for name in self.needs}
        keys = Keys.of(columns)
        right = keys.numbers([self.table[name].to_numpy() for name in self.needs])
        if self.by_detector:
            right = np.where(pc.equal(self.table["detector"], detector).fill_null(False).to_numpy(), right, -1)
        return self._found(
            self.table, keys.numbers(list(columns.values())), right, lambda i: str({n: int(v[i]) for n, v in columns.items()})
        )

    def nothing(self) -> Found:
        """See `Side.nothing`."""
        return Found(self.table.slice(0, 0), np.zeros(0, np.int64), np.zeros(0, np.int64), self.one, self.hidden)

    def keys(self) -> dict[str, Keys]:
        """Its keys by detector, or all under an empty word."""
        labels = self.table["detector"].unique().drop_null().to_pylist() if self.by_detector else [""]
        tables = {d: self.table.filter(pc.equal(self.table["detector"], d)) if d else self.table for d in labels}
        return {d: Keys.of({name: table[name].to_numpy() for name in self.needs}) for d, table in tables.items()}


@dataclasses.dataclass(frozen=True, eq=False)
class Series(Side):
    """The last row of a series up to the time of each row.

    Parameters
    ----------
    times : int64 array
        Ascending [ns since 1970, UTC].
    table : pyarrow.Table
    tolerance : int or None
        Older rows do not count [ns].
    """

    times: np.ndarray
    table: pa.Table
    tolerance: int | None

    @classmethod
    def of(cls, left: Narrowable, series: Any, columns: Names, name: str, tolerance: Any) -> Series:
        """Find the times of the series.

        Raises
        ------
        UsageError, UnknownNameError
        """
        if f"{left.index.schema.rows.name}/utc_ns" not in left._scope().columns:
            raise UsageError("Nothing selected carries UTC, so no series can be joined by time", where=f"stream '{left.index.schema.name}'")
        times, table = series_table(series, columns, name)
        return cls(
            name, ("utc_ns",), True, f"'{name}' as of the time", (), times, table, None if tolerance is None else time_step(tolerance)
        )

    def find(self, detector: str, rows: Rows) -> Found:
        """See `Side.find`."""
        column = rows.tables[rows.schema.rows.name]["utc_ns"]
        place = np.searchsorted(self.times, column.values, "right") - 1
        there = place >= 0
        if column.missing is not None:
            there &= ~column.missing
        if self.tolerance is not None:
            there &= column.values - self.times[np.maximum(place, 0)] <= self.tolerance if len(self.times) else False
        return Found(self.table, place[there], there.astype(np.int64), True)

    def nothing(self) -> Found:
        """See `Side.nothing`."""
        return Found(self.table.slice(0, 0), np.zeros(0, np.int64), np.zeros(0, np.int64), True)


def _key(selection: Narrowable) -> tuple[str, ...]:
    """The columns that name a row, without times."""
    return tuple(path.rpartition("/")[2] for path in key_columns(selection.index.schema) if not path.endswith("/utc_ns"))


def _nameless(where: Any, found: str) -> UsageError:
    """Rows of events that their files do not number: one key would stand for all of them."""
    return UsageError(
        "These rows do not say which event they are of: their files give no trigger counter",
        where=str(where),
        found=found,
        hint="Merge them file by file by a number that the source gives, such as event_number: to_pandas() of both, pandas.merge.",
    )


def _unasked(keys: tuple[str, ...], columns: Names) -> tuple[str, ...]:
    """Keys that nobody wants to see beside those of the selection."""
    asked = (columns,) if isinstance(columns, str) else tuple(columns or ())
    return tuple(key for key in keys if key not in asked)


def counterpart(left: Narrowable, what: Any) -> Narrowable | pa.Table | pd.DataFrame:
    """A selection or a table as it is; by a name a stream of the same archive, or its run table under ``runs``.

    Raises
    ------
    UnknownNameError
    UsageError
        None of these.
    """
    if isinstance(what, Narrowable | pa.Table | pd.DataFrame):
        return what
    if not isinstance(what, str):
        expected = "a stream by name, a selection, or a table of pandas or Arrow"
        raise UsageError("This cannot be joined", found=repr(what)[:80], expected=expected)
    catalog = left.index.catalog
    streams = catalog.summaries["streams"]
    if what in streams:
        return left.whole(left.store, catalog, what)
    if what == "runs":
        return catalog.runs
    raise UnknownNameError.of("stream", what, [*streams, "runs"], where=left.store.url)


def keys_of(left: Narrowable, other: Narrowable | pa.Table | pd.DataFrame) -> tuple[dict[str, Keys], str]:
    """The keys that another selection or a table shares with a selection, by detector (under an empty word for all), and what they are in words.

    Raises
    ------
    UsageError, DamagedPartError
    """
    if isinstance(other, pa.Table | pd.DataFrame):
        side = TableSide.of(left, other, (), "table", False)
        return side.keys(), f"the same {', '.join(side.needs)} as {side.table.num_rows:,} rows of a table"
    stream, rows = other.index.schema.name, other.index.schema.rows.name
    names = tuple(n for n in _key(left) if n in _key(other))
    if "run" not in names:
        raise UsageError(f"'{left.index.schema.name}' and '{stream}' have no run in common")
    other.explain(list(names)).afford()
    found: dict[str, list[list[np.ndarray]]] = {}
    for detector, columns in other._over_pieces(other.scan, lambda p: (p.detector, [p.column(rows, n) for n in names]), grain=ROWS_ALONE):
        found.setdefault(detector, []).append(columns)
    joined = {d: dict(zip(names, map(np.concatenate, zip(*several, strict=True)), strict=True)) for d, several in found.items()}
    if "trigger_counter" in names:
        named = {d: columns["trigger_counter"] != NO_COUNTER for d, columns in joined.items()}
        if joined and not any(one.any() for one in named.values()):
            raise _nameless(sorted(joined), f"{sum(map(len, named.values()))} rows of '{stream}'")
        joined = {d: {n: values[named[d]] for n, values in columns.items()} for d, columns in joined.items()}
    keys = {d: Keys.of(columns) for d, columns in joined.items()}
    return keys, f"the same {', '.join(names)} as {sum(map(len, keys.values())):,} of '{stream}'"
