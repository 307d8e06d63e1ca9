"""How far a query is: a bar in a notebook by itself, one in a terminal where a command asks for it, and nothing elsewhere or for what is done within a second."""

from __future__ import annotations

import contextlib
import contextvars
import sys
import threading
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from antdask.notebook import Drawing, Place, in_notebook

#: What is quicker needs no bar; and how often a bar is renewed [s].
PATIENCE, RENEW_EVERY = 1.0, 0.3

_seen: contextvars.ContextVar[Callable[[int], None] | None] = contextvars.ContextVar("antdask_progress", default=None)


def saw(rows: int) -> None:
    """Tell the bar that is shown, if one is, that so much more is done."""
    tell = _seen.get()
    if tell is not None:
        tell(rows)


@contextlib.contextmanager
def shown(what: str, total: int, style: str = "auto") -> Iterator[Callable[[int], None]]:
    """Show how far the body is; gives a function, good for any thread, that is told how much more is done.

    Parameters
    ----------
    what : str
        What is counted.
    total : int
        0 where it is not known.
    style : {"auto", "terminal", "none"}
        ``auto`` shows a bar in a notebook only.
    """
    if _seen.get() is not None or style == "none" or (style == "auto" and not in_notebook()):
        yield _seen.get() or (lambda _: None)
        return
    display: _Display = _Terminal(what, total) if style == "terminal" else _Notebook(what, total)
    token = _seen.set(display.add)
    try:
        yield display.add
    finally:
        _seen.reset(token)
        display.close()


class _Display:
    """Counts, and draws now and then."""

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total, self.done = what, total, 0
        self.begin = time.monotonic()
        self._drawn = self.begin + PATIENCE - RENEW_EVERY
        self._lock = threading.Lock()

    def add(self, number: int) -> None:
        with self._lock:
            self.done += number
            if time.monotonic() - self._drawn >= RENEW_EVERY:
                self._drawn = time.monotonic()
                self.draw()

    def draw(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class _Terminal(_Display):
    """One line on standard error, which is wiped at the end."""

    def __init__(self, what: str, total: int) -> None:
        super().__init__(what, total)
        self._bar: Bar | None = None

    def draw(self) -> None:
        if self._bar is None:
            words = TextColumn("{task.completed:,} {task.description}")
            columns = (words, BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, console=Console(file=sys.stderr), transient=True)
            self._row = self._bar.add_task(self.what, total=self.total or None)
            self._bar.start()
        self._bar.update(self._row, completed=self.done)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()


class _Notebook(_Display):
    """A bar of a notebook, which says at the end how long it took."""

    def __init__(self, what: str, total: int) -> None:
        super().__init__(what, total)
        self._place = Place()

    def draw(self) -> None:
        self._place.show(self.drawing())

    def close(self) -> None:
        if self._place.used:
            self.draw()

    def drawing(self) -> Drawing:
        """The bar with numbers and the time that is left, or was taken."""
        seconds = time.monotonic() - self.begin
        left = seconds * (self.total - self.done) / self.done if self.done else None
        words = f"{self.done:,} of {self.total:,} {self.what}"
        if self.done >= self.total:
            words += f" in {seconds:.0f} s"
        elif left is not None:
            words += f", about {left:.0f} s left"
        return Drawing(self.done, max(self.total, 1), words)
