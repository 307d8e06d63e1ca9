"""Planning over many new files: small simulated runs, described by one process and by two, and again out of the cache.

``python -m tests.benchmarks.planning --files 500`` makes it short. Seconds are those of the wall; beside them the time of the processor, where one process does it all.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from antdask.cluster import make_cluster
from antdask.convert.scan import scan
from antdask.protocols import Cluster
from antdask.simulate import SimulationSpec, simulate


def measure(files: list[str], cluster: Cluster | None, cache: str = "") -> tuple[float, float]:
    """Wall and processor seconds of a look at all files."""
    began, cpu = time.perf_counter(), time.process_time()
    entries, rejected = scan(files, cluster=cluster, cache=cache)
    if len(entries) != len(files) or rejected:
        raise SystemExit(f"{len(entries)} of {len(files)} files described, {len(rejected)} rejected")
    return time.perf_counter() - began, time.process_time() - cpu


def main(argv: list[str] | None = None) -> None:
    """Simulate, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=2000)
    args = parser.parse_args([] if argv is None else argv)
    table = Table("how", "s", "processor s", "ms per file", "10⁵ files, minutes")
    with tempfile.TemporaryDirectory() as folder:
        made = simulate(SimulationSpec(runs=args.files, events=10, mc=False, dst=False, slow_control=False), Path(folder, "in"))
        files, cache = [str(p) for p in made], str(Path(folder, "cache"))
        size = sum(p.stat().st_size for p in made) / len(made)
        with make_cluster("processes", 2) as two:
            two.submit(abs, 1).result()
            rows = {
                "one process": measure(files, None),
                "two processes": measure(files, two),
                "one process, keeping a cache": measure(files, None, cache),
                "known files": measure(files, None, cache),
            }
    for how, (wall, cpu) in rows.items():
        each = wall / len(files)
        table.add_row(how, f"{wall:.1f}", "" if "two" in how else f"{cpu:.1f}", f"{each * 1e3:.1f}", f"{each * 1e5 / 60:.1f}")
    console = Console(width=120)
    console.print(f"{len(files)} new files of {size / 1e3:.0f} kB, trees of events and counts", table)
    print("load", os.getloadavg(), os.cpu_count(), "cores")


if __name__ == "__main__":
    main(sys.argv[1:])
