"""The chronicle of a campaign: what was done when, where, how fast, with what, and what went wrong; from the catalogue, not from memory.

It tells of the parts that are there. What has been merged since is told with its volume, but without its hours.
"""

from __future__ import annotations

import collections
import dataclasses
import time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from antdask.archive import contents, documents, failed, marker, plans, snapshot
from antdask.archive.catalog_reader import CatalogReader
from antdask.archive.plans import PlanFile
from antdask.archive.state import Account
from antdask.archive.store import Store
from antdask.convert import pace, quarantine, status
from antdask.errors import UnknownNameError

_NUMBERS = ("ended_ns", "seconds", "cpu_seconds", "bytes_in", "nbytes", "rows", "hits", "lost", "peak_memory")
_WORDS = ("stream", "host", "environment", "plan")
#: Points of a curve over time.
BINS = 120
_SHARES = (5, 25, 50, 75, 95)


@dataclasses.dataclass(frozen=True)
class Chronicle:
    """A campaign, told in numbers.

    Parameters
    ----------
    archive, snapshot, made : str
        Where, from which snapshot, when (UTC).
    plans : list of dict
        As in `status.Status`, with what they were to take.
    totals : dict
        Parts, bytes, rows, hits, quarantined entries; wall time from the first start to the last end, CPU time [s]; rates.
    shares : dict
        Percentiles 5, 25, 50, 75, 95 of time per part [s], speed [MB/s/core], memory [byte].
    hosts, streams : list of dict
    failures : list of dict
        Records of parts that failed and are not done, at most a thousand.
    failure_classes : dict
    causes : list of dict
        What is in quarantine, by cause.
    environments : dict
        Descriptions by id.
    curves : dict of lists
        ``time`` [s since the first start] at the edges of equal intervals; ``bytes_per_second``, ``at_work`` in each; ``parts_done``, ``quarantined`` until each edge.
    speeds : list of float
        MB/s/core of each part that took long enough to tell.
    """

    archive: str
    snapshot: str
    made: str
    plans: list[dict[str, Any]]
    totals: dict[str, Any]
    shares: dict[str, dict[str, float]]
    hosts: list[dict[str, Any]]
    streams: list[dict[str, Any]]
    failures: list[dict[str, Any]]
    failure_classes: dict[str, int]
    causes: list[dict[str, Any]]
    environments: dict[str, Any]
    curves: dict[str, list[float]]
    speeds: list[float]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return dataclasses.asdict(self)


def tell(archive_url: str, plan: str | None = None) -> Chronicle:
    """Gather the chronicle of an archive, or of one of its plans.

    Parameters
    ----------
    plan : str, optional
        Id of a plan, or its beginning.

    Raises
    ------
    NotAnArchiveError, SchemaVersionError
    UnknownNameError
        No such plan.
    """
    store = Store(archive_url)
    marker.check(store)
    files = _chosen(store, plan)
    if store.writable and Account.take(store, files=False, most=0).fresh:
        snapshot.rebuild(store)
    account, reader = Account.take(store, files=False), CatalogReader.open(store)
    table = contents.plain(reader.parts.table([*_NUMBERS, *_WORDS]))
    if plan is not None:
        table = table.filter(pc.is_in(table["plan"], pa.array([f.id for f in files])))
    timed = table.filter(pc.and_(pc.is_valid(table["ended_ns"]), pc.is_valid(table["seconds"])))
    numbers = {n: timed[n].fill_null(0).to_numpy().astype(np.float64) for n in _NUMBERS}
    standings = {f.id: account.standing(f) for f in files}
    records = [
        r
        for f in files
        for r in failed.records(store, f.id, [n for n in failed.numbers(store, f.id) if n not in standings[f.id]][: status.SAMPLE])
    ]
    speeds = _speeds(numbers)
    return Chronicle(
        store.url,
        reader.snapshot,
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        [{**f.cost(), **status.campaign(store, f, standings[f.id])} for f in files],
        _totals(table, numbers),
        {"part_seconds": _share(numbers["seconds"]), "mb_per_second_core": _share(speeds), "peak_memory": _share(numbers["peak_memory"])},
        _groups(timed, "host"),
        _groups(table, "stream"),
        records,
        dict(sorted(collections.Counter(str(r.get("kind", "unknown")) for r in records).items())),
        quarantine.causes(quarantine.cases(archive_url)),
        _environments(store, table),
        with_failures(curves(numbers["ended_ns"] / 1e9, numbers["seconds"], numbers["bytes_in"], numbers["lost"]), numbers, records),
        [round(float(s), 3) for s in speeds],
    )


def _chosen(store: Store, plan: str | None) -> list[PlanFile]:
    files = list(plans.saved(store))
    if plan is None:
        return files
    own = [f for f in files if f.id.startswith(plan)]
    if len(own) != 1:
        raise UnknownNameError.of("plan", plan, [f.id for f in files], where=store.url)
    return own


