"""What a layout map says of one data set: its columns, the fields that are derived, the records inside."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from antdask.sources.layout_record import Record, RecordField

VERIFIED, ASSUMED = "verified", "assumed"


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """One column of the source.

    Parameters
    ----------
    source, dtype, unit : str
        Name, NumPy code without byte order, and unit, all as the source writes them.
    table, field : str
        Where it goes; both empty for a column that is not archived.
    note, provenance, status : str
        ``status`` is ``"verified"`` (seen in a real file) or ``"assumed"``.
    count, record, counts : str
        Column with the number of elements of each entry; record that the elements are; table whose rows are counted by the values. Each may be empty.
    width : int
        Elements of each entry where nothing counts them.
    fill : float or None
        What stands in the file where there is no value; the field is NaN there.
    vector : bool
        Each entry is a ``std::vector``, which counts its elements by itself.
    scale, offset : float
        Field = column x scale + offset.
    whole : bool
        Real numbers that must be whole, for an integer field.
    valid : (int, int) or None
        Smallest and largest value of the field.
    aliases : tuple of str
        Other names of the column, in other versions of the format.
    optional : bool
        The column may be absent; the field is then marked as missing.
    """

    source: str
    dtype: str
    unit: str
    table: str
    field: str
    note: str
    provenance: str
    status: str
    count: str = ""
    record: str = ""
    counts: str = ""
    width: int = 1
    scale: float = 1
    offset: float = 0
    whole: bool = False
    valid: tuple[int, int] | None = None
    aliases: tuple[str, ...] = ()
    optional: bool = False
    vector: bool = False
    fill: float | None = None

    @property
    def ragged(self) -> bool:
        """Whether entries differ in their number of elements."""
        return bool(self.count) or self.vector


@dataclasses.dataclass(frozen=True, slots=True)
class Derived:
    """A field that the reader computes from columns `sources` of this data set, or of another as ``dataset/column``."""

    table: str
    field: str
    sources: tuple[str, ...]
    note: str
    provenance: str
    status: str


@dataclasses.dataclass(frozen=True)
class Dataset:
    """One data set (tree) of the source.

    Parameters
    ----------
    name, stream, table : str
        Name in the file; where its columns go unless they say otherwise.
    attributes : mapping
        Attributes that the data set must carry with these values.
    """

    name: str
    stream: str
    table: str
    note: str
    attributes: Mapping[str, Any]
    columns: tuple[Column, ...]
    derived: tuple[Derived, ...]
    records: Mapping[str, Record]

    def record_fields(self) -> Iterator[tuple[Column, RecordField]]:
        """Every field of the records that the columns hold, with its column."""
        for column in self.columns:
            if column.record:
                for field in self.records[column.record].fields:
                    yield column, field

    def place(self, target: str) -> tuple[str, str]:
        """Table and field of a target, which may leave the table of the data set away; twice nothing for no target."""
        return split_target(target, self.table)

    def given_by(self, column: Column) -> list[str]:
        """Under which names the values of a column are found: its own, and those of its record."""
        record = self.records.get(column.record)
        return [column.source, *(f"{column.source}.{f.name}" for f in (record.fields if record else ()))]

    def dtypes(self) -> dict[str, np.dtype]:
        """Declared dtype of every source column, in native byte order."""
        return {c.source: np.dtype(c.dtype) for c in self.columns}

    def targets(self, table: str) -> dict[str, str]:
        """Source column by field, or ``column.field`` of a record, for those that go to `table`."""
        found = {c.field: c.source for c in self.columns if c.table == table}
        inside = [(*self.place(f.target), f"{c.source}.{f.name}") for c, f in self.record_fields()]
        return found | {field: name for place, field, name in inside if place == table}


def split_target(target: str, table: str) -> tuple[str, str]:
    """Table and field of a target; `table` is meant where it names none, and no target gives twice nothing.

    Examples
    --------
    >>> split_target("hits.line", "events"), split_target("run", "events"), split_target("", "events")
    (('hits', 'line'), ('events', 'run'), ('', ''))
    """
    head, _, tail = target.rpartition(".")
    return (head or table, tail) if target else ("", "")
