"""Rows of the catalogue, from receipts and plans; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from antdask.archive import layout as lay
from antdask.archive.catalog import PARTS
from antdask.archive.ledger import Brief, Receipt
from antdask.plan import FileEntry, Rejected

#: What is kept about a part that has left.
VOLUMES = ("rows", "hits", "lost", "bytes_in", "nbytes", "cpu_seconds")


def part_row(r: Receipt) -> dict[str, Any]:
    """The row of a part; whether it is current is said later."""
    same = {n: getattr(r, n) for n in PARTS.names if hasattr(r, n) and n != "inputs"}
    columns = [a["name"] for a in r.arrays if not a["name"].endswith(f"/{lay.OFFSETS}")]
    did = r.work
    ended = did["started_ns"] + round(did["seconds"] * 1e9) if "started_ns" in did and "seconds" in did else None
    work = {n: did.get(n) for n in ("seconds", "cpu_seconds", "peak_memory", "host", "environment")}
    return {**same, "inputs": [i["fingerprint"] for i in r.inputs], "ranges": r.ranges, "columns": columns, "ended_ns": ended, **work}


def run_rows(parts: pa.Table) -> list[dict[str, Any]]:
    """One row per detector and run, over the current lineages; of frames, the largest number that any stream of frames holds."""
    present = parts.filter(pc.and_(pc.greater(parts["rows"], 0), pc.fill_null(parts["current"], True)))
    totals = present.group_by(["detector", "run"]).aggregate(
        [
            ("utc_min", "min"),
            ("utc_max", "max"),
            ("frame_min", "min"),
            ("frame_max", "max"),
            ("rows", "sum"),
            ("hits", "sum"),
            ("part", "count"),
            ("stream", "distinct"),
        ]
    )
    frames = present.filter(pc.or_(pc.equal(present["stream"], "rates"), pc.starts_with(present["stream"], "timeslices")))
    counts = (
        frames.group_by(["detector", "run", "stream", "lineage"])
        .aggregate([("rows", "sum")])
        .group_by(["detector", "run"])
        .aggregate([("rows_sum", "max")])
    )
    n_frames = {(r["detector"], r["run"]): r["rows_sum_max"] for r in counts.to_pylist()}
    rows = [
        {
            "detector": r["detector"],
            "run": r["run"],
            "first_utc_ns": r["utc_min_min"],
            "last_utc_ns": r["utc_max_max"],
            "first_frame": r["frame_min_min"],
            "last_frame": r["frame_max_max"],
            "n_frames": n_frames.get((r["detector"], r["run"])),
            "n_parts": r["part_count"],
            "rows": r["rows_sum"],
            "hits": r["hits_sum"],
            "streams": sorted(r["stream_distinct"]),
        }
        for r in totals.to_pylist()
    ]
    return sorted(rows, key=lambda r: (r["detector"], r["run"]))


def input_row(entry: FileEntry, plan: str, number: int) -> dict[str, Any]:
    """The row of an input, with its number in the plan that describes it."""
    same = {n: getattr(entry, n) for n in ("name", "url", "format", "layout", "nbytes", "uuid", "fingerprint")}
    return {**same, "plan": plan, "number": number, "notes": list(entry.notes)}


def lost_rows(fresh: Iterable[Receipt], urls: Mapping[str, str]) -> list[dict[str, Any]]:
    """One row per stretch of quarantined entries.

    Parameters
    ----------
    urls : mapping of fingerprint to url
    """
    same = ("name", "fingerprint", "tree", "start", "stop", "code", "reason")
    return [{"url": urls.get(q.fingerprint), "part": r.part, **{k: getattr(q, k) for k in same}} for r in fresh for q in r.quarantined]


def rejected_row(r: Rejected) -> dict[str, Any]:
    """The row of an input that no plan could take."""
    return {"name": r.url.rpartition("/")[2], "url": r.url, "code": r.code, "reason": r.reason}


def superseded_row(brief: Brief | Mapping[str, Any], by: str, own: bool, since_ns: int) -> dict[str, Any]:
    """The row of a part that has left; `own`: its receipt is still there."""
    known = {n: getattr(brief, n, None) if isinstance(brief, Brief) else brief.get(n) for n in VOLUMES}
    return {"part": brief.part if isinstance(brief, Brief) else brief["part"], "by": by, "own": own, "since_ns": since_ns, **known}
