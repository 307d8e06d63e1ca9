"""How far a run is: a bar in a terminal or a notebook, a line now and then in a log, or nothing."""

from __future__ import annotations

import contextlib
import enum
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from antdask.cluster.run import Event
from antdask.notebook import Drawing, Place, in_notebook

#: Distance of the lines in a log [s].
LINE_EVERY = 10.0
#: Renewals of the bar in a notebook [s].
RENEW_EVERY = 0.5
#: Failures that are shown one by one; the rest is only counted.
FAILURES_SHOWN = 10


class Style(enum.StrEnum):
    """How progress is shown."""

    AUTO = "auto"
    BAR = "bar"
    NOTEBOOK = "notebook"
    LINES = "lines"
    NONE = "none"


class Progress(contextlib.AbstractContextManager["Progress"]):
    """A display to hand to `antdask.cluster.run.run`.

    Parameters
    ----------
    label : str
        What is counted.
    weigh : callable, optional
        Bytes that stand for a finished task, from the task and its result [byte].
    total_bytes : int, optional
        Bytes of all tasks [byte]; makes the estimate of the remaining time better than counting does.
    style : Style
        ``auto``: as the place allows.
    console : rich.console.Console, optional
        Where to; standard error if not given, so that standard output stays for results.

    Examples
    --------
    >>> with Progress("parts", style=Style.NONE) as progress:
    ...     progress(Event("done", 0, None, None, 1, 0, 0, 0, 1, 10, 2.0))
    """

    def __init__(
        self,
        label: str = "tasks",
        *,
        weigh: Callable[[Any, Any], int] | None = None,
        total_bytes: int | None = None,
        style: Style | str = Style.AUTO,
        console: Console | None = None,
    ) -> None:
        self._console = console or Console(file=sys.stderr)
        self._label, self._weigh, self._total_bytes = label, weigh, total_bytes
        self._style = _fitting(self._console) if Style(style) is Style.AUTO else Style(style)
        self._bytes, self._failures_shown, self._shown_at = 0, 0, float("-inf")
        self._last: Event | None = None
        self._bar: Bar | None = None
        self._place = Place()
        self._row: TaskID | None = None

    def __enter__(self) -> Progress:
        if self._style is Style.BAR:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[words]}"))
            self._bar = Bar(*columns, TimeElapsedColumn(), console=self._console)
            self._row = self._bar.add_task(self._label, total=None, words="")
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._last is not None and self._style is Style.LINES:
            self._print(self.line(self._last))
        elif self._last is not None and self._style is Style.NOTEBOOK:
            self._draw(self._last)

    def __call__(self, event: Event) -> None:
        """Show an event; of nothing to do there is nothing to show."""
        if event.total == 0:
            return
        self._last = event
        if event.kind == "done" and self._weigh is not None:
            self._bytes += self._weigh(event.task, event.result)
        if event.kind == "failed" and self._style is not Style.NONE:
            self._show_failure(event)
        if self._bar is not None and self._row is not None:
            self._bar.update(self._row, total=event.total, completed=event.done + event.failed, words=self.words(event))
        elif self._style is Style.LINES and self._is_due(LINE_EVERY):
            self._print(self.line(event))
        elif self._style is Style.NOTEBOOK and self._is_due(RENEW_EVERY):
            self._draw(event)

    def line(self, event: Event) -> str:
        """The state in one line."""
        total = f"/{event.total}" if event.total is not None else ""
        return f"{self._label} {event.done + event.failed}{total} {self.words(event)}".rstrip()

    def words(self, event: Event) -> str:
        """Volume, speed, failures, and the time that remains."""
        parts = []
        if self._bytes:
            parts += [f"{self._bytes / 1e6:,.0f} MB", f"{self._bytes / 1e6 / max(event.seconds, 1e-3):,.0f} MB/s"]
        if event.failed:
            parts.append(f"{event.failed} failed")
        if event.retries:
            parts.append(f"{event.retries} retried")
        if not event.capacity:
            parts.append("waiting for workers")
        remaining = self.remaining(event)
        if remaining is not None:
            parts.append(f"{duration(remaining)} left")
        return " · ".join(parts)

    def remaining(self, event: Event) -> float | None:
        """Estimated time to the end [s]; ``None`` while nothing is known."""
        finished = event.done + event.failed
        if not finished or event.total is None or finished >= event.total:
            return None
        done, total = (self._bytes, self._total_bytes) if self._bytes and self._total_bytes else (finished, event.total)
        return max(0.0, event.seconds * (total - done) / done)

    def _is_due(self, every: float) -> bool:
        if time.monotonic() - self._shown_at < every:
            return False
        self._shown_at = time.monotonic()
        return True

    def _show_failure(self, event: Event) -> None:
        if self._failures_shown < FAILURES_SHOWN:
            self._print(f"failed: {self._label} {event.task}: {event.failure}")
        elif self._failures_shown == FAILURES_SHOWN:
            self._print("failed: more, which are counted only")
        self._failures_shown += 1

    def _draw(self, event: Event) -> None:
        self._place.show(Drawing(event.done + event.failed, event.total or 0, self.line(event)))

    def _print(self, text: str) -> None:
        if self._style is Style.NOTEBOOK:
            print(text)
        else:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def by_itself(
    progress: Callable[[Event], None] | None, label: str, weigh: Callable[[Any, Any], int] | None = None
) -> Iterator[Callable[[Event], None] | None]:
    """What is called with each event: as the caller said; a bar of its own in a notebook, where nobody said anything.

    Parameters
    ----------
    progress : callable or None
        What the caller said.
    label, weigh
        As in `Progress`.
    """
    if progress is not None or not in_notebook():
        yield progress
        return
    with Progress(label, weigh=weigh, style=Style.NOTEBOOK) as shown:
        yield shown


def _fitting(console: Console) -> Style:
    if console.is_jupyter or in_notebook():
        return Style.NOTEBOOK
    return Style.BAR if console.is_terminal else Style.LINES


def duration(seconds: float) -> str:
    """A time span for people.

    Examples
    --------
    >>> duration(7.4), duration(75), duration(7300), duration(200_000)
    ('7 s', '1 min 15 s', '2 h 01 min', '2 d 07 h')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600:02d} h"
