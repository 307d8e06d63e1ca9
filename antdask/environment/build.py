"""The campaign that makes the product of rates: days from frames, then periods from days, on any cluster; run again, it does what is new.

What is up to date is read from receipts alone: that of a day names the parts that went in, that of a period the days. New runs, runs that were archived late and runs
that are gone thus change their days and periods and nothing else.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow.compute as pc

from antdask.archive import catalog as catalogue
from antdask.archive.reading import PartReader
from antdask.archive.store import Store
from antdask.cluster import demand_reach
from antdask.cluster.failures import Failure
from antdask.cluster.progress import by_itself
from antdask.cluster.run import Event, run
from antdask.environment.baseline import BaselineSpec
from antdask.environment.day import DayTask, build_day
from antdask.environment.excursions import FlashSpec
from antdask.environment.frames import LONGEST_DAYS, RunSpan, days_touched, run_spans
from antdask.environment.grid import PERIOD_DAYS, Grid
from antdask.environment.period import build_period
from antdask.environment.product import VERSION, Product, whole_periods
from antdask.environment.quantity import ChannelRates, ModuleCounts, Quantity, describe
from antdask.errors import UsageError
from antdask.plan import digest
from antdask.protocols import Cluster


@dataclasses.dataclass(frozen=True, slots=True)
class BuildSpec:
    """What to make.

    Parameters
    ----------
    detector, lineage : str or None
        Of the stream `rates`; needed where the archive has several.
    origin : str or None
        First day of the grid; 1 January of the year of the first frame if not given. Another origin is another product.
    baseline : BaselineSpec
    flashes : FlashSpec
    """

    detector: str | None = None
    lineage: str | None = None
    origin: str | None = None
    baseline: BaselineSpec = dataclasses.field(default_factory=BaselineSpec)
    flashes: FlashSpec = dataclasses.field(default_factory=FlashSpec)

    @classmethod
    def of(
        cls, *, factor: float, sigma: float, detector: str | None = None, lineage: str | None = None, origin: str | None = None
    ) -> BuildSpec:
        """What the few parameters say that most people change.

        Raises
        ------
        UsageError
            A threshold that is none.
        """
        if factor <= 1 or sigma <= FlashSpec().settle_sigma:
            hint = f"The factor is above 1, the deviations above {FlashSpec().settle_sigma:g}."
            raise UsageError("A threshold must lie above the baseline", found=f"factor {factor:g}, {sigma:g} deviations", hint=hint)
        return cls(detector, lineage, origin, BaselineSpec(factor=factor), FlashSpec(rise_sigma=sigma))


@dataclasses.dataclass
class BuildSummary:
    """What a campaign did.

    Parameters
    ----------
    product : str
        Lineage of the product.
    days, periods : int
        That exist.
    days_built, periods_built : int
        That were made or made anew.
    frames : int
        In the days that were built.
    left_out : dict of str to int
        Frames that count nowhere, by reason, in the days that were built.
    outside : int
        Days that no grid holds: clocks that show 1970, or the far future.
    bytes_out : int
    seconds : float
    failures : list of dict
    """

    archive: str
    product: str
    days: int = 0
    periods: int = 0
    days_built: int = 0
    periods_built: int = 0
    frames: int = 0
    flashes: int = 0
    left_out: dict[str, int] = dataclasses.field(default_factory=dict)
    outside: int = 0
    bytes_out: int = 0
    seconds: float = 0.0
    failures: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 done, 4 some days or periods failed."""
        return 4 if self.failures else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {**dataclasses.asdict(self), "exit_code": self.exit_code}


