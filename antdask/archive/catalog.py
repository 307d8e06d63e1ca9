"""The catalogue: what the receipts say, as Parquet tables, in snapshots that are switched atomically.

A snapshot is written whole under a new name, then ``catalogue/current.json`` is replaced. A reader that holds an old snapshot keeps a consistent view.
"""

from __future__ import annotations

import dataclasses
import io
import json
import re
import uuid
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from antdask.archive import layout as lay
from antdask.archive.ledger import Receipt, receipts
from antdask.archive.store import Store
from antdask.errors import ArchiveError, NotAnArchiveError, SchemaVersionError
from antdask.model.tables import SCHEMA_VERSION, SCHEMAS
from antdask.plan import Plan

TABLES = ("parts", "blocks", "runs", "inputs", "quarantine")
_KEEP = 3

_ARRAY = pa.struct(
    [
        ("name", pa.string()),
        ("dtype", pa.string()),
        ("shape", pa.list_(pa.int64())),
        ("chunk", pa.int64()),
        ("shard", pa.int64()),
        ("codec", pa.string()),
        ("offsets", pa.list_(pa.int64())),
        ("lengths", pa.list_(pa.int64())),
    ]
)
PARTS = pa.schema(
    [("part", pa.string()), ("stream", pa.string()), ("origin", pa.string()), ("lineage", pa.string()), ("detector", pa.string())]
    + [("run", pa.uint32()), ("index", pa.int32()), ("content", pa.string()), ("plan", pa.string())]
    + [
        (n, pa.int64())
        for n in ("nbytes", "crc32c", "rows", "hits", "entries", "lost", "bytes_in", "utc_min", "utc_max", "frame_min", "frame_max")
    ]
    + [
        ("seconds", pa.float64()),
        ("cpu_seconds", pa.float64()),
        ("inputs", pa.list_(pa.string())),
        ("columns", pa.list_(pa.string())),
        ("arrays", pa.list_(_ARRAY)),
    ]
)
QUARANTINE = pa.schema(
    [(n, pa.string()) for n in ("name", "url", "fingerprint", "part", "tree")]
    + [("start", pa.int64()), ("stop", pa.int64()), ("code", pa.string()), ("reason", pa.string())]
)
INPUTS = pa.schema(
    [
        ("name", pa.string()),
        ("url", pa.string()),
        ("format", pa.string()),
        ("layout", pa.string()),
        ("nbytes", pa.int64()),
        ("uuid", pa.string()),
        ("fingerprint", pa.string()),
        ("plan", pa.string()),
        ("notes", pa.list_(pa.string())),
    ]
)
RUNS = pa.schema(
    [
        ("detector", pa.string()),
        ("run", pa.uint32()),
        ("first_utc_ns", pa.int64()),
        ("last_utc_ns", pa.int64()),
        ("first_frame", pa.int64()),
        ("last_frame", pa.int64()),
        ("n_frames", pa.int64()),
        ("n_parts", pa.int64()),
        ("rows", pa.int64()),
        ("hits", pa.int64()),
        ("streams", pa.list_(pa.string())),
    ]
)


def _blocks_schema() -> pa.Schema:
    fields = {f.name: f for s in SCHEMAS.values() for f in s.rows.fields if f.statistics}
    bounds = [(f"{name}_{side}", pa.from_numpy_dtype(f.numpy)) for name, f in fields.items() for side in ("min", "max")]
    return pa.schema(
        [
            ("part", pa.string()),
            ("block", pa.int32()),
            *((n, pa.int64()) for n in ("row_start", "row_stop", "hit_start", "hit_stop")),
            *bounds,
        ]
    )


BLOCKS = _blocks_schema()


