"""Columns of a ROOT tree as a layout map declares them: checked against the branches, read for a range of entries, put into the fields of the model."""

from __future__ import annotations

import dataclasses

import numpy as np

from antdask.errors import UnknownLayoutError
from antdask.model.ragged import offsets_of
from antdask.model.schema import Field
from antdask.model.tables import schema
from antdask.sources import packed_records
from antdask.sources.km3net_records import demand, native
from antdask.sources.layout_dataset import Column, Dataset
from antdask.sources.layout_record import LEAVES, PACKED, STRUCT, Record
from antdask.sources.root import Tree
from antdask.sources.root_baskets import numbers
from antdask.sources.root_branch import Branch
from antdask.sources.root_elements import check_leaves, check_vector, read_leaves, read_pointed, read_vector
from antdask.sources.root_leaf import counters, leaf_of
from antdask.sources.root_struct import check_struct, read_struct


@dataclasses.dataclass(frozen=True, slots=True)
class Values:
    """What the branches of a tree hold in a range of entries, under the names of the map.

    Parameters
    ----------
    columns : dict of str to ndarray
        By column, or ``column.field`` for records; elements of all entries one after the other.
    counts : dict of str to ndarray of int64
        Elements of each entry, under the same names; absent where each entry has one.
    """

    columns: dict[str, np.ndarray]
    counts: dict[str, np.ndarray]


