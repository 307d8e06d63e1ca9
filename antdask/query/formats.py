"""Tables as text or Parquet, written one after the other, so that the whole is never held in memory."""

from __future__ import annotations

import decimal
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from antdask.errors import UnknownNameError, UsageError

FORMATS = ("table", "csv", "json", "parquet")
# Elements that are Python objects at one time, and rows from which the widths of a table are taken.
_ELEMENTS, _SAMPLE = 100_000, 1_000


def write_tables(tables: Iterator[pa.Table], format: str, out: IO[Any], limit: int | None = None) -> int:
    """Write tables of one schema, the first of them empty, one after the other; the number of rows written.

    Parameters
    ----------
    format : {"table", "csv", "json", "parquet"}
        ``table`` and ``csv`` have one line per row, ``json`` one object per line, in which integers are exact, and NaN and infinities null.
    out : file
        Text or binary; Parquet needs a binary one, or a text one with a ``buffer``.
    limit : int, optional
        At most so many rows; no table more is asked for than they take.

    Raises
    ------
    UnknownNameError
        No such format.
    UsageError
        Parquet to a terminal; a negative limit.
    """
    _check(format, limit, out)
    some = _first(tables, limit)
    if format == "json":
        return _write_json(map(_without_nan, some), _text(out))
    if format == "parquet":
        return _write_parquet(some, getattr(out, "buffer", out))
    return (_write_table if format == "table" else _write_csv)(map(spread, some), _text(out))


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
            table = table.set_column(i, field, pc.if_else(pc.is_finite(table[i]), table[i], pa.scalar(None, field.type)))
    return table


def spread(table: pa.Table) -> pa.Table:
    """Columns with several values per row as several columns."""
    names, arrays = [], []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_fixed_size_list(column.type):
            width = column.type.list_size
            whole = column.combine_chunks()
            names += [f"{name}[{i}]" for i in range(width)]
            arrays += [pc.list_element(whole, i) for i in range(width)]
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
