"""Selections: which rows of a stream, said step by step and read only when a result is asked for."""

from __future__ import annotations

import dataclasses
import functools
import html
import warnings
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from antdask import settings
from antdask.archive.store import Store
from antdask.errors import UsageError
from antdask.query import columns as column_names
from antdask.query import narrowing
from antdask.query.binding import Scope
from antdask.query.explanation import Explanation, Step, explain, size
from antdask.query.index import Index
from antdask.query.pieces import Piece
from antdask.query.predicate import Predicate
from antdask.query.rows import Rows, gather
from antdask.query.scan import Job, Scan

if TYPE_CHECKING:
    import awkward as ak
    import dask.array
    import dask.bag
    import pandas as pd
    import pyarrow as pa
    import xarray as xr

type Names = str | Iterable[str] | None


class Count(NamedTuple):
    """Number of rows, and of hits below them."""

    rows: int
    hits: int


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Selection:
    """Rows of one stream; immutable, reads nothing until a result is asked for.

    Parameters
    ----------
    store : Store
    snapshot : str
        Of the catalogue: what is archived later is not seen.
    index : Index
    parts : int64 array
        Numbers of the parts that are left.
    predicates : tuple of Predicate
        Evaluated one after the other, each on what the one before left.
    steps : tuple of Step
        What narrowed the selection, in words.
    rows_untimed : int
        Rows that a selection by time left out because their parts carry no UTC.
    """

    store: Store
    snapshot: str
    index: Index
    parts: np.ndarray
    predicates: tuple[Predicate, ...] = ()
    steps: tuple[Step, ...] = ()
    rows_untimed: int = 0

    def select(
        self,
        *,
        run: int | range | Iterable[int] | None = None,
        detector: str | Iterable[str] | None = None,
        time: str | tuple[Any, Any] | None = None,
        frame: int | tuple[int, int] | None = None,
        key: tuple[int, ...] | None = None,
        where: str | None = None,
        lineage: str | Iterable[str] | None = None,
    ) -> Selection:
        """A narrower selection; every argument must hold.

        Parameters
        ----------
        run : int, range or iterable of int
            A run that is not in the archive selects nothing.
        detector, lineage : str or iterable of str
        time : (T0, T1) or "T0/T1"
            Half-open interval of UTC: ISO 8601, datetimes, or ns since 1970. Rows from sources without UTC are left out, with a warning.
        frame : int or (first, end)
            Half-open range of frames.
        key : (run, frame_index, trigger_counter)
            One integer for each key column of the stream.
        where : str
            A condition on columns, see `query.predicate`. It sees what earlier selections left.

        Raises
        ------
        UsageError
            An argument that cannot be understood; a time where nothing carries UTC.
        UnknownNameError
            A detector, lineage or column that the data do not have.
        WhereError
            A `where` that is not a comparison expression.
        """
        found = self
        for name, words in (("detector", detector), ("lineage", lineage)):
            if words is not None:
                labels = [words] if isinstance(words, str) else list(words)
                found = found._keep(f"{name} {_words(labels)}", narrowing.parts_with_words(self.index, name, labels))
        if run is not None:
            runs = run if isinstance(run, range) else narrowing.run_numbers(run)
            found = found._keep(f"run {_words(runs)}", narrowing.parts_of_runs(self.index, runs))
        if key is not None:
            number, condition = narrowing.key_condition(self.index, key)
            found = found._keep(f"run {number}", narrowing.parts_of_runs(self.index, [number]))._where(condition)
        if time is not None:
            found = found._timed()._where(narrowing.time_condition(time))
        if frame is not None:
            found = found._where(narrowing.frame_condition(frame))
        return found if where is None else found._where(where)

    def _with(self, **changes: Any) -> Selection:
        # Not `dataclasses.replace`: that would ask for the arguments of a subclass.
        return Selection(**{f.name: getattr(self, f.name) for f in dataclasses.fields(Selection)} | changes)

    def _keep(self, what: str, mask: np.ndarray) -> Selection:
        parts = self.parts[mask[self.parts]]
        return self._with(parts=parts, steps=(*self.steps, Step(what, len(parts))))

    def _where(self, text: str) -> Selection:
        predicate = Predicate.of(text, self._scope())
        return self._with(predicates=(*self.predicates, predicate), steps=(*self.steps, Step(text, len(self.parts))))

    def _scope(self) -> Scope:
        return Scope(self.index.schema, self.index.columns(self.parts)) if len(self.parts) else self.index.scope()

    def _timed(self) -> Selection:
        """Without the parts that carry no UTC: left out aloud, since nobody would miss them."""
        timed = self.index.with_column(f"{self.index.schema.rows.name}/utc_ns")
        without = self.parts[~timed[self.parts]]
        if not len(without):
            return self
        detector, names = self.index.words["detector"]
        label = ", ".join(names[i] for i in np.unique(detector[without]).tolist())
        rows = int(self.index.part("rows")[without].sum())
        if len(without) == len(self.parts):
            raise UsageError(
                "Nothing selected carries UTC, so it cannot be selected by time",
                where=f"stream '{self.index.schema.name}' of {label}",
                hint="Select by run or frame.",
            )
        text = f"{rows:,} rows of {label} carry no UTC and are left out of a selection by time; select them by run or frame"
        warnings.warn(text, UserWarning, stacklevel=3)
        return self._keep("parts that carry UTC", timed)._with(rows_untimed=self.rows_untimed + rows)

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
            A run is there in several lineages and none is chosen.
        """
        narrowing.refuse_several_lineages(self.index, self.parts)
        return Scan.of(self.index, self.parts, self.predicates)

    def _paths(self, columns: Names) -> list[str]:
        return column_names.resolve(self.index, self.parts, columns)

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
        whole = scan.whole
        rows, hits = int((scan.row_stop - scan.row_start)[whole].sum()), int((scan.hit_stop - scan.hit_start)[whole].sum())
        if not whole.all():
            self._afford(explain(scan, column_names.key_columns(self.index.schema)[:1], ()), max_bytes)
        has_hits = "hits" in self.index.schema.by_name
        for job in scan.only(~whole).jobs(self.store.url):
            for piece in job.pieces():
                rows, hits = rows + len(piece), hits + (piece.length("hits") if has_hits else 0)
        return Count(rows, hits)

    def _afford(self, cost: Explanation, max_bytes: int | None) -> None:
        """Refuse to read more than the budget.

        Raises
        ------
        UsageError
        """
        budget = settings.load(query_bytes=max_bytes).query_bytes
        if cost.nbytes_decoded > budget:
            raise UsageError(
                f"The query would read up to {size(cost.nbytes_decoded)} ({cost.parts:,} parts, about {cost.seconds:.1g} s)",
                found=f"{cost.nbytes_decoded:,} bytes",
                expected=f"at most {budget:,}",
                hint=f"Select less or fewer columns, use iter_batches() or to_dask(), or raise the budget: max_bytes={cost.nbytes_decoded} or ANTDASK_QUERY_BYTES.",
            )

    def jobs(self) -> Iterator[Job]:
        """What is to be read, one job per part; for workers."""
        return self.scan.jobs(self.store.url)

    def _gather(self, paths: list[str], pieces: list[Piece]) -> Rows:
        return gather(self.index.schema, self.index.tables(paths), paths, pieces)

    def _rows(self, columns: Names, max_bytes: int | None) -> Rows:
        paths = self._paths(columns)
        self._afford(explain(self.scan, paths, self.steps), max_bytes)
        # Blocks bound the memory of conditions; without any, neighbours are read at once and handed on without a copy.
        jobs = self.scan.jobs(self.store.url, cut=not self.scan.whole.all())
        return self._gather(paths, [piece for job in jobs for piece in job.pieces()])

    def iter_rows(self, columns: Names = None) -> Iterator[Rows]:
        """Block by block as plain arrays, see `query.rows.Rows`; reads as it goes and keeps nothing.

        Raises
        ------
        UnknownNameError, UsageError, DamagedPartError
        """
        paths = self._paths(columns)
        for job in self.jobs():
            for piece in job.pieces():
                yield self._gather(paths, [piece])

    def no_rows(self, columns: Names = None) -> Rows:
        """The result without its rows: names and types.

        Raises
        ------
        UnknownNameError
        """
        return self._gather(self._paths(columns), [])

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
        from antdask.query.arrow import flat_table, nested_table

        rows = self._rows(self._flat(table, columns) if table else columns, max_bytes)
        return nested_table(rows) if table is None else flat_table(rows, table)

    def to_pandas(self, table: str | None = None, columns: Names = None, *, max_bytes: int | None = None) -> pd.DataFrame:
        """The row table, or one row per row of a ragged `table` with the keys repeated; raises as `to_awkward`."""
        from antdask.query.dataframe import data_frame

        table = table or self.index.schema.rows.name
        return data_frame(self._rows(self._flat(table, columns), max_bytes), table)

    def to_dask(self, table: str | None = None, column: str | None = None, *, columns: Names = None) -> dask.bag.Bag | dask.array.Array:
        """A bag of Awkward arrays with one partition per part; or one column as a Dask array with one chunk per part.

        Parameters
        ----------
        table, column : str, optional
            Give both for an array. Its chunks are known where the catalogue alone decides which rows there are, else ``nan``.
        columns : optional
            For the bag.

        Raises
        ------
        UnknownNameError, UsageError
        """
        from antdask.query.graphs import bag, column_array

        if (table is None) != (column is None):
            raise UsageError("A Dask array is one column: give table and column", found=f"table={table!r}, column={column!r}")
        if table is None:
            return bag(self, self._paths(columns))
        return column_array(self, *self._scope().find(f"{table}.{column}"))

    def _flat(self, table: str, columns: Names) -> list[str]:
        return column_names.flat(self.index, self.parts, table, columns)

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        rows, hits = self.index.part("rows")[self.parts].sum(), self.index.part("hits")[self.parts].sum()
        lines = [f"Selection of stream '{self.index.schema.name}': {len(self.parts):,} parts with {rows:,} rows and {hits:,} hits"]
        lines += [f"  {step.what}" for step in self.steps]
        if self.rows_untimed:
            lines.append(f"  without {self.rows_untimed:,} rows that carry no UTC")
        return [*lines, "Next: .explain()  .count()  .to_awkward(columns)  .to_xarray()  .to_pandas()  .to_dask()  .iter_batches()"]

    def _repr_html_(self) -> str:
        first, *rest = self._lines()
        return f"<b>{html.escape(first)}</b><br>" + "<br>".join(html.escape(line) for line in rest)


def _words(values: range | list[int] | list[str]) -> str:
    if isinstance(values, range) and len(values) > 1:
        return f"{values.start} to {values.stop - 1}" + (f" in steps of {values.step}" if values.step != 1 else "")
    words = [str(v) for v in values]
    return (", ".join(words[:6]) or "none") + (f" and {len(words) - 6} more" if len(words) > 6 else "")
