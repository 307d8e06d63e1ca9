"""Converting simulated raw runs: beside the sum of its unavoidable parts, two workers of Dask beside two bare processes, and uproot → Parquet.

``python -m tests.benchmarks.conversion --events 60000 --runs 4`` sets the size. All roads alternate in one run; each works in fresh processes with the environment of
workers. Seconds are those of the processor, with wall time beside them: from the first part to the last, without starting processes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import awkward as ak
import numpy as np
import uproot
from rich.console import Console
from rich.table import Table

from antdask.archive import shards
from antdask.archive.layout import chunk_rows
from antdask.archive.ledger import receipts
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.cluster.worker_environment import WORKER_ENVIRONMENT
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.model.ragged import Batch
from antdask.model.schema import INTEGER
from antdask.simulate import SimulationSpec, simulate
from antdask.sources import recognise
from tests.benchmarks.read import Blocks

TREES = ("PhysicsEvent", "SummarySlice", "McTruth")
SUMS = {"cpu", "out", "decompress", "encode"}
SCRIPT = """
import json, pathlib, sys
from tests.benchmarks.conversion import task
if __name__ == "__main__":
    print(json.dumps(task(*json.loads(sys.argv[1]), pathlib.Path(sys.argv[2]))))
"""


def bound(files: list[str]) -> dict[str, float]:
    """Decompression of all blocks and encoding of all columns, each alone: nothing in between, nothing written."""
    decompress = encode = 0.0
    for name in files:
        for tree in TREES:
            blocks = Blocks(Path(name), tree)
            began = time.process_time()
            blocks.decompress()
            decompress += time.process_time() - began
        source = recognise(name)
        entry = source.describe(name)
        for segment in entry.segments:
            for batch in source.read(entry, segment.tree, segment.start, segment.stop):
                encode += _encode(batch)
    return {"decompress": decompress, "encode": encode, "cpu": decompress + encode}


def _encode(batch: Batch) -> float:
    columns = [(INTEGER, offsets) for offsets in batch.offsets.values()]
    for table in batch.schema.given_by(batch.origin):
        columns += [(field.codec, batch.tables[table.name][name]) for name, field in table.columns(batch.origin).items()]
    began = time.process_time()
    for kind, values in columns:
        codec, rows = shards.codec_for(kind, values.dtype), chunk_rows(int(np.prod(values.shape[1:], dtype=np.int64)), kind)
        for start in range(0, len(values), rows):
            shards.encode_groups([values[start : start + rows]], kind, codec)
    return time.process_time() - began


def antdask(files: list[str], folder: Path, cluster: str) -> dict[str, float]:
    """Plan, convert, catalogue; what the parts took is in their receipts. Before, some tiny parts, since the first ones of a process import what reads them."""
    url = str(folder / "archive")
    plan = make_plan(files, url)
    tiny = simulate(SimulationSpec(runs=4, events=20, dst=False, slow_control=False), folder / "tiny")
    with make_cluster(cluster, None if cluster == "serial" else 2) as place:
        convert(make_plan(map(str, tiny), str(folder / "warm")), place)
        summary = convert(plan, place)
    if summary.exit_code:
        raise SystemExit(f"the campaign failed: {summary}")
    work = [r.work for r in receipts(Store(url))]
    first, last = min(w["started_ns"] for w in work), max(w["started_ns"] + round(1e9 * w["seconds"]) for w in work)
    return {"cpu": sum(w["cpu_seconds"] for w in work), "first": first / 1e9, "last": last / 1e9, "out": summary.bytes_out, "peak": max(w["peak_memory"] for w in work)}  # fmt: skip


def parquet(files: list[str], folder: Path) -> dict[str, float]:
    """uproot → Awkward → Parquet (zstd 1), one file after the other, 100 MB at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    first, cpu = time.time(), time.process_time()
    for number, name in enumerate(files):
        with uproot.open(name) as file:
            for tree in TREES:
                pieces = file[tree].iterate(step_size="100 MB")
                ak.to_parquet_row_groups(pieces, str(folder / f"{tree}{number}.parquet"), compression="zstd", compression_level=1)
    out = sum(f.stat().st_size for f in folder.rglob("*.parquet"))
    return {"cpu": time.process_time() - cpu, "first": first, "last": time.time(), "out": out, "peak": _peak()}


