"""Making a snapshot of the catalogue from receipts: only those that the last snapshot does not know are read."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from antdask.archive import catalog, ledger, marker, plans
from antdask.archive import layout as lay
from antdask.archive.catalog import BLOCKS, INPUTS, PARTS, QUARANTINE, RUNS, Catalog
from antdask.archive.ledger import Receipt
from antdask.archive.store import Store
from antdask.errors import ArchiveError
from antdask.plan import Plan

# Snapshots that stay: the newest, and those that a reader may have opened today, as far as they are not too many.
_KEEP, _KEEP_TODAY = 3, 12
_DAY_NS = 86_400 * 10**9


def rebuild(store: Store, whole: bool = False) -> Catalog:
    """Make a new snapshot and switch to it.

    Parameters
    ----------
    whole : bool
        Read every receipt, not only the new ones: mends a damaged catalogue.

    Raises
    ------
    DestinationError
    ArchiveError
        A receipt cannot be read.
    """
    marker.check(store)
    old = catalog.nothing() if whole else _readable(store)
    paths = ledger.receipt_paths(store)
    known = set(old.parts["part"].to_pylist())
    fresh = list(ledger.receipts(store, [p for p in paths if p not in known]))
    found = [p.whole() for p in plans.saved(store)]
    new = merge(old, set(paths), fresh, found)
    catalog.save(store, new)
    store.write_small(lay.CURRENT, json.dumps({"snapshot": new.snapshot}).encode() + b"\n")
    _forget_old(store)
    return new


def merge(old: Catalog, paths: set[str], fresh: list[Receipt], made: Iterable[Plan]) -> Catalog:
    """The snapshot that follows from the last one, the parts that have receipts now, and the new receipts; pure but for its name."""
    parts = _joined(old.parts, paths, [_part_row(r) for r in fresh], PARTS)
    parts, blocks = catalog.ordered(parts, _joined(old.blocks, paths, [{"part": r.part, **b} for r in fresh for b in r.blocks], BLOCKS))
    made = list(made)
    inputs = _input_rows(made)
    lost = [row for row in old.quarantine.to_pylist() if row["part"] in paths] + _lost_rows(fresh, inputs) + _rejected_rows(made, inputs)
    tables = (
        pa.Table.from_pylist(rows, schema)
        for rows, schema in ((_run_rows(parts), RUNS), (list(inputs.values()), INPUTS), (lost, QUARANTINE))
    )
    return Catalog(f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}", parts, blocks, *tables)


def _joined(old: pa.Table, paths: set[str], rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows of the old table whose part still has a receipt, and the new rows."""
    kept = old.filter(pc.is_in(old["part"], pa.array(sorted(paths), pa.string())))
    return pa.concat_tables([kept, pa.Table.from_pylist(rows, schema)])


def _part_row(r: Receipt) -> dict[str, Any]:
    same = {n: getattr(r, n) for n in PARTS.names if hasattr(r, n) and n != "inputs"}
    columns = [a["name"] for a in r.arrays if not a["name"].endswith(f"/{lay.OFFSETS}")]
    return {
        **same,
        "inputs": [i["fingerprint"] for i in r.inputs],
        "ranges": r.ranges,
        "columns": columns,
        "seconds": r.work.get("seconds"),
        "cpu_seconds": r.work.get("cpu_seconds"),
    }


def _run_rows(parts: pa.Table) -> list[dict[str, Any]]:
    """One row per detector and run; of frames, the largest number that any stream of frames holds."""
    present = parts.filter(pc.greater(parts["rows"], 0))
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


def _input_rows(made: list[Plan]) -> dict[str, dict[str, Any]]:
    """Inputs of all plans by fingerprint."""
    rows = {
        f.fingerprint: {
            "name": f.name,
            "url": f.url,
            "format": f.format,
            "layout": f.layout,
            "nbytes": f.nbytes,
            "uuid": f.uuid,
            "fingerprint": f.fingerprint,
            "plan": plan.id,
            "notes": list(f.notes),
        }
        for plan in made
        for f in plan.inputs
    }
    return dict(sorted(rows.items(), key=lambda item: str(item[1]["url"])))


def _lost_rows(fresh: list[Receipt], inputs: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "url": inputs.get(q.fingerprint, {}).get("url"),
            "part": r.part,
            **{k: getattr(q, k) for k in ("name", "fingerprint", "tree", "start", "stop", "code", "reason")},
        }
        for r in fresh
        for q in r.quarantined
    ]


def _rejected_rows(made: list[Plan], inputs: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Inputs that no plan could take; one that a later plan took is healed."""
    accepted = {row["url"] for row in inputs.values()}
    rejected = {r.url: r for plan in made for r in plan.rejected if r.url not in accepted}
    return [{"name": r.url.rpartition("/")[2], "url": r.url, "code": r.code, "reason": r.reason} for r in rejected.values()]


def _forget_old(store: Store) -> None:
    """Keep the newest snapshots, and those of today: who opened one reads on in it."""
    names = sorted({p.split("/")[1] for p in store.list("catalogue") if p.count("/") == 2})
    today = f"{time.time_ns() - _DAY_NS:020d}"
    for name in names[:-_KEEP]:
        if name >= today and name in names[-_KEEP_TODAY:]:
            continue
        for table in catalog.FILES:
            store.remove(catalog.snapshot_file(name, table))
        store.prune(f"catalogue/{name}")


def current(store: Store) -> Catalog:
    """The current snapshot, or what the receipts say where it cannot be read.

    Raises
    ------
    NotAnArchiveError, SchemaVersionError
    """
    marker.check(store)
    found = _readable(store)
    if found.snapshot:
        return found
    paths = ledger.receipt_paths(store)
    return merge(found, set(paths), list(ledger.receipts(store, paths)), [])


def _readable(store: Store) -> Catalog:
    """The current snapshot; none where it is damaged, since the receipts can replace it."""
    try:
        return catalog.load(store)
    except ArchiveError:
        return catalog.nothing()
