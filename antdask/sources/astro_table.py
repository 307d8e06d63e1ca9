"""A table of astropy in HDF5 whose columns a map declares: described, checked against its description, and read row by row."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import h5py
import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.model.ragged import Columns
from antdask.model.schema import Field
from antdask.model.time import NO_TIME, julian_to_ns
from antdask.sources.hdf5_table import damage
from antdask.sources.km3pipe_dataset import Dataset
from antdask.sources.km3pipe_fields import absent, demand, known, parameters, place, sources
from antdask.sources.layout_dataset import Dataset as MappedDataset
from antdask.sources.layout_map import SPELLINGS
from antdask.sources.table_description import Description, agrees

#: Parts of a Julian date, among the fields of a row.
DATE = ("utc_jd1", "utc_jd2")


@dataclasses.dataclass(frozen=True)
class AstroTable:
    """A table.

    Parameters
    ----------
    url, name : str
        File, and path of the table in it.
    data : Dataset
        Its columns.
    described : Description
    mapped : MappedDataset
        What the map declares of it.
    names : dict of str to str
        Column of every field that the table gives.
    """

    url: str
    name: str
    data: Dataset
    described: Description
    mapped: MappedDataset
    names: dict[str, str]

    @classmethod
    def find(cls, file: h5py.File, name: str, url: str, mapped: MappedDataset) -> AstroTable:
        """The table of this name.

        Raises
        ------
        UnknownLayoutError
            It has no description, a column that every such table has is missing, or one stands in another unit, or no time where a time is expected.
        CorruptFileError
            Table and description contradict each other.
        """
        where = f"{url}, {name}"
        with damage(url, name):
            if not isinstance(file[name], h5py.Dataset):
                raise UnknownLayoutError(f"'{name}' is not a table", where=url, found=str(file[name]))
        data = Dataset.find(file, name, url)
        described = Description.find(file, name, url)
        if list(described.dtypes) != list(data.columns) or not all(agrees(data.dtype(c), d) for c, d in described.dtypes.items()):
            raise CorruptFileError("A table and its description contradict each other", where=where, found=", ".join(data.columns), expected=", ".join(described.dtypes), tree=name)  # fmt: skip
        tables = {column.table for column in mapped.columns if column.field}
        names = {field: column for table in sorted(tables) for field, column in sources(mapped, table, data.columns, where).items()}
        found = cls(url, name, data, described, mapped, names)
        found._check_units()
        found._check_date()
        return found

    def __len__(self) -> int:
        return len(self.data)

    def _check_units(self) -> None:
        declared = {name: column.unit for column in self.mapped.columns for name in (column.source, *column.aliases)}
        for name, unit in self.described.units.items():
            if unit and name in declared and SPELLINGS.get(unit) != SPELLINGS[declared[name]]:
                raise UnknownLayoutError(f"Column '{name}' of '{self.name}' stands in another unit", where=self.url, found=unit, expected=declared[name] or "none")  # fmt: skip

    def _check_date(self) -> None:
        pair = tuple(self.names.get(field) for field in DATE)
        if pair != (None, None) and pair not in self.described.times.values():
            raise UnknownLayoutError(f"Columns of '{self.name}' are no time", where=self.url, found=f"{pair[0]}, {pair[1]}", expected="the two parts of a Time of astropy")  # fmt: skip

    def parameters(self) -> list[str]:
        """Columns of numbers that the map does not declare, in the order of the table."""
        return [c for c in self.data.numeric() if c not in known(self.mapped) and c not in self.described.masks.values()]

    def notes(self, kept: bool) -> Iterator[str]:
        """Columns that are not archived, or are not there.

        Parameters
        ----------
        kept : bool
            Whether columns of numbers that the map does not declare are archived as parameters.
        """
        left = set(self.parameters())
        for column in self.data.columns:
            if column in left:
                yield f"column '{column}' of '{self.name}' " + (
                    "is a parameter: no map declares it" if kept else "is not archived: no map declares it"
                )
            elif column not in known(self.mapped) and column not in self.described.masks.values():
                yield f"column '{column}' of '{self.name}' is not archived: it holds no numbers"
        for declared in self.mapped.columns:
            if declared.optional and not {declared.source, *declared.aliases} & self.data.columns.keys():
                yield f"column '{declared.source}' of '{self.name}' is missing"

    def read(self, start: int, stop: int) -> Columns:
        """Columns of the rows ``start:stop`` under their names, with those that say what is masked.

        Raises
        ------
        CorruptFileError
            With the rows that are lost.
        """
        wanted = [*dict.fromkeys([*self.names.values(), *self.parameters()])]
        masks = [self.described.masks[c] for c in wanted if c in self.described.masks]
        try:
            return self.data.read([*wanted, *masks], np.array([start]), np.array([stop]))
        except CorruptFileError as error:
            if error.start is None or error.stop is None:
                raise
            lost = max(error.start, start), min(error.stop, stop)
            raise CorruptFileError("Rows cannot be read", where=f"{self.url}, {self.name}", found=str(error), tree=self.name, start=lost[0], stop=lost[1]) from error  # fmt: skip

    def fields(self, fields: dict[str, Field], columns: Columns, start: int) -> Columns:
        """Fields of a table of the model, of rows that were read; what is masked, or not there, is marked as missing.

        Raises
        ------
        CorruptFileError
            With the first rows in which a value does not fit.
        """
        count = len(columns[self.data.key])
        hidden = {c: columns[m] != 0 for c, m in self.described.masks.items() if c in columns}
        shown = {c: np.where(hidden[c], 0, values).astype(values.dtype) if c in hidden else values for c, values in columns.items()}
        found, bad = place(fields, self.names, shown, count)
        for name, field in fields.items():
            if self.names.get(name) in hidden:
                mask = hidden[self.names[name]]
                found[name][mask] = absent(field, count)[mask]
        self._demand(~bad, start, "A value does not fit its column")
        return found

    def utc(self, row: Columns, start: int, *, needed: bool) -> np.ndarray:
        """UTC of rows from the two parts of its date, int64 [ns].

        Raises
        ------
        CorruptFileError
            With the first rows that have a time that none can have, or none where it is `needed`.
        """
        found, bad = julian_to_ns(*(row[name] for name in DATE))
        if needed:
            bad |= found == NO_TIME
        self._demand(~bad, start, "A time is none that an event can have")
        return found

    def rest(self, columns: Columns, start: int) -> Columns:
        """The columns that the map does not declare, as parameters; what is masked is NaN.

        Raises
        ------
        CorruptFileError
            With the first rows in which a whole number does not fit a real one.
        """
        names = self.parameters()
        count = len(columns[self.data.key])
        values = {
            c: np.where(columns[self.described.masks[c]] != 0, np.nan, columns[c]) if c in self.described.masks else columns[c]
            for c in names
        }
        found, bad = parameters(names, values, count)
        self._demand(~bad, start, "A parameter does not fit a real number")
        return found

    def _demand(self, ok: np.ndarray, start: int, what: str) -> None:
        demand(ok, start, self.name, self.url, what)
