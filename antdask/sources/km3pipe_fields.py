"""Columns of a km3pipe file under the names of the model: by the map, in whatever width they stand, and marked where a version does not have them."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.model.mc_fields import NO_NUMBER
from antdask.model.ragged import Columns
from antdask.model.schema import Field
from antdask.sources.layout_dataset import Dataset

#: What stands for a value that the file does not have; others by `missing`.
ABSENT = {"run": 0, "frame_index": 0, "trigger_counter": -1, "trigger_mask": 0}


def sources(mapped: Dataset, table: str, present: Collection[str], where: str) -> dict[str, str]:
    """Column of the file for every field of a table that it gives.

    Raises
    ------
    UnknownLayoutError
        A column that every version has is not there.
    """
    found = {}
    for column in mapped.columns:
        if column.table != table and column.field:
            continue
        name = next((n for n in (column.source, *column.aliases) if n in present), None)
        if name is None and not column.optional:
            raise UnknownLayoutError(f"Column '{column.source}' of '{mapped.name}' is missing", where=where, found=", ".join(present), hint="Another version of the format needs names (aliases) in the map.")  # fmt: skip
        if name is not None and column.field:
            found[column.field] = name
    return found


def known(mapped: Dataset) -> set[str]:
    """Every name that the map has for a column of a data set."""
    return {name for column in mapped.columns for name in (column.source, *column.aliases)}


def absent(field: Field, count: int) -> np.ndarray:
    """Values that stand for a column that is not there.

    Examples
    --------
    >>> absent(Field("overlays", "u4", "1", ""), 2).tolist()
    [4294967295, 4294967295]
    """
    fill: float = ABSENT.get(field.name, np.nan if field.numpy.kind == "f" else NO_NUMBER if field.numpy.kind == "i" else -1)
    return np.full(count, fill, "i8" if fill == -1 else field.numpy).astype(field.numpy)


def convert(values: np.ndarray, field: Field) -> tuple[np.ndarray, np.ndarray]:
    """Values in the dtype of a field, and which of them do not fit it.

    Examples
    --------
    >>> convert(np.array([3, 300, -1]), Field("tot", "u1", "ns", ""))[1].tolist()
    [False, True, True]
    """
    if field.numpy.kind == "f":
        return values.astype(field.numpy), np.zeros(len(values), bool)
    limits = np.iinfo(field.numpy)
    if values.dtype.kind == "f":
        nothing = np.isnan(values)
        bad = ~nothing & ((values != np.floor(values)) | (np.abs(values) > 2**53))
        values = np.where(nothing, ABSENT.get(field.name, NO_NUMBER), np.where(bad, 0, values)).astype(np.int64)
    else:
        bad = np.zeros(len(values), bool)
        values = values.astype(np.uint8) if values.dtype.kind == "b" else values
    own = np.iinfo(values.dtype)
    if own.min < limits.min:
        bad |= values < limits.min
    if own.max > limits.max:
        bad |= values > limits.max
    return values.astype(field.numpy), bad


def place(
    fields: Mapping[str, Field], names: Mapping[str, str], columns: Mapping[str, np.ndarray], count: int
) -> tuple[Columns, np.ndarray]:
    """The fields of a table from the columns of a file, and the rows in which a value does not fit.

    Parameters
    ----------
    fields : mapping of str to Field
        Those wanted.
    names : mapping of field to column
        As `sources` gives them; a field without one is marked as missing.
    """
    found: Columns = {}
    bad = np.zeros(count, bool)
    for name, field in fields.items():
        if name in names:
            found[name], wrong = convert(columns[names[name]], field)
            bad |= wrong
        else:
            found[name] = absent(field, count)
    return found, bad


def parameters(names: Sequence[str], columns: Mapping[str, np.ndarray], count: int) -> tuple[Columns, np.ndarray]:
    """Columns that the model does not have, as a row for each name and value, and the rows of the file with a whole number beyond what a real number holds exactly.

    Returns
    -------
    Columns
        Of table ``parameters``, `count` x len(`names`) rows.
    ndarray of bool, shape (count,)
    """
    bad = np.zeros(count, bool)
    for name in names:
        column = columns[name]
        if column.dtype.kind in "iu" and column.dtype.itemsize == 8:
            bad |= (column > 2**53) | (column.astype(np.int64) < -(2**53))
    ids = np.array([zlib.crc32(name.encode()) for name in names], np.uint32)
    values = np.array([columns[name] for name in names], np.float64).reshape(len(names), count).T
    return {"parameter_id": np.tile(ids, count), "value": np.ascontiguousarray(values).reshape(-1)}, bad


def demand(ok: np.ndarray, start: int, tree: str, url: str, what: str) -> None:
    """Raise unless all entries are in order.

    Parameters
    ----------
    ok : ndarray of bool, shape (entries,)
    start : int
        Number of the first of these entries.

    Raises
    ------
    CorruptFileError
        For the first run of neighbouring entries that are not.
    """
    if ok.all():
        return
    low = int(np.argmin(ok))
    high = low + (int(np.argmax(ok[low:])) or len(ok) - low)
    raise CorruptFileError(what, where=f"{url}, {tree}", tree=tree, start=start + low, stop=start + high)
