"""Bytes of one input file behind a server: few requests, each for what is wanted, the next ones under way while the last are decoded.

::

    metadata     pages of 32 KiB, kept           uproot asks for a few hundred bytes at a time
    baskets      neighbours in one request       a gap below `ranges.GAP` is read along rather than asked around
    next window  expected beforehand             in a thread, at most `_AHEAD` windows
"""

from __future__ import annotations

import bisect
import collections
import os
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

from antdask.errors import InputChangedError
from antdask.remote.client import ContentChangedError, RangeIgnoredError
from antdask.remote.connections import connect
from antdask.remote.ranges import Range, merge, read_merged
from antdask.sources.blob_door import Blob
from antdask.sources.files import naming

_PAGE, _PAGES = 32 << 10, 256
#: Single reads up to this size go through pages [byte].
_SMALL = 256 << 10
#: Windows that are read ahead: the one that is decoded now, and the next.
_AHEAD = 2


class ServerBlob(Blob):
    """A file behind ``http(s)://``, ``s3://`` or ``root://``; it keeps to the version that was there when it was opened.

    Parameters
    ----------
    url : str
    """

    far = True

    def __init__(self, url: str) -> None:
        self._client, self._path = connect(url)
        stat = self._client.stat(self._path)
        super().__init__(url, stat.nbytes)
        self._tag = stat.tag
        self._pages: collections.OrderedDict[int, bytes] = collections.OrderedDict()
        self._ahead: collections.deque[_Window] = collections.deque(maxlen=_AHEAD)
        self._thread: ThreadPoolExecutor | None = None
        self._spool: IO[bytes] | None = None
        self._spooling = threading.Lock()

    def close(self) -> None:
        """Forget what was read and expected; a second call does nothing."""
        self._pages.clear()
        self._ahead.clear()
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)
            self._thread = None
        if self._spool is not None:
            self._spool.close()
            self._spool = None
        self._client.release(self._path)

    def read_many(self, ranges: Sequence[Range]) -> list[memoryview]:
        """Several ranges: those that were expected are taken from there, the others read in as few requests as possible."""
        for start, stop in ranges:
            self._check(start, stop)
        with naming(self.url):
            found: list[memoryview | None] = [self._expected(start, stop) for start, stop in ranges]
            rest = [r for r, view in zip(ranges, found, strict=True) if view is None]
            more = iter(read_merged(rest, self._spans))
            return [self._whole(next(more) if view is None else view, *r) for r, view in zip(ranges, found, strict=True)]

    def expect(self, ranges: Sequence[Range]) -> None:
        """Begin to read ranges that will be asked for soon."""
        spans = [(s.start, s.stop) for s in merge(ranges) if s.stop > s.start]
        if not spans or self._spool is not None:
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "antdask-ahead")
        self._ahead.append(_Window(spans, self._thread.submit(self._spans, spans)))

    def _expected(self, start: int, stop: int) -> memoryview | None:
        """The bytes of a range that lies in a window that was expected."""
        for window in self._ahead:
            number = bisect.bisect_right(window.spans, (start, self.nbytes + 1)) - 1
            if number >= 0 and stop <= window.spans[number][1]:
                data = memoryview(window.pieces.result()[number])
                base = window.spans[number][0]
                return data[start - base : stop - base]
        return None

    def _fetch(self, start: int, stop: int) -> bytes | bytearray:
        if stop - start > _SMALL:
            return self._spans([(start, stop)])[0]
        first, last = start // _PAGE, -(-stop // _PAGE)
        missing = [n for n in range(first, last) if n not in self._pages]
        if missing:
            low, high = missing[0] * _PAGE, min((missing[-1] + 1) * _PAGE, self.nbytes)
            data = self._spans([(low, high)])[0]
            for n in range(missing[0], missing[-1] + 1):
                self._pages[n] = data[n * _PAGE - low : (n + 1) * _PAGE - low]
        for n in range(first, last):
            self._pages.move_to_end(n)
        pages = b"".join(self._pages[n] for n in range(first, last))
        while len(self._pages) > _PAGES:
            self._pages.popitem(last=False)
        return pages[start - first * _PAGE : stop - first * _PAGE]

    def _spans(self, spans: Sequence[Range]) -> list[bytes]:
        """Ranges that do not overlap, from the server, or from the copy where it gives no ranges."""
        if self._spool is None:
            try:
                return self._client.read_spans(self._path, spans, self._tag)
            except ContentChangedError as error:
                raise InputChangedError(
                    "The file was replaced while it was read", where=self.url, hint="Plan again when it is complete."
                ) from error
            except RangeIgnoredError:
                self._take_whole()
        handle = self._spool.fileno() if self._spool is not None else -1
        return [os.pread(handle, stop - start, start) for start, stop in spans]

    def _take_whole(self) -> None:
        """Copy the file to scratch: the server sends all of it for whatever range, and once is enough."""
        with self._spooling:
            if self._spool is None:
                spool: Any = tempfile.TemporaryFile(prefix="antdask-input-")  # noqa: SIM115 (closed in close)
                try:
                    self._client.download(self._path, spool)
                    spool.flush()
                except BaseException:
                    spool.close()
                    raise
                self._spool = spool


class _Window:
    """Spans that are being read, in order of place."""

    def __init__(self, spans: list[Range], pieces: Future[list[bytes]]) -> None:
        self.spans, self.pieces = spans, pieces
