"""Campaigns without a driver: submit what is missing as job arrays, do a block of parts, close the archive when all is there."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from antdask.archive import layout as lay
from antdask.archive import marker, plans, state
from antdask.archive.ledger import Brief
from antdask.archive.store import Store
from antdask.cluster.array import Submission, submit_array
from antdask.cluster.failures import Failure
from antdask.cluster.profiles import Profile, load_profile
from antdask.cluster.run import run
from antdask.cluster.serial import SerialCluster
from antdask.convert.campaign import Records, begin, look, open_campaign
from antdask.convert.part import work
from antdask.convert.status import Status, status
from antdask.errors import PartsFailedError, UsageError
from antdask.settings import Settings, load

#: Numbers of parts that a message names.
_NAMED = 20


def submit(plan_url: str, profile: str | Profile = "generic", *, dry_run: bool = False) -> Submission:
    """Submit the parts of a plan that the archive does not hold, and the queue does not either, as job arrays of SLURM.

    Call it again to resubmit what has failed, and `finalise` when all is done.

    Parameters
    ----------
    plan_url : str
        File of a plan.
    profile : str or Profile
        What a task asks for: name of a site, path of a TOML file, or the profile itself.
    dry_run : bool
        Write and submit nothing.

    Raises
    ------
    PlanError
        There is no such plan.
    DestinationError, ConflictError
        The archive cannot be written, or holds the same entries in another cut.
    ClusterError
        SLURM is not there, or refuses.
    UsageError
        The archive lies in the memory of this process.
    """
    site = profile if isinstance(profile, Profile) else load_profile(profile)
    plan = plans.open_plan(plan_url)
    store = Store(plan.archive)
    if store.in_process:
        raise UsageError("An archive in memory:// cannot be filled from another process", where=plan.archive)
    if not dry_run:
        _, standing = begin(store, plan)
    else:
        standing = look(store, plan) if marker.refuse(store) else state.nothing_done(plan)
    return submit_array(store.full_url(lay.plan_file(plan.id)), plan.id, standing.missing(), site, dry_run=dry_run)


@dataclasses.dataclass
class Block:
    """What became of some parts.

    Parameters
    ----------
    done : dict of int to Brief
        By number of the part.
    failures : list of dict
        Records of those that failed.
    stopped : str
        Why parts were not tried; empty if all were.
    """

    wanted: int
    done: dict[int, Brief] = dataclasses.field(default_factory=dict)
    failures: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    stopped: str = ""

    @property
    def exit_code(self) -> int:
        """0 all done, 4 some failed."""
        return 0 if len(self.done) == self.wanted else 4

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        briefs = {str(index): dataclasses.asdict(brief) for index, brief in self.done.items()}
        return {"wanted": self.wanted, "done": briefs, "failures": self.failures, "stopped": self.stopped, "exit_code": self.exit_code}


def finish_parts(plan_url: str, indices: Sequence[int], settings: Settings | None = None) -> Block:
    """Do some parts of a plan here, one after the other; one that fails does not keep the others from being done.

    Parameters
    ----------
    indices : sequence of int
        Numbers of parts.

    Raises
    ------
    PlanError
        There is no such plan or part.
    """
    settings = settings or load()
    file = plans.open_plan(plan_url)
    for index in {min(indices), max(indices)}:
        file.assignment(index)
    store = Store(file.archive)
    if not store.exists(lay.plan_file(file.id)):
        open_campaign(store, file)
    block, records = Block(len(set(indices))), Records(store, file.id)

    def keep(index: int, brief: Brief) -> None:
        block.done[index] = brief
        records.forget(index)

    def note(index: int, failure: Failure) -> None:
        block.failures.append(records.keep(index, str(file.assignment(index).part.key), failure))

    with SerialCluster() as here:
        stats = run(
            here,
            work,
            sorted(set(indices)),
            args=(plan_url,),
            attempts=settings.attempts,
            on_result=keep,
            on_failure=note,
        )
    block.stopped = stats.stopped
    return block


def finalise(archive_url: str) -> Status:
    """Make the catalogue of an archive whose parts are all there.

    Raises
    ------
    PartsFailedError
        Parts are missing; the message says which.
    NotAnArchiveError, SchemaVersionError
    """
    store = Store(archive_url)
    marker.check(store)
    account = state.Account.take(store)
    for file in plans.saved(store):
        missing = sorted(account.standing(file).missing())
        if missing:
            raise PartsFailedError(
                "The archive is not complete",
                where=f"{store.url}, plan {file.id}",
                found=f"{len(missing)} of {file.parts} parts missing: {_in_words(missing)}",
                hint=f"Submit them again: antdask submit {store.full_url(lay.plan_file(file.id))} --profile NAME",
            )
    store.sweep()
    return status(archive_url, rebuild=True)


def _in_words(numbers: Sequence[int]) -> str:
    """Numbers, neighbours drawn together.

    Examples
    --------
    >>> _in_words([1, 2, 3, 7, 9, 10])
    '1-3, 7, 9-10'
    """
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][1] + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    words = [str(a) if a == b else f"{a}-{b}" for a, b in runs[:_NAMED]]
    return ", ".join(words) + (" …" if len(runs) > _NAMED else "")