class TreeColumns:
    """The columns of one data set of a map in one tree.

    Parameters
    ----------
    tree : Tree
    dataset : Dataset
        Of the same name.
    origin : str
        Of the map.

    Raises
    ------
    UnknownLayoutError
        A branch is missing or holds something else than the map says.
    """

    def __init__(self, tree: Tree, dataset: Dataset, origin: str) -> None:
        self.tree, self.dataset = tree, dataset
        self._tables = {t.name: t.columns(origin) for t in schema(dataset.stream).given_by(origin)}
        self._branches = {c.source: tree.branch(c.source) for c in dataset.columns}
        self._counters = counters(tree.walk())
        self._pointed: set[str] = set()
        for column in dataset.columns:
            self._check(column)

    @property
    def leaves(self) -> list[Branch]:
        """The branches with data."""
        return [leaf for branch in self._branches.values() for leaf in branch.walk()]

    @property
    def unmapped(self) -> list[str]:
        """Branches that the map does not declare."""
        known = {leaf.name for leaf in self.leaves}
        return [branch.name for branch in self.tree.walk() if branch.name not in known]

    def read(self, start: int, stop: int, sources: set[str] | None = None) -> Values:
        """Values of the entries ``start:stop``: of all columns, or of those named and their counters.

        Raises
        ------
        CorruptFileError
            With the entries that are lost.
        """
        values = Values({}, {})
        chosen = [c for c in self.dataset.columns if sources is None or not sources.isdisjoint(self.dataset.given_by(c))]
        counted = {c.count for c in chosen}
        chosen = [c for c in self.dataset.columns if c in chosen or not counted.isdisjoint(self.dataset.given_by(c))]
        self.tree.hold([leaf for c in chosen for leaf in self._branches[c.source].walk()], start, stop)
        for column in chosen:
            record, branch = self.dataset.records.get(column.record), self._branches[column.source]
            if record is not None and record.kind == STRUCT:
                columns, counts = read_struct(branch, record, start, stop)
                for name, part in columns.items():
                    values.columns[f"{column.source}.{name}"], values.counts[f"{column.source}.{name}"] = part, counts
            elif record is not None and record.kind == LEAVES:
                values.columns.update({f"{column.source}.{name}": part for name, part in read_leaves(branch, record, start, stop).items()})
            elif column.vector:
                values.columns[column.source], values.counts[column.source] = read_vector(branch, column.dtype, start, stop)
            else:
                self._read(column, record, start, stop, values)
        return values

    def fields(self, values: Values, start: int) -> dict[str, np.ndarray]:
        """Fields of the model by ``table.field``, in their dtypes: scale and offset applied, every value checked.

        Parameters
        ----------
        values : Values
        start : int
            Number of the first entry, for messages.

        Raises
        ------
        CorruptFileError
            With the entries that hold a value that cannot be: out of its valid range, not whole, or too large for the field.
        """
        made = {}
        for column in self.dataset.columns:
            if column.source in values.columns and (column.field or column.valid):
                field = self._tables[column.table][column.field] if column.field else None
                value = self._converted(column, column.source, values, start, field)
                if field is not None:
                    made[f"{column.table}.{column.field}"] = value
        for column, part in self.dataset.record_fields():
            name = f"{column.source}.{part.name}"
            if name in values.columns and part.target:
                table, last = self.dataset.place(part.target)
                own = dataclasses.replace(column, offset=part.offset, valid=part.valid)
                made[f"{table}.{last}"] = self._converted(own, name, values, start, self._tables[table][last])
        return made

    def _check(self, column: Column) -> None:
        branch, record = self._branches[column.source], self.dataset.records.get(column.record)
        if column.vector:
            check_vector(branch, column.dtype)
            return
        if record is not None and record.kind != PACKED:
            (check_struct if record.kind == STRUCT else check_leaves)(branch, record)
            return
        leaf = leaf_of(branch)
        found = (leaf.dtype, leaf.width, self._counters.get(leaf.count, leaf.count))
        expected = (column.dtype, column.width, column.count)
        if leaf.flag:
            self._pointed.add(column.source)
        if found != expected:
            raise UnknownLayoutError(f"Branch '{column.source}' holds something else than the map says", where=branch.where, found=_words(*found), expected=_words(*expected))  # fmt: skip

    def _read(self, column: Column, record: Record | None, start: int, stop: int, values: Values) -> None:
        branch = self._branches[column.source]
        basket, size = branch.read(start, stop), np.dtype(column.dtype).itemsize * column.width
        if column.count:
            counts = values.columns[column.count].astype(np.int64)
            demand(counts >= 0, self._branch(column.count), start, "A number of elements is negative", found=counts)
            if column.source in self._pointed:
                basket = read_pointed(branch, basket, counts, size)
        else:
            counts = np.ones(stop - start, np.int64)
        sizes = basket.sizes
        if not np.array_equal(sizes, counts * size):
            demand(sizes == counts * size, branch, start, "An entry does not have as many elements as it should", found=sizes // size)
        flat = numbers(basket, column.dtype) if record is None else native(basket.payload.view(np.dtype(column.dtype).newbyteorder(">")))
        if column.width > 1:
            flat = flat.reshape(-1, column.width)
        values.columns[column.source] = flat
        if column.count:
            values.counts[column.source] = counts
        if record is not None and record.kind == PACKED:
            self._unpack(column, record, basket.payload, counts * size, start, values)

    def _branch(self, name: str) -> Branch:
        """The branch of a column, or of the record with a field of this name."""
        return self._branches.get(name) or self._branches[name.rpartition(".")[0]]

    def _unpack(self, column: Column, record: Record, payload: np.ndarray, nbytes: np.ndarray, start: int, values: Values) -> None:
        branch = self._branches[column.source]
        demand(nbytes % record.nbytes == 0, branch, start, f"An entry is not a whole number of records '{record.name}'", found=nbytes)
        columns, stray = packed_records.decode(payload, record)
        counts = nbytes // record.nbytes
        self._refuse(stray, counts, branch, start, f"Bits are set that record '{record.name}' does not name")
        for name, part in columns.items():
            values.columns[f"{column.source}.{name}"], values.counts[f"{column.source}.{name}"] = part, counts

    def _converted(self, column: Column, name: str, values: Values, start: int, field: Field | None) -> np.ndarray:
        """A column in the dtype of its field, if all its values can be."""
        value, counts, branch = values.columns[name], values.counts.get(name), self._branches[column.source]
        if column.fill is not None and field is not None:
            value = np.where(value == column.fill, np.nan, value.astype(np.result_type(value, field.numpy)))
        if column.scale != 1:
            value = value * column.scale
        if column.offset:
            value = value + (np.int64(column.offset) if value.dtype.kind in "iub" else column.offset)
        if column.whole:
            self._refuse(~(value == np.rint(value)), counts, branch, start, f"'{name}' holds a number that is not whole")
        if column.valid is not None:
            low, high = column.valid
            # The extremes first: they cost a fraction of what a mask does; and nothing unsigned lies below 0.
            natural = value.dtype.kind == "u" and low <= 0
            if value.size and not (value.max() <= high and (natural or low <= value.min())):
                wrong = (value < low) | (value > high)
                self._refuse(wrong, counts, branch, start, f"'{name}' holds a value that cannot be", f"{low} to {high}")
        if field is None or value.dtype == field.numpy:
            return value
        if field.numpy.kind in "iu" and not np.can_cast(value.dtype, field.numpy, "safe"):
            limits = np.iinfo(field.numpy)
            self._refuse((value < limits.min) | (value > limits.max), counts, branch, start, f"'{name}' holds a value that '{field.name}' cannot hold", f"{limits.min} to {limits.max}")  # fmt: skip
        return value.astype(field.numpy)

    def _refuse(
        self, wrong: np.ndarray, counts: np.ndarray | None, branch: Branch, start: int, what: str, expected: str | None = None
    ) -> None:
        """Raise for the entries with an element that is wrong."""
        if not wrong.any():
            return
        if wrong.ndim > 1:
            wrong = wrong.any(axis=1)
        if counts is not None:
            wrong = np.diff(np.concatenate([[0], np.cumsum(wrong, dtype=np.int64)])[offsets_of(counts)]) > 0
        demand(~wrong, branch, start, what, expected=expected)


def _words(dtype: str, width: int, count: str) -> str:
    return dtype + (f"[{count}]" if count else f"[{width}]" if width > 1 else "")
