"""Events like those of ANTARES raw files, as an archive and as Parquet, for the race of queries; the same values in each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import uproot

from antdask.archive import layout as lay
from antdask.archive import marker, snapshot
from antdask.archive.ledger import Receipt
from antdask.archive.store import Store
from antdask.archive.writer import PartWriter, Written
from antdask.model.keys import PartKey, RunKey
from antdask.model.ragged import Batch, offsets_of

T0, FRAME_NS, RUN = 1_300_000_000_000_000_000, 104_857_600, 45_000
BATCH, PART, ROOT_BASKET = 25_000, 250_000, 200
HIT_COLUMNS = ("line", "floor", "om", "ars", "timestamp", "tvc", "avc", "triggered")


def batches(events: int) -> Iterator[Batch]:
    """`events` events of about 158 hits, sorted by time."""
    rates = np.random.default_rng(1).lognormal(0, 0.4, 12 * 25 * 3)
    channels = np.searchsorted(np.cumsum(rates) / rates.sum(), np.random.default_rng(2).random(1 << 20)).astype(np.int64)
    for start in range(0, events, BATCH):
        yield _batch(np.random.default_rng(start + 3), start, min(BATCH, events - start), channels)


def _batch(rng: np.random.Generator, start: int, rows: int, channels: np.ndarray) -> Batch:
    counts = rng.gamma(8, 20, rows).astype(np.int64)
    offsets = offsets_of(counts)
    n = int(offsets[-1])
    channel = channels[rng.integers(0, len(channels), n)]
    time = np.sort(rng.integers(0, 4000, n) + np.repeat(np.arange(rows) * 5000, counts)) - np.repeat(np.arange(rows) * 5000, counts)
    noise = rng.random(n) < 0.3
    avc = np.where(noise, 62 + rng.exponential(25, n), rng.normal(62, 6, n)).clip(0, 255).astype(np.uint8)
    number = np.arange(start, start + rows)
    frame = number * 3
    table = {
        "run": np.full(rows, RUN + start // PART, np.uint32), "frame_index": (frame % 2**32).astype(np.uint32),
        "trigger_counter": number.astype(np.int64), "utc_ns": T0 + frame.astype(np.int64) * FRAME_NS,
        "antares_trigger_mask": rng.integers(1, 16, rows).astype(np.uint32), "n_hits": counts.astype(np.uint32),
        "n_triggered": (counts // 20).astype(np.uint32), "source_input": np.zeros(rows, np.uint16), "source_entry": number.astype(np.uint64),
    }  # fmt: skip
    hits = {
        "line": (channel // 75).astype(np.uint8), "floor": (channel // 3 % 25).astype(np.uint8), "om": (channel % 3).astype(np.uint8),
        "ars": rng.integers(0, 6, n).astype(np.uint8), "timestamp": (np.repeat(rng.integers(0, 1 << 22, rows), counts) + time).astype(np.uint32),
        "tvc": rng.integers(0, 256, n).astype(np.uint8), "avc": avc, "triggered": (rng.random(n) < 0.05).astype(np.uint8),
    }  # fmt: skip
    return Batch("events", "antares_raw", {"events": table, "hits": hits}, {"hits": offsets})


def write_archive(url: str, events: int) -> None:
    """An archive of parts of `PART` events, one run each."""
    store = Store(url)
    marker.create(store)
    for number, batch in itertools.groupby(enumerate(batches(events)), key=lambda item: item[0] * BATCH // PART):
        key = PartKey("events", "0a0a0a0a", RunKey("antares", RUN + number), 0, f"{number:08x}")
        with PartWriter("events", "antares_raw", {}) as writer, store.draft(lay.part_file(key.path)) as draft:
            for _, one in batch:
                writer.append(one)
            written = writer.finish(draft)
            store.publish(draft, lay.part_file(key.path))
        store.write_small(lay.receipt_file(key.path), _receipt(key, written).to_json())
    snapshot.rebuild(store)


def _receipt(key: PartKey, written: Written) -> Receipt:
    (utc_min, utc_max), (frame_min, frame_max) = written.extent("utc_ns"), written.extent("frame_index")
    return Receipt(
        part=key.path, stream="events", origin="antares_raw", lineage=key.lineage, detector="antares", run=key.run.run, index=0,
        content=key.content, plan="p", plan_part=0, nbytes=written.nbytes, crc32c=written.crc32c, rows=written.rows, hits=written.hits,
        entries=written.rows, bytes_in=0, utc_min=utc_min, utc_max=utc_max, frame_min=frame_min, frame_max=frame_max, inputs=[], ranges=[],
        tables=written.tables, arrays=written.arrays, blocks=written.blocks, quarantined=[], work={},
    )  # fmt: skip


def write_root(file: Path, events: int) -> None:
    """The first events as a tree of ROOT with lists of hits, in baskets of `ROOT_BASKET` events: 32 kB for a byte per hit."""
    with uproot.recreate(file, compression=uproot.ZLIB(1)) as root:
        types = {name: f"var * uint{'32' if name == 'timestamp' else '8'}" for name in HIT_COLUMNS}
        tree = root.mktree("events", {"utc_ns": "int64", "n_hits": "uint32", **types})
        for batch in batches(events):
            offsets = batch.offsets["hits"]
            for start in range(0, batch.rows, ROOT_BASKET):
                edges = offsets[start : start + ROOT_BASKET + 1]
                lists = {
                    n: ak.Array(
                        ak.contents.ListOffsetArray(ak.index.Index64(edges - edges[0]), ak.contents.NumpyArray(v[edges[0] : edges[-1]]))
                    )
                    for n, v in batch.tables["hits"].items()
                }
                tree.extend({**{n: batch.tables["events"][n][start : start + ROOT_BASKET] for n in ("utc_ns", "n_hits")}, **lists})


def write_parquet(flat: Path, nested: Path, events: int) -> None:
    """The hits with the number of their event, and events with lists of hits; zstd-1, row groups of a batch."""
    writers: list[pq.ParquetWriter] = []
    number = 0
    for batch in batches(events):
        table, hits, offsets = batch.tables["events"], batch.tables["hits"], batch.offsets["hits"]
        event = np.arange(number, number + batch.rows, dtype=np.uint32)
        number += batch.rows
        counts = np.diff(offsets)
        rows = {"event": event, **{n: table[n] for n in ("utc_ns", "n_hits")}}
        lists = {n: pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(hits[n])) for n in HIT_COLUMNS}
        pair = (
            pa.table({**{n: np.repeat(v, counts) for n, v in rows.items()}, **{n: hits[n] for n in HIT_COLUMNS}}),
            pa.table({**rows, **lists}),
        )
        if not writers:
            writers = [
                pq.ParquetWriter(p, t.schema, compression="zstd", compression_level=1) for p, t in zip((flat, nested), pair, strict=True)
            ]
        for writer, one in zip(writers, pair, strict=True):
            writer.write_table(one)
    for writer in writers:
        writer.close()
