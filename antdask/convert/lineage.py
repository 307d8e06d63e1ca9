"""Lineage: the short hash of everything that determines the bytes of a part besides its input."""

from __future__ import annotations

from typing import Any

from antdask.archive import layout as lay
from antdask.model.tables import SCHEMA_VERSION, schema
from antdask.plan import FileEntry, digest
from antdask.protocols import Source
from antdask.sources import layout_map

#: Raise when the writer would give other bytes for the same batches.
WRITER_VERSION = 1


def lineage_document(stream: str, entry: FileEntry, source: Source) -> dict[str, Any]:
    """All that determines the bytes of a part of this stream besides the input itself, as plain data."""
    declared = schema(stream)
    return {
        "schema_version": SCHEMA_VERSION,
        "stream": stream,
        "origin": entry.origin,
        "tables": {t.name: {n: [f.dtype, f.codec] for n, f in t.columns(entry.origin).items()} for t in declared.given_by(entry.origin)},
        "order": list(declared.order),
        "reader": {"name": source.name, "version": source.version, "layout": entry.layout, "map": _map_hash(entry.layout)},
        "writer": {
            "version": WRITER_VERSION,
            "chunk_elements": lay.CHUNK_ELEMENTS,
            "shard_chunks": lay.SHARD_CHUNKS,
            "codecs": {kind: lay.codec_metadata(kind, declared.rows.fields[0].numpy)["name"] for kind in ("integer", "amplitude", "real")},
        },
        "calibration": None,
    }


def _map_hash(layout: str) -> str | None:
    """Hash of the declared map of a layout; ``None`` where code alone knows the layout."""
    return layout_map.load(layout).hash if layout in layout_map.names() else None


def lineage_id(document: dict[str, Any]) -> str:
    """8 hexadecimal digits."""
    return digest(document)[:8]
