"""A campaign: bring an archive to what a plan says, from whatever state it is in."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import time
from collections.abc import Callable
from typing import Any

from antdask.archive import failed, marker, plans, snapshot
from antdask.archive import layout as lay
from antdask.archive.ledger import Brief
from antdask.archive.plans import PlanFile
from antdask.archive.state import Account, Standing
from antdask.archive.store import Store
from antdask.cluster import demand_reach
from antdask.cluster.failures import Failure, classify, describe
from antdask.cluster.progress import by_itself
from antdask.cluster.run import Event, run
from antdask.convert.part import work
from antdask.convert.step import source_of
from antdask.errors import (
    AntdaskError,
    ClusterError,
    ConflictError,
    DestinationError,
    InputError,
    InputMissingError,
    PartsFailedError,
)
from antdask.plan import Plan
from antdask.protocols import Cluster
from antdask.settings import Settings, load

#: Totals of a campaign, and what of a part they add up.
_SUMS = {"rows": "rows", "hits": "hits", "bytes_uncompressed": "bytes_in", "bytes_out": "nbytes", "quarantined": "lost"}
#: While a campaign runs its catalogue is renewed, but not more often than this [s], and for no larger share of the time.
RENEW_EVERY, RENEW_SHARE = 300.0, 0.02


@dataclasses.dataclass
class Summary:
    """What a campaign came to; totals are over the whole plan, finished before or now.

    Parameters
    ----------
    parts_done, parts_skipped, parts_failed : int
        In the archive now; of these, finished by an earlier run; failed in this run.
    parts_missing : int
        Neither done nor failed: the campaign stopped before.
    quarantined : int
        Entries that were lost to corrupt input.
    rejected : int
        Inputs that could not be described at all.
    rows, hits : int
    bytes_in, bytes_uncompressed, bytes_out : int
        Size of the input files, of their uncompressed content, of the parts [byte].
    seconds : float
        Wall time of this run [s].
    """

    plan: str
    archive: str
    parts_total: int = 0
    parts_done: int = 0
    parts_skipped: int = 0
    parts_failed: int = 0
    parts_missing: int = 0
    quarantined: int = 0
    rejected: int = 0
    rows: int = 0
    hits: int = 0
    bytes_in: int = 0
    bytes_uncompressed: int = 0
    bytes_out: int = 0
    seconds: float = 0.0
    stopped: str = ""
    failures: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    rejections: list[dict[str, str]] = dataclasses.field(default_factory=list)
    streams: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 done, 3 some inputs could not be read, 4 some parts failed, or too many were bad."""
        if self.parts_failed or self.parts_missing or self.stopped:
            return 4
        return 3 if self.rejected else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {**dataclasses.asdict(self), "exit_code": self.exit_code}


def convert(
    plan: Plan | PlanFile, cluster: Cluster, settings: Settings | None = None, progress: Callable[[Event], None] | None = None
) -> Summary:
    """Do all parts of a plan that the archive does not hold yet, and renew its catalogue.

    Interrupted at any instant, the next call goes on: the state is recomputed from plan, receipts and files.

    Parameters
    ----------
    plan : Plan or PlanFile
        A file needs little memory, however many parts there are.
    cluster : Cluster
        Where parts are worked on; not closed.
    progress : callable, optional
        Called with each event of `cluster.run`. If not given, a notebook shows a bar by itself.

    Raises
    ------
    DestinationError, SchemaVersionError
        The archive cannot be written.
    ConflictError
        Entries of the plan are archived already, cut in another way; or parts that it retires have gone into others.
    UsageError
        The archive lies in the memory of this process, the workers do not.
    """
    settings, began = settings or load(), time.perf_counter()
    store = Store(plan.archive)
    demand_reach(cluster, store)
    if _names_nothing(plan):
        marker.refuse(store)
        return Summary(plan.id, plan.archive, rejected=len(plan.rejected), rejections=[dataclasses.asdict(r) for r in plan.rejected])
    file, standing = begin(store, plan)
    skipped = len(standing)
    try:
        with by_itself(progress, "parts", lambda _, brief: int(brief.bytes_in)) as shown:
            failures, stopped = _work_off(store, file, standing, cluster, settings, shown)
    finally:
        snapshot.rebuild(store)
    if len(standing) > skipped:
        # Of workers that died on the way, of whatever host: nobody else may come for a day.
        store.sweep()
    summary = summarise(file, standing)
    summary.parts_skipped, summary.parts_failed, summary.failures = skipped, len(failures), failures
    summary.parts_missing = file.parts - len(standing) - len(failures)
    summary.stopped = stopped
    summary.seconds = time.perf_counter() - began
    return summary


