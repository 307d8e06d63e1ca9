"""Walking over a scan: the pieces that are left, in order, the next ones under way, and what is missing left out where that is wished."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from antdask.query.ahead import ahead
from antdask.query.pieces import Piece
from antdask.query.progress import saw
from antdask.query.scan import EACH_BLOCK, Grain, Job, Scan
from antdask.query.skipping import Skipped


def over_pieces[T](
    scan: Scan,
    url: str,
    on_missing: str,
    work: Callable[[Piece], T],
    *,
    grain: Grain | None = EACH_BLOCK,
    depth: int | None = None,
    note: Skipped | None = None,
) -> Iterator[T]:
    """The work done on each piece with rows.

    Parameters
    ----------
    url : str
        The archive.
    on_missing : {"raise", "skip"}
    work : callable
        Runs on other threads.
    grain
        See `Scan.jobs`.
    depth : int, optional
        See `ahead.ahead`.
    note : Skipped, optional
        Where to note what is left out; a warning says it at the end if not given.

    Raises
    ------
    DamagedPartError
        Where nothing may be left out.
    """
    skipped = note or Skipped(on_missing == "skip")

    def do(job: Job, number: int, read: Callable[[], Piece]) -> tuple[int, tuple[T] | None]:
        rows = job.rows(number)
        with skipped.watch(job, number):
            piece = read()
            return rows, (work(piece),) if len(piece) else None
        return rows, None

    tasks = (functools.partial(do, job, i, read) for job in scan.jobs(url, grain) for i, read in enumerate(job.readers()))
    for rows, found in ahead(tasks, depth):
        saw(rows)
        if found is not None:
            yield found[0]
    if note is None:
        skipped.tell()
