"""The checksum of the footer of a Parquet file: eight bytes between the last page and the footer, where every other reader of Parquet looks past them.

::

    PAR1 | pages, each with a CRC-32 of its own | seal: "CRC:" crc32c | footer | its length | PAR1

Parquet has checksums of pages, but none of the footer, which says where pages lie, what they hold and how often. Without one, a flipped bit of a catalogue is another number of
rows. A file without a seal was written by an earlier antdask, and is read as it is.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from antdask.archive.shards import checksum
from antdask.errors import ArchiveError

_MARK = b"CRC:"
_MAGIC = b"PAR1"
_TAIL = 8
#: So much is read at first: most footers fit.
_GUESS = 1 << 16


def sealed(data: bytes) -> bytes:
    """A Parquet file with a checksum of its footer.

    Examples
    --------
    >>> import io
    >>> sink = io.BytesIO()
    >>> pq.write_table(pa.table({"n": [1, 2]}), sink)
    >>> pq.read_table(pa.BufferReader(sealed(sink.getvalue())))["n"].to_pylist()
    [1, 2]
    """
    start = len(data) - _TAIL - int.from_bytes(data[-_TAIL:-4], "little")
    return data[:start] + _MARK + checksum(data[start:]) + data[start:]


def read(source: Any, where: str) -> pq.FileMetaData:
    """The footer of a file, checked.

    Parameters
    ----------
    source : file of pyarrow, or any that can be read and sought in
    where : str
        For messages.

    Raises
    ------
    ArchiveError
        It is no Parquet file, or its footer is damaged.
    """
    size = _size(source)
    tail = _read(source, max(0, size - _GUESS), size)
    length = int.from_bytes(tail[-_TAIL:-4], "little") + _TAIL
    if len(tail) < _TAIL or tail[-4:] != _MAGIC or length > size:
        raise _damaged("no footer of Parquet", where)
    if length + len(_MARK) + 4 > len(tail):
        tail = _read(source, max(0, size - length - len(_MARK) - 4), size)
    footer, seal = tail[-length:], tail[-length - len(_MARK) - 4 : -length]
    if seal.startswith(_MARK) and seal[len(_MARK) :] != checksum(footer):
        raise _damaged("the checksum of a footer differs", where)
    try:
        return pq.read_metadata(pa.BufferReader(_MAGIC + footer))
    except (OSError, pa.ArrowException) as error:
        # Its length has changed, or it never had a checksum.
        raise _damaged(" ".join(str(error).split()), where) from error


def _size(source: BinaryIO) -> int:
    source.seek(0, 2)
    return source.tell()


def _read(source: BinaryIO, start: int, stop: int) -> bytes:
    source.seek(start)
    found = bytearray()
    # Files without a buffer give what came, not what was asked for.
    while len(found) < stop - start and (piece := source.read(stop - start - len(found))):
        found += piece
    return bytes(found)


def _damaged(what: str, where: str) -> ArchiveError:
    return ArchiveError(
        f"The catalogue is damaged: {what}", where=where, hint="Open the archive again, or run: antdask status ARCHIVE --rebuild."
    )
