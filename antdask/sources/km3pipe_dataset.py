"""Data sets of a km3pipe file, each as columns with the rows that every event owns.

km3pipe writes a data set in one of two ways, and both are read alike::

    /hits/dom_id /hits/time … /hits/_indices      a group of single columns; row i of _indices: first row and number of rows of group i
    /mc_tracks                                    a compound table; rows of an event carry its group_id (versions below 5: event_id) and stand together

Which rows belong to whom is known before any of them is read, and checked when they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import h5py
import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.sources.hdf5_table import SLICE_ROWS, Table, damage, merged

KEYS = ("group_id", "event_id")
_INDICES = "_indices"


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A data set.

    Parameters
    ----------
    name, where : str
        Path in the file; file and path, for messages.
    columns : mapping of column to Table
        In the order of the file. Columns of a compound table share one.
    key : str
        The column that says whose a row is.
    indices : Table or None
        First row and number of rows of each group.
    """

    name: str
    where: str
    columns: Mapping[str, Table]
    key: str
    indices: Table | None

    @classmethod
    def find(cls, file: h5py.File, name: str, url: str) -> Dataset:
        """The data set of this name.

        Raises
        ------
        UnknownLayoutError
            It is neither a compound table nor a group of columns of numbers, or has no key.
        CorruptFileError
            Its columns differ in length.
        """
        where = f"{url}, {name}"
        with damage(url, name):
            grouped = isinstance(file[name], h5py.Group)
            names = [n for n in file[name] if n != _INDICES] if grouped else []
        indices = Table.find(file, f"{name}/{_INDICES}", where) if grouped and _INDICES in file[name] else None
        if grouped:
            columns = {n: Table.find(file, f"{name}/{n}", where, compound=False) for n in names}
        else:
            table = Table.find(file, name, where)
            columns = dict.fromkeys(table.dataset.dtype.names, table)
        key = next((k for k in KEYS if k in columns), None)
        if key is None:
            raise UnknownLayoutError("A data set has no column that joins it to its event", where=where, found=", ".join(columns), expected=" or ".join(KEYS))  # fmt: skip
        lengths = {n: len(t) for n, t in columns.items()}
        if len(set(lengths.values())) > 1:
            raise CorruptFileError("Columns of a group differ in length", where=where, found=str(lengths), tree=name)
        return cls(name, where, columns, key, indices)

    def __len__(self) -> int:
        return len(self.columns[self.key])

    def dtype(self, column: str) -> np.dtype:
        """The dtype of a column."""
        dtype: np.dtype = self.columns[column].dataset.dtype
        return dtype if dtype.names is None else dtype[column]

    def numeric(self) -> list[str]:
        """Columns of numbers or truth values."""
        return [name for name in self.columns if self.dtype(name).kind in "iufb" and not self.dtype(name).shape]

    def row_bytes(self) -> int:
        """Bytes of one row of all columns [byte]."""
        return sum(self.dtype(name).itemsize for name in self.columns)

    def read(self, columns: Iterable[str], starts: np.ndarray, stops: np.ndarray) -> dict[str, np.ndarray]:
        """Columns of many ranges of rows, one range after the other, in native byte order.

        Raises
        ------
        CorruptFileError
            With the first rows that are lost as `start` and `stop`.
        """
        wanted = list(columns)
        pieces: dict[str, list[np.ndarray]] = {name: [np.zeros(0, self.dtype(name).newbyteorder("="))] for name in wanted}
        groups = {id(self.columns[name]): self.columns[name] for name in wanted}
        for start, stop in merged(starts, stops):
            for low in range(start, stop, SLICE_ROWS):
                for number, table in groups.items():
                    rows = table.rows(low, min(low + SLICE_ROWS, stop))
                    for name in wanted:
                        if id(self.columns[name]) == number:
                            pieces[name].append(rows if rows.dtype.names is None else rows[name])
        return {name: np.concatenate(found) for name, found in pieces.items()}

    def all_rows(self, columns: Iterable[str]) -> dict[str, np.ndarray]:
        """Columns of all rows; errors as for `read`."""
        return self.read(columns, np.zeros(1, np.int64), np.array([len(self)]))


@dataclasses.dataclass(frozen=True)
class Ownership:
    """Which rows of a data set each event owns.

    Parameters
    ----------
    starts, stops : ndarray of int64, shape (events,)
    bad : ndarray of bool, shape (events,)
        Events whose rows are not known for certain.
    strays : int
        Rows that no event owns.
    """

    starts: np.ndarray
    stops: np.ndarray
    bad: np.ndarray
    strays: int

    @property
    def counts(self) -> np.ndarray:
        """Rows of each event; 0 where they are not known."""
        return np.where(self.bad, 0, self.stops - self.starts)


