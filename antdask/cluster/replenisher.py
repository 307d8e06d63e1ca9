"""Decides which jobs to submit and which to cancel, so that as many workers work as are wanted; pure: knows neither SLURM nor Dask.

::

    submitted ──► waits in the queue ──► runs, its worker is absent ──► its worker is present ──► ended ──► another is submitted
                        │                        │                                                 │
                        └ for ever: stop         └ for too long: cancelled                         └ before its worker was ever seen: stillborn

Three stillborn jobs in a row, while no worker works, end the campaign: more of them would only fill the queue.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping

from antdask.cluster.batch import Job
from antdask.errors import ClusterError

#: So many jobs in a row that end before their worker appears, while no other works, are the profile's fault and not that of a node.
STILLBORN = 3
#: Longest wait after a stillborn job [s].
LONGEST_REST = 300.0
#: Ends that say nothing against a job: it was called off, or had done its time.
_INNOCENT = frozenset({"CANCELLED", "COMPLETED", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "DEADLINE", "REVOKED"})


@dataclasses.dataclass(slots=True)
class _Placed:
    """A job of ours: the name of its worker, whether that was ever seen, since when it is missed."""

    worker: str
    seen: bool = False
    absent_since: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Orders:
    """What to do now: jobs to submit, jobs to cancel."""

    submit: int
    cancel: tuple[str, ...]


class Replenisher:
    """The jobs of one driver.

    Parameters
    ----------
    wanted : int
        Jobs wanted at a time.
    patience : float
        A running job may be without its worker for so long [s].
    last_words : callable
        The end of the output of a job, for a message.
    """

    def __init__(self, wanted: int, patience: float, last_words: Callable[[str], str]) -> None:
        self.wanted = wanted
        self._patience, self._last_words = patience, last_words
        self._placed: dict[str, _Placed] = {}
        self._ending: dict[str, _Placed] = {}
        self._stillborn: list[Job] = []
        self._not_before = float("-inf")
        self.failed: list[Job] = []

    @property
    def jobs(self) -> list[str]:
        """Numbers of the jobs that have not ended, as far as known."""
        return list(self._placed)

    def place(self, job: str, worker: str) -> None:
        """Remember that this job was submitted, and will bring this worker."""
        self._placed[job] = _Placed(worker)

    def look(self, now: float, queue: Mapping[str, Job], present: Collection[str]) -> Orders:
        """Compare what should be with what is.

        Parameters
        ----------
        now : float
            Any clock that does not go back [s].
        queue : mapping of str to Job
            Jobs that SLURM knows.
        present : collection of str
            Names of the workers that the scheduler knows: that of a job, with ``-0``, ``-1``… behind it where a job has several.

        Raises
        ------
        ClusterError
            No job can ever start, or each dies before its worker appears.
        """
        bases = {*present, *(name.rpartition("-")[0] for name in present)}
        for number in list(self._placed):
            self._follow(now, number, queue.get(number), self._placed[number].worker in bases)
        for number in list(self._ending):
            self._bury(now, number, queue.get(number))
        if not present:
            self._give_up_if_vain(queue)
        overdue = [n for n, p in self._placed.items() if p.absent_since is not None and now - p.absent_since > self._patience]
        for number in overdue:
            del self._placed[number]
        missing = self.wanted - len(self._placed) if now >= self._not_before else 0
        return Orders(missing, tuple(overdue))

    def _follow(self, now: float, number: str, job: Job | None, is_present: bool) -> None:
        placed = self._placed[number]
        if is_present:
            if not placed.seen:
                self._stillborn.clear()
            placed.seen, placed.absent_since = True, None
        if job is None or not job.is_alive:
            self._ending[number] = self._placed.pop(number)
        elif job.state == "RUNNING" and not is_present:
            placed.absent_since = now if placed.absent_since is None else placed.absent_since

    def _bury(self, now: float, number: str, job: Job | None) -> None:
        """Judge a job by its end, once SLURM tells that."""
        if job is not None and job.state == "COMPLETING":
            return
        placed = self._ending.pop(number)
        if job is None:
            return
        if job.state not in _INNOCENT:
            self.failed.append(job)
        # To have done its time is no excuse for a job whose worker never came.
        if not placed.seen and (job.state not in _INNOCENT or job.state == "COMPLETED"):
            self._stillborn.append(job)
            # A node that breaks every job at once would otherwise draw all of them to it.
            self._not_before = now + min(LONGEST_REST, 2.0 ** len(self._stillborn))

    def _give_up_if_vain(self, queue: Mapping[str, Job]) -> None:
        if len(self._stillborn) >= STILLBORN:
            last = self._stillborn[-1]
            raise ClusterError(
                f"The workers do not start: {len(self._stillborn)} jobs ended before their workers came up",
                where=f"job {last.id} on {last.node or 'no node'}",
                found=f"{last.state}, {self._last_words(last.id) or 'no output'}",
                hint="Correct `python` or `prologue` in the profile.",
            )
        hopeless = next((job for number in self._placed if (job := queue.get(number)) is not None and job.is_hopeless), None)
        if hopeless is not None:
            raise ClusterError(
                "The jobs can never start",
                where=f"job {hopeless.id}",
                found=hopeless.reason,
                hint="Correct the profile; `sinfo` shows what is there.",
            )
