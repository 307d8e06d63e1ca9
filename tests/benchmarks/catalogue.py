"""Seconds and memory of opening and asking archives of 10^5 and 10^6 parts with 10 blocks each, of which only the catalogue exists."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from antdask.archive import catalog, marker
from antdask.archive import layout as lay
from antdask.archive.catalog import BLOCKS, INPUTS, PARTS, QUARANTINE, RUNS, Catalog
from antdask.archive.store import Store

BLOCKS_PER_PART, ROWS, HITS, PARTS_PER_RUN = 10, 150_000, 10_000_000, 8
T0, SECOND = 1_200_000_000_000_000_000, 10**9
COLUMNS = [f"events/{n}" for n in ("run", "frame_index", "trigger_counter", "utc_ns", "n_hits")]
COLUMNS += [f"hits/{n}" for n in ("dom_id", "channel_id", "tdc", "tot", "triggered", "source_input")]
QUESTIONS = {
    "open and show": "repr(archive)",
    "one run: what it takes": "str(events.select(run=50_000).explain(['hits.tot']))",
    "a day of 15 years: which parts": "events.select(time=(T0 + 10**17, T0 + 10**17 + 86_400 * SECOND)).scan.blocks",
    "n_hits > 900: which blocks of all": "events.select(where='n_hits > 900').scan.blocks",
    "everything: what it takes": "str(events.explain(['hits.tot']))",
}


def make(url: str, parts: int) -> dict[str, int]:
    """An archive with the catalogue of so many parts and no part; bytes of its files."""
    store = Store(url)
    marker.create(store)
    number = np.arange(parts)
    table = _parts(number)
    blocks = _blocks(number, table["part"])
    runs = pa.Table.from_pylist([{"detector": "antares", "run": r} for r in range(-(-parts // PARTS_PER_RUN))], RUNS)
    made = Catalog("00000000000000000001-bench", table, blocks, runs, INPUTS.empty_table(), QUARANTINE.empty_table())
    catalog.save(store, made)
    store.write_small(lay.CURRENT, json.dumps({"snapshot": made.snapshot}).encode())
    return {name: store.size(catalog.snapshot_file(made.snapshot, name)) or 0 for name in catalog.FILES}


def _parts(number: np.ndarray) -> pa.Table:
    n, run = len(number), (number // PARTS_PER_RUN).astype(np.uint32)
    begin = T0 + number * 470 * SECOND
    rng = np.random.default_rng(1)
    known = {
        "part": pa.array([f"antares/events/0a1b2c3d/{r:08d}/{i % PARTS_PER_RUN:04d}-{i:08x}" for i, r in enumerate(run.tolist())]),
        "content": pa.array([f"{i:08x}" for i in range(n)]),
        "run": run, "index": (number % PARTS_PER_RUN).astype(np.int32), "utc_min": begin, "utc_max": begin + 470 * SECOND,
        "frame_min": number % PARTS_PER_RUN * 4000, "frame_max": number % PARTS_PER_RUN * 4000 + 3999,
        "rows": np.full(n, ROWS), "hits": np.full(n, HITS), "entries": np.full(n, ROWS), "lost": np.zeros(n, np.int64),
        "nbytes": 300_000_000 + rng.integers(0, 10**7, n), "crc32c": rng.integers(0, 2**32, n), "bytes_in": np.full(n, 10**9),
        "seconds": rng.random(n), "cpu_seconds": rng.random(n), "arrays": _arrays(n, rng),
        "columns": pa.ListArray.from_arrays(np.arange(n + 1, dtype=np.int32) * len(COLUMNS), pa.array(COLUMNS * n)),
        "inputs": pa.ListArray.from_arrays(np.arange(n + 1, dtype=np.int32), pa.array([f"{i:064x}" for i in range(n)])),
    }  # fmt: skip
    words = {"stream": "events", "origin": "antares_raw", "lineage": "0a1b2c3d", "detector": "antares", "plan": "p"}
    columns = {name: pa.array([word]).take(pa.array(np.zeros(n, np.int32))) for name, word in words.items()}
    columns |= {name: pa.array(values) for name, values in known.items()}
    return pa.Table.from_arrays([columns[f.name] if f.name in columns else pa.nulls(n, f.type) for f in PARTS], schema=PARTS)


def _arrays(n: int, rng: np.random.Generator) -> pa.ListArray:
    """Place of each array of each part: 11 columns and the offsets, one shard or three."""
    names = [*COLUMNS, "hits/offsets"]
    long = np.array([name.startswith("hits/") and name != "hits/offsets" for name in names])
    many, shards = len(names) * n, np.tile(np.where(long, 3, 1), n)
    edges = np.append(0, np.cumsum(shards)).astype(np.int32)
    lengths = rng.integers(100_000, 5_000_000, int(edges[-1]))
    fields = {
        "name": pa.array(names * n), "dtype": pa.array((["uint32"] * 11 + ["int64"]) * n),
        "shape": pa.ListArray.from_arrays(np.arange(many + 1, dtype=np.int32), np.tile(np.where(long, HITS, ROWS), n)),
        "chunk": np.full(many, 65_536), "shard": np.full(many, 65_536 * 64), "codec": pa.array(["integer"]).take(pa.array(np.zeros(many, np.int32))),
        "offsets": pa.ListArray.from_arrays(edges, np.cumsum(lengths) % 300_000_000), "lengths": pa.ListArray.from_arrays(edges, lengths),
    }  # fmt: skip
    struct = PARTS.field("arrays").type.value_type
    return pa.ListArray.from_arrays(
        np.arange(n + 1, dtype=np.int32) * len(names),
        pa.StructArray.from_arrays([pa.array(fields[f.name]) for f in struct], fields=list(struct)),
    )


def _blocks(number: np.ndarray, names: pa.ChunkedArray) -> pa.Table:
    rng = np.random.default_rng(2)
    part, block = np.repeat(number, BLOCKS_PER_PART), np.tile(np.arange(BLOCKS_PER_PART), len(number))
    n = len(part)
    low = rng.integers(5, 40, n).astype(np.uint32)
    known = {
        "part": names.take(pa.array(part)), "block": block.astype(np.int32),
        "row_start": block * ROWS // BLOCKS_PER_PART, "row_stop": (block + 1) * ROWS // BLOCKS_PER_PART,
        "hit_start": block * HITS // BLOCKS_PER_PART, "hit_stop": (block + 1) * HITS // BLOCKS_PER_PART,
        "utc_ns_min": T0 + (part * 470 + block * 47) * SECOND, "utc_ns_max": T0 + (part * 470 + block * 47 + 47) * SECOND,
        "run_min": (part // PARTS_PER_RUN).astype(np.uint32), "run_max": (part // PARTS_PER_RUN).astype(np.uint32),
        "n_hits_min": low, "n_hits_max": low + rng.integers(100, 950, n).astype(np.uint32),
    }  # fmt: skip
    return pa.Table.from_arrays([_column(known, f, n) for f in BLOCKS], schema=BLOCKS)


def _column(known: dict[str, object], field: pa.Field, n: int) -> pa.Array:
    if field.name not in known:
        return pa.nulls(n, field.type)
    value = known[field.name]
    return value if isinstance(value, pa.ChunkedArray) else pa.array(value, field.type)


ASK = """
import resource, sys, time
import antdask
from antdask.query.archive import open_archive
from tests.benchmarks.catalogue import QUESTIONS, SECOND, T0
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
found = {"libraries": (0.0, peak())}
for name, question in QUESTIONS.items():
    began = time.perf_counter()
    if name.startswith("open"):
        archive = open_archive(sys.argv[1])
        events = archive.stream("events")
    answer = None
    answer = eval(question)
    found[name] = (time.perf_counter() - began, peak())
import json; print(json.dumps(found))
"""


def main() -> None:
    """Make, measure in fresh processes, print."""
    table = Table("parts", "question", "s", "peak memory [MB]", title="Asking the catalogue, fresh process, warm cache")
    for parts in (10**5, 10**6):
        with tempfile.TemporaryDirectory() as folder:
            url = f"{folder}/archive"
            sizes = subprocess.run([sys.executable, "-c", f"from tests.benchmarks.catalogue import make; print(make({url!r}, {parts}))"], capture_output=True, text=True, check=True)  # fmt: skip
            answer = subprocess.run([sys.executable, "-c", ASK, url], capture_output=True, text=True, check=True)
        for name, (seconds, peak) in json.loads(answer.stdout).items():
            table.add_row(f"{parts:,}", name, f"{seconds:.3f}", f"{peak:.0f}")
        table.add_row(f"{parts:,}", f"files: {sizes.stdout.strip()}", "", "")
    Console(width=140).print(table)
    print("load", os.getloadavg(), os.cpu_count(), "cores")


if __name__ == "__main__":
    main()