@dataclasses.dataclass(frozen=True)
class Catalog:
    """One snapshot.

    Parameters
    ----------
    snapshot : str
    parts, blocks, runs, inputs, quarantine : pyarrow.Table
        See the schemas in this module. A null bound is unknown and never prunes.
    """

    snapshot: str
    parts: pa.Table
    blocks: pa.Table
    runs: pa.Table
    inputs: pa.Table
    quarantine: pa.Table


def create(store: Store) -> None:
    """Mark a place as an archive and write what explains it; does nothing where it is one already.

    Raises
    ------
    DestinationError
        It cannot be written, or it holds something else.
    SchemaVersionError
        It was written by a newer antdask.
    """
    from antdask.archive.readme import README
    from antdask.errors import DestinationError

    if store.exists(lay.MARKER):
        check(store)
        return
    if store.exists("") and (store.size("") or store.list() or _holds_directories(store)):
        raise DestinationError(
            "The destination is not empty and holds no antdask archive",
            where=store.url,
            hint="Name an empty or new place, or an existing archive.",
        )
    store.write_small(lay.README, README.encode())
    store.write_small(lay.SCHEMA_FILE, json.dumps(lay.schema_document(SCHEMAS), indent=1).encode() + b"\n")
    store.write_small(lay.MARKER, json.dumps({"format": lay.FORMAT, "schema_version": SCHEMA_VERSION}).encode() + b"\n")


def _holds_directories(store: Store) -> bool:
    return any(True for _ in store.fs.ls(store.full(""), detail=False))


