"""One SeaTray table with its row index: checked against the map, read as columns of the model, cut into segments."""

from __future__ import annotations

import h5py
import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.model.keys import RunKey
from antdask.model.ragged import Columns
from antdask.model.schema import Field
from antdask.plan import Segment
from antdask.sources import seatray_index
from antdask.sources.hdf5_table import Table
from antdask.sources.layout_dataset import Dataset
from antdask.sources.layout_map import LayoutMap
from antdask.sources.seatray_index import Index

ORIGIN, DETECTOR, INDEX = "seatray", "antares", "__I3Index__"

#: Columns that every row of a table repeats from its index: checked, then dropped.
KEYS = {"Run": "run", "Event": "event", "exists": "exists"}


def find_table(file: h5py.File, url: str, layout: LayoutMap, name: str) -> Table:
    """A table whose columns, dtypes, units and attributes are those that the map declares.

    Raises
    ------
    UnknownLayoutError
        It is missing or differs; the message names what is missing and what is too much.
    CorruptFileError
        It cannot be opened.
    """
    table, declared = Table.find(file, name, url), layout.dataset(name)
    found, wanted, where = table.dataset.dtype, declared.dtypes(), f"{url}, {name}"
    missing, extra = sorted(set(wanted) - set(found.names)), sorted(set(found.names) - set(wanted))
    if missing or extra:
        raise UnknownLayoutError(
            f"The columns differ from map '{layout.layout}'",
            where=where,
            found=f"missing: {', '.join(missing) or 'none'}; extra: {', '.join(extra) or 'none'}",
            hint="A new variant of the layout needs a map of its own in antdask/sources/maps.",
        )
    for column, dtype in wanted.items():
        if found[column].newbyteorder("=") != dtype:
            raise UnknownLayoutError(
                f"Column '{column}' has another dtype than in the map", where=where, found=found[column], expected=dtype
            )
    _check_attributes(table, declared, where)
    return table


def _check_attributes(table: Table, declared: Dataset, where: str) -> None:
    attributes = table.attributes()
    for key, value in declared.attributes.items():
        if attributes.get(key) != value:
            raise UnknownLayoutError(f"Attribute '{key}' differs from the map", where=where, found=attributes.get(key), expected=value)
    units = {attributes.get(f"FIELD_{n}_NAME"): attributes.get(f"FIELD_{n}_UNIT") for n in range(len(declared.columns))}
    for column in declared.columns:
        if units.get(column.source) != column.unit:
            raise UnknownLayoutError(
                f"The unit of column '{column.source}' differs from the map",
                where=where,
                found=repr(units.get(column.source)),
                expected=repr(column.unit),
                hint="Values in another unit would be archived wrongly.",
            )


def find_index(file: h5py.File, url: str, layout: LayoutMap, name: str) -> Index:
    """The row index of a table.

    Raises
    ------
    UnknownLayoutError
        As in `find_table`.
    CorruptFileError
        It cannot be read: the whole table is lost.
    """
    table = find_table(file, url, layout, f"{INDEX}/{name}")
    try:
        rows = table.blocks(np.array([0]), np.array([len(table)]), layout.dataset(table.name).dtypes())
    except CorruptFileError as error:
        raise CorruptFileError(
            "The row index is lost, so no row can be given to an event", where=url, found=error.found, tree=name
        ) from error
    return Index(rows["Run"], rows["Event"], rows["exists"], rows["TriggerCounter"], rows["start"], rows["stop"])


def segments(stream: str, tree: str, run: np.ndarray, nbytes: np.ndarray) -> list[Segment]:
    """One segment for consecutive entries of one run.

    Parameters
    ----------
    run, nbytes : array, shape (entries,)
        Run, and bytes of the records without padding.
    """
    if not len(run):
        return []
    heads = np.append(0, np.flatnonzero(run[1:] != run[:-1]) + 1)
    stops, sums = np.append(heads[1:], len(run)), np.add.reduceat(nbytes, heads)
    return [
        Segment(stream, tree, RunKey(DETECTOR, int(run[start])), int(start), int(stop), int(size))
        for start, stop, size in zip(heads, stops, sums, strict=True)
    ]


def width(declared: Dataset) -> int:
    """Bytes of a record without padding [byte]."""
    return sum(dtype.itemsize for dtype in declared.dtypes().values())


def columns_of(rows: Columns, declared: Dataset, fields: dict[str, Field], table: str) -> tuple[Columns, np.ndarray]:
    """The columns that the map gives to a table, in the dtypes of the model; and for every row whether a value does not fit."""
    columns: Columns = {}
    bad = np.zeros(len(next(iter(rows.values()))), bool)
    for field, source in declared.targets(table).items():
        columns[field] = rows[source].astype(fields[field].numpy)
        if not np.can_cast(rows[source].dtype, columns[field].dtype, "safe"):
            bad |= columns[field] != rows[source]
    return columns, bad


def pulse_columns(rows: Columns, declared: Dataset, fields: dict[str, Field], table: str) -> tuple[Columns, np.ndarray]:
    """As `columns_of`, with the storey, which the file does not hold: three modules to a storey (formula of km3pipe's I3 reader)."""
    columns, bad = columns_of(rows, declared, fields, table)
    columns["floor"] = (1 + (rows["om"].astype(np.int16) - 1) // 3).astype(fields["floor"].numpy)
    return {name: columns[name] for name in fields}, bad


def counters(values: np.ndarray, counts: np.ndarray, index: Index) -> tuple[np.ndarray, np.ndarray]:
    """Trigger counter of each index row from its rows of the table, and where they contradict each other.

    The index itself holds -1. It stays -1 for an index row without rows.
    """
    counter = index.trigger_counter.astype(np.int64)
    full = counts > 0
    counter[full] = values[(np.cumsum(counts) - counts)[full]]
    owner = np.repeat(np.arange(len(counts)), counts)
    mixed = np.zeros(len(counts), bool)
    mixed[owner[values != counter[owner]]] = True
    # Should a SeaTray fill the counter of the index, it must agree.
    mixed |= (index.trigger_counter != -1) & (index.trigger_counter != counter)
    return counter, np.where(mixed, seatray_index.MIXED, 0).astype(np.uint8)


def key_verdicts(rows: Columns, index: Index, owner: np.ndarray) -> np.ndarray:
    """Verdict on each index row: whether its rows of the table repeat its run, event and flag."""
    wrong = np.zeros(len(owner), bool)
    for source, attribute in KEYS.items():
        wrong |= rows[source] != getattr(index, attribute)[owner]
    return seatray_index.worst(np.where(wrong, seatray_index.OTHER_KEY, 0), owner, len(index))


def check(verdicts: np.ndarray, start: int, url: str, tree: str, cause: CorruptFileError | None = None) -> None:
    """Raise for the first run of entries with a verdict; the first verdict is that on entry `start` of the tree.

    Raises
    ------
    CorruptFileError
    """
    run = seatray_index.first_run(verdicts)
    if run is None:
        return
    low, high = start + run[0], start + run[1]
    what = f"{seatray_index.WORDS[int(verdicts[run[0]])]}, entries {low}:{high}"
    found = f"{cause.what}: {cause.found}" if cause else None
    raise CorruptFileError(what, where=f"{url}, {tree}", found=found, tree=tree, start=low, stop=high) from cause
