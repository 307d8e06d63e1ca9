"""Small real archives for the tests of the query room: batches in, an archive with receipts and catalogue out."""

from __future__ import annotations

import dataclasses

import numpy as np

from antdask.archive import layout as lay
from antdask.archive import marker, snapshot
from antdask.archive.ledger import Receipt
from antdask.archive.reading import PartReader
from antdask.archive.store import Store
from antdask.archive.writer import PartWriter
from antdask.model.keys import PartKey, RunKey
from antdask.model.ragged import Batch
from antdask.query.pieces import Piece


@dataclasses.dataclass(frozen=True)
class Entry:
    """One part."""

    batch: Batch
    detector: str = "km3net-44"
    run: int = 1
    index: int = 0
    lineage: str = "0a0a0a0a"


def write_archive(url, entries) -> str:
    """An archive with one part per entry; its URL."""
    store = Store(str(url))
    marker.create(store)
    for number, entry in enumerate(entries):
        write_part(store, entry, f"{number:08x}")
    snapshot.rebuild(store)
    return store.url


def write_part(store: Store, entry: Entry, content: str) -> Receipt:
    batch = entry.batch
    rows = batch.tables[batch.schema.rows.name]
    if "run" in rows:
        rows["run"][:] = entry.run
    key = PartKey(batch.stream, entry.lineage, RunKey(entry.detector, entry.run), entry.index, content)
    with PartWriter(batch.stream, batch.origin, {}) as writer, store.draft(lay.part_file(key.path)) as draft:
        writer.append(batch)
        written = writer.finish(draft)
        store.publish(draft, lay.part_file(key.path))
    (utc_min, utc_max), (frame_min, frame_max) = written.extent("utc_ns"), written.extent("frame_index")
    receipt = Receipt(
        part=key.path, stream=batch.stream, origin=batch.origin, lineage=entry.lineage, detector=entry.detector, run=entry.run,
        index=entry.index, content=content, plan="p", plan_part=0, nbytes=written.nbytes, crc32c=written.crc32c, rows=written.rows,
        hits=written.hits, entries=written.rows, bytes_in=batch.nbytes, utc_min=utc_min, utc_max=utc_max, frame_min=frame_min,
        frame_max=frame_max, inputs=[], ranges=[], tables=written.tables, arrays=written.arrays, blocks=written.blocks,
        quarantined=[], work={},
    )  # fmt: skip
    store.write_small(lay.receipt_file(key.path), receipt.to_json())
    return receipt


def piece_of(tmp_path, batch: Batch, start: int = 0, stop: int | None = None) -> Piece:
    """A real part of the batch, as a piece."""
    receipt = write_part(Store(str(tmp_path)), Entry(batch), "00000000")
    reader = PartReader(Store(str(tmp_path)), {"part": receipt.part, "arrays": receipt.arrays})
    return Piece(reader, batch.schema, (start, batch.rows if stop is None else stop))


def sample(dtype: np.dtype, size: int, rng: np.random.Generator) -> np.ndarray:
    """Small numbers, both ends of the range and their neighbours; for reals also NaN and infinities."""
    if dtype.kind == "f":
        special = [np.nan, np.inf, -np.inf, 0.0, -0.0, 0.5, -1.5, 2.0**53, 2.0**63, 2.0**64, -(2.0**63), 1e300, 1e-300, 3.0, 7.25]
        return rng.choice(np.array(special), size)
    info = np.iinfo(dtype)
    ends = [info.min, info.min + 1, info.max, info.max - 1, 0, 1, 2, 3, 5, 7, 63, 64, 100]
    more = [v for v in (2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -1, -2, -7) if info.min <= v <= info.max]
    return rng.choice(np.array(ends + more, dtype), size)
