"""A Parquet file of the catalogue of which only the wanted rows and columns are read: by row groups, whose place the footer tells.

A catalogue of 10^6 parts weighs several hundred megabytes. No table of it is loaded whole where a query only passes through.
"""

from __future__ import annotations

import collections
import errno
import io
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from antdask.archive import parquet_footer
from antdask.archive.plain import numbers
from antdask.archive.store import Store
from antdask.errors import AntdaskError, ArchiveError

# Decoded pieces of row groups that are kept: neighbouring parts are asked for one after the other.
_KEPT = 8
# So many rows in a row are not worth keeping.
_MANY = 1 << 14
# What pyarrow says of damaged files: most of it is one of its own errors, words that are no words and columns that are gone are Python's.
_DAMAGE = (OSError, pa.ArrowException, ValueError, KeyError)


class ParquetRows:
    """Rows of one file by number.

    Parameters
    ----------
    file : pyarrow.parquet.ParquetFile
    where : str
        For messages.
    """

    def __init__(self, file: pq.ParquetFile, where: str) -> None:
        self._file, self.where = file, where
        groups = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
        self._edges = np.concatenate(([0], np.cumsum(np.array(groups, np.int64))))
        self._kept: collections.OrderedDict[tuple[int, tuple[str, ...]], pa.Table] = collections.OrderedDict()

    @classmethod
    def open(cls, store: Store, path: str, words: Sequence[str] = ()) -> ParquetRows:
        """A file of an archive; reads its footer.

        Parameters
        ----------
        words : sequence of str
            Columns of few different words, which are read as codes.

        Raises
        ------
        ArchiveError
            It is damaged, or gone.
        """
        where = store.full_url(path)
        try:
            # Held open: a reader keeps a local file even when a newer snapshot has taken its place and it was removed.
            # Of a remote one, column chunks are fetched as they are; a buffer between would fetch more around each.
            source = pa.OSFile(store.full(path)) if store.local else pa.PythonFile(_unbuffered(store.open(path)), "r")
            return cls(_file(source, where, words, pre_buffer=not store.local), where)
        except AntdaskError:
            raise
        except _DAMAGE as error:
            raise _damaged(where, error) from error

    @classmethod
    def of(cls, data: bytes, words: Sequence[str] = (), where: str = "memory") -> ParquetRows:
        """A file in memory.

        Raises
        ------
        ArchiveError
            It is damaged.
        """
        try:
            return cls(_file(pa.BufferReader(data), where, words), where)
        except _DAMAGE as error:
            raise _damaged(where, error) from error

    def __len__(self) -> int:
        return int(self._edges[-1])

    @property
    def metadata(self) -> dict[bytes, bytes]:
        """Key-value metadata of the schema."""
        return dict(self._file.schema_arrow.metadata or {})

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return list(self._file.schema_arrow.names)

    def table(self, names: Sequence[str] | None = None, start: int = 0, stop: int | None = None) -> pa.Table:
        """Rows ``start:stop`` of some columns, all of them if not told.

        Raises
        ------
        ArchiveError
            The file is damaged.
        """
        start, stop, _ = slice(start, stop).indices(len(self))
        columns = list(self.names if names is None else names)
        if stop <= start:
            return self._read([], columns)
        first, last = int(np.searchsorted(self._edges, start, "right")) - 1, int(np.searchsorted(self._edges, stop, "left"))
        return self._read(range(first, last), columns).slice(start - int(self._edges[first]), stop - start)

    def at(self, rows: np.ndarray, names: Sequence[str]) -> pa.Table:
        """Some rows, by ascending number; only the row groups that hold one of them are read.

        Raises
        ------
        ArchiveError
            The file is damaged.
        """
        if len(rows) > _MANY and int(rows[-1]) - int(rows[0]) + 1 == len(rows):
            return self.table(names, int(rows[0]), int(rows[-1]) + 1)
        group = np.searchsorted(self._edges, rows, "right") - 1
        found = [] if len(rows) else [self.table(names, 0, 0)]
        for g in np.unique(group).tolist():
            found.append(self._group(g, tuple(names)).take(numbers(rows[group == g] - self._edges[g])))
        return pa.concat_tables(found)

    def _group(self, group: int, names: tuple[str, ...]) -> pa.Table:
        key = group, names
        if key not in self._kept:
            self._kept[key] = self._read([group], list(names)).combine_chunks()
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _read(self, groups: Sequence[int], names: list[str]) -> pa.Table:
        try:
            # The order of the file, then the one that was asked for.
            return self._file.read_row_groups(list(groups), columns=names).select(names)
        except AntdaskError:
            raise
        except _DAMAGE as error:
            raise _damaged(self.where, error) from error


def _file(source: Any, where: str, words: Sequence[str], *, pre_buffer: bool = False) -> pq.ParquetFile:
    """An open file whose footer is sound, and that looks at the checksum of every page it reads."""
    footer = parquet_footer.read(source, where)
    return pq.ParquetFile(source, metadata=footer, read_dictionary=list(words), pre_buffer=pre_buffer, page_checksum_verification=True)


def encode(table: pa.Table, group_rows: int, metadata: dict[str, str] | None = None, statistics: bool = True) -> bytes:
    """A table as a Parquet file with row groups of so many rows, every page and the footer under a checksum."""
    sink = io.BytesIO()
    words = [f.name for f in table.schema if pa.types.is_string(f.type)]
    pq.write_table(
        table.replace_schema_metadata(metadata),
        sink,
        compression="zstd",
        row_group_size=group_rows,
        use_dictionary=words,
        write_statistics=statistics,
        write_page_checksum=True,
    )
    return parquet_footer.sealed(sink.getvalue())


def _unbuffered(file: Any) -> Any:
    """The file below a buffer; a file that lies in memory has none."""
    return file.detach() if isinstance(file, io.BufferedReader) else file


def _damaged(where: str, error: Exception) -> ArchiveError:
    if isinstance(error, FileNotFoundError):
        error = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return ArchiveError(
        f"The catalogue is damaged: {error}", where=where, hint="Open the archive again, or run: antdask status ARCHIVE --rebuild."
    )
