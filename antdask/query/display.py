"""Rows of a selection as text or Parquet, written batch by batch, so that the result is never held in memory."""

from __future__ import annotations

import decimal
import io
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from antdask.errors import UnknownNameError, UsageError
from antdask.query.arrow import flat_table, nested_table
from antdask.query.results import Results
from antdask.query.rows import Rows

FORMATS = ("table", "csv", "json", "parquet")
# Elements that are Python objects at one time, and rows from which the widths of a table are taken.
_ELEMENTS, _SAMPLE = 100_000, 1_000


def write_rows(selection: Results, format: str, out: IO[Any], limit: int | None = None, columns: str | Iterable[str] | None = None) -> int:
    """Write a selection; the number of rows written.

    Parameters
    ----------
    selection : Selection
    format : {"table", "csv", "json", "parquet"}
        ``table`` and ``csv`` have one line per row of the lowest table that is asked for, by default of the row table. ``json`` has one object per
        line and ``parquet`` one record per row, with ragged tables as lists. In JSON, integers are exact; missing values, NaN and infinities are null.
    out : file
        Text or binary; Parquet needs a binary one, or a text one with a ``buffer``.
    limit : int, optional
        At most so many rows (lines, for ``table`` and ``csv``).
    columns : str, iterable of str or None
        As in `Selection.to_awkward`.

    Raises
    ------
    UnknownNameError
        No such format or column.
    UsageError
        Columns that do not fit into one table; Parquet to a terminal; a negative limit.
    DamagedPartError
    """
    _check(format, limit, out)
    if format in ("table", "csv"):
        asked, target = selection.flat_columns(columns)
        tables = _limited(selection, asked, lambda rows: spread(flat_table(rows, target)), limit)
        return (_write_table if format == "table" else _write_csv)(tables, _text(out))
    if format == "json":
        return _write_json(_limited(selection, columns, lambda rows: nested_table(rows, nan_is_null=True), limit), _text(out))
    return _write_parquet(_limited(selection, columns, nested_table, limit), getattr(out, "buffer", out))


def write_tables(tables: Iterator[pa.Table], format: str, out: IO[Any], limit: int | None = None) -> int:
    """Write tables of one schema, the first of them empty, one after the other; else as `write_rows`.

    Raises
    ------
    UnknownNameError, UsageError
    """
    _check(format, limit, out)
    some = _first(tables, limit)
    if format == "json":
        return _write_json((_without_nan(table) for table in some), _text(out))
    if format == "parquet":
        return _write_parquet(some, getattr(out, "buffer", out))
    return (_write_table if format == "table" else _write_csv)((spread(table) for table in some), _text(out))


def _check(format: str, limit: int | None, out: IO[Any]) -> None:
    if format not in FORMATS:
        raise UnknownNameError.of("format", format, FORMATS)
    if limit is not None and limit < 0:
        raise UsageError("A limit is a number of rows", found=limit, expected="0 or more")
    if format == "parquet" and getattr(out, "isatty", lambda: False)():
        raise UsageError("Parquet is binary", hint="Send it to a file: > rows.parquet.")


def _first(tables: Iterator[pa.Table], limit: int | None) -> Iterator[pa.Table]:
    """The empty one, then rows up to the limit; no table more is asked for than it takes."""
    yield next(tables)
    left = limit
    while left is None or left > 0:
        table = next(tables, None)
        if table is None:
            return
        yield table if left is None else table.slice(0, left)
        left = None if left is None else left - table.num_rows


def _without_nan(table: pa.Table) -> pa.Table:
    """NaN and infinities as null, which is all that JSON has for them."""
    for i, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            table = table.set_column(
                i, field.name, pa.compute.if_else(pa.compute.is_finite(table[i]), table[i], pa.scalar(None, field.type))
            )
    return table


def _limited(
    selection: Results, columns: str | Iterable[str] | None, convert: Callable[[Rows], pa.Table], limit: int | None
) -> Iterator[pa.Table]:
    """Tables of the batches up to the limit; first an empty one, which carries names and types."""
    asked = None if columns is None else [columns] if isinstance(columns, str) else list(columns)
    rows = selection.iter_rows(asked, prefetch=None if limit is None else 0) if limit != 0 else iter(())
    return _first(itertools.chain([convert(selection.no_rows(asked))], map(convert, rows)), limit)


def spread(table: pa.Table) -> pa.Table:
    """Columns with several values per row as several columns."""
    names, arrays = [], []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_fixed_size_list(column.type):
            width = column.type.list_size
            whole = column.combine_chunks()
            names += [f"{name}[{i}]" for i in range(width)]
            arrays += [pa.compute.list_element(whole, i) for i in range(width)]
        else:
            names.append(name)
            arrays.append(column)
    return pa.Table.from_arrays(arrays, names=names)


def _write_csv(tables: Iterator[pa.Table], write: Callable[[str], Any]) -> int:
    written = 0
    write(",".join(next(tables).column_names) + "\n")
    for table in tables:
        buffer = io.BytesIO()
        pacsv.write_csv(table, buffer, pacsv.WriteOptions(include_header=False, quoting_style="needed"))
        write(buffer.getvalue().decode())
        written += table.num_rows
    return written


def _write_table(tables: Iterator[pa.Table], write: Callable[[str], Any]) -> int:
    names = next(tables).column_names
    written, widths = 0, [len(name) for name in names]
    for table in tables:
        for start in range(0, table.num_rows, _SAMPLE):
            cells = [[_cell(v) for v in column.to_pylist()] for column in table.slice(start, _SAMPLE).columns]
            if not written:
                widths = [max(w, *map(len, column)) for w, column in zip(widths, cells, strict=True)]
                write(_line(names, widths))
            write("".join(_line(row, widths) for row in zip(*cells, strict=True)))
            written += len(cells[0])
    if not written:
        write(_line(names, widths))
    return written


def _line(cells: Iterable[str], widths: list[int]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() + "\n"


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:.7g}" if isinstance(value, float) else str(value)


def _write_json(tables: Iterator[pa.Table], write: Callable[[str], Any]) -> int:
    written = 0
    next(tables)
    for table in tables:
        for piece in _slices(table):
            write("".join(json.dumps(row, separators=(",", ":"), allow_nan=False, default=_plain) + "\n" for row in piece.to_pylist()))
        written += table.num_rows
    return written


def _plain(value: Any) -> Any:
    """What SQL can give beside numbers and text: sums too long for 64 bits, dates."""
    return int(value) if isinstance(value, decimal.Decimal) and value == value.to_integral_value() else str(value)


def _slices(table: pa.Table) -> Iterator[pa.Table]:
    """Pieces that hold a bounded number of elements."""
    step = max(1, _ELEMENTS * 8 * table.num_rows // max(1, table.nbytes))
    return (table.slice(start, step) for start in range(0, table.num_rows, step))


def _write_parquet(tables: Iterator[pa.Table], out: IO[bytes]) -> int:
    written = 0
    with pq.ParquetWriter(out, next(tables).schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)
            written += table.num_rows
    return written


def _text(out: IO[Any]) -> Callable[[str], Any]:
    if isinstance(out, io.RawIOBase | io.BufferedIOBase):
        return lambda text: out.write(text.encode())
    return out.write