def nobody(events: int) -> Ownership:
    """No event owns a row."""
    return Ownership(np.zeros(events, np.int64), np.zeros(events, np.int64), np.zeros(events, bool), 0)


def owners(dataset: Dataset, events: np.ndarray, groups: np.ndarray) -> Ownership:
    """Whose the rows of a data set are.

    Parameters
    ----------
    events, groups : ndarray of int64
        Keys of the events, each once; keys of the groups of the file in their order, as `_indices` counts them.
    """
    if dataset.indices is not None:
        return _by_indices(dataset, dataset.indices, events, groups)
    keys, lost = keys_of(dataset)
    return _by_runs(keys, lost, events)


def _by_indices(dataset: Dataset, indices: Table, events: np.ndarray, groups: np.ndarray) -> Ownership:
    rows = indices.rows(0, len(indices))
    order = np.argsort(groups, kind="stable")
    place = np.minimum(np.searchsorted(groups[order], events), len(groups) - 1)
    number = order[place]
    known = (groups[number] == events) & (number < len(indices))
    number = np.where(known, number, 0)
    if not len(indices):
        return dataclasses.replace(nobody(len(events)), bad=np.full(len(events), len(dataset) > 0), strays=len(dataset))
    starts, counts = rows["index"].astype(np.int64)[number], rows["n_items"].astype(np.int64)[number]
    inside = known & (counts >= 0) & (counts <= len(dataset)) & (starts >= 0) & (starts <= len(dataset) - np.clip(counts, 0, len(dataset)))
    starts, counts = np.where(inside, starts, 0), np.where(inside, counts, 0)
    return Ownership(starts, starts + counts, ~inside, max(0, len(dataset) - int(counts.sum())))


def keys_of(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Key of every row, int64, and the rows whose key cannot be read, bool."""
    keys, lost = np.zeros(len(dataset), np.int64), np.zeros(len(dataset), bool)
    position = 0
    while position < len(dataset):
        stop = min(position + SLICE_ROWS, len(dataset))
        try:
            keys[position:stop] = dataset.read([dataset.key], np.array([position]), np.array([stop]))[dataset.key]
        except CorruptFileError as error:
            if error.start is None or error.stop is None:
                raise
            first, last = max(error.start, position), min(error.stop, len(dataset))
            if first > position:
                keys[position:first] = dataset.read([dataset.key], np.array([position]), np.array([first]))[dataset.key]
            lost[first:last] = True
            stop = last
        position = stop
    return keys, lost


def _by_runs(keys: np.ndarray, lost: np.ndarray, events: np.ndarray) -> Ownership:
    """Rows of an event stand together: every run of equal keys is one event, and each event has one run.

    Where rows cannot be read, the events beside them and those without rows may have lost some.

    Examples
    --------
    >>> found = _by_runs(np.array([4, 4, 6, 7]), np.zeros(4, bool), np.array([4, 5, 6]))
    >>> found.starts, found.stops, found.strays
    (array([0, 0, 2]), array([2, 0, 3]), 1)
    """
    starts, stops, bad = np.zeros(len(events), np.int64), np.zeros(len(events), np.int64), np.zeros(len(events), bool)
    if not len(keys):
        return Ownership(starts, stops, bad, 0)
    edges = np.flatnonzero((keys[1:] != keys[:-1]) | (lost[1:] != lost[:-1])) + 1
    heads, tails = np.append(0, edges), np.append(edges, len(keys))
    order = np.argsort(events, kind="stable")
    place = (
        order[np.minimum(np.searchsorted(events[order], keys[heads]), len(events) - 1)] if len(events) else np.zeros(len(heads), np.int64)
    )
    mine = (events[place] == keys[heads]) & ~lost[heads] if len(events) else np.zeros(len(heads), bool)
    starts[place[mine]], stops[place[mine]] = heads[mine], tails[mine]
    bad[np.bincount(place[mine], minlength=len(events)) > 1] = True
    if lost.any():
        bad[stops == starts] = True
        beside = np.append(lost[heads][1:], False) | np.append(False, lost[heads][:-1])
        bad[place[mine & beside]] = True
    strays = int((tails - heads)[~mine & ~lost[heads]].sum())
    return Ownership(starts, stops, bad, strays)
