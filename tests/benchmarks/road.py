"""MB/s per core of the whole road, beside uproot → Parquet on what uproot can read, interleaved in one run.

Inputs are the largest real KM3NeT files, tiled. uproot reads neither the hit vectors nor the timeslices by itself; it is given the byte layout by hand for the events, and
has no counterpart for member-wise timeslices. Bytes are the uncompressed bytes of the baskets that both read.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from pathlib import Path

import awkward as ak
import numpy as np
import uproot
from km3net_testdata import data_path
from rich.console import Console
from rich.table import Table

from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from tests.benchmarks.tiling import tile

MB = 1e6
TILED = 300 * MB
ROUNDS = 3
CASES = (
    ("events, zlib off", "online/muon_cc_daqevents.root", True),
    ("timeslices, member-wise and split, zlib off", "online/events_sample.root", False),
    ("timeslices L1, member-wise, zlib-1", "online/KM3NeT_00000267_00025291_L1.root", False),
)
HIT = np.dtype([("dom_id", ">i4"), ("channel_id", "u1"), ("tdc", "<u4"), ("tot", "u1")])
TRIGGERED = np.dtype([*HIT.descr, ("block", ">u4"), ("version", ">u2"), ("trigger_mask", ">u8")])
FRAME = np.dtype(
    [("dom_id", ">i4"), ("daq", ">u4"), ("status", ">u4"), ("fifo", ">u4"), ("status3", ">u4"), ("status4", ">u4"), ("rate", "u1", 31)]
)


def antdask(files: list[str], folder: Path) -> tuple[int, int]:
    """Plan and convert on one core; uncompressed bytes in, bytes out."""
    with make_cluster("serial") as cluster:
        summary = convert(make_plan(files, str(folder / "archive")), cluster)
    if summary.exit_code:
        raise SystemExit(f"the campaign failed: {summary}")
    return summary.bytes_uncompressed, summary.bytes_out


def parquet(files: list[str], folder: Path) -> tuple[int, int]:
    """uproot with the layouts by hand → awkward → Parquet (zstd); uncompressed bytes in, bytes out."""
    nbytes = 0
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(files):
        with uproot.open(name) as file:
            wanted = {"snapshotHits": HIT, "triggeredHits": TRIGGERED}
            events = {k: _jagged(file["KM3NET_EVENT"][k], dtype) for k, dtype in wanted.items()}
            nbytes += sum(file["KM3NET_EVENT"][k].uncompressed_bytes for k in wanted)
            ak.to_parquet(ak.zip(events, depth_limit=1), str(folder / f"events{i}.parquet"), compression="zstd", compression_level=1)
    return nbytes, sum(f.stat().st_size for f in folder.rglob("*.parquet"))


def _jagged(branch: uproot.TBranch, dtype: np.dtype) -> ak.Array:
    """A branch of packed records behind a header of 10 bytes, native byte order."""
    array = branch.array(uproot.AsJagged(uproot.AsDtype(dtype), header_bytes=10))
    offsets, records = ak.num(array), ak.flatten(array)
    # Strided columns of packed records are no Arrow buffers: each is copied once.
    columns = {
        k: ak.unflatten(np.ascontiguousarray(ak.to_numpy(records[k])), offsets) for k in dtype.names if k not in {"block", "version"}
    }
    return ak.zip(columns, depth_limit=2)


def main() -> None:
    """Measure and print."""
    table = Table(
        "input", "road", "MB in", "MB out", "s (median)", "MB/s/core", "against uproot → Parquet", title="The road, one core, warm cache"
    )
    for label, name, readable in CASES:
        with tempfile.TemporaryDirectory() as place:
            root = Path(place)
            (root / "in").mkdir()
            files = tile(data_path(name), root / "in", int(TILED))
            results = measure(files, root, ["antdask"] + (["uproot → Parquet"] if readable else []))
        slow = statistics.median(results["uproot → Parquet"][0]) if readable else None
        for road, (seconds, nbytes, out) in results.items():
            middle = statistics.median(seconds)
            times = f"{slow / middle:.1f} x" if slow else "uproot cannot read it"
            table.add_row(label, road, f"{nbytes / MB:.0f}", f"{out / MB:.0f}", f"{middle:.2f}", f"{nbytes / MB / middle:.0f}", times)
    Console(width=140).print(table)


def measure(files: list[str], root: Path, roads: list[str]) -> dict[str, tuple[list[float], int, int]]:
    """Interleaved rounds: seconds of each, bytes in, bytes out."""
    found: dict[str, tuple[list[float], int, int]] = {}
    for round_ in range(ROUNDS):
        for road in roads:
            folder = root / f"out{round_}{road[:2]}"
            began = time.perf_counter()
            nbytes, out = (antdask if road == "antdask" else parquet)(files, folder)
            seconds = time.perf_counter() - began
            found.setdefault(road, ([], nbytes, out))[0].append(seconds)
            shutil.rmtree(folder)
    return found


if __name__ == "__main__":
    main()
