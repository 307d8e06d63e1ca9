"""The door to the bytes of one input file: what readers ask of it, whatever storage holds it."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np

from antdask.errors import CorruptFileError, InputChangedError
from antdask.sources.files import naming


class Lent(NamedTuple):
    """Ranges of a file in one piece of memory: its bytes, uint8, and where each range begins in it, int64."""

    buffer: np.ndarray
    starts: np.ndarray


class Blob:
    """An open file of known size.

    Use as a context manager; `blob.open_blob` makes one.

    Attributes
    ----------
    url : str
    nbytes : int
        Size when it was opened [byte].
    far : bool
        Whether reading takes so long that it is worth to say what comes next (`expect`).
    """

    far = False

    def __init__(self, url: str, nbytes: int) -> None:
        self.url, self.nbytes = url, nbytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def read(self, start: int, stop: int) -> memoryview:
        """The bytes ``start:stop``.

        Raises
        ------
        CorruptFileError
            The range is not inside the file; nothing is allocated.
        InputChangedError
            The file became shorter since it was opened.
        InputMissingError, InputUnreadableError
            It went away, or may not be read; other failures of disk and network stay `OSError`.
        """
        self._check(start, stop)
        with naming(self.url):
            return self._whole(self._fetch(start, stop), start, stop)

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[memoryview]:
        """Several ranges at once: one round trip where the store can do that. Errors as for `read`."""
        return [self.read(start, stop) for start, stop in ranges]

    def borrow(self, starts: np.ndarray, stops: np.ndarray) -> Lent:
        """As `read_many`, in memory that the next call of this thread may use again; `starts` and `stops` are int64."""
        pieces = self.read_many(list(zip(starts.tolist(), stops.tolist(), strict=True)))
        return Lent(np.frombuffer(b"".join(pieces), np.uint8), np.cumsum(stops - starts) - (stops - starts))

    def hold(self, starts: np.ndarray, stops: np.ndarray) -> None:
        """Read ranges that this thread will borrow piece by piece, if that saves calls; those before are given up."""

    def expect(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Say which ranges will be read soon, so that a file far away can send them meanwhile."""

    def close(self) -> None:
        """Give back what is held open."""

    def _fetch(self, start: int, stop: int) -> bytes | bytearray:
        raise NotImplementedError

    def _check(self, start: int, stop: int) -> None:
        if not 0 <= start <= stop <= self.nbytes:
            raise CorruptFileError("The file does not hold the bytes it points to", where=self.url, found=f"bytes {start} to {stop}", expected=f"at most {self.nbytes}", hint="It is cut short or damaged.")  # fmt: skip

    def _whole(self, data: bytes | bytearray | memoryview, start: int, stop: int) -> memoryview:
        if len(data) != stop - start:
            raise InputChangedError("The file became shorter while it was read", where=self.url, found=f"{len(data)} bytes from {start}", expected=f"{stop - start}", hint="Plan again when it is complete.")  # fmt: skip
        return memoryview(data)
