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
from antdask.query.pieces import Piece
from antdask.query.progress import shown
from antdask.query.scan import EACH_BLOCK, Grain, Scan
from antdask.query.skipping import Skipped, tell
from antdask.query.walking import over_pieces

# A result or none, and what was left out: rows, and reasons by part.
type Reported[T] = tuple[list[T], list[tuple[int, dict[str, str]]]]

_BRANCHES = 8
#: More would only burden the scheduler.
MOST = 1000


@dataclasses.dataclass(frozen=True)
class Portion:
    """A scan, or a part of one; small data that travel, whatever the archive weighs: the catalogue is read where the work is done.

    Parameters
    ----------
    url : str
    scan : Scan
    on_missing : str
    grain : Grain
        See `Scan.jobs`.
    """

    url: str
    scan: Scan
    on_missing: str
    grain: Grain = EACH_BLOCK

    def cut(self, number: int = MOST) -> list[Portion]:
        """Between parts, into at most so many portions of about equal rows and hits; none where there is no row."""
        scan = self.scan
        if not len(scan):
            return []
        weight = scan.row_stop - scan.row_start + scan.hit_stop - scan.hit_start
        place = offsets_of(weight)[:-1] * min(number, MOST) // max(1, int(weight.sum()))
        # Ranges of one part stay together.
        first = np.flatnonzero(np.diff(scan.part, prepend=-1))
        group = np.repeat(place[first], np.diff(np.append(first, len(scan))))
        return [dataclasses.replace(self, scan=scan.only(group == g)) for g in np.unique(group).tolist()]

    def work[T](self, do: Callable[[Piece], T], combine: Callable[[T, T], T]) -> T | None:
        """What `do` makes of every piece, combined in order; ``None`` where there is no row.

        Raises
        ------
        DamagedPartError
        """
        found = self.report(do, combine, warn=True)[0]
        return found[0] if found else None

    def report[T](self, do: Callable[[Piece], T], combine: Callable[[T, T], T], warn: bool = False) -> Reported[T]:
        """The same, and what was left out, which is told where the work was asked for: nobody sees the warnings of a worker.

        Raises
        ------
        DamagedPartError
        """
        skipped = Skipped(self.on_missing == "skip")
        found: list[T] = []
        for result in over_pieces(self.scan, self.url, self.on_missing, do, note=skipped, grain=self.grain):
            found = [combine(found[0], result)] if found else [result]
        if warn:
            skipped.tell()
        return found, [skipped.noted]


def reduce_all[T](work: list[Portion], do: Callable[[Piece], T], combine: Callable[[T, T], T], client: Any = None) -> T | None:
    """Do the work here, or on a cluster with its results combined there in a tree; ``None`` where there is no row.

    Parameters
    ----------
    client : dask.distributed.Client, optional
        Only its ``submit`` is used, and ``result`` and ``add_done_callback`` of what that gives.

    Raises
    ------
    DamagedPartError
    """
    if not work:
        return None
    if client is None:
        with shown("rows", sum(one.scan.rows for one in work)):
            reported = _combine([portion.report(do, combine) for portion in work], combine)
    else:
        reported = _at_workers(work, do, combine, client)
    tell(*reported[1])
    return reported[0][0] if reported[0] else None


def _at_workers[T](work: list[Portion], do: Callable[[Piece], T], combine: Callable[[T, T], T], client: Any) -> Reported[T]:
    with shown("portions of the archive", len(work)) as saw:
        level = [client.submit(Portion.report, portion, do, combine, pure=False) for portion in work]
        for future in level:
            future.add_done_callback(lambda _: saw(1))
        while len(level) > 1:
            level = [client.submit(_combine, level[i : i + _BRANCHES], combine, pure=False) for i in range(0, len(level), _BRANCHES)]
        found: Reported[T] = level[0].result()
    return found


def _combine[T](found: Iterable[Reported[T]], combine: Callable[[T, T], T]) -> Reported[T]:
    some = list(found)
    results = [result for own, _ in some for result in own]
    return [functools.reduce(combine, results)] if results else [], [note for _, notes in some for note in notes]