def _names_nothing(plan: Plan | PlanFile) -> bool:
    """Whether every input is a name of nothing that could be read: a slip of the pen, of which an archive is neither made nor keeps a note."""
    return (
        bool(plan.rejected)
        and not plan.cost()["inputs"]
        and all(r.code in {InputError.code, InputMissingError.code} for r in plan.rejected)
    )


def foresee(plan: Plan | PlanFile) -> int:
    """How many parts of a plan are done, and whether `convert` would begin; writes nothing.

    Raises
    ------
    DestinationError, SchemaVersionError, ConflictError
        As `convert`.
    """
    store = Store(plan.archive)
    return len(look(store, plan)) if marker.refuse(store) else 0


def begin(store: Store, plan: Plan | PlanFile) -> tuple[PlanFile, Standing]:
    """Open a campaign (`open_campaign`), unless it is refused, and then nothing of its plan is kept; the kept plan, and how far it is.

    Raises
    ------
    DestinationError, PlanError, ConflictError
    """
    standing = look(store, plan) if marker.refuse(store) else None
    file = open_campaign(store, plan)
    return file, look(store, file) if standing is None else standing


def look(store: Store, file: Plan | PlanFile) -> Standing:
    """How far a plan is, before it is worked on.

    Raises
    ------
    ConflictError
    """
    account = Account.take(store)
    standing = account.standing(file)
    account.refuse_overlap(file, standing)
    merged = account.replaced(file.retires) - {file.id}
    if merged and len(standing) < len(standing.done):
        raise ConflictError(
            "Parts that this plan would replace have gone into others since it was made",
            where=f"plan {file.id}",
            found=f"merged into {min(merged)}",
            hint="Make the plan anew, from the archive as it is now.",
        )
    return standing


def _work_off(
    store: Store, file: PlanFile, standing: Standing, cluster: Cluster, settings: Settings, progress: Callable[[Event], None] | None
) -> tuple[list[dict[str, Any]], str]:
    """Do the parts that are not done, largest first, and note them; the failures, and why it stopped early if it did."""
    failures: list[dict[str, Any]] = []
    renewal, records, bad = _Renewal(store), Records(store, file.id), _Bad(settings.max_bad_fraction, file.parts)

    def keep(index: int, brief: Brief) -> None:
        standing.note(index, brief)
        records.forget(index)
        renewal.consider()
        bad.count(lost=brief.lost > 0)

    def note(index: int, failure: Failure) -> None:
        failures.append(records.keep(index, standing.path(index), failure))
        bad.count(failed=True)

    todo, tries = standing.missing(), settings.attempts
    try:
        stats = run(
            cluster, work, todo, args=(file.url,), attempts=tries, on_result=keep, on_failure=note, progress=progress, total=len(todo)
        )
    except PartsFailedError as error:
        return failures, str(error)
    return failures, stats.stopped


@dataclasses.dataclass
class _Bad:
    """How many parts of this run failed, or lost entries to the quarantine: of too many, the cause is to be found before more are done."""

    fraction: float
    parts: int
    failures: int = 0
    gaps: int = 0

    def count(self, *, failed: bool = False, lost: bool = False) -> None:
        """Count a part.

        Raises
        ------
        PartsFailedError
        """
        self.failures, self.gaps = self.failures + failed, self.gaps + lost
        if (failed or lost) and self.failures + self.gaps > self.fraction * self.parts:
            raise PartsFailedError(
                "More parts are bad than --max-bad-fraction allows",
                found=f"{self.failures:,} failed and {self.gaps:,} with quarantined entries",
                expected=f"at most {self.fraction:g} of {self.parts:,} parts",
                hint="antdask status and antdask quarantine list say what is wrong with them.",
            )