def _totals(table: pa.Table, numbers: dict[str, np.ndarray]) -> dict[str, Any]:
    sums = {n: int(pc.sum(table[n]).as_py() or 0) for n in ("bytes_in", "nbytes", "rows", "hits", "lost")}
    ended, seconds, cpu = numbers["ended_ns"] / 1e9, numbers["seconds"], float(numbers["cpu_seconds"].sum())
    first, last = (float((ended - seconds).min()), float(ended.max())) if len(ended) else (0.0, 0.0)
    speed = pace.measure(ended, seconds, numbers["cpu_seconds"], numbers["bytes_in"], np.ones(len(ended)), 0, last)
    return {
        "parts": table.num_rows,
        **sums,
        "first_start": _utc(first) if len(ended) else None,
        "last_end": _utc(last) if len(ended) else None,
        "wall_seconds": last - first,
        "cpu_seconds": cpu,
        "cpu_hours": cpu / 3600,
        "mb_per_second_core": speed.mb_per_second_core,
        "mean_at_work": float(seconds.sum()) / (last - first) if last > first else 0.0,
    }


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _speeds(numbers: dict[str, np.ndarray]) -> np.ndarray:
    """MB/s/core of each part that took at least a hundredth of a second: below, clocks tell more of themselves."""
    known = numbers["cpu_seconds"] >= 0.01
    speeds: np.ndarray = numbers["bytes_in"][known] / 1e6 / numbers["cpu_seconds"][known]
    return speeds


def _share(values: np.ndarray) -> dict[str, float]:
    return {f"p{q}": float(np.percentile(values, q)) for q in _SHARES} if len(values) else {}


def _groups(table: pa.Table, column: str) -> list[dict[str, Any]]:
    sums = table.group_by(column).aggregate(
        [(n, "sum") for n in ("bytes_in", "nbytes", "rows", "hits", "seconds", "cpu_seconds")] + [("stream", "count")]
    )
    rows = []
    for r in sums.sort_by(column).to_pylist():
        cpu = r["cpu_seconds_sum"] or 0.0
        rows.append(
            {
                column: r[column] or "unknown",
                "parts": r["stream_count"],
                **{n: r[f"{n}_sum"] or 0 for n in ("bytes_in", "nbytes", "rows", "hits", "seconds", "cpu_seconds")},
                "mb_per_second_core": r["bytes_in_sum"] / 1e6 / cpu if cpu else 0.0,
            }
        )
    return rows


def _environments(store: Store, table: pa.Table) -> dict[str, Any]:
    found = {}
    for row in table.group_by("environment").aggregate([("stream", "count")]).sort_by("environment").to_pylist():
        name = row["environment"]
        if name:
            try:
                found[name] = {"parts": row["stream_count"], **documents.environment(store, name)}
            except FileNotFoundError:
                found[name] = {"parts": row["stream_count"]}
    return found


def curves(ended: np.ndarray, seconds: np.ndarray, nbytes: np.ndarray, lost: np.ndarray, bins: int = BINS) -> dict[str, list[float]]:
    """What went on in each of equal intervals, each part being worked on evenly from its start to its end.

    Parameters
    ----------
    ended, seconds, nbytes, lost : float64 arrays, one value per part
        End [s since 1970], duration [s], uncompressed input [byte], quarantined entries.

    Examples
    --------
    >>> two = curves(np.array([10.0, 20.0]), np.array([10.0, 10.0]), np.array([100.0, 300.0]), np.zeros(2), bins=4)
    >>> two["time"], two["bytes_per_second"], two["parts_done"]
    ([0.0, 5.0, 10.0, 15.0, 20.0], [10.0, 10.0, 30.0, 30.0], [0.0, 0.0, 1.0, 1.0, 2.0])
    """
    if not len(ended):
        return {name: [] for name in ("time", "bytes_per_second", "at_work", "parts_done", "quarantined")}
    begin = (ended - seconds).min()
    edges = np.linspace(0, max(float(ended.max() - begin), 1e-3), bins + 1)
    start, stop = ended - seconds - begin, ended - begin
    width, lasts = np.diff(edges), np.maximum(seconds, 1e-9)
    order = np.argsort(stop)
    return {
        "time": edges.tolist(),
        "bytes_per_second": (np.diff(_amount(edges, start, stop, nbytes / lasts)) / width).tolist(),
        "at_work": (np.diff(_amount(edges, start, stop, np.ones(len(start)))) / width).tolist(),
        "parts_done": np.searchsorted(stop[order], edges, "right").astype(float).tolist(),
        "quarantined": np.concatenate(([0.0], np.cumsum(lost[order])))[np.searchsorted(stop[order], edges, "right")].tolist(),
    }


def with_failures(told: dict[str, list[float]], numbers: dict[str, np.ndarray], records: list[dict[str, Any]]) -> dict[str, list[float]]:
    """The curves, and how many of the parts that are not done had failed by each time; what failed after the last part that is done counts at the end."""
    if not told["time"]:
        return {**told, "failed": []}
    begin = (numbers["ended_ns"] / 1e9 - numbers["seconds"]).min()
    when = np.sort([float(r.get("time_ns", 0)) / 1e9 - begin for r in records])
    counts = np.searchsorted(np.minimum(when, told["time"][-1]), told["time"], "right")
    return {**told, "failed": counts.astype(float).tolist()}


def _amount(times: np.ndarray, start: np.ndarray, stop: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """What has come together until each time: the sum over parts of rate × (time that the part has been worked on until then)."""
    amount = np.zeros(len(times))
    for edge, sign in ((start, 1.0), (stop, -1.0)):
        order = np.argsort(edge)
        rates = np.concatenate(([0.0], np.cumsum(rate[order])))
        moments = np.concatenate(([0.0], np.cumsum(rate[order] * edge[order])))
        place = np.searchsorted(edge[order], times, "right")
        amount += sign * (rates[place] * times - moments[place])
    return amount
