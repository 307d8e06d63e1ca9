"""Lazy datasets: variables whose rows are known to the catalogue, and whose values are read when they are asked for, by xarray or chunk by chunk by Dask.

::

    rows of the dataset   0 ……… 61233 | 61234 ……… 98000 | …        one span per range of rows of a part
    ds.n_hits[70000:80000]               └── read ──┘
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from antdask import settings
from antdask.archive.chunk_cache import shared
from antdask.archive.layout import OFFSETS, column_dims, field_attributes, offset_attributes
from antdask.archive.reading import PartReader, Wanted
from antdask.archive.store import Store
from antdask.errors import UsageError
from antdask.model.ragged import offsets_of
from antdask.model.schema import Table
from antdask.query.ahead import ahead
from antdask.query.columns import Names, key_columns
from antdask.query.dataset import filling, raggedness_attributes
from antdask.query.explanation import size
from antdask.query.index import Index
from antdask.query.results import Results
from antdask.query.rows import DETECTOR

# Chunks of Dask along one dimension, at most; and rows between two that are wanted which are rather read than jumped over.
_CHUNKS, _GAP = 1000, 1 << 16


@dataclasses.dataclass(frozen=True, eq=False)
class Spans:
    """The rows of a table, one range of a part after the other.

    Parameters
    ----------
    part, start, stop : int64 arrays
        Number of the part, and rows of the table in it.
    """

    part: np.ndarray
    start: np.ndarray
    stop: np.ndarray

    @functools.cached_property
    def edges(self) -> np.ndarray:
        """Where each begins among all rows, and where the last ends."""
        return offsets_of(self.stop - self.start)

    def __len__(self) -> int:
        return int(self.edges[-1])

    def within(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Number of each span that rows ``start:stop`` touch, and the rows of it that they are."""
        first = max(0, int(np.searchsorted(self.edges, start, "right")) - 1)
        last = int(np.searchsorted(self.edges, stop, "left"))
        for i in range(first, last):
            low, high = max(start, int(self.edges[i])), min(stop, int(self.edges[i + 1]))
            if high > low:
                shift = int(self.start[i] - self.edges[i])
                yield i, low + shift, high + shift

    def chunks(self) -> tuple[int, ...]:
        """Lengths of chunks for Dask: a span each, or several where there are many."""
        lengths = np.diff(self.edges)
        lengths = lengths[lengths > 0]
        if len(lengths) <= _CHUNKS:
            return tuple(lengths.tolist())
        group = offsets_of(lengths)[:-1] * _CHUNKS // int(lengths.sum())
        return tuple(np.add.reduceat(lengths, np.flatnonzero(np.diff(group, prepend=-1))).tolist())


class LazyColumn(BackendArray):
    """One column of the rows of spans.

    Parameters
    ----------
    url : str
    index : Index
    spans : Spans
    table, column : str
    dtype : dtype
        Of the values that it gives.
    fill : int, float or None
        What stands for values of parts that do not have the column.
    tail : tuple of int
        Dimensions of a row.
    """

    def __init__(self, url: str, index: Index, spans: Spans, table: str, column: str, dtype: Any, fill: Any, tail: tuple[int, ...]) -> None:
        self._url, self._index, self._spans, self._path, self._fill = url, index, spans, f"{table}/{column}", fill
        self.dtype, self.shape = np.dtype(dtype), (self._length, *tail)

    @property
    def _length(self) -> int:
        return len(self._spans)

    def __getitem__(self, key: Any) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._get)

    def _get(self, key: tuple[Any, ...]) -> np.ndarray:
        first, *rest = key
        rows = np.arange(*first.indices(self.shape[0])) if isinstance(first, slice) else np.atleast_1d(np.asarray(first, np.int64))
        found = self._rows(rows)
        found = found[0] if np.ndim(first) == 0 and not isinstance(first, slice) else found
        offset = found.ndim - len(rest)
        for axis, one in reversed(list(enumerate(rest))):
            found = found[(slice(None),) * (axis + offset) + (one,)]
        return found

    def _rows(self, rows: np.ndarray) -> np.ndarray:
        """Values at rows in any order.

        Raises
        ------
        UsageError
            They would take more than the budget.
        DamagedPartError
        """
        wanted = np.unique(rows)
        runs = np.split(wanted, np.flatnonzero(np.diff(wanted) > _GAP) + 1) if len(wanted) else []
        ranges = [(int(run[0]), int(run[-1]) + 1) for run in runs]
        needed = sum(b - a for a, b in ranges) * int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize
        budget = settings.load().query_bytes
        if needed > budget:
            hint = "Open it with chunks={} and compute with Dask, select less, or raise the budget: ANTDASK_QUERY_BYTES."
            raise UsageError(f"The variable takes {size(needed)} in memory", expected=f"at most {budget:,} bytes", hint=hint)
        pieces = [self._range(a, b) for a, b in ranges]
        if len(wanted) == len(rows) and len(ranges) == 1 and ranges[0][1] - ranges[0][0] == len(rows) and (rows == wanted).all():
            return pieces[0]
        found = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for (a, b), values in zip(ranges, pieces, strict=True):
            inside = (rows >= a) & (rows < b)
            found[inside] = values[rows[inside] - a]
        return found

    def _range(self, start: int, stop: int) -> np.ndarray:
        found = np.empty((stop - start, *self.shape[1:]), self.dtype)
        tasks = []
        place = 0
        for i, low, high in self._spans.within(start, stop):
            tasks.append(functools.partial(self._read, i, low, high, found[place : place + high - low]))
            place += high - low
        for _ in ahead(tasks):
            pass
        return found

    def _reader(self, span: int) -> PartReader:
        return PartReader(Store(self._url), self._index.row(int(self._spans.part[span])), cache=shared())

    def _read(self, span: int, start: int, stop: int, out: np.ndarray) -> None:
        reader = self._reader(span)
        if self._path not in reader.names:
            out[...] = self._fill
        elif reader.layout(self._path).dtype.newbyteorder("=") == self.dtype:
            reader.read([Wanted(self._path, start, stop, out)])
        else:
            values = reader.read([Wanted(self._path, start, stop)])[0]
            out[...] = values.view(self.dtype) if self.dtype.kind == "M" else values


