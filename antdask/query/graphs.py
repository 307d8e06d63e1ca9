"""Dask collections of selections: one task per part, which reads by itself; nothing that is selected passes through the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import awkward as ak
import dask.array
import dask.bag
import numpy as np
from dask.base import tokenize

from antdask.errors import UsageError
from antdask.model.tables import schema as find_schema
from antdask.query.records import awkward_array
from antdask.query.rows import gather
from antdask.query.scan import Job

if TYPE_CHECKING:
    from antdask.query.results import Results


def bag(selection: Results, paths: list[str]) -> dask.bag.Bag:
    """A bag whose items are Awkward arrays, one for each block with rows; one partition per part.

    Parameters
    ----------
    paths : list of str
        ``table/column`` of every column, keys first.
    """
    tables = selection.index.tables(paths)
    jobs = list(selection.jobs())
    name = f"antdask-{selection.index.schema.name}-{_token(selection, jobs, paths)}"
    # A bag has at least one partition.
    graph: dict[Any, Any] = {(name, i): (read_arrays, job, tables, paths) for i, job in enumerate(jobs)} or {(name, 0): (list, [])}
    return dask.bag.Bag(graph, name, len(graph))


def column_array(selection: Results, table: str, column: str) -> dask.array.Array:
    """One column, one chunk per part. Chunk lengths are known where the catalogue alone decides, else ``nan``.

    Raises
    ------
    UsageError
        A part of the selection does not have the column: an array has no place for what is missing.
    """
    schema, path = selection.index.schema, f"{table}/{column}"
    parts = np.unique(selection.scan.part)
    without = parts[~selection.index.with_column(path)[parts]]
    if len(without):
        raise UsageError(
            f"{len(without):,} of {len(parts):,} parts do not have column '{path.replace('/', '.')}'",
            found=selection.index.row(int(without[0]))["part"],
            hint="Select the detector or runs that have it, or use to_awkward(), where a value may be missing.",
        )
    field = schema.table(table).field(column)
    tail = tuple(size for _, size in field.dims)
    jobs = list(selection.jobs())
    meta = np.empty((0, *tail), field.numpy)
    name = f"antdask-{schema.name}-{column}-{_token(selection, jobs, [path])}"
    graph: dict[Any, Any] = {(name, i, *(0 for _ in tail)): (read_column, job, table, column) for i, job in enumerate(jobs)}
    lengths = _lengths(selection, table, parts) if jobs else [0]
    return dask.array.Array(  # type: ignore[no-untyped-call]
        graph or {(name, 0, *(0 for _ in tail)): meta}, name, (tuple(lengths), *((n,) for n in tail)), meta=meta
    )


def read_arrays(job: Job, tables: list[str], paths: list[str]) -> list[ak.Array]:
    """Items of one partition."""
    schema = find_schema(job.stream)
    return [awkward_array(gather(schema, tables, paths, [piece])) for piece in job.pieces()]


def read_column(job: Job, table: str, column: str) -> np.ndarray:
    """One chunk."""
    field = find_schema(job.stream).table(table).field(column)
    empty = np.empty((0, *(n for _, n in field.dims)), field.numpy)
    return np.concatenate([empty, *(piece.column(table, column) for piece in job.pieces())])


def _lengths(selection: Results, table: str, parts: np.ndarray) -> list[Any]:
    """Rows of a table in each part: from blocks for the row table and for hits, from the shape of arrays for a whole part; else unknown."""
    scan, schema = selection.scan, selection.index.schema
    if not scan.whole.all():
        return [np.nan] * len(parts)
    spot = np.searchsorted(parts, scan.part)
    rows, hits = (np.zeros(len(parts), np.int64) for _ in range(2))
    np.add.at(rows, spot, scan.row_stop - scan.row_start)
    np.add.at(hits, spot, scan.hit_stop - scan.hit_start)
    if table in (schema.rows.name, "hits"):
        return list((hits if table == "hits" else rows).tolist())
    first = next(path for path in selection.index.columns(parts) if path.startswith(f"{table}/"))
    total = selection.index.arrays(parts, [first])[first]["rows"]
    whole = rows == selection.index.part("rows")[parts]
    return [int(n) if all_of_it else np.nan for n, all_of_it in zip(total, whole, strict=True)]


def _token(selection: Results, jobs: list[Job], paths: list[str]) -> str:
    where = [predicate.text for predicate in selection.predicates]
    return str(tokenize(selection.store.url, selection.snapshot, [(job.row["part"], job.ranges) for job in jobs], where, paths))
