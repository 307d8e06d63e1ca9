"""Which columns a result has: names as they are written, resolved to ``table/column``, the key columns first."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from antdask.errors import UnknownNameError, UsageError
from antdask.model.schema import Schema
from antdask.query.binding import Scope
from antdask.query.index import Index
from antdask.query.rows import DETECTOR

#: Columns of a result as they are written: one, several, or all.
type Names = str | Iterable[str] | None


def key_columns(schema: Schema) -> list[str]:
    """Columns that name a row: the run, and those by which rows are sorted.

    Examples
    --------
    >>> from antdask.model.tables import schema
    >>> key_columns(schema("events"))
    ['events/run', 'events/frame_index', 'events/trigger_counter']
    """
    known = {f.name for f in schema.rows.fields}
    return [f"{schema.rows.name}/{name}" for name in dict.fromkeys(("run", *schema.order)) if name in known]


def resolve(index: Index, parts: np.ndarray, names: Names) -> list[str]:
    """``table/column`` of every column of a result.

    Parameters
    ----------
    parts : int64 array
        Parts of the selection; where it is empty, any part of the stream tells which columns there are.
    names : str, iterable of str or None
        ``"n_hits"``, ``"hits.tot"``, or ``"hits"`` for a whole table; ``"detector"`` for the label; ``None`` for all columns.

    Raises
    ------
    UnknownNameError
        No part of the selection has the column.
    UsageError
        Not names.
    """
    schema, there = index.schema, index.columns(parts if len(parts) else np.arange(len(index)))
    there = there or [f"{t.name}/{f.name}" for t in schema.tables for f in t.fields]
    label = f"{schema.rows.name}/{DETECTOR.name}"
    keys = [name for name in key_columns(schema) if name in there]
    if names is None:
        return [*keys, *(name for name in there if name not in keys)]
    asked = listed(names)
    scope = Scope(schema, [*there, label])
    found = [path for name in asked for path in _paths(scope, name, there)]
    whole = [path for table in schema.tables for path in dict.fromkeys(found) if path.startswith(f"{table.name}/")]
    return [*keys, *(path for path in whole if path not in keys)]


def listed(names: str | Iterable[str]) -> list[str]:
    """Names of columns, one or several.

    Raises
    ------
    UsageError
        Not names.
    """
    asked = [names] if isinstance(names, str) else list(names) if isinstance(names, Iterable) else [names]
    if not all(isinstance(name, str) for name in asked):
        raise UsageError("Columns are names", found=repr(asked)[:80], hint='Example: ["n_hits", "hits.tot"].')
    return asked


def _paths(scope: Scope, name: str, there: list[str]) -> list[str]:
    whole = [path for path in there if path.startswith(f"{name}/")]
    if whole:
        return whole
    table, column = scope.find(name)
    return [f"{table}/{column}"]


def flat(index: Index, parts: np.ndarray, table: str, names: Names) -> list[str]:
    """Columns of a flat view of one table, as they are written: its own, and those above it that are repeated.

    Parameters
    ----------
    names : str, iterable of str or None
        ``None``: the key columns, all columns of tables between, and all of its own.

    Raises
    ------
    UnknownNameError
        No such table or column.
    UsageError
        A column of a table that does not lie above.
    """
    schema = index.schema
    lineage = index.tables([f"{schema.table(table).name}/"])
    between = [t for t in lineage if t != schema.rows.name] or [table]
    if names is None:
        there = {path.partition("/")[0] for path in resolve(index, parts, None)}
        if table not in there:
            raise UnknownNameError.of("table", table, there, where=f"what is selected of stream '{schema.name}'")
        names = [name for name in between if name in there]
    paths = resolve(index, parts, names)
    for path in paths:
        other = path.partition("/")[0]
        if other not in lineage:
            raise UsageError(
                f"Column '{path.replace('/', '.')}' does not fit into one row per row of '{table}'",
                hint=f"Ask for table='{other}', or for all of it by to_awkward() or to_arrow().",
            )
    return Scope(schema, paths).names