def check(store: Store) -> str:
    """The schema version of an archive.

    Raises
    ------
    NotAnArchiveError
        There is no archive.
    SchemaVersionError
        A newer major version.
    """
    try:
        marker = json.loads(store.read(lay.MARKER))
        version = str(marker["schema_version"])
        major = int(re.fullmatch(r"(\d+)\.\d+", version).group(1))  # type: ignore[union-attr]
        if marker["format"] != lay.FORMAT:
            raise KeyError("format")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise NotAnArchiveError(
            "There is no antdask archive", where=store.url, hint="Make one with: antdask convert INPUT… --archive URL."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotAnArchiveError(f"{lay.MARKER} is damaged: {error}", where=store.url) from error
    if major > int(SCHEMA_VERSION.partition(".")[0]):
        raise SchemaVersionError(
            "The archive was written with a newer schema",
            where=store.url,
            found=version,
            expected=f"{SCHEMA_VERSION} or older",
            hint="Update antdask; plain zarr still opens every part.",
        )
    return version


def rebuild(store: Store) -> Catalog:
    """Make a new snapshot from all receipts and plans, and switch to it.

    Raises
    ------
    DestinationError
    """
    found = list(receipts(store))
    plans = [Plan.from_json(store.read(p), p) for p in store.list("plans")]
    catalog = from_receipts(found, plans)
    for name in TABLES:
        sink = io.BytesIO()
        pq.write_table(getattr(catalog, name), sink, compression="zstd")
        store.write_small(f"catalogue/{catalog.snapshot}/{name}.parquet", sink.getvalue())
    store.write_small(lay.CURRENT, json.dumps({"snapshot": catalog.snapshot}).encode() + b"\n")
    _forget_old(store)
    return catalog


def load(store: Store) -> Catalog:
    """The current snapshot; an empty one where nothing was archived yet.

    Raises
    ------
    NotAnArchiveError, SchemaVersionError
    ArchiveError
        The snapshot is damaged.
    """
    check(store)
    try:
        snapshot = str(json.loads(store.read(lay.CURRENT))["snapshot"])
    except FileNotFoundError:
        return from_receipts([], [])
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(
            "The pointer to the catalogue is damaged", where=lay.CURRENT, hint="Run: antdask status ARCHIVE --rebuild."
        ) from error
    try:
        tables = {n: pq.read_table(pa.BufferReader(store.read(f"catalogue/{snapshot}/{n}.parquet"))) for n in TABLES}
    except (FileNotFoundError, pa.ArrowInvalid) as error:
        raise ArchiveError(
            f"The catalogue is damaged: {error}", where=f"{store.url}/catalogue/{snapshot}", hint="Run: antdask status ARCHIVE --rebuild."
        ) from error
    return Catalog(snapshot, **tables)


def _forget_old(store: Store) -> None:
    """Keep the newest snapshots: a reader of an older one has had time to load it."""
    names = sorted({p.split("/")[1] for p in store.list("catalogue") if p.count("/") == 2})
    for name in names[:-_KEEP]:
        for table in TABLES:
            store.remove(f"catalogue/{name}/{table}.parquet")
        if store.local:
            store.fs.rmdir(store.full(f"catalogue/{name}"))


def from_receipts(found: list[Receipt], plans: Iterable[Plan]) -> Catalog:
    """The tables of a snapshot; pure but for its name."""
    import time

    files = [r for r in found if r.nbytes]
    parts = [_part_row(r) for r in files]
    blocks = [{"part": r.part, **b} for r in files for b in r.blocks]
    inputs, quarantine = _input_rows(found, list(plans))
    tables = [
        pa.Table.from_pylist(rows, schema)
        for rows, schema in ((parts, PARTS), (blocks, BLOCKS), (_run_rows(files), RUNS), (inputs, INPUTS), (quarantine, QUARANTINE))
    ]
    return Catalog(f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}", *tables)


def _part_row(r: Receipt) -> dict[str, Any]:
    same = {n: getattr(r, n) for n in PARTS.names if hasattr(r, n) and n != "inputs"}
    columns = [a["name"] for a in r.arrays if not a["name"].endswith(f"/{lay.OFFSETS}")]
    return {
        **same,
        "inputs": [i["fingerprint"] for i in r.inputs],
        "columns": columns,
        "seconds": r.work.get("seconds"),
        "cpu_seconds": r.work.get("cpu_seconds"),
    }


def _run_rows(found: list[Receipt]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, int], list[Receipt]] = {}
    for r in found:
        groups.setdefault((r.detector, r.run), []).append(r)
    rows = []
    for (detector, run), group in sorted(groups.items()):
        frames: dict[str, int] = {}
        for r in group:
            if "slices" in r.tables:
                frames[r.stream] = frames.get(r.stream, 0) + r.rows
        rows.append(
            {
                "detector": detector,
                "run": run,
                "first_utc_ns": min((r.utc_min for r in group if r.utc_min is not None), default=None),
                "last_utc_ns": max((r.utc_max for r in group if r.utc_max is not None), default=None),
                "first_frame": min((r.frame_min for r in group if r.frame_min is not None), default=None),
                "last_frame": max((r.frame_max for r in group if r.frame_max is not None), default=None),
                "n_frames": max(frames.values(), default=None),
                "n_parts": len(group),
                "rows": sum(r.rows for r in group),
                "hits": sum(r.hits for r in group),
                "streams": sorted({r.stream for r in group}),
            }
        )
    return rows


def _input_rows(found: list[Receipt], plans: list[Plan]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    inputs: dict[str, dict[str, Any]] = {}
    for plan in plans:
        for f in plan.inputs:
            inputs[f.fingerprint] = {
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
    accepted = {row["url"] for row in inputs.values()}
    quarantine = [
        {
            "name": q.name,
            "url": inputs.get(q.fingerprint, {}).get("url"),
            "fingerprint": q.fingerprint,
            "part": r.part,
            "tree": q.tree,
            "start": q.start,
            "stop": q.stop,
            "code": q.code,
            "reason": q.reason,
        }
        for r in found
        for q in r.quarantined
    ]
    rejected = {r.url: r for plan in plans for r in plan.rejected if r.url not in accepted}
    quarantine += [{"name": r.url.rpartition("/")[2], "url": r.url, "code": r.code, "reason": r.reason} for r in rejected.values()]
    return sorted(inputs.values(), key=lambda row: str(row["url"])), quarantine
