"""Dask collections of selections: one task per group of parts, which reads by itself; nothing that is selected passes through the graph.

::

    parts       0 1 2 3 4 5 6 7 8 9 …          10^5 parts make 1,000 partitions of about equal weight
    partitions  └─┬─┘ └─┬─┘ └─┬─┘              a task carries numbers of parts; their rows of the catalogue are looked up where it runs
"""

from __future__ import annotations

import operator
from typing import Any

import awkward as ak
import dask.array
import dask.bag
import numpy as np
from dask.base import tokenize

from antdask.errors import UsageError
from antdask.query.pieces import Piece
from antdask.query.portions import MOST, Portion
from antdask.query.records import awkward_array
from antdask.query.rows import gather
from antdask.query.scan import distinct


def bag(whole: Portion, paths: list[str], partitions: int | None) -> dask.bag.Bag:
    """A bag whose items are Awkward arrays, one for each block with rows.

    Parameters
    ----------
    whole : Portion
        All that is selected.
    paths : list of str
        ``table/column`` of every column, keys first.
    partitions : int, optional
        How many at most; one for each part up to `portions.MOST` if not given.
    """
    index = whole.scan.index
    tables = index.tables(paths)
    work = _work(whole, partitions)
    name = f"antdask-{index.schema.name}-{_token(whole, len(work), paths)}"
    # A bag has at least one partition.
    graph: dict[Any, Any] = {(name, i): (read_arrays, one, tables, paths) for i, one in enumerate(work)} or {(name, 0): (list, [])}
    return dask.bag.Bag(graph, name, len(graph))


def column_array(whole: Portion, table: str, column: str, partitions: int | None) -> dask.array.Array:
    """One column, a chunk per partition. Chunk lengths are known where the catalogue alone decides, else ``nan``.

    Raises
    ------
    UsageError
        A part of the selection does not have the column: an array has no place for what is missing.
    """
    index, path = whole.scan.index, f"{table}/{column}"
    parts = distinct(whole.scan.part)
    without = parts[~index.with_column(path)[parts]]
    if len(without):
        raise UsageError(
            f"{len(without):,} of {len(parts):,} parts do not have column '{path.replace('/', '.')}'",
            found=index.row(int(without[0]))["part"],
            hint="Select the detector or runs that have it, or use to_awkward(), where a value may be missing.",
        )
    field = index.schema.table(table).field(column)
    tail = tuple(size for _, size in field.dims)
    work = _work(whole, partitions)
    meta = np.empty((0, *tail), field.numpy)
    name = f"antdask-{index.schema.name}-{column}-{_token(whole, len(work), [path])}"
    graph: dict[Any, Any] = {(name, i, *(0 for _ in tail)): (read_column, one, table, column) for i, one in enumerate(work)}
    lengths = _lengths(whole, work, table) if work else [0]
    return dask.array.Array(  # type: ignore[no-untyped-call]
        graph or {(name, 0, *(0 for _ in tail)): meta}, name, (tuple(lengths), *((n,) for n in tail)), meta=meta
    )


def read_arrays(work: Portion, tables: list[str], paths: list[str]) -> list[ak.Array]:
    """Items of one partition."""
    schema = work.scan.index.schema

    def read(piece: Piece) -> list[ak.Array]:
        return [awkward_array(gather(schema, tables, paths, [piece]))]

    return work.work(read, operator.add) or []


def read_column(work: Portion, table: str, column: str) -> np.ndarray:
    """One chunk."""
    field = work.scan.index.schema.table(table).field(column)
    empty = np.empty((0, *(n for _, n in field.dims)), field.numpy)
    return np.concatenate([empty, *(work.work(lambda piece: [piece.column(table, column)], operator.add) or [])])


def _work(whole: Portion, partitions: int | None) -> list[Portion]:
    """The partitions.

    Raises
    ------
    UsageError
        Not a number of partitions.
    """
    if partitions is not None and not (isinstance(partitions, int) and 0 < partitions <= MOST):
        raise UsageError("Not a number of partitions", found=repr(partitions), expected=f"1 to {MOST}")
    return whole.cut(partitions or MOST)


def _lengths(whole: Portion, work: list[Portion], table: str) -> list[Any]:
    """Rows of a table in each partition: from blocks for the row table and for hits, from the shape of arrays for whole parts; else unknown."""
    scan, index = whole.scan, whole.scan.index
    rows = index.schema.rows.name
    if whole.on_missing == "skip" or (scan.scattered and table != rows):
        return [np.nan] * len(work)
    if table in (rows, "hits"):
        return [_sum(one, "row" if table == rows else "hit") if one.scan.whole.all() else np.nan for one in work]
    parts = distinct(scan.part)
    first = next(path for path in index.columns(parts) if path.startswith(f"{table}/"))
    found = index.arrays(parts, [first])[first]
    total = dict(zip(found["part"].tolist(), found["rows"].tolist(), strict=True))
    own = [distinct(one.scan.part) for one in work]
    full = [one.scan.whole.all() and _sum(one, "row") == int(index.part("rows")[p].sum()) for one, p in zip(work, own, strict=True)]
    return [sum(total[part] for part in p.tolist()) if all_of_it else np.nan for p, all_of_it in zip(own, full, strict=True)]


def _sum(work: Portion, kind: str) -> int:
    return int((getattr(work.scan, f"{kind}_stop") - getattr(work.scan, f"{kind}_start")).sum())


def _token(whole: Portion, partitions: int, paths: list[str]) -> str:
    scan, index = whole.scan, whole.scan.index
    where = [predicate.identity for predicate in scan.predicates]
    ranges = scan.part, scan.row_start, scan.row_stop, scan.whole
    return str(tokenize(whole.url, index.catalog.snapshot, index.schema.name, ranges, where, paths, partitions))
