"""Portions: a selection cut into pieces of work for a cluster, and results that are combined in a tree.

::

    parts   0 1 2 3 4 5 6 7 8 9 …            portions of about equal weight, one task each
            └─┬─┘ └─┬─┘ └─┬─┘                a task reads its parts one after the other and combines what it found
              └──┬──┘     │                  results are combined by eights
                 └────────┘
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from antdask.model.ragged import offsets_of
from antdask.query.ahead import ahead
from antdask.query.pieces import Piece
from antdask.query.scan import Job, Scan
from antdask.query.skipping import Skipped

_BRANCHES = 8
#: More would only burden the scheduler.
MOST = 1000


@dataclasses.dataclass(frozen=True)
class Portion:
    """A part of a scan; small data that travel, whatever the archive weighs: the catalogue is read where the work is done.

    Parameters
    ----------
    url : str
    scan : Scan
    on_missing : str
    """

    url: str
    scan: Scan
    on_missing: str

    def work[T](self, do: Callable[[Piece], T], combine: Callable[[T, T], T]) -> T | None:
        """What `do` makes of every piece, combined in order; ``None`` where there is no row.

        Raises
        ------
        DamagedPartError
        """
        skipped = Skipped(self.on_missing == "skip")

        def one(job: Job, number: int, read: Callable[[], Piece]) -> tuple[T] | None:
            with skipped.watch(job, number):
                piece = read()
                return (do(piece),) if len(piece) else None
            return None

        tasks = (functools.partial(one, job, i, read) for job in self.scan.jobs(self.url) for i, read in enumerate(job.readers()))
        found: tuple[T] | None = None
        for result in ahead(tasks):
            if result is not None:
                found = result if found is None else (combine(found[0], result[0]),)
        skipped.tell()
        return None if found is None else found[0]


def portions(url: str, scan: Scan, on_missing: str, number: int = MOST) -> list[Portion]:
    """Cut a scan between parts, into at most so many portions of about equal rows and hits."""
    if not len(scan):
        return []
    weight = scan.row_stop - scan.row_start + scan.hit_stop - scan.hit_start
    place = offsets_of(weight)[:-1] * min(number, MOST) // max(1, int(weight.sum()))
    # Ranges of one part stay together.
    first = np.flatnonzero(np.diff(scan.part, prepend=-1))
    group = np.repeat(place[first], np.diff(np.append(first, len(scan))))
    return [Portion(url, scan.only(group == g), on_missing) for g in np.unique(group).tolist()]


def reduce_all[T](work: list[Portion], do: Callable[[Piece], T], combine: Callable[[T, T], T], client: Any = None) -> T | None:
    """Do the work here, or on a cluster with its results combined there in a tree; ``None`` where there is no row.

    Parameters
    ----------
    client : dask.distributed.Client, optional
        Only its ``submit`` is used.

    Raises
    ------
    DamagedPartError
    """
    if client is None:
        return _combine([portion.work(do, combine) for portion in work], combine)
    level = [client.submit(Portion.work, portion, do, combine, pure=False) for portion in work]
    if not level:
        return None
    while len(level) > 1:
        level = [client.submit(_combine, level[i : i + _BRANCHES], combine, pure=False) for i in range(0, len(level), _BRANCHES)]
    found: T | None = level[0].result()
    return found


def _combine[T](found: Iterable[T | None], combine: Callable[[T, T], T]) -> T | None:
    there = [one for one in found if one is not None]
    return functools.reduce(combine, there) if there else None
