"""Seconds from opening an archive of 10^5 parts to the first batch of events in hand, fresh processes, warm cache.

The parts are real but small, and hard links of a few files: what is measured is how long it takes to find out what to read.
``python -m tests.benchmarks.first_batch [parts]``.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from antdask.archive import catalog, marker
from antdask.archive import layout as lay
from antdask.archive.catalog import BLOCKS, INPUTS, PARTS, QUARANTINE, RUNS, Catalog
from antdask.archive.store import Store
from tests.benchmarks import query_data as data

EVENTS, PARTS_PER_RUN, DAY_NS = 200, 1000, 86_400 * 10**9
QUESTIONS = {
    "everything": "events",
    "one run": "events.select(run=45_010)",
    "a day": f"events.select(time=(T0 + 2 * {DAY_NS}, T0 + 3 * {DAY_NS}))",
    "n_hits > 300": "events.select(where='n_hits > 300')",
    "hits.avc > 250": "events.select(where='hits.avc > 250')",
}
ASK = """
import json, sys, time
import antdask
T0 = int(sys.argv[3])
wall, processor = time.perf_counter(), time.process_time()
events = antdask.open_archive(sys.argv[1]).stream("events")
batches = iter(eval(sys.argv[2]).iter_batches())
batch = next(batches)
taken = time.perf_counter() - wall, time.process_time() - processor
wall = time.perf_counter()
again = next(iter(eval(sys.argv[2]).iter_batches()))
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([*taken, time.perf_counter() - wall, peak / 1e3, len(batch)]))
"""


def make(folder: Path, parts: int) -> str:
    """An archive of so many parts; its URL."""
    data.write_archive(str(folder / "one"), EVENTS)
    one, store = catalog.load(Store(str(folder / "one"))), Store(str(folder / "archive"))
    marker.create(store)
    number = np.arange(parts)
    run, index = (data.RUN + number // PARTS_PER_RUN).astype(np.uint32), (number % PARTS_PER_RUN).astype(np.int32)
    names = [f"antares/events/0a0a0a0a/{r:08d}/{i:04d}-{n:08x}" for n, (r, i) in enumerate(zip(run.tolist(), index.tolist(), strict=True))]
    source = folder / "one" / lay.part_file(one.parts["part"][0].as_py())
    for first in range(0, parts, PARTS_PER_RUN):
        copy = Path(store.full(lay.part_file(names[first])))
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
        for name in names[first + 1 : first + PARTS_PER_RUN]:
            os.link(copy, store.full(lay.part_file(name)))
    shift = number * EVENTS * 3 * data.FRAME_NS
    known = {"part": pa.array(names), "content": pa.array([f"{n:08x}" for n in range(parts)]), "run": run, "index": index}
    known |= {side: shift + one.parts[side][0].as_py() for side in ("utc_min", "utc_max")}
    times = {f"utc_ns_{side}": shift + one.blocks[f"utc_ns_{side}"][0].as_py() for side in ("min", "max")}
    tables = _repeated(one.parts, PARTS, known, parts), _repeated(one.blocks, BLOCKS, {"part": known["part"], **times}, parts)
    empty = [schema.empty_table() for schema in (RUNS, INPUTS, QUARANTINE)]
    made = Catalog("00000000000000000001-bench", *catalog.ordered(*tables), *empty)
    catalog.save(store, made)
    store.write_small(lay.CURRENT, json.dumps({"snapshot": made.snapshot}).encode())
    return store.url


def _repeated(table: pa.Table, schema: pa.Schema, known: dict[str, object], rows: int) -> pa.Table:
    """The first row so often, with some columns of their own."""
    whole = table.take(pa.array(np.zeros(rows, np.int64)))
    return pa.Table.from_arrays([pa.array(known[f.name], f.type) if f.name in known else whole[f.name] for f in schema], schema=schema)


def main() -> None:
    """Make, ask in fresh processes, print."""
    parts = int(next((word for word in sys.argv[1:] if word.isdigit()), 10**5))
    heads = "question", "open to first batch, wall / processor [s]", "asked again [s]", "peak [MB]", "rows"
    table = Table(*heads, title=f"The first batch of {parts:,} parts, libraries imported on the way (aim 1 s)")
    with tempfile.TemporaryDirectory() as folder:
        url = make(Path(folder), parts)
        for name, question in QUESTIONS.items():
            runs = []
            for _ in range(3):
                answer = subprocess.run(
                    [sys.executable, "-c", ASK, url, question, str(data.T0)], capture_output=True, text=True, check=True
                )
                runs.append(json.loads(answer.stdout))
            wall, processor, again, peak, rows = (statistics.median(column) for column in zip(*runs, strict=True))
            table.add_row(name, f"{wall:.2f} / {processor:.2f}", f"{again:.3f}", f"{peak:.0f}", f"{rows:,}")
    Console(width=140).print(table)
    print("load", os.getloadavg(), os.cpu_count(), "cores")


if __name__ == "__main__":
    main()