def build(
    archive: str, cluster: Cluster, spec: BuildSpec | None = None, progress: Callable[[Event], None] | None = None, dry_run: bool = False
) -> BuildSummary:
    """Make or renew the product of rates of an archive.

    Parameters
    ----------
    archive : str
        Path or URL.
    cluster : Cluster
        Where days and periods are worked on; not closed.
    progress : callable, optional
        Called with each event of `cluster.run`.
    dry_run : bool
        Say how much there is to do (`days_built`, `periods_built`), and do nothing.

    Raises
    ------
    UsageError
        No rates; several detectors or lineages and none chosen; an origin after the first frame.
    NotAnArchiveError, SchemaVersionError, DestinationError
    """
    began, how, store = time.perf_counter(), spec or BuildSpec(), Store(archive)
    demand_reach(cluster, store)
    parts = _parts(store, how)
    product, tasks, outside = _plan(store, how, parts)
    summary = BuildSummary(store.url, product.id, outside=outside)
    old = product.receipts("days", "number")
    todo = [t for t in _with_removed(product, tasks, old) if old.get(t.day, {}).get("inputs") != t.inputs]
    if dry_run:
        summary.days, summary.days_built = len(tasks), len(todo)
        summary.periods_built = len({t.day // PERIOD_DAYS for t in todo})
        return summary
    product.write_metadata()
    _work(cluster, build_day, todo, product, progress, summary, _add_day)
    done = product.receipts("days", "number")
    periods = _stale_periods(product, done)
    _work(cluster, build_period, periods, product, progress, summary, _add_period)
    _close(product, done)
    summary.days, summary.periods = sum(bool(r["files"]) for r in done.values()), len({d // PERIOD_DAYS for d in done})
    summary.seconds = time.perf_counter() - began
    return summary


def _parts(store: Store, how: BuildSpec) -> list[dict[str, Any]]:
    """The parts of one detector and lineage with rates."""
    table = catalogue.load(store).parts
    table = table.filter(pc.and_(pc.equal(table["stream"], "rates"), pc.greater(table["rows"], 0)))
    table = table.filter(pc.is_valid(table["utc_min"]))
    for name, wanted in (("detector", how.detector), ("lineage", how.lineage)):
        if wanted is not None:
            table = table.filter(pc.equal(table[name], wanted))
        known = sorted(pc.unique(table[name]).to_pylist())
        if len(known) > 1:
            raise UsageError(
                f"The archive has rates of several {name}s", where=store.url, found=", ".join(known), hint=f"Choose one with --{name}."
            )
    if not table.num_rows:
        raise UsageError("The archive has no rates with UTC", where=store.url, hint="See what it has: antdask info ARCHIVE.")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _plan(store: Store, how: BuildSpec, parts: list[dict[str, Any]]) -> tuple[Product, list[DayTask], int]:
    """The product, its days, and how many days lie outside of any grid."""
    quantity = _quantity(store, parts)
    frame_ns = quantity.measure.frame_ns
    spans = run_spans(parts, frame_ns)
    grid = _grid(how, spans)
    readers = {p["part"]: PartReader(store, p) for p in parts}
    by_day: dict[int, list[dict[str, Any]]] = {}
    for part in sorted(parts, key=lambda p: (p["run"], p["index"], p["part"])):
        for day in days_touched(part, readers[part["part"]], grid.origin_ns, frame_ns).tolist():
            by_day.setdefault(day, []).append(part)
    steady = [s for s in spans if s.steady]
    for span in steady:
        for day in range(grid.day(span.first_ns), grid.day(span.last_ns) + 1):
            by_day.setdefault(day, [])
    days = sorted(d for d in by_day if 0 <= d < LONGEST_DAYS)
    document = {
        "version": VERSION,
        "detector": parts[0]["detector"],
        "stream_lineage": parts[0]["lineage"],
        "origin_ns": grid.origin_ns,
        "quantity": describe(quantity),
        "baseline": dataclasses.asdict(how.baseline),
        "flashes": dataclasses.asdict(how.flashes),
    }
    product = Product(store, document, whole_periods(days[-1] + 1 if days else 1))
    before = Product.open(store, product.id)
    if before is not None and before.days > product.days:
        product = before
    return product, [_task(day, by_day[day], spans, grid) for day in days], len(by_day) - len(days)


def _task(day: int, parts: list[dict[str, Any]], spans: list[RunSpan], grid: Grid) -> DayTask:
    start, stop = grid.day_start(day), grid.day_start(day + 1)
    runs = {p["run"] for p in parts}
    own = tuple(s for s in spans if s.run in runs or (s.steady and s.first_ns < stop and s.last_ns >= start))
    inputs = digest([[[p["part"], p["crc32c"]] for p in parts], [dataclasses.astuple(s) for s in own]])[:16]
    return DayTask(day, tuple({n: p[n] for n in ("part", "nbytes", "run", "arrays")} for p in parts), own, inputs)


def _grid(how: BuildSpec, spans: list[RunSpan]) -> Grid:
    first = min((s.first_ns for s in spans if s.steady), default=min(s.first_ns for s in spans))
    if how.origin is None:
        year = np.datetime64(first, "ns").astype("datetime64[Y]")
        return Grid(int(year.astype("datetime64[ns]").astype(np.int64)))
    grid = Grid.starting(how.origin)
    if first < grid.origin_ns:
        raise UsageError("The grid begins after the first frame", found=how.origin, expected=f"{np.datetime64(first, 'ns')} or earlier")
    return grid


def _quantity(store: Store, parts: list[dict[str, Any]]) -> Quantity:
    if any(c == "slices/count" for c in parts[0]["columns"]):
        return ModuleCounts()
    # The bytes of all module identifiers are few: one in sixteen of a frame.
    found: set[int] = set()
    for part in parts:
        found.update(np.unique(PartReader(store, part).column("frames", "dom_id")).tolist())
    return ChannelRates(tuple(sorted(found)))


def _with_removed(product: Product, tasks: list[DayTask], old: Mapping[int, Any]) -> list[DayTask]:
    """The tasks, and one without parts for each day that had frames once and has none now."""
    wanted = {t.day for t in tasks}
    return [*tasks, *(_task(day, [], [], product.grid) for day in old if day not in wanted)]


def _stale_periods(product: Product, days: Mapping[int, Mapping[str, Any]]) -> list[tuple[int, str]]:
    """Periods whose days are others than those they were made from."""
    made = product.receipts("periods", "period")
    wanted: dict[int, list[Any]] = {}
    for day in sorted(days):
        wanted.setdefault(day // PERIOD_DAYS, []).append([day, days[day]["files"]])
    digests = {number: digest(found)[:16] for number, found in wanted.items()}
    return [(number, text) for number, text in digests.items() if made.get(number, {}).get("days") != text]


def _work(
    cluster: Cluster,
    function: Callable[..., dict[str, Any]],
    tasks: Iterable[Any],
    product: Product,
    progress: Callable[[Event], None] | None,
    summary: BuildSummary,
    keep: Callable[[BuildSummary, dict[str, Any]], None],
) -> None:
    def note(task: Any, failure: Failure) -> None:
        name = product.grid.day_name(task.day) if isinstance(task, DayTask) else f"period {task[0]}"
        summary.failures.append({"task": name, **failure.to_dict()})

    every = list(tasks)
    with by_itself(progress, "days" if every and isinstance(every[0], DayTask) else "periods") as shown:
        run(
            cluster,
            function,
            every,
            args=(product.store.url, product.id),
            on_result=lambda _, result: keep(summary, result),
            on_failure=note,
            progress=shown,
            total=len(every),
        )


def _add_day(summary: BuildSummary, receipt: dict[str, Any]) -> None:
    summary.days_built += 1
    for name in ("frames", "flashes", "bytes_out"):
        setattr(summary, name, getattr(summary, name) + receipt[name])
    for reason, n in receipt["left_out"].items():
        summary.left_out[reason] = summary.left_out.get(reason, 0) + n


def _add_period(summary: BuildSummary, receipt: dict[str, Any]) -> None:
    summary.periods_built += 1
    summary.bytes_out += receipt["bytes_out"]


def _close(product: Product, days: Mapping[int, Mapping[str, Any]]) -> None:
    """Write what opening the product needs to know of its days, and point to it."""
    known = [
        {
            "day": r["day"],
            "number": n,
            "start_ns": product.grid.day_start(n),
            **{k: r[k] for k in ("frames", "expected", "flashes")},
            **r["left_out"],
        }
        for n, r in sorted(days.items())
        if r["files"]
    ]
    product.write_json(f"{product.root}/days.json", known)
    product.make_current()
