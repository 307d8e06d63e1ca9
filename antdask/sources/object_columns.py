"""Members of a split C++ object in a tree, as a layout map declares them: vectors to any depth, put into the tables that the map names.

A member has *levels*: counts of elements, outermost first. They become the offsets of the tables on the way from the row table to that of its field::

    mc_trks.usr_names     levels: particles of each entry | names of each particle | bytes of each name
    target                particles                    -> particle_usr_names    -> particle_usr_name_bytes.byte

Where the elements of one vector are the rows themselves (tracks), the first level only says to which entry a row belongs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.model.mc_fields import NO_NUMBER
from antdask.model.ragged import Batch, Columns, offsets_of
from antdask.model.schema import Field, Table
from antdask.model.tables import schema
from antdask.sources.km3net_records import demand, native
from antdask.sources.layout_dataset import Column, Dataset
from antdask.sources.root import Tree
from antdask.sources.root_branch import Branch
from antdask.sources.root_leaf import COLLECTION, Leaf, leaf_of
from antdask.sources.root_nested import Nested, NestedBranch, nested_of, read_nested

Parts = dict[str, Nested]


@dataclasses.dataclass(frozen=True, slots=True)
class _Member:
    """A column of the map with its branch and what that holds."""

    column: Column
    branch: Branch
    what: Leaf | NestedBranch


class ObjectColumns:
    """The members that a data set of a map declares, in one tree.

    Parameters
    ----------
    tree : Tree
    dataset : Dataset
        Its columns are named like branches.
    origin : str
        Of the map.

    Raises
    ------
    UnknownLayoutError
        A branch is missing or holds something else than the map says.
    """

    def __init__(self, tree: Tree, dataset: Dataset, origin: str) -> None:
        self.tree, self.dataset, self.origin = tree, dataset, origin
        branches: dict[str, Branch] = {}
        for branch in tree.walk():
            branches.setdefault(branch.name, branch)
        self.tables: dict[str, Table] = {t.name: t for t in schema(dataset.stream).given_by(origin)}
        self._members = {c.source: _member(tree, branches, c) for c in dataset.columns if not c.optional or c.source in branches}
        #: The vector whose elements are the rows; empty where entries are.
        self.rows = next((c.count for c in dataset.columns if c.table == dataset.table and c.count), "")

    @property
    def leaves(self) -> list[Branch]:
        """The branches that are read."""
        return [member.branch for member in self._members.values()]

    def read(self, start: int, stop: int, sources: Iterable[str] | None = None) -> Parts:
        """Members of the entries ``start:stop`` by name: of all columns, or of those named and what counts them.

        Raises
        ------
        CorruptFileError
            With the entries that are lost.
        """
        wanted = set(self._members) if sources is None else {*sources} & set(self._members)
        wanted |= {self._members[name].what.count for name in wanted} - {""}
        parts: Parts = {}
        # What counts stands before what it counts, in the map.
        for name, member in self._members.items():
            if name in wanted:
                counts = parts[member.what.count].values.astype(np.int64) if member.what.count else None
                parts[name] = _read(member, start, stop, counts)
        return parts

    def batch(self, parts: Parts, derived: Columns, start: int, stop: int) -> Batch:
        """The batch of the entries ``start:stop``.

        Parameters
        ----------
        derived : dict of str to ndarray
            By ``table.field``: what the map lists as derived.

        Raises
        ------
        CorruptFileError
            With the entries that hold a value that its field cannot hold, or whose members differ in length.
        """
        offsets: dict[str, np.ndarray] = {}
        tables: dict[str, Columns] = {name: {} for name in self.tables}
        per_entry = parts[self.rows].values.astype(np.int64) if self.rows else np.ones(stop - start, np.int64)
        for member in self._members.values():
            column, part = member.column, parts[member.column.source]
            if not column.field:
                continue
            values, levels = self._converted(member, part, start), part.levels
            if self.rows:
                values, levels = (np.repeat(values, per_entry, axis=0), ()) if not levels else (values, levels[1:])
            for table, counts in zip(self._chain(column.table), levels, strict=True):
                made = offsets_of(counts)
                if table in offsets and not np.array_equal(offsets[table], made):
                    raise CorruptFileError(f"The members of table '{table}' differ in length", where=f"{member.branch.where}, entries {start} to {stop}", tree=self.tree.name, branch=column.source, start=start, stop=stop)  # fmt: skip
                offsets[table] = made
            tables[column.table][column.field] = values
        for name, values in derived.items():
            table, _, field = name.rpartition(".")
            tables[table][field] = values
        self._complete(tables, offsets, start, int(per_entry.sum()))
        return Batch(self.dataset.stream, self.origin, tables, offsets)

    def _complete(self, tables: dict[str, Columns], offsets: dict[str, np.ndarray], start: int, rows: int) -> None:
        """Fill in what files of this version do not have, and where each row comes from."""
        lengths: dict[str, int] = {}
        for name, table in self.tables.items():
            if table.parent is not None and name not in offsets:
                offsets[name] = np.zeros(lengths[table.parent] + 1, np.int64)
            lengths[name] = rows if table.parent is None else int(offsets[name][-1])
            for key, field in table.columns(self.origin).items():
                if key not in tables[name]:
                    tables[name][key] = _missing(lengths[name], field)
        row = tables[self.dataset.table]
        row["source_input"] = np.zeros(rows, np.uint16)
        row["source_entry"] = np.arange(start, start + rows, dtype=np.uint64)

    def _chain(self, table: str) -> list[str]:
        """The ragged tables from below the row table down to this one."""
        chain: list[str] = []
        while self.tables[table].parent is not None:
            chain.insert(0, table)
            table = str(self.tables[table].parent)
        return chain

    def _converted(self, member: _Member, part: Nested, start: int) -> np.ndarray:
        column, values = member.column, part.values
        field = self.tables[column.table].columns(self.origin)[column.field]
        if values.dtype == field.numpy:
            return values
        if field.numpy.kind in "iu":
            limits = np.iinfo(field.numpy)
            wrong = (values < limits.min) | (values > limits.max)
            if wrong.any():
                for counts in reversed(part.levels):
                    wrong = np.diff(np.append(0, np.cumsum(wrong))[offsets_of(counts)]) > 0
                demand(~wrong, member.branch, start, f"'{column.source}' holds a value that '{field.name}' cannot hold", expected=f"{limits.min} to {limits.max}")  # fmt: skip
        return values.astype(field.numpy)


def _missing(n: int, field: Field) -> np.ndarray:
    fill = np.nan if field.numpy.kind == "f" else NO_NUMBER if field.numpy.kind == "i" else 0
    return np.full((n, *(size for _, size in field.dims)), fill, field.numpy)


def _member(tree: Tree, branches: dict[str, Branch], column: Column) -> _Member:
    branch = branches.get(column.source)
    if branch is None:
        raise UnknownLayoutError(
            f"The tree has no branch '{column.source}'", where=tree.where, found=f"{len(branches)} branches", expected=column.source
        )
    what = _holding(branch)
    found, width = np.dtype(what.dtype), what.width if isinstance(what, Leaf) else 1
    expected, count = np.dtype(column.dtype), what.count
    # Versions of a class differ in the size of whole numbers; every value is checked when it is read.
    same = found == expected or (found.kind in "iu" and expected.kind in "iu")
    if not same or width != column.width or count != column.count:
        raise UnknownLayoutError(f"Branch '{column.source}' holds something else than the map says", where=branch.where, found=f"{found}, {width} each, counted by '{count}'", expected=f"{expected}, {column.width} each, counted by '{column.count}'")  # fmt: skip
    return _Member(column, branch, what)


def _holding(branch: Branch) -> Leaf | NestedBranch:
    try:
        leaf = leaf_of(branch)
    except UnknownLayoutError:
        return nested_of(branch)
    if leaf.kind == COLLECTION:
        return dataclasses.replace(leaf, dtype="i4")
    return leaf if leaf.dtype != "V" else nested_of(branch)


def _read(member: _Member, start: int, stop: int, counts: np.ndarray | None) -> Nested:
    branch, leaf = member.branch, member.what
    if isinstance(leaf, NestedBranch):
        return read_nested(branch, leaf, start, stop, counts)
    basket, dtype = branch.read(start, stop), leaf.big
    each = np.ones(stop - start, np.int64) if counts is None else counts
    demand(basket.sizes == each * (dtype.itemsize * leaf.width), branch, start, "An entry does not have as many elements as it should", found=basket.sizes // dtype.itemsize)  # fmt: skip
    values = native(basket.payload.view(dtype))
    if leaf.kind == COLLECTION:
        demand(values >= 0, branch, start, "A number of elements is negative", found=values)
    if leaf.width > 1:
        values = values.reshape(-1, leaf.width)
    return Nested(values, () if counts is None else (each,))
