"""Lineage: the short hash of everything that determines the bytes of a part besides its input."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from antdask.archive import layout as lay
from antdask.model.schema import AMPLITUDE, INTEGER, REAL, SERIES, SYMBOL, Field, Schema
from antdask.model.tables import SCHEMA_VERSION, schema
from antdask.plan import FileEntry, digest
from antdask.protocols import Source
from antdask.sources import layout_map

#: Raise when the writer would give other bytes for the same batches.
WRITER_VERSION = 2

#: Origins whose names are hashed with the columns they give, because they always were. One that comes later may give the same columns: no byte of the others' parts changes.
_HASHED_ORIGINS = frozenset(
    (
        *("antares_raw", "antdst", "controlhost", "controlhost_legacy", "corsika", "evt_ascii", "gibuu", "gseagen"),
        *("km3net_dst", "km3net_offline", "km3net_online", "km3pipe_hdf5", "seatray"),
    )
)


def lineage_document(stream: str, entry: FileEntry, source: Source) -> dict[str, Any]:
    """All that determines the bytes of a part of this stream besides the input itself, as plain data."""
    declared = schema(stream)
    return {
        "schema_version": SCHEMA_VERSION,
        "stream": stream,
        "origin": entry.origin,
        "tables": {t.name: {n: [f.dtype, f.codec] for n, f in t.columns(entry.origin).items()} for t in declared.given_by(entry.origin)},
        "attributes": _words_hash(declared, entry.origin),
        "order": list(declared.order),
        "reader": {"name": source.name, "version": source.version, **_declared_layout(entry.layout)},
        "writer": {
            "version": WRITER_VERSION,
            "chunk_elements": lay.CHUNK_ELEMENTS,
            "shard_chunks": lay.SHARD_CHUNKS,
            "codecs": {kind: lay.codec_metadata(kind, np.dtype("u4")) for kind in (INTEGER, AMPLITUDE, SYMBOL, REAL)},
            **_series(declared, entry.origin),
        },
        "calibration": None,
    }


def _series(declared: Schema, origin: str) -> dict[str, Any]:
    """How series are cut, where there are any."""
    if all(f.codec != SERIES for t in declared.given_by(origin) for f in t.columns(origin).values()):
        return {}
    cut = [lay.SERIES_ROWS, lay.SERIES_COLUMNS, lay.SERIES_SHARD_CHUNKS]
    return {"series": {"chunks": cut, "codec": lay.codec_metadata(SERIES, np.dtype("u4"))}}


def _declared_layout(layout: str) -> dict[str, str | None]:
    """Name and hash of the map that declares a layout.

    Where code alone knows the layout, the version of the reader stands for it: the values do not depend on how a file happened to be split.
    """
    return {"layout": layout, "map": layout_map.load(layout).hash} if layout in layout_map.names() else {"layout": None, "map": None}


def _words_hash(declared: Schema, origin: str) -> str:
    """Hash of all that a part says about its tables: descriptions and units stand in its bytes too."""
    tables = declared.given_by(origin)
    words = [[t.name, t.row, t.parent, t.description, [_words(f) for f in t.columns(origin).values()]] for t in tables]
    return digest([declared.description, words])[:16]


def _words(field: Field) -> dict[str, Any]:
    return {**dataclasses.asdict(field), "origins": [o for o in field.origins if o in _HASHED_ORIGINS]}


def writes_alike(document: Mapping[str, Any]) -> bool:
    """Whether parts of this lineage would get the same bytes from the writer as it is now."""
    version = document.get("writer", {}).get("version", WRITER_VERSION)
    return bool(version == WRITER_VERSION)


def lineage_id(document: dict[str, Any]) -> str:
    """8 hexadecimal digits."""
    return digest(document)[:8]
