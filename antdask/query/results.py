"""Results: the rows of a selection in the forms that people use, read when one of them is asked for."""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from antdask.archive.store import Store
from antdask.errors import UsageError
from antdask.query import columns as column_names
from antdask.query import narrowing
from antdask.query.arrow import flat_table, nested_table
from antdask.query.binding import Scope
from antdask.query.columns import Names
from antdask.query.explanation import Explanation, Step, explain
from antdask.query.files import whole_file
from antdask.query.formats import write_tables
from antdask.query.index import Index
from antdask.query.pieces import Piece
from antdask.query.portions import Portion, reduce_all
from antdask.query.predicate import Condition
from antdask.query.rows import Rows, gather
from antdask.query.scan import EACH_BLOCK, ROWS_ALONE, Grain, Scan
from antdask.query.walking import over_pieces

# Imported late, by the forms that need them: together they take 110 MB and most of a second.
if TYPE_CHECKING:
    import awkward as ak
    import dask.array
    import dask.bag
    import hist
    import pandas as pd
    import pyarrow as pa
    import xarray as xr

# Bytes of the columns of conditions that are looked at together, and hits that pass by together where they are only counted.
_LOOKED_AT, _COUNTED = 4 << 20, 4 << 20


class Count(NamedTuple):
    """Number of rows, and of hits below them."""

    rows: int
    hits: int


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Results:
    """Rows of one stream.

    Parameters
    ----------
    store : Store
    index : Index
        Of one snapshot of the catalogue: what is archived later is not seen.
    parts : int64 array
        Numbers of the parts that are left.
    predicates : tuple of Condition
        Evaluated one after the other, each on what the one before left.
    steps : tuple of Step
        What narrowed the selection, in words.
    rows_untimed : int
        Rows that a selection by time left out because their parts carry no UTC.
    on_missing : str
        ``"raise"`` or ``"skip"``: what to do about a part that is missing or damaged.
    chosen : int64 array or None
        Numbers of rows, see `take`.
    """

    store: Store
    index: Index
    parts: np.ndarray
    predicates: tuple[Condition, ...] = ()
    steps: tuple[Step, ...] = ()
    rows_untimed: int = 0
    on_missing: str = "raise"
    chosen: np.ndarray | None = None

    @functools.cached_property
    def current_parts(self) -> np.ndarray:
        """Numbers of the parts that are read: of runs in several lineages those of the current one, unless another was chosen by its name."""
        return narrowing.current_parts(self.index, self.parts)

    def _scope(self) -> Scope:
        return Scope(self.index.schema, self.index.columns(self.current_parts)) if len(self.parts) else self.index.scope()

    @property
    def columns(self) -> list[str]:
        """Columns that at least one selected part has, as they are written in ``columns=`` and ``where=``."""
        return self._scope().names

    @functools.cached_property
    def scan(self) -> Scan:
        """The blocks to read, after the catalogue has been asked.

        Raises
        ------
        UsageError
            A run is there in several lineages, of which none is the current one, and none is chosen.
        """
        narrowing.refuse_several_lineages(self.index, self.current_parts)
        scan = Scan.of(self.index, self.current_parts, self.predicates)
        return scan if self.chosen is None else scan.take(self.chosen)

    def _paths(self, columns: Names) -> list[str]:
        return column_names.resolve(self.index, self.current_parts, columns)

    def explain(self, columns: Names = None) -> Explanation:
        """What reading these columns would take; reads the catalogue only.

        Raises
        ------
        UnknownNameError
        UsageError
            A run is there in several lineages and none is chosen.
        """
        return explain(self.scan, self._paths(columns), self.steps, self.rows_untimed)

    def count(self, max_bytes: int | None = None) -> Count:
        """Number of rows and hits; reads only the columns of conditions that the catalogue cannot decide.

        Raises
        ------
        UsageError
            It would read more than the budget.
        DamagedPartError
        """
        scan = self.scan
        whole = scan.whole & (not scan.scattered)
        rows, hits = int((scan.row_stop - scan.row_start)[whole].sum()), int((scan.hit_stop - scan.hit_start)[whole].sum())
        if not whole.all():
            explain(scan, column_names.key_columns(self.index.schema)[:1], ()).afford(max_bytes)
        has_hits = "hits" in self.index.schema.by_name
        grain = ROWS_ALONE if self._rows_only() else EACH_BLOCK
        counts = self._over_pieces(scan.only(~whole), lambda p: (len(p), p.length("hits") if has_hits else 0), grain=grain)
        for more_rows, more_hits in counts:
            rows, hits = rows + more_rows, hits + more_hits
        return Count(rows, hits)

    def _portion(self, grain: Grain = EACH_BLOCK) -> Portion:
        """All of it as one piece of work."""
        return Portion(self.store.url, self.scan, self.on_missing, grain)

    def _gather(self, paths: list[str], pieces: list[Piece]) -> Rows:
        return gather(self.index.schema, self.index.tables(paths), paths, pieces)

    def _over_pieces[T](
        self, scan: Scan, work: Callable[[Piece], T], grain: Grain | None = EACH_BLOCK, depth: int | None = None
    ) -> Iterator[T]:
        """The work done on each piece with rows, in order, the next ones under way; where wanted without those that are missing or damaged."""
        return over_pieces(scan, self.store.url, self.on_missing, work, grain=grain, depth=depth)

    def _rows(self, columns: Names, max_bytes: int | None) -> Rows:
        paths = self._paths(columns)
        explain(self.scan, paths, self.steps).afford(max_bytes)
        # Only what may be skipped must be read before its place is known; all else goes there at once.
        keys = [(path.rpartition("/")[0], path.rpartition("/")[2]) for path in paths] if self.on_missing == "skip" else []
        tables = self.index.tables(paths)

        def locate(piece: Piece) -> Piece:
            for table in tables:
                piece.length(table)
            piece.load(key for key in keys if piece.has(*key))
            return piece

        # Blocks bound the memory of conditions; without any, neighbours are read at once and handed on without a copy.
        return self._gather(paths, list(self._over_pieces(self.scan, locate, None if self.scan.exact else self._grain())))

    def _grain(self) -> Grain:
        """So that the columns of conditions come to some megabytes, since each piece has its price; what may be skipped is cut finely."""
        if self._rows_only():
            return ROWS_ALONE
        if self.on_missing == "skip":
            return EACH_BLOCK
        named = {key for p in self.predicates for key in p.columns if key[0] != self.index.schema.rows.name}
        fields = [self.index.schema.table(table).field(column) for table, column in named]
        width = sum(f.numpy.itemsize * math.prod(n for _, n in f.dims) for f in fields)
        return Grain(hits=_LOOKED_AT // width)

    def _rows_only(self) -> bool:
        """Whether the conditions name only columns of the row table."""
        return {table for p in self.predicates for table, _ in p.columns} <= {self.index.schema.rows.name}

    def iter_rows(self, columns: Names = None, *, prefetch: int | None = None) -> Iterator[Rows]:
        """Block by block as plain arrays, see `query.rows.Rows`; the next blocks are read while one is used, and none is kept.

        Parameters
        ----------
        prefetch : int, optional
            How many blocks are under way beyond the one in use; a few by default, 0 for who may stop early.

        Raises
        ------
        UnknownNameError, UsageError, DamagedPartError
        """
        paths = self._paths(columns)
        alone = self._rows_only() and self.index.tables(paths) == [self.index.schema.rows.name]
        grain = ROWS_ALONE if alone else EACH_BLOCK
        return self._over_pieces(self.scan, lambda piece: self._gather(paths, [piece]), grain, prefetch)

    def no_rows(self, columns: Names = None) -> Rows:
        """The result without its rows: names and types.

        Raises
        ------
        UnknownNameError
        """
        return self._gather(self._paths(columns), [])

    def blocks_as(self, convert: Callable[[Rows], pa.Table], columns: Names = None, *, prefetch: int | None = None) -> Iterator[pa.Table]:
        """What `convert` makes of the rows, block by block; first an empty one, which carries names and types.

        Raises
        ------
        UnknownNameError, UsageError, DamagedPartError
        """
        asked = None if columns is None else column_names.listed(columns)
        yield convert(self.no_rows(asked))
        yield from map(convert, self.iter_rows(asked, prefetch=prefetch))

    def flat_columns(self, columns: Names = None) -> tuple[list[str], str]:
        """Columns of a view with one row per row of the lowest table that they name, as they are written, and that table.

        Without `columns` it is the row table.

        Raises
        ------
        UnknownNameError
        UsageError
            They name tables that hang side by side.
        """
        rows = self.index.schema.rows.name
        tables = {path.partition("/")[0] for path in self._paths(columns)} if columns is not None else {rows}
        lowest = [t.name for t in self.index.schema.tables if t.name in tables][-1]
        return self._flat(lowest, columns), lowest

    def iter_batches(self, columns: Names = None) -> Iterator[ak.Array]:
        """Block by block (about a million hits) as Awkward arrays; reads as it goes, so no budget applies.

        Raises
        ------
        UnknownNameError, UsageError, DamagedPartError
        """
        from antdask.query.records import awkward_array

        return (awkward_array(rows) for rows in self.iter_rows(columns))

    def to_awkward(self, columns: Names = None, *, max_bytes: int | None = None) -> ak.Array:
        """Records of the row columns, with a list of records for each ragged table.

        Parameters
        ----------
        columns : str, iterable of str or None
            ``"n_hits"``, ``"hits.tot"``, or ``"hits"`` for all of them; the key columns always come first. ``None``: all.
        max_bytes : int, optional
            Decoded bytes that it may read [byte]; the setting ``query_bytes`` if not given.

        Raises
        ------
        UnknownNameError
            No selected part has such a column.
        UsageError
            It would read more than the budget; or a run is there in several lineages.
        DamagedPartError
            A part is missing or torn.
        """
        from antdask.query.records import awkward_array

        return awkward_array(self._rows(columns, max_bytes))

    def to_xarray(self, columns: Names = None, *, max_bytes: int | None = None) -> xr.Dataset:
        """A dataset with the declared dimensions, units and CF attributes; raises as `to_awkward`."""
        from antdask.query.dataset import dataset

        return dataset(self._rows(columns, max_bytes))

    def to_arrow(self, table: str | None = None, columns: Names = None, *, max_bytes: int | None = None) -> pa.Table:
        """One row per row with ragged tables as lists of structs; or one row per row of a ragged `table`; raises as `to_awkward`."""
        rows = self._rows(self._flat(table, columns) if table else columns, max_bytes)
        return nested_table(rows) if table is None else flat_table(rows, table)

    def to_pandas(self, table: Names = None, columns: Names = None, *, max_bytes: int | None = None) -> pd.DataFrame:
        """The row table, or one row per row of a ragged `table` with the keys repeated; a list stands for columns. Raises as `to_awkward`."""
        from antdask.query.dataframe import data_frame

        if table is not None and not isinstance(table, str):
            if columns is not None:
                raise UsageError("A table is one name", found=repr(table)[:80], hint='Example: to_pandas("hits", ["hits.time_ns"]).')
            table, columns = None, table
        table = table or self.index.schema.rows.name
        return data_frame(self._rows(self._flat(table, columns), max_bytes), table)

    def to_dask(
        self, table: str | None = None, column: str | None = None, *, columns: Names = None, partitions: int | None = None
    ) -> dask.bag.Bag | dask.array.Array:
        """A bag of Awkward arrays, one for each block; or one column as a Dask array.

        Parameters
        ----------
        table, column : str, optional
            Give both for an array. Its chunks are known where the catalogue alone decides which rows there are, else ``nan``.
        columns : optional
            For the bag.
        partitions : int, optional
            How many at most, of about equal size; one for each part, up to 1,000, if not given.

        Raises
        ------
        UnknownNameError, UsageError
        """
        from antdask.query.graphs import bag, column_array

        if (table is None) != (column is None):
            raise UsageError("A Dask array is one column: give table and column", found=f"table={table!r}, column={column!r}")
        if table is None:
            return bag(self._portion(), self._paths(columns), partitions)
        return column_array(self._portion(), *self._scope().find(f"{table}.{column}"), partitions)

    def histogram(self, axes: str | Iterable[str] | Mapping[str, Any], *, client: Any = None) -> hist.Hist[Any]:
        """Counts of values, filled where the data are read; memory is that of a few blocks and the cells.

        Parameters
        ----------
        axes : str, iterable of str, or mapping of str to axis
            Columns, or columns with ``(bins, low, high)``, edges, or an axis of boost-histogram each. ``None`` stands for all values of an integer of
            up to 16 bits. Columns of upper tables are repeated for the rows of the lowest. Rows without one of the columns are not counted.
        client : dask.distributed.Client, optional
            Where to compute; here if not given.

        Raises
        ------
        UnknownNameError, UsageError, DamagedPartError
        """
        from antdask.query.histograms import make_recipe, named

        asked = dict(axes) if isinstance(axes, Mapping) else dict.fromkeys(column_names.listed(axes))
        if not asked:
            raise UsageError("A histogram needs a column", hint='Example: histogram("hits.tot").')
        scope = self._scope()
        paths = {name: "/".join(scope.find(name)) for name in asked}
        recipe = make_recipe(self.index.schema, self.index.tables(list(paths.values())), paths, asked)
        # Columns that only pass through need no small pieces, and each piece has its price.
        passing = recipe.places is not None and not self.predicates and self.on_missing == "raise"
        grain = Grain(hits=_COUNTED) if passing else EACH_BLOCK
        return named(self._reduce(recipe.fill, operator.add, client, grain), recipe)

    def map_parts[T](
        self, func: Callable[[ak.Array], T], columns: Names = None, *, combine: Callable[[T, T], T] = operator.add, client: Any = None
    ) -> T | None:
        """What `func` makes of every block, combined in a tree; ``None`` where nothing is selected.

        Parameters
        ----------
        func : callable
            Takes an Awkward array of a block (about a million hits). It travels to the workers, so it must be importable there or picklable.
        columns : optional
            What the arrays hold.
        combine : callable
            Joins two results; the sum if not given.
        client : dask.distributed.Client, optional
            Where to compute; here if not given.

        Raises
        ------
        UnknownNameError, UsageError, DamagedPartError
        """
        from antdask.query.records import AwkwardTask

        paths = self._paths(columns)
        return self._reduce(AwkwardTask(func, self.index.schema, self.index.tables(paths), paths), combine, client)

    def _reduce[T](self, do: Callable[[Piece], T], combine: Callable[[T, T], T], client: Any, grain: Grain = EACH_BLOCK) -> T | None:
        if client is not None and not hasattr(client, "nthreads"):
            raise UsageError("A client is one of dask.distributed", found=repr(client)[:80], hint="Example: client=Client().")
        number = 1 if client is None else 8 * max(1, sum(client.nthreads().values()))
        return reduce_all(self._portion(grain).cut(number), do, combine, client)

    def to_parquet(self, path: str, columns: Names = None) -> int:
        """Write a Parquet file block by block, ragged tables as lists of structs; gives the number of rows.

        Raises
        ------
        UnknownNameError, DamagedPartError
        DestinationError
            The file cannot be written; nothing is left at its place then.
        """
        with whole_file(path) as file:
            return write_tables(self.blocks_as(nested_table, columns), "parquet", file)

    def _flat(self, table: str, columns: Names) -> list[str]:
        return column_names.flat(self.index, self.current_parts, table, columns)
