"""Field, Table, Schema: the words in which the data are declared.

A *schema* describes one stream. It holds one *row table* (one row per event, slice, track …) and ragged tables that hang below it::

    events   row table      run frame_index … n_hits        N rows
    └─ hits  ragged         dom_id channel_id tdc tot       offsets[N+1] into the columns

A ragged table may hang below another ragged table (timeslices → frames → hits).
"""

from __future__ import annotations

import dataclasses
from functools import cached_property

import numpy as np

from antdask.errors import UnknownNameError

INTEGER, AMPLITUDE, SYMBOL, REAL, SERIES = "integer", "amplitude", "symbol", "real", "series"


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One column.

    Parameters
    ----------
    name, dtype, unit, description : str
        ``unit`` is a VOUnit/UDUNITS string, ``"1"`` for pure numbers. ``dtype`` is a NumPy code without byte order (``"i8"``).
    ucd : str
        IVOA UCD1+ word, empty where none fits.
    dims : tuple of (str, int)
        Dimensions beyond the row, each with its fixed length, e.g. ``(("channel", 31),)``.
    origins : tuple of str
        The sources that give this column; empty: all do. A column that a source does not give is absent, never filled with zeros.
    missing : str
        What a reader must treat as missing, in words (``"NaN"``, ``"-1"``); empty: never missing.
    flags : tuple of (int, str)
        CF flag values or masks with their meanings.
    codec : str
        How it compresses best: ``integer`` (whole numbers that run on or repeat, flags), ``amplitude`` (bytes that look random), ``symbol`` (few different bytes in
        random order), ``real`` (floating point), ``series`` (rows are times, columns are channels, and the values of a channel lie side by side).
    statistics : bool
        Whether blocks keep its minimum and maximum.
    """

    name: str
    dtype: str
    unit: str
    description: str
    ucd: str = ""
    dims: tuple[tuple[str, int], ...] = ()
    origins: tuple[str, ...] = ()
    missing: str = ""
    flags: tuple[tuple[int, str], ...] = ()
    codec: str = INTEGER
    statistics: bool = False

    def given_by(self, origin: str) -> bool:
        """Whether sources of this `origin` give the column."""
        return not self.origins or origin in self.origins

    @property
    def numpy(self) -> np.dtype:
        """The dtype in native byte order."""
        return np.dtype(self.dtype)


@dataclasses.dataclass(frozen=True)
class Table:
    """Columns over one dimension.

    Parameters
    ----------
    name : str
        Group name in a part.
    row : str
        Name of the first dimension, e.g. ``"event"``.
    parent : str or None
        The table whose rows own slices of this one; ``None`` for the row table.
    """

    name: str
    row: str
    description: str
    fields: tuple[Field, ...]
    parent: str | None = None
    origins: tuple[str, ...] = ()

    def given_by(self, origin: str) -> bool:
        """Whether sources of this `origin` give the table."""
        return not self.origins or origin in self.origins

    def columns(self, origin: str) -> dict[str, Field]:
        """The columns that sources of this `origin` give, by name."""
        return {f.name: f for f in self.fields if f.given_by(origin)}

    def field(self, name: str) -> Field:
        """The field of this name.

        Raises
        ------
        UnknownNameError
            No such column.
        """
        for f in self.fields:
            if f.name == name:
                return f
        raise UnknownNameError.of("column", name, [f.name for f in self.fields], where=f"table '{self.name}'")


@dataclasses.dataclass(frozen=True)
class Schema:
    """One stream: a row table and the ragged tables below it.

    Parameters
    ----------
    name : str
        Stream name, e.g. ``"events"``.
    order : tuple of str
        Columns of the row table by which the rows of a part are sorted.
    tables : tuple of Table
        The row table first; parents before children.
    """

    name: str
    description: str
    order: tuple[str, ...]
    tables: tuple[Table, ...]

    @cached_property
    def by_name(self) -> dict[str, Table]:
        """Tables by name."""
        return {t.name: t for t in self.tables}

    @property
    def rows(self) -> Table:
        """The row table."""
        return self.tables[0]

    def given_by(self, origin: str) -> tuple[Table, ...]:
        """The tables that sources of this `origin` give, the row table first."""
        return tuple(t for t in self.tables if t.given_by(origin))

    def table(self, name: str) -> Table:
        """The table of this name.

        Raises
        ------
        UnknownNameError
            No such table.
        """
        if name not in self.by_name:
            raise UnknownNameError.of("table", name, self.by_name, where=f"stream '{self.name}'")
        return self.by_name[name]
