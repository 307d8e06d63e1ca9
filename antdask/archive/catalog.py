"""The catalogue: what the receipts say, as Parquet tables, in snapshots that are switched atomically.

A snapshot is written whole under a new name, then ``catalogue/current.json`` is replaced. A reader that holds an old snapshot keeps a consistent view.
"""

from __future__ import annotations

import dataclasses
import json

import pyarrow as pa
import pyarrow.parquet as pq

from antdask.archive import layout as lay
from antdask.archive.marker import check
from antdask.archive.store import Store
from antdask.errors import ArchiveError
from antdask.model.tables import SCHEMAS

TABLES = ("parts", "blocks", "runs", "inputs", "quarantine")

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
_RANGE = pa.struct([("input", pa.int32()), ("tree", pa.string()), ("start", pa.int64()), ("stop", pa.int64())])
#: One row per receipt. Where every entry was quarantined there is no file: ``nbytes`` and ``rows`` are 0.
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
        ("ranges", pa.list_(_RANGE)),
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
        return nothing()
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


def nothing() -> Catalog:
    """The catalogue of an archive in which nothing is."""
    return Catalog("", *(schema.empty_table() for schema in (PARTS, BLOCKS, RUNS, INPUTS, QUARANTINE)))