class LazyOffsets(LazyColumn):
    """Where the rows of a ragged table begin, from 0 over all spans; or how many there are for each row.

    Parameters
    ----------
    above, below : Spans
        Of the table above, and of the ragged table.
    counts : bool
    """

    def __init__(self, url: str, index: Index, above: Spans, below: Spans, table: str, counts: bool) -> None:
        self._below, self._counts, self._table = below, counts, table
        super().__init__(url, index, above, table, OFFSETS, np.int64, 0, ())

    @property
    def _length(self) -> int:
        return len(self._spans) + (not self._counts)

    def _range(self, start: int, stop: int) -> np.ndarray:
        rows = len(self._spans)
        found = np.full(stop - start, len(self._below), np.int64)
        place = 0
        for i, low, high in self._spans.within(start, min(stop, rows)):
            raw = self._raw(i, low, high)
            # The offsets of a part count from its own first row.
            found[place : place + high - low] = np.diff(raw) if self._counts else raw[:-1] - self._below.start[i] + self._below.edges[i]
            place += high - low
        return found

    def _raw(self, span: int, low: int, high: int) -> np.ndarray:
        reader = self._reader(span)
        if self._path not in reader.names:
            return np.full(high - low + 1, self._below.start[span], np.int64)
        return reader.offsets(self._table, low, high)


def lazy_dataset(selection: Results, columns: Names = None) -> xr.Dataset:
    """The dataset of `Selection.to_xarray` without its values, which are read when they are asked for.

    Parameters
    ----------
    selection : Selection
        One of which the catalogue alone decides which rows there are.

    Raises
    ------
    UnknownNameError, UsageError
    """
    index, paths = selection.index, selection._paths(columns)
    schema, tables = index.schema, index.tables(paths)
    spans = _spans(selection, tables)
    keys = {path.rpartition("/")[2] for path in key_columns(schema)}
    variables: dict[str, xr.Variable] = {}
    coordinates: dict[str, xr.Variable] = {}

    def column(table: Table, name: str, as_time: bool = False) -> xr.Variable:
        field = table.field(name)
        own = spans[table.name]
        everywhere = bool(index.with_column(f"{table.name}/{name}")[own.part[own.stop > own.start]].all())
        dtype, fill = (np.dtype("datetime64[ns]"), np.datetime64("NaT", "ns")) if as_time else filling(field.numpy, not everywhere)
        attributes = field_attributes(field) | ({"_FillValue": fill} if fill is not None and dtype.kind in "iu" else {})
        values = LazyColumn(selection.store.url, index, own, table.name, name, dtype, fill, tuple(n for _, n in field.dims))
        return _variable(column_dims(table, field), values, attributes, own.chunks())

    for path in paths:
        table, name = schema.table(path.rpartition("/")[0]), path.rpartition("/")[2]
        own = table.parent is None
        if own and name == DETECTOR.name:
            variables[name] = _labels(index, spans[table.name], table.row)
            continue
        place = coordinates if own and name in keys else variables
        place[name if own else f"{table.name}_{name}"] = column(table, name)
        if own and name == "utc_ns":
            coordinates["time"] = column(table, name, as_time=True)
            coordinates["time"].attrs = {"long_name": "UTC of the start of the frame", "standard_name": "time"}
    for name in tables:
        if schema.table(name).parent is not None:
            variables |= _raggedness(selection, name, spans)
    return xr.Dataset(variables, coordinates, {"title": schema.description, "stream": schema.name, "Conventions": "CF-1.11"})


