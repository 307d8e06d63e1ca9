"""Histograms of columns, filled piece by piece where the pieces are read, so that no column is ever held whole."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any

import boost_histogram as bh
import hist
import numpy as np

from antdask.errors import UsageError
from antdask.model.schema import Field, Schema
from antdask.query.cells import Cells
from antdask.query.pieces import Piece
from antdask.query.rows import gather

# Cells of counts that are kept per thread for the quick way [number].
_CELLS = 1 << 22
# Letters of a label.
_LABEL = 48


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What to fill.

    Parameters
    ----------
    schema : Schema
    names : tuple of str
        Columns as they are written, one per axis.
    paths : tuple of str
        The same as ``table/column``.
    axes : tuple of boost_histogram axes
    table : str
        The lowest table of them, whose rows are counted.
    tables : tuple of str
        The tables to locate.
    """

    schema: Schema
    names: tuple[str, ...]
    paths: tuple[str, ...]
    axes: tuple[Any, ...]
    table: str
    tables: tuple[str, ...]

    def empty(self) -> Any:
        """The histogram before anything is filled."""
        return bh.Histogram(*self.axes, storage=bh.storage.Int64())

    def fill(self, piece: Piece) -> Any:
        """Histogram of one piece, or the counts of all its cells; rows without one of the columns are not counted.

        Raises
        ------
        DamagedPartError
        """
        keys = [(path.rpartition("/")[0], path.rpartition("/")[2]) for path in self.paths]
        there = all(piece.has(*key) for key in keys)
        if self.places is not None:
            cells = Cells(self.places)
            if there:
                piece.sweep(keys, cells.count)
            return cells.counts
        made = self.empty()
        if there:
            rows = gather(self.schema, self.tables, self.paths, [piece])
            values = {f"{table}/{label.rpartition('.')[2]}": column.values for label, table, column in rows.flat(self.table)}
            made.fill(*(values[path] for path in self.paths))
        return made

    def whole(self, filled: Any) -> Any:
        """The histogram of all that was filled, which may be nothing."""
        made = self.empty()
        if isinstance(filled, np.ndarray):
            made.view(flow=True)[...] = filled.reshape(made.view(flow=True).shape)
            return made
        return made if filled is None else filled

    @functools.cached_property
    def places(self) -> list[tuple[int, int]] | None:
        """First integer and length of each axis, where values can be counted by their place in the array of cells; a histogram is a hundred times slower to make."""
        whole = all(isinstance(axis, bh.axis.Integer) and not axis.traits.growth for axis in self.axes)
        flow = all(axis.traits.underflow and axis.traits.overflow for axis in self.axes)
        few = int(np.prod([len(axis) + 2 for axis in self.axes])) <= _CELLS
        short = all(self._is_short(*path.split("/")) and path.startswith(f"{self.table}/") for path in self.paths)
        return [(int(axis.bin(0)), len(axis)) for axis in self.axes] if whole and flow and few and short else None

    def _is_short(self, table: str, column: str) -> bool:
        dtype = self.schema.table(table).field(column).numpy
        return dtype.kind in "iu" and dtype.itemsize <= 2


def make_recipe(schema: Schema, tables: list[str], paths: dict[str, str], axes: Mapping[str, Any]) -> Recipe:
    """Axes for columns.

    Parameters
    ----------
    tables : list of str
        The tables of the columns and all above, in the declared order.
    paths : dict of str to str
        ``table/column`` of each name.
    axes : mapping of str to axis
        ``(bins, low, high)``, edges, an axis of boost-histogram or hist; ``None`` for all values of an integer of up to 16 bits.

    Raises
    ------
    UsageError
        An axis that cannot be understood, or columns of tables that lie side by side.
    """
    made = []
    for name, wanted in axes.items():
        table, _, column = paths[name].rpartition("/")
        field = schema.table(table).field(column)
        if field.dims:
            raise UsageError(f"'{name}' has several values per row", hint="Histograms take columns of one value per row.")
        made.append(_axis(name, wanted, field))
    own = {path.rpartition("/")[0] for path in paths.values()}
    lowest = [t for t in tables if t in own][-1]
    above, place = {lowest}, schema.table(lowest).parent
    while place is not None:
        above.add(place)
        place = schema.table(place).parent
    if not own <= above:
        raise UsageError("Columns of tables that hang side by side have no common rows", found=", ".join(sorted(own)))
    return Recipe(schema, tuple(axes), tuple(paths[n] for n in axes), tuple(made), lowest, tuple(tables))


def named(filled: Any, recipe: Recipe) -> hist.Hist[Any]:
    """The result, with names on its axes, good for plots."""
    found = hist.Hist(recipe.whole(filled))
    for axis, name, path in zip(found.axes, recipe.names, recipe.paths, strict=True):
        table, _, column = path.rpartition("/")
        field = recipe.schema.table(table).field(column)
        # `hist` names an axis only as it makes it, and these come with the histogram that was filled.
        axis.__dict__["name"] = name.replace(".", "_")
        axis.label = _label(field)
    return found


def _label(field: Field) -> str:
    """The first words of the description, if they fit along an axis, and the unit."""
    words = re.split(r"[;,:(]", field.description)[0].strip()
    words = words if len(words) <= _LABEL else field.name.replace("_", " ")
    return f"{words} [{field.unit}]" if field.unit != "1" else words


def _axis(name: str, wanted: Any, field: Field) -> Any:
    if isinstance(wanted, bh.axis.Axis):
        return wanted
    if wanted is None:
        if field.numpy.kind not in "iu" or field.numpy.itemsize > 2:
            raise UsageError(f"'{name}' needs bins", hint=f"Give them: histogram({{'{name}': (100, 0, 1000)}}).")
        info = np.iinfo(field.numpy)
        return bh.axis.Integer(int(info.min), int(info.max) + 1)
    # A list of three is three edges: taken for (bins, low, high), [1, 10, 100] would be one bin from 10 to 100.
    if isinstance(wanted, tuple) and len(wanted) == 3 and isinstance(wanted[0], int) and wanted[0] > 0 and wanted[1] < wanted[2]:
        bins, low, high = wanted
        if field.numpy.kind in "iu" and isinstance(low, int) and isinstance(high, int) and high - low == bins:
            return bh.axis.Integer(low, high)
        return bh.axis.Regular(bins, low, high)
    if isinstance(wanted, Iterable) and len(edges := tuple(wanted)) > 1 and (np.diff(edges) > 0).all():
        return bh.axis.Variable(edges)
    raise UsageError(f"Not an axis for '{name}'", found=repr(wanted)[:80], expected="(bins, low, high), ascending edges, or an axis")
