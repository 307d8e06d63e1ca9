"""SQL over an archive: DuckDB asks for columns and conditions, and only what they leave is read and streamed to it.

::

    select … from events join rates_frames using (detector, run, frame_index) where n_hits > 240
             |          DuckDB hands down the columns and ``n_hits > 240`` ──► a selection: parts and blocks pruned, rows cut, streamed as Arrow

Every stream is a table of its rows (``events``), and every ragged table of it one of flat rows with the keys repeated (``events_hits``); ``runs`` is the run table.
A trigger counter that the source does not give is null, so that no join takes the rows of a run for those of one event.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset

from antdask.archive.catalog_reader import CatalogReader
from antdask.errors import AntdaskError, UnknownNameError, UsageError
from antdask.query.arrow import flat_table
from antdask.query.explanation import Explanation, Explanations, explain
from antdask.query.pushdown import narrowed
from antdask.query.select import Selection
from antdask.query.sides import NO_COUNTER

# Files, extensions and Python variables are out of reach of a query.
_CONFINED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "lock_configuration": True,
    "python_enable_replacements": False,
}


_COUNTER = "trigger_counter"
# Words of queries that ask which tables there are.
_LISTING = frozenset({"show", "information_schema", "duckdb_views", "duckdb_tables", "duckdb_columns", "tables"})


class Streams(Protocol):
    """What a query is put to: an archive, as far as SQL asks it; see `query.archive.Archive`."""

    catalog: CatalogReader

    @property
    def url(self) -> str:
        """Where it lies."""

    @property
    def streams(self) -> list[str]:
        """Names of the streams that hold data."""

    def stream(self, name: str) -> Selection:
        """All rows of a stream."""


def run_sql(
    archive: Streams, query: str, tables: Mapping[str, Any], max_bytes: int | None = None, on_missing: str = "raise"
) -> Iterator[pa.Table]:
    """Answer of a query, piece by piece; first an empty one with names and types.

    Parameters
    ----------
    tables : mapping of str to Selection, pyarrow.Table or pandas.DataFrame
        More tables by name; a selection takes the place of its stream or gets a name of its own.
    on_missing : {"raise", "skip"}
        Of streams that no selection stands for.

    Raises
    ------
    UsageError
        DuckDB refuses the query; or it would read more than the budget.
    UnknownNameError, DamagedPartError
    """
    with _connection(archive, query, tables, max_bytes, look=False, on_missing=on_missing) as (connection, _):
        reader = _answer(connection, query).to_arrow_reader(1 << 16)
        yield reader.schema.empty_table()
        for batch in reader:
            yield pa.Table.from_batches([batch])


def explain_sql(archive: Streams, query: str, tables: Mapping[str, Any]) -> Explanations:
    """What each stream that a query scans would cost; reads the catalogue only.

    Raises
    ------
    UsageError, UnknownNameError
    """
    with _connection(archive, query, tables, None, look=True) as (connection, costs):
        _answer(connection, query).to_arrow_table()
    return Explanations(costs)


@contextlib.contextmanager
def _connection(
    archive: Streams, query: str, tables: Mapping[str, Any], max_bytes: int | None, look: bool, on_missing: str = "raise"
) -> Iterator[tuple[Any, list[Explanation]]]:
    """DuckDB with the tables that a query names; errors of ours come through it as they were."""
    streams: list[_Stream] = []
    connection = duckdb.connect(config=_CONFINED)
    try:
        # A word too many does no harm: nothing is read of a table before it is scanned.
        words = set(re.findall(r"\w+", str(query)))
        every = not {word.lower() for word in words}.isdisjoint(_LISTING)
        for name in [n for n in dict.fromkeys([*known_tables(archive, tables), *tables]) if every or n in words]:
            table = _table(archive, name, tables)
            if isinstance(table, tuple):
                selection, own = table
                chosen = selection if any(selection is one for one in tables.values()) else selection.select(on_missing=on_missing)
                streams.append(_Stream(chosen, own, max_bytes, look))
                table = streams[-1]
            connection.register(name, table)
        costs: list[Explanation] = []
        yield connection, costs
        costs += [cost for stream in streams for cost in stream.costs]
    except duckdb.Error as error:
        for stream in streams:
            if stream.failure is not None:
                raise stream.failure from None
        names = list(dict.fromkeys([*known_tables(archive, tables), *tables]))
        if unknown := re.search(r"Table with name (\w+) does not exist", str(error)):
            raise UnknownNameError.of("table", unknown[1], names, where=archive.url) from error
        raise UsageError(f"The query cannot be answered: {str(error).strip()}", hint="Tables: " + ", ".join(names)) from error
    finally:
        connection.close()


def _answer(connection: Any, query: str) -> Any:
    """The relation of a query, which nothing has computed yet."""
    if not isinstance(query, str):
        raise UsageError("A query is a text", found=repr(query)[:80])
    relation = connection.sql(query)
    if relation is None:
        raise UsageError("The query has no answer", found=query[:80], hint="Only SELECT can be asked.")
    return relation


def known_tables(archive: Streams, tables: Mapping[str, Any] | None = None) -> list[str]:
    """Names of the tables that a query may name: of the streams, and of selections beside them."""
    chosen = {name: s for name, s in (tables or {}).items() if isinstance(s, Selection)}
    selections: dict[str, Selection] = {name: archive.stream(name) for name in archive.streams} | chosen
    return [*(n for name, selection in selections.items() for n in _names(name, selection)), "runs"]


def _names(name: str, selection: Selection) -> list[str]:
    """Names of the tables of a selection that hold anything."""
    index = selection.index
    there = {path.partition("/")[0] for path in index.columns(np.arange(len(index)))}
    return [name, *(f"{name}_{t.name}" for t in index.schema.tables[1:] if t.name in there)]


def _table(archive: Streams, name: str, tables: Mapping[str, Any]) -> Any:
    """A table of ours to register, or a selection and which of its tables is meant."""
    if name in tables and not isinstance(tables[name], Selection):
        return tables[name]
    if name == "runs" and name not in tables:
        return archive.catalog.runs
    for own in sorted({*archive.streams, *tables}, key=len, reverse=True):
        selection = tables.get(own) or archive.stream(own)
        if not isinstance(selection, Selection):
            continue
        rows, *ragged = (t.name for t in selection.index.schema.tables)
        found = {own: rows} | {f"{own}_{t}": t for t in ragged}
        if name in found:
            return selection, found[name]
    raise UnknownNameError.of("table", name, known_tables(archive, tables), where=archive.url)


class _Stream(pyarrow.dataset.Dataset):  # type: ignore[misc]
    """A table of a selection, as DuckDB scans it."""

    # Arrow's own may not be called; what DuckDB uses of it is given below.
    def __init__(self, selection: Selection, table: str, max_bytes: int | None, look: bool) -> None:
        self.selection, self.table, self.max_bytes, self.look = selection, table, max_bytes, look
        self.failure: AntdaskError | None = None
        self.costs: list[Explanation] = []
        label = ["detector"] if table == selection.index.schema.rows.name else []
        # Where nothing is selected, the declared columns stand for those that there are.
        self._names = [*(n for n in self._labels() if n != "detector"), *label]

    def _labels(self) -> list[str]:
        rows = self.selection.index.schema.rows.name
        return self.selection._flat(self.table, None if self.table != rows else [rows])

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return flat_table(self.selection.no_rows([*self._names, "detector"]), self.table).schema

    def scanner(self, columns: list[str] | None = None, filter: Any = None, **_: Any) -> _Scanner:
        """A scan of some columns of the rows for which an expression holds."""
        names = self.schema.names if columns is None else columns
        return _Scanner(self, list(names), filter)


class _Scanner:
    """One scan."""

    def __init__(self, stream: _Stream, names: list[str], condition: Any) -> None:
        self.stream, self.names, self.condition = stream, names, condition

    @property
    def projected_schema(self) -> pa.Schema:
        """Names and types of the columns that it gives."""
        whole = self.stream.schema
        return pa.schema([whole.field(name) for name in self.names])

    def to_reader(self) -> pa.RecordBatchReader:
        """The rows as a stream; nothing is read before the first is asked for."""
        try:
            batches = self._batches()
        except AntdaskError as error:
            self.stream.failure = error
            raise
        return pa.RecordBatchReader.from_batches(self.projected_schema, batches)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        stream, schema = self.stream, self.stream.schema
        text = "" if self.condition is None else str(self.condition)
        # Columns that only the condition names are read too; a name too many does no harm.
        wanted = [n for n in schema.names if n in self.names or n in text]
        if stream.table != stream.selection.index.schema.rows.name:
            # Without a column of its own nothing would say how many rows there are.
            wanted.append(next(n for n in schema.names if "." not in n and not _is_key(stream, n)))
        rows = stream.selection.index.schema.rows.name
        paths = [n if "." in n or stream.table == rows or _is_key(stream, n) else f"{stream.table}.{n}" for n in wanted]
        selection = narrowed(stream.selection, stream.table, text)
        cost = explain(selection.scan, selection._paths(paths), selection.steps)
        stream.costs.append(cost)
        if stream.look:
            return iter(())
        cost.afford(stream.max_bytes)
        return self._read(selection, paths)

    def _read(self, selection: Selection, paths: list[str]) -> Iterator[pa.RecordBatch]:
        try:
            for rows in selection.iter_rows(paths):
                table = _named(flat_table(rows, self.stream.table))
                if self.condition is not None:
                    table = table.filter(self.condition)
                yield from table.select(self.names).cast(self.projected_schema).to_batches()
        except AntdaskError as error:
            self.stream.failure = error
            raise


def _named(table: pa.Table) -> pa.Table:
    """With null for a trigger counter that the source does not give: nothing equals it, where one number would pair every event of a run with the hits of all."""
    place = table.schema.get_field_index(_COUNTER)
    if place < 0:
        return table
    column = table.column(place)
    return table.set_column(
        place, table.schema.field(place), pc.if_else(pc.equal(column, NO_COUNTER), pa.scalar(None, column.type), column)
    )


def _is_key(stream: _Stream, name: str) -> bool:
    schema = stream.selection.index.schema
    return name in ("run", "detector", *schema.order)
