"""Parts that are missing or damaged: an error, or left out and counted."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from antdask.errors import DamagedPartError
from antdask.query.scan import Job
from antdask.query.warned import warn


class SkippedWarning(UserWarning):
    """Rows were left out because their parts are missing or damaged.

    Parameters
    ----------
    rows : int
        How many at most.
    reasons : dict of str to str
        Key path of each part, and what is wrong with it.
    """

    def __init__(self, rows: int, reasons: dict[str, str]) -> None:
        first = "; ".join(f"{part}: {reason}" for part, reason in list(reasons.items())[:3])
        more = f"; and {len(reasons) - 3:,} more" if len(reasons) > 3 else ""
        super().__init__(f"{rows:,} rows in {len(reasons):,} parts are left out, which are missing or damaged: {first}{more}")
        self.rows, self.reasons = rows, reasons


class Skipped:
    """Counts what is left out; safe for threads.

    Parameters
    ----------
    tolerant : bool
        Whether anything may be left out.
    """

    def __init__(self, tolerant: bool) -> None:
        self.tolerant, self._rows, self._reasons = tolerant, 0, dict[str, str]()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def watch(self, job: Job, number: int) -> Iterator[None]:
        """Pass over damage in the body, which works on one range of a job, and note it.

        Raises
        ------
        DamagedPartError
            Where nothing may be left out.
        """
        try:
            yield
        except DamagedPartError as error:
            if not self.tolerant:
                raise
            with self._lock:
                self._rows += job.rows(number)
                self._reasons[str(job.row["part"])] = error.what

    @property
    def noted(self) -> tuple[int, dict[str, str]]:
        """Rows that were left out at most, and the reason by part; plain data that travels."""
        return self._rows, dict(self._reasons)

    def tell(self) -> None:
        """Warn of what was left out, if anything was."""
        tell(self.noted)


def tell(*noted: tuple[int, dict[str, str]]) -> None:
    """Warn of what was left out here and there, if anything was."""
    reasons = {part: reason for _, known in noted for part, reason in known.items()}
    if reasons:
        warn(SkippedWarning(sum(rows for rows, _ in noted), dict(sorted(reasons.items()))))