def _labels(index: Index, spans: Spans, row: str) -> xr.Variable:
    codes, names = index.words["detector"]
    labels = np.repeat(np.array(names, "U")[codes[spans.part]], spans.stop - spans.start)
    return _variable((row,), labels, field_attributes(DETECTOR), spans.chunks())


def _raggedness(selection: Results, name: str, spans: dict[str, Spans]) -> dict[str, xr.Variable]:
    index = selection.index
    table = index.schema.table(name)
    parent = index.schema.table(str(table.parent))
    above, below = spans[parent.name], spans[name]
    edges = LazyOffsets(selection.store.url, index, above, below, name, counts=False)
    counts = LazyOffsets(selection.store.url, index, above, below, name, counts=True)
    chunks = above.chunks() or (0,)
    size_attributes, given_attributes = raggedness_attributes(table)
    found = {
        f"{name}_{OFFSETS}": _variable((f"{parent.row}_edge",), edges, offset_attributes(table, parent), (*chunks[:-1], chunks[-1] + 1)),
        f"{name}_row_size": _variable((parent.row,), counts, size_attributes, above.chunks()),
    }
    there = _with_table(index, name)
    if not there[np.unique(above.part)].all():
        given = np.repeat(there[above.part], above.stop - above.start).astype(np.uint8)
        found[f"{name}_given"] = _variable((parent.row,), given, given_attributes, above.chunks())
    return found


def _with_table(index: Index, name: str) -> np.ndarray:
    """Which parts have any column of a table."""
    own = [path for path in index.columns(np.arange(len(index))) if path.startswith(f"{name}/")]
    found: np.ndarray = np.logical_or.reduce([np.zeros(len(index), bool), *(index.with_column(path) for path in own)])
    return found


def _variable(dims: tuple[str, ...], values: LazyColumn | np.ndarray, attributes: dict[str, Any], chunks: tuple[int, ...]) -> xr.Variable:
    lazy = indexing.LazilyIndexedArray(values) if isinstance(values, LazyColumn) else values
    preferred = {"preferred_chunks": {dims[0]: chunks} | dict(zip(dims[1:], values.shape[1:], strict=True))}
    return xr.Variable(dims, lazy, attributes, preferred if chunks else None)


def _spans(selection: Results, tables: list[str]) -> dict[str, Spans]:
    """Which rows of each table belong to the selection; what the catalogue does not say is looked up in the offsets."""
    scan, index, schema = selection.scan, selection.index, selection.index.schema
    found = {schema.rows.name: Spans(scan.part, scan.row_start, scan.row_stop)}
    for name in tables[1:]:
        if name == "hits":
            found[name] = Spans(scan.part, scan.hit_start, scan.hit_stop)
            continue
        above = found[str(schema.table(name).parent)]
        found[name] = Spans(above.part, *_below(selection.store.url, index, above, name))
    return found


def _below(url: str, index: Index, above: Spans, name: str) -> tuple[np.ndarray, np.ndarray]:
    def look(span: int) -> tuple[int, int]:
        reader = PartReader(Store(url), index.row(int(above.part[span])), cache=shared())
        if f"{name}/{OFFSETS}" not in reader.names:
            return 0, 0
        start, stop = int(above.start[span]), int(above.stop[span])
        first = 0 if start == 0 else int(reader.offsets(name, start, start)[0])
        whole = stop == reader.layout(f"{name}/{OFFSETS}").shape[0] - 1
        return first, reader.length(name) if whole else int(reader.offsets(name, stop, stop)[0])

    tasks: list[Callable[[], tuple[int, int]]] = [functools.partial(look, i) for i in range(len(above.part))]
    pairs = np.array(list(ahead(tasks)), np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
