"""A campaign: bring an archive to what a plan says, from whatever state it is in."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from typing import Any

from antdask.archive import layout as lay
from antdask.archive import ledger, marker, plans, snapshot, state
from antdask.archive.ledger import Brief
from antdask.archive.store import Store
from antdask.cluster.failures import Failure
from antdask.cluster.run import Event, run
from antdask.convert.part import work
from antdask.errors import ClusterError, PartsFailedError, UsageError
from antdask.plan import Plan
from antdask.protocols import Cluster
from antdask.settings import Settings, load

#: Totals of a campaign, and what of a part they add up.
_SUMS = {"rows": "rows", "hits": "hits", "bytes_uncompressed": "bytes_in", "bytes_out": "nbytes", "quarantined": "lost"}


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
        """0 done, 3 some inputs could not be read, 4 some parts failed."""
        if self.parts_failed or self.parts_missing:
            return 4
        return 3 if self.rejected else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {**dataclasses.asdict(self), "exit_code": self.exit_code}


def convert(plan: Plan, cluster: Cluster, settings: Settings | None = None, progress: Callable[[Event], None] | None = None) -> Summary:
    """Do all parts of a plan that the archive does not hold yet, and renew its catalogue.

    Interrupted at any instant, the next call goes on: the state is recomputed from plan, receipts and files.

    Parameters
    ----------
    plan : Plan
    cluster : Cluster
        Where parts are worked on; not closed.
    progress : callable, optional
        Called with each event of `cluster.run`.

    Raises
    ------
    DestinationError, SchemaVersionError
        The archive cannot be written.
    ConflictError
        Entries of the plan are archived already, cut in another way.
    UsageError
        The archive lies in the memory of this process, the workers do not.
    """
    settings, began = settings or load(), time.perf_counter()
    store = Store(plan.archive)
    if store.in_process and cluster.name != "serial":
        raise UsageError("An archive in memory:// lives in one process", found=f"cluster '{cluster.name}'", hint="Use --cluster serial.")
    open_campaign(store, plan)
    done = state.done_parts(store, plan)
    skipped = len(done)
    state.refuse_overlap(store, plan)
    try:
        failures, stopped = _work_off(plan, done, cluster, settings, progress)
    finally:
        snapshot.rebuild(store)
    summary = summarise(plan, done)
    summary.parts_skipped, summary.parts_failed, summary.failures = skipped, len(failures), failures
    summary.parts_missing = len(plan.parts) - len(done) - len(failures)
    summary.stopped = stopped
    summary.seconds = time.perf_counter() - began
    return summary


def _work_off(
    plan: Plan, done: dict[int, Brief], cluster: Cluster, settings: Settings, progress: Callable[[Event], None] | None
) -> tuple[list[dict[str, Any]], str]:
    """Do the parts that are not in `done`, largest first, and add them to it; the failures, and why it stopped early if it did."""
    failures: list[dict[str, Any]] = []
    most = settings.max_bad_fraction * len(plan.parts)

    def keep(index: int, brief: Brief) -> None:
        done[index] = brief

    def note(index: int, failure: Failure) -> None:
        failures.append({"part": index, "key": str(plan.parts[index].key), **failure.to_dict()})
        if len(failures) > most:
            raise PartsFailedError(
                "More parts failed than --max-bad-fraction allows", found=len(failures), expected=f"at most {most:g} of {len(plan.parts)}"
            )

    todo = sorted((p.index for p in plan.parts if p.index not in done), key=lambda i: -plan.parts[i].nbytes)
    url, tries = Store(plan.archive).full_url(lay.plan_file(plan.id)), settings.attempts
    try:
        stats = run(cluster, work, todo, args=(url,), attempts=tries, on_result=keep, on_failure=note, progress=progress, total=len(todo))
    except PartsFailedError as error:
        return failures, str(error)
    return failures, stats.stopped


def open_campaign(store: Store, plan: Plan) -> None:
    """Make the place an archive, sweep what killed workers left, and keep plan and lineages in it.

    Raises
    ------
    DestinationError
    """
    marker.create(store)
    store.sweep()
    for lineage, document in plan.lineages.items():
        store.write_small(lay.lineage_file(lineage), json.dumps(document, sort_keys=True, indent=1).encode() + b"\n")
    plans.save(store, plan)


def summarise(plan: Plan, done: dict[int, Brief]) -> Summary:
    """Totals of a plan from what is said about its finished parts."""
    summary = Summary(plan.id, plan.archive, parts_total=len(plan.parts), parts_done=len(done), rejected=len(plan.rejected))
    summary.rejections = [dataclasses.asdict(r) for r in plan.rejected]
    summary.bytes_in = sum(f.nbytes for f in plan.inputs)
    groups: dict[tuple[str, str, int], dict[str, Any]] = {}
    for index, brief in done.items():
        key = plan.parts[index].key
        name = {"stream": key.stream, "detector": key.run.detector, "run": key.run.run}
        fresh = {**name, **dict.fromkeys(("parts", *_SUMS), 0), "cpu_seconds": 0.0}
        group = groups.setdefault((key.stream, key.run.detector, key.run.run), fresh)
        group["parts"] += 1
        for total, part in _SUMS.items():
            group[total] += getattr(brief, part)
        group["cpu_seconds"] += brief.cpu_seconds
    summary.streams = [groups[k] for k in sorted(groups)]
    for total in _SUMS:
        setattr(summary, total, sum(g[total] for g in summary.streams))
    return summary


@dataclasses.dataclass
class Status:
    """The state of an archive, recomputed from plans, receipts and files.

    Parameters
    ----------
    campaigns : list of dict
        One per plan: ``plan, parts_total, parts_done, parts_missing, quarantined, rejected, rows, hits, bytes_in, bytes_out``.
    orphans : int
        Part files without a receipt: a worker died between the two; the part will be redone.
    """

    archive: str
    campaigns: list[dict[str, Any]]
    orphans: int
    snapshot: str

    @property
    def exit_code(self) -> int:
        """0 complete, 4 parts are missing."""
        return 4 if any(c["parts_missing"] for c in self.campaigns) else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {**dataclasses.asdict(self), "exit_code": self.exit_code}


def status(archive_url: str, rebuild: bool = False) -> Status:
    """What is done and what is missing, by plan.

    Parameters
    ----------
    rebuild : bool
        Make a new catalogue from the receipts first.

    Raises
    ------
    NotAnArchiveError, SchemaVersionError
    """
    store = Store(archive_url)
    marker.check(store)
    current = snapshot.rebuild(store, whole=True) if rebuild else snapshot.current(store)
    campaigns = []
    for file in plans.saved(store):
        plan = file.whole()
        done = state.done_parts(store, plan)
        totals = summarise(plan, done).to_dict()
        wanted = ("plan", "parts_total", "parts_done", "quarantined", "rejected", "rows", "hits", "bytes_in", "bytes_out")
        campaigns.append({**{k: totals[k] for k in wanted}, "parts_missing": len(plan.parts) - len(done)})
    files = {p for p in store.list("parts") if p.endswith(".zarr.zip")}
    named = {lay.part_file(p) for p in ledger.receipt_paths(store)}
    return Status(store.url, campaigns, len(files - named), current.snapshot)


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
        open_campaign(store, file.whole())
    return work(index, plan_url)
