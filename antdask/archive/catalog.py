"""The catalogue: what the receipts say, as Parquet tables, in snapshots that are switched atomically.

A snapshot is written whole under a new name, then ``catalogue/current.json`` is replaced. A reader that holds an old snapshot keeps a consistent view.

::

    parts.parquet        one row per part, in the order in which they are read: what narrows a selection, and where its blocks begin
    details.parquet      the same rows: the columns of lists, most of all where the arrays lie; read for chosen parts only
    blocks.parquet       blocks of part after part
    superseded.parquet   parts that have left, because others stand for them
    runs, plans, inputs, quarantine, folders

This module knows them whole, as the ledger and the campaigns need them; `catalog_reader` reads what a query wants of them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from antdask.archive import layout as lay
from antdask.archive.marker import check
from antdask.archive.parquet_rows import ParquetRows, encode
from antdask.archive.store import Store
from antdask.archive.summary import summaries
from antdask.errors import ArchiveError
from antdask.model.tables import SCHEMAS

TABLES = ("parts", "blocks", "runs", "inputs", "quarantine", "superseded", "plans", "folders")
_SMALL = ("runs", "inputs", "quarantine", "superseded", "plans", "folders")
FILES = ("parts", "details", "blocks", *_SMALL)

#: The order of parts: that in which their rows are read.
ORDER = ("stream", "detector", "run", "frame_min", "index", "content", "lineage")
# Rows of a group, the unit of reading: of 10^6 parts and 10^7 blocks, a footer stays below 5 MB and one part costs a few milliseconds.
_GROUP_ROWS = {"parts": 1 << 17, "details": 1 << 10, "blocks": 1 << 16}

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
#: One row per part. Where every entry was quarantined there is no file: ``nbytes`` and ``rows`` are 0. Of several lineages of a run, ``current`` is true for
#: those that a query takes by itself. ``dropped`` entries were left out by a step; ``sources`` are parts that it was made from.
PARTS = pa.schema(
    [("part", pa.string()), ("stream", pa.string()), ("origin", pa.string()), ("lineage", pa.string()), ("detector", pa.string())]
    + [("run", pa.uint32()), ("index", pa.int32()), ("content", pa.string()), ("plan", pa.string())]
    + [
        (n, pa.int64())
        for n in ("nbytes", "crc32c", "rows", "hits", "entries", "lost", "bytes_in", "utc_min", "utc_max", "frame_min", "frame_max")
    ]
    + [
        ("dropped", pa.int64()),
        ("current", pa.bool_()),
        ("seconds", pa.float64()),
        ("cpu_seconds", pa.float64()),
        ("ended_ns", pa.int64()),
        ("peak_memory", pa.int64()),
        ("host", pa.string()),
        ("environment", pa.string()),
        ("sources", pa.list_(pa.string())),
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
        ("number", pa.int64()),
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
#: Parts that are in the catalogue no more, who stands for them (path of a part, or id of a plan), whether they have receipts of their own still, since when, and
#: what they came to.
SUPERSEDED = pa.schema(
    [("part", pa.string()), ("by", pa.string()), ("own", pa.bool_())]
    + [(n, pa.int64()) for n in ("since_ns", "rows", "hits", "lost", "bytes_in", "nbytes")]
    + [("cpu_seconds", pa.float64())]
)
#: One row per plan, oldest first: what it takes, and since when the catalogue knows it.
PLANS = pa.schema(
    [("plan", pa.string())]
    + [(n, pa.int64()) for n in ("since_ns", "parts", "inputs", "rejected", "bytes_in", "bytes_uncompressed", "entries")]
)
#: Folders of receipts (local archives only) that were quiet when they were listed, with their times.
FOLDERS = pa.schema([("folder", pa.string()), ("time_ns", pa.int64())])


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
    parts, blocks, runs, inputs, quarantine, superseded, plans, folders : pyarrow.Table
        See the schemas in this module. A null bound is unknown and never prunes.
    """

    snapshot: str
    parts: pa.Table
    blocks: pa.Table
    runs: pa.Table
    inputs: pa.Table
    quarantine: pa.Table
    superseded: pa.Table = dataclasses.field(default_factory=SUPERSEDED.empty_table)
    plans: pa.Table = dataclasses.field(default_factory=PLANS.empty_table)
    folders: pa.Table = dataclasses.field(default_factory=FOLDERS.empty_table)