def _peak() -> int:
    """Peak memory of this process [byte]; getrusage would give that of its parent, if that is more."""
    return 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])


def task(road: str, files: list[str], folder: Path) -> dict[str, float]:
    """One road in this process."""
    if road == "bound":
        return bound(files)
    return parquet(files, folder) if road == "parquet" else antdask(files, folder, road)


def in_fresh_processes(road: str, pieces: Iterable[list[str]], folder: Path) -> dict[str, float]:
    """A road over lists of files, one process for each list; what they say together."""
    folder.mkdir()
    (folder / "run.py").write_text(SCRIPT)
    variables = {**os.environ, **WORKER_ENVIRONMENT, "PYTHONPATH": str(Path.cwd())}
    running = []
    for number, files in enumerate(pieces):
        arguments = [sys.executable, str(folder / "run.py"), json.dumps([road, files]), str(folder / str(number))]
        running.append(subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=variables))
    said = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]
    shutil.rmtree(folder)
    together = {k: (sum if k in SUMS else min if k == "first" else max)(s[k] for s in said) for k in said[0]}
    # Of processes that did not begin together, what the slowest took.
    walls = [s["last"] - s["first"] for s in said if "last" in s]
    return {**together, "wall": max(walls, default=0.0)}


def main(argv: list[str] | None = None) -> None:
    """Simulate, measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=150_000)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args([] if argv is None else argv)
    found: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        files = [str(p) for p in simulate(SimulationSpec(runs=args.runs, events=args.events, dst=False, slow_control=False), root / "in")]
        nbytes = sum(Blocks(Path(f), tree).nbytes for f in files for tree in TREES)
        halves = [files[: args.runs // 2], files[args.runs // 2 :]]
        roads = {
            "bound": ("bound", [files]),
            "antdask, one process": ("serial", [files]),
            "antdask, two workers of Dask": ("local", [files]),
            "antdask, two bare processes": ("serial", halves),
            "uproot → Parquet": ("parquet", [files]),
            "uproot → Parquet, two processes": ("parquet", halves),
        }
        for _ in range(args.rounds):
            for name, (road, pieces) in roads.items():
                found.setdefault(name, []).append(in_fresh_processes(road, pieces, root / "out"))
    _print(found, nbytes, args.rounds)


def _print(found: dict[str, list[dict[str, float]]], nbytes: int, rounds: int) -> None:
    middle = {name: {k: statistics.median(r[k] for r in row) for k in row[0]} for name, row in found.items()}
    table = Table(
        "road", "CPU s", "MB/s of CPU", "wall s", "MB out", "peak MB", title=f"{nbytes / 1e6:.0f} MB of payload, medians of {rounds}"
    )
    for name, m in middle.items():
        numbers = (f"{m.get(k, 0) * f:.{d}f}" for k, f, d in (("wall", 1, 2), ("out", 1e-6, 0), ("peak", 1e-6, 0)))
        table.add_row(name, f"{m['cpu']:.2f}", f"{nbytes / 1e6 / m['cpu']:.0f}", *numbers)
    Console(width=150).print(table)
    limit, one, dask, bare, flat, flats = middle.values()
    print(f"bound: decompress {limit['decompress']:.2f} s, encode {limit['encode']:.2f} s; reached {limit['cpu'] / one['cpu']:.2f}")
    print(f"two workers of Dask against two bare processes: wall {bare['wall'] / dask['wall']:.2f}, CPU {bare['cpu'] / dask['cpu']:.2f}")
    print(f"against uproot → Parquet: CPU {flat['cpu'] / one['cpu']:.1f} x, wall {flat['wall'] / one['wall']:.1f} x; two workers against its one process, wall {flat['wall'] / dask['wall']:.1f} x, against its two {flats['wall'] / dask['wall']:.1f} x; size {one['out'] / flat['out']:.2f}")  # fmt: skip
    print("load", os.getloadavg(), os.cpu_count(), "cores")


if __name__ == "__main__":
    main(sys.argv[1:])