class Records:
    """What is kept about the failed parts of a plan, while somebody works on it.

    Parameters
    ----------
    store : Store
    plan : str
    """

    def __init__(self, store: Store, plan: str) -> None:
        self._store, self._plan, self._kept = store, plan, set(failed.numbers(store, plan))

    def keep(self, index: int, path: str, failure: Failure) -> dict[str, Any]:
        """Keep a failure; what is known about it. A destination that cannot be written has no record, but the campaign says so itself."""
        record = {"part": index, "key": path, **failure.to_dict()}
        try:
            failed.keep(self._store, self._plan, index, record)
        except DestinationError as error:
            return {**record, "unkept": str(error)}
        self._kept.add(index)
        return record

    def forget(self, index: int) -> None:
        """A part is done after all."""
        if index in self._kept:
            failed.forget(self._store, self._plan, index)
            self._kept.discard(index)


class _Renewal:
    """Renews the catalogue while a campaign runs, so that readers see what is there, and a look at it has few receipts to read."""

    def __init__(self, store: Store) -> None:
        self._store, self._due = store, time.monotonic() + RENEW_EVERY

    def consider(self) -> None:
        """Renew it if it is time. What fails here is tried again, and at the end of the campaign for good."""
        began = time.monotonic()
        if began < self._due:
            return
        with contextlib.suppress(AntdaskError):
            snapshot.rebuild(self._store)
        took = time.monotonic() - began
        self._due = began + took + max(RENEW_EVERY, took / RENEW_SHARE)


def open_campaign(store: Store, plan: Plan | PlanFile) -> PlanFile:
    """Make the place an archive, sweep what killed workers left, and keep in it the plan, its lineages, and the source of their steps; the kept plan.

    Raises
    ------
    DestinationError
    PlanError
        A file of a plan that was altered.
    """
    marker.create(store)
    store.sweep()
    for lineage, document in plan.lineages.items():
        store.write_small(lay.lineage_file(lineage), json.dumps(document, sort_keys=True, indent=1).encode() + b"\n")
        step = document.get("step")
        if step is not None and step["name"] and not store.exists(lay.step_file(step["source"])):
            store.write_small(lay.step_file(step["source"]), source_of(step["name"]))
    return plans.save(store, plan)


def summarise(file: PlanFile, standing: Standing) -> Summary:
    """Totals of a plan from what is said about its finished parts."""
    summary = Summary(file.id, file.archive, parts_total=file.parts, parts_done=len(standing), rejected=len(file.rejected))
    summary.rejections = [dataclasses.asdict(r) for r in file.rejected]
    summary.bytes_in = file.cost()["bytes_in"]
    same = ("stream", "detector", "run", "parts", "cpu_seconds")
    summary.streams = [{**{n: g[n] for n in same}, **{total: g[part] for total, part in _SUMS.items()}} for g in standing.groups()]
    for total, part in _SUMS.items():
        setattr(summary, total, standing.total(part))
    return summary


def finish_part(plan_url: str, index: int) -> Brief:
    """Do one part outside of any campaign, e.g. from a job array; the catalogue is renewed by `status` or the next `convert`.

    Raises
    ------
    ClusterError
        The plan's archive does not exist yet and lies where other processes cannot see it.
    """
    file = plans.open_plan(plan_url)
    store = Store(file.archive)
    if store.in_process:
        raise ClusterError("An archive in memory:// cannot be filled from another process", where=file.archive)
    if not store.exists(lay.plan_file(file.id)):
        open_campaign(store, file)
    records = Records(store, file.id)
    try:
        brief = work(index, plan_url)
    except Exception as error:
        if 0 <= index < file.parts:
            records.keep(index, str(file.assignment(index).part.key), describe(error, classify(error), socket.gethostname()))
        raise
    records.forget(index)
    return brief