def current_name(store: Store) -> str:
    """Name of the current snapshot; empty where nothing was archived yet.

    Raises
    ------
    NotAnArchiveError, SchemaVersionError
    ArchiveError
        The pointer is damaged.
    """
    check(store)
    try:
        return str(json.loads(store.read(lay.CURRENT))["snapshot"])
    except FileNotFoundError:
        return ""
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(
            "The pointer to the catalogue is damaged", where=lay.CURRENT, hint="Run: antdask status ARCHIVE --rebuild."
        ) from error


def load(store: Store) -> Catalog:
    """The current snapshot, whole; an empty one where nothing was archived yet.

    Raises
    ------
    NotAnArchiveError, SchemaVersionError
    ArchiveError
        The snapshot is damaged.
    """
    snapshot = current_name(store)
    if not snapshot:
        return nothing()
    try:
        tables = {n: _whole(store, snapshot_file(snapshot, n)).replace_schema_metadata() for n in FILES}
    except FileNotFoundError as error:
        raise ArchiveError(
            f"The catalogue is damaged: {error}", where=f"{store.url}/catalogue/{snapshot}", hint="Run: antdask status ARCHIVE --rebuild."
        ) from error
    parts, details, blocks = (tables.pop(n) for n in ("parts", "details", "blocks"))
    owner = pc.take(parts["part"], pa.array(np.repeat(np.arange(parts.num_rows), parts["n_blocks"].to_numpy())))
    for name in set(parts.column_names).difference(details.column_names):
        details = details.append_column(name, parts[name])
    return Catalog(snapshot, _declared(details, PARTS), _declared(blocks.append_column("part", owner), BLOCKS), **tables)


def _declared(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Columns as they are declared now; of those that the antdask which wrote the snapshot did not know, nothing is known."""
    known = set(table.column_names)
    columns = [table[f.name] if f.name in known else pa.nulls(table.num_rows, f.type) for f in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _whole(store: Store, path: str) -> pa.Table:
    return ParquetRows.of(store.read(path), where=store.full_url(path)).table()


def save(store: Store, catalog: Catalog) -> None:
    """Write a snapshot; the pointer is not switched yet.

    Raises
    ------
    DestinationError
    """
    for name, data in files(catalog):
        store.write_small(snapshot_file(catalog.snapshot, name), data)


def files(catalog: Catalog) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file of a snapshot, whose tables are `ordered`."""
    parts = catalog.parts
    owner = pc.index_in(catalog.blocks["part"], value_set=parts["part"]).to_numpy()
    counts = np.bincount(owner, minlength=parts.num_rows).astype(np.int64)
    lists = [f.name for f in PARTS if pa.types.is_list(f.type)]
    light = parts.drop_columns(lists)
    for name, values in (("first_block", np.cumsum(counts) - counts), ("n_blocks", counts)):
        light = light.append_column(name, pa.array(values))
    yield "parts", encode(light, _GROUP_ROWS["parts"], {"summaries": json.dumps(summaries(light, catalog.quarantine))})
    yield "details", encode(parts.select(lists), _GROUP_ROWS["details"], statistics=False)
    yield "blocks", encode(catalog.blocks.drop_columns(["part"]), _GROUP_ROWS["blocks"], statistics=False)
    for name in _SMALL:
        yield name, encode(getattr(catalog, name), 1 << 17)


def ordered(parts: pa.Table, blocks: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Parts in the order in which they are read, and their blocks in the order of the parts; blocks of no part are dropped."""
    parts = parts.sort_by([(name, "ascending") for name in ORDER])
    number = pc.index_in(blocks["part"], value_set=parts["part"])
    blocks = blocks.append_column("number", number).filter(pc.is_valid(number)).sort_by([("number", "ascending"), ("block", "ascending")])
    return parts, blocks.drop_columns(["number"])


def snapshot_file(snapshot: str, name: str) -> str:
    """Path of a file of a snapshot."""
    return f"catalogue/{snapshot}/{name}.parquet"


def nothing() -> Catalog:
    """The catalogue of an archive in which nothing is."""
    return Catalog("", *(schema.empty_table() for schema in (PARTS, BLOCKS, RUNS, INPUTS, QUARANTINE, SUPERSEDED, PLANS, FOLDERS)))
