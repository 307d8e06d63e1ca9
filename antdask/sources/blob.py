"""Bytes of one input file, local or remote, read in ranges of which no byte is mapped into memory.

Local files are read with ``pread``, not mapped: a file that is cut short or a disk that fails while it is mapped kills the process with SIGBUS, and mapped pages
count as memory of a worker. The copy costs less than a tenth of the fastest decompression.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from antdask.sources.blob_door import Blob, Lent
from antdask.sources.files import is_served, locate, naming

# Readers name the type beside the function that opens one.
__all__ = ["Blob", "BlobFile", "LocalBlob", "RemoteBlob", "open_blob"]

#: ``read`` system calls stop at 2 GiB.
_CALL = 2**30
#: Largest buffer that is kept for the next call [byte].
_LEND = 32 * 2**20
#: A gap up to this is read along: copying it takes no longer than another call [byte].
_GAP = 16 * 2**10
#: Longer ranges are not read beforehand: what a call takes no longer counts, and what is read just before it is used is still in the cache [byte].
_LONG = 128 * 2**10

# Buffers of each thread for all files: fresh memory for every file would cost as much as the copy itself.
_thread = threading.local()


class LocalBlob(Blob):
    """A file of the local file system."""

    def __init__(self, url: str, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        super().__init__(url, os.fstat(self._descriptor).st_size)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        region: _Region | None = getattr(_thread, "region", None)
        if region is not None and region.owner is self:
            _thread.region = None

    def borrow(self, starts: np.ndarray, stops: np.ndarray) -> Lent:
        """Out of what is held; else into one buffer per thread."""
        region: _Region | None = getattr(_thread, "region", None)
        if region is None or region.owner is not self or not region.covers(starts, stops):
            region = self._load("borrowed", starts, stops)
        return region.lend(starts)

    def hold(self, starts: np.ndarray, stops: np.ndarray) -> None:
        """Neighbours in one call: baskets of all branches stand beside each other."""
        _thread.region = None
        if 0 < int((stops - starts).sum()) <= min(_LEND, _LONG * len(starts)):
            _thread.region = self._load("held", starts, stops)

    def _load(self, name: str, starts: np.ndarray, stops: np.ndarray) -> _Region:
        """Ranges and small gaps between them, in the buffer of this thread that has this name."""
        wrong = np.flatnonzero((starts < 0) | (stops < starts) | (stops > self.nbytes))
        if len(wrong):
            self._check(int(starts[wrong[0]]), int(stops[wrong[0]]))
        begins, ends = _spans(starts, stops)
        places = np.cumsum(ends - begins) - (ends - begins)
        size = int((ends - begins).sum())
        buffer: np.ndarray | None = getattr(_thread, name, None)
        if buffer is None or len(buffer) < size:
            buffer = np.empty(size if size > _LEND else max(size, _LEND // 8), np.uint8)
            if size <= _LEND:
                setattr(_thread, name, buffer)
        view = memoryview(buffer)
        with naming(self.url):
            for start, stop, place in zip(begins.tolist(), ends.tolist(), places.tolist(), strict=True):
                into = view[place : place + stop - start]
                n = os.preadv(self._descriptor, [into], start)
                if n != stop - start:
                    # The end of a call, or of the file: the rest comes by itself or not at all.
                    into[n:] = self.read(start + n, stop)
        return _Region(self, buffer, begins, ends, places)

    def _fetch(self, start: int, stop: int) -> bytes | bytearray:
        if stop - start <= _CALL:
            data = os.pread(self._descriptor, stop - start, start)
            if len(data) == stop - start:
                return data
        filled, buffer = 0, bytearray(stop - start)
        while filled < len(buffer):
            n = os.preadv(self._descriptor, [memoryview(buffer)[filled : filled + _CALL]], start + filled)
            if n == 0:
                return buffer[:filled]
            filled += n
        return buffer


class _Region(NamedTuple):
    """Spans of a file in memory: where they begin and end in the file, and where in the buffer."""

    owner: Blob
    buffer: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    places: np.ndarray

    def covers(self, starts: np.ndarray, stops: np.ndarray) -> bool:
        """Whether every range lies in a span."""
        numbers = self._numbers(starts)
        return bool((starts >= self.begins[numbers]).all() and (stops <= self.ends[numbers]).all())

    def lend(self, starts: np.ndarray) -> Lent:
        """Ranges that are covered."""
        numbers = self._numbers(starts)
        return Lent(self.buffer, starts - self.begins[numbers] + self.places[numbers])

    def _numbers(self, starts: np.ndarray) -> np.ndarray:
        # One that begins before all spans is told by its beginning.
        found: np.ndarray = np.maximum(self.begins.searchsorted(starts, "right") - 1, 0)
        return found


def _spans(starts: np.ndarray, stops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where ranges that are joined with their neighbours begin and end, in order of place."""
    order = np.argsort(starts)
    begins, reach = starts[order], np.maximum.accumulate(stops[order])
    heads = np.flatnonzero(np.append(True, begins[1:] > reach[:-1] + _GAP)) if len(order) else order
    return begins[heads], reach[np.append(heads[1:], len(order))[: len(heads)] - 1]


class RemoteBlob(Blob):
    """A file behind an fsspec file system, read with ranged requests."""

    def __init__(self, url: str, filesystem: Any, path: str) -> None:
        self._filesystem, self._path = filesystem, path
        super().__init__(url, int(filesystem.info(path)["size"]))

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[memoryview]:
        """Several ranges in one call of the file system, which may run them side by side."""
        for start, stop in ranges:
            self._check(start, stop)
        if not ranges:
            return []
        starts, stops = (list(x) for x in zip(*ranges, strict=True))
        with naming(self.url):
            pieces = self._filesystem.cat_ranges([self._path] * len(ranges), starts, stops, on_error="raise")
            return [self._whole(bytes(p), a, b) for p, (a, b) in zip(pieces, ranges, strict=True)]

    def _fetch(self, start: int, stop: int) -> bytes | bytearray:
        # An empty range has no HTTP form.
        return bytes(self._filesystem.cat_file(self._path, start=start, end=stop)) if stop > start else b""


def open_blob(url: str) -> Blob:
    """Open a file for ranged reads.

    Raises
    ------
    InputMissingError, InputUnreadableError, InputError
    """
    with naming(url):
        if is_served(url):
            # Late: its clients of HTTP and S3 take a while to import, and most inputs are local.
            from antdask.sources.server_blob import ServerBlob

            return ServerBlob(url)
        filesystem, path = locate(url)
        return LocalBlob(url, path) if filesystem is None else RemoteBlob(url, filesystem, path)


class BlobFile(io.RawIOBase):
    """A `Blob` as a Python file object, for libraries that want one; `blob` is where its bytes are.

    Reading past the end gives fewer bytes, as with any file. A failure of disk or network is kept in `failure`, so that it can be told from the library's own
    complaints about the content.
    """

    def __init__(self, blob: Blob) -> None:
        super().__init__()
        self.blob, self._position = blob, 0
        self.failure: OSError | None = None

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Current position [byte]."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; a position before the start is an error."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.blob.nbytes}[whence]
        if origin + offset < 0:
            raise ValueError(f"negative position {origin + offset}")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer as far as the file goes; the number of bytes."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes; all that is left without a size."""
        stop = self.blob.nbytes if size is None or size < 0 else min(self._position + size, self.blob.nbytes)
        start = min(self._position, stop)
        try:
            data = bytes(self.blob.read(start, stop))
        except OSError as error:
            self.failure = error
            raise
        self._position += len(data)
        return data
