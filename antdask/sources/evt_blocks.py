"""Where the header and the events of an ``.evt`` file stand: blocks between ``start_run:`` or ``start_event:`` and ``end_event:``.

::

    start_run: 1 … end_event:      header of what follows; a file put together from several has several
    start_event: 1 1 … end_event:  event
    <anything else but blanks>     lost: counted as one event, so that it is noticed
    start_event: 2 1 …             an event without end is lost, up to the next start or the end of the file
"""

from __future__ import annotations

import dataclasses
import functools
from array import array

import numpy as np

from antdask.errors import CorruptFileError
from antdask.sources.blob import Blob, open_blob

RUN, EVENT, END = b"start_run:", b"start_event:", b"end_event:"
_WINDOW = 8 * 2**20
_LONGEST = len(EVENT)


@dataclasses.dataclass(frozen=True)
class Blocks:
    """Blocks of a file in their order.

    Parameters
    ----------
    headers : ndarray of int64, shape (headers, 2)
        First byte and end of each; the end of a block is behind its ``end_event:``.
    starts, stops : ndarray of int64, shape (events,)
    lost : ndarray of bool, shape (events,)
        Stretches that are no whole event.
    header : ndarray of int64, shape (events,)
        The header that an event stands behind, -1 for none.
    """

    headers: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    lost: np.ndarray
    header: np.ndarray


class _Builder:
    """The state between two marks: outside of a block, in a header, or in an event."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.headers: list[tuple[int, int]] = []
        self.events = (array("q"), array("q"), array("b"), array("q"))
        self.open: bytes | None = None
        self.start = 0
        self.done = 0

    def mark(self, kind: bytes, place: int, stray: bool) -> None:
        """A mark at byte `place`; `stray`: there is text between the last block and here."""
        if self.open is not None and kind == END:
            stop = place + len(END)
            if self.open == RUN:
                self.headers.append((self.start, stop))
            else:
                self._add(self.start, stop, False)
            self.open, self.done = None, stop
            return
        if self.open is not None or stray or kind == END:
            self.lose(place if kind != END else place + len(END))
        if kind != END:
            self.open, self.start = kind, place

    def lose(self, stop: int) -> None:
        """Everything since the last whole block, up to `stop`, is lost."""
        if self.open == RUN:
            raise CorruptFileError("A header has no end", where=self.where, found=f"start_run at byte {self.start}", expected="end_event: before the next block", hint="The file is cut short or damaged.")  # fmt: skip
        self._add(self.done, stop, True)
        self.open, self.done = None, stop

    def _add(self, start: int, stop: int, lost: bool) -> None:
        for column, value in zip(self.events, (start, stop, lost, len(self.headers) - 1), strict=True):
            column.append(value)

    def blocks(self) -> Blocks:
        starts, stops, lost, header = self.events
        return Blocks(
            np.array(self.headers, np.int64).reshape(-1, 2),
            np.frombuffer(starts, np.int64),
            np.frombuffer(stops, np.int64),
            np.frombuffer(lost, np.int8).astype(bool),
            np.frombuffer(header, np.int64),
        )


def scan(blob: Blob) -> Blocks:
    """Find the blocks of a file.

    Reads it once, window by window; the loop is over lines that begin with ``s`` or ``e``, which few but the marks do.

    Raises
    ------
    CorruptFileError
        A header without end.
    """
    builder = _Builder(blob.url)
    position, stray = 0, False
    while position < blob.nbytes:
        stop = min(position + _WINDOW, blob.nbytes)
        window = bytes(blob.read(position, stop))
        # Marks stand at the start of a line: a window ends where a line does, if there is one to end.
        if stop < blob.nbytes:
            cut = window.rfind(b"\n") + 1
            window = window[:cut] if cut else window
        stray = _marks(builder, window, position, stray)
        position += len(window)
    if builder.open is not None or stray:
        builder.lose(blob.nbytes)
    return builder.blocks()


@functools.lru_cache(maxsize=4)
def known_blocks(url: str, fingerprint: str, nbytes: int) -> Blocks:
    """The blocks of a file that is known to be unchanged, kept for the next part that is made of it, and for what stands behind a damaged event."""
    with open_blob(url) as blob:
        return scan(blob)


def _marks(builder: _Builder, window: bytes, base: int, stray: bool) -> bool:
    """Tell the builder the marks of a window; whether text behind the last block belongs to none."""
    text = np.frombuffer(window, np.uint8)
    lines = np.append(0, np.flatnonzero(text == ord("\n")) + 1)
    lines = lines[lines < len(text)]
    first = text[lines]
    last = max(builder.done - base, 0)
    for place in lines[(first == ord("s")) | (first == ord("e"))].tolist():
        mark = window[place : place + _LONGEST]
        for kind in (RUN, EVENT, END):
            if mark.startswith(kind):
                stray = stray or (builder.open is None and not window[last:place].isspace() and last < place)
                builder.mark(kind, base + place, stray)
                stray, last = False, max(builder.done - base, 0)
    return stray or (builder.open is None and bool(window[last:].strip()))
