"""Files that stay open while several sources look at them one after the other: to read the directory and the trees of a ROOT file is most of the work of describing it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Protocol

from antdask.errors import CorruptFileError


class Closable(Protocol):
    """An open file.

    Attributes
    ----------
    loss : CorruptFileError or None
        What is missing of it, whichever source looks at it.
    """

    @property
    def loss(self) -> CorruptFileError | None:
        """What is missing of the file."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


_HELD: ContextVar[dict[str, Closable] | None] = ContextVar("held files", default=None)


class Refused:
    """A file that cannot be opened: what is missing of it is found out once."""

    def __init__(self, loss: CorruptFileError) -> None:
        self.loss = loss

    def close(self) -> None:
        """Nothing is open."""


@contextlib.contextmanager
def held_open() -> Iterator[None]:
    """Inside, files that are kept in `held` stay open for whoever opens them next; at the end of the outermost ``with`` they are closed."""
    if _HELD.get() is not None:
        yield
        return
    files: dict[str, Closable] = {}
    token = _HELD.set(files)
    try:
        yield
    finally:
        _HELD.reset(token)
        for file in files.values():
            file.close()


def held() -> dict[str, Closable] | None:
    """Open files by URL; ``None`` outside of `held_open`."""
    return _HELD.get()


def loss_of(url: str) -> CorruptFileError | None:
    """What is missing of a file that is held open and was recovered."""
    file = (_HELD.get() or {}).get(url)
    return file.loss if file is not None else None
