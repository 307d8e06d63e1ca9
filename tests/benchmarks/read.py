"""Reading files that real ROOT wrote: beside decompression alone, ROOT's own loop in C++, and uproot, interleaved in one run.

``python -m tests.benchmarks.read --events 20000 --forms leaf_zlib split0`` makes it short. Seconds are those of the processor, because other programs may share the
machine; what two threads gain is told in wall time. The blocks are in memory for decompression alone; everybody else opens and reads the file (warm cache).

*floor* is what no reader of these libraries can save: copying the file from the page cache, the checksums of LZ4 blocks, decompression, and putting the result
where it belongs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cramjam
import deflate
import numpy as np
import uproot
import xxhash
import zstandard
from rich.console import Console
from rich.table import Table

from antdask.cluster.worker_environment import WORKER_ENVIRONMENT
from antdask.settings import environment as variables
from antdask.simulate import SimulationSpec
from antdask.simulate.detector import make_detector
from antdask.simulate.layouts import event_columns
from antdask.simulate.simulation import run_content
from antdask.sources import SOURCES, layout_map, mapped_root, root_codecs, root_lzma
from antdask.sources.root import open_root
from antdask.sources.root_baskets import header_of
from antdask.sources.root_columns import TreeColumns
from tests.realroot import environment
from tests.realroot.forms import RUN

EVENTS, ROUNDS = 200_000, 3
TREE = "PhysicsEvent"
CODECS = (("zlib", 1), ("zstd", 5), ("lz4", 4), ("lzma", 1))
FORMS = [
    {"name": f"{'leaf' if split is None else f'split{split}'}_{codec}_{size}", "split": split, "compression": environment.compression(codec, level), "basket": basket, "flush": False}
    for split in (None, 0, 99) for codec, level in CODECS for size, basket in (("32k", 32_000), ("1M", 1_000_000))
]  # fmt: skip
#: LZMA is more than ten times slower than anything that is done with its bytes: fewer events tell as much.
LZMA_SHARE = 20


def content(events: int) -> dict[str, np.ndarray]:
    """Branches of simulated events."""
    spec = SimulationSpec(events=events, seed=9)
    pieces = [event_columns("leaf", RUN, made) for _, _, made in run_content(spec, RUN, make_detector(spec))]
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def write(folder: Path, events: int, forms: list[dict[str, object]]) -> None:
    """Have ROOT write all forms."""
    many = content(events)
    few = {k: v[: events // LZMA_SHARE] if len(v) == events else v for k, v in many.items()}
    for columns, chosen in (
        (many, [f for f in forms if "lzma" not in str(f["name"])]),
        (few, [f for f in forms if "lzma" in str(f["name"])]),
    ):
        if chosen:
            environment.write(folder, columns, RUN, chosen)


class Blocks:
    """All compressed blocks of a tree in memory, and the fastest library for each."""

    def __init__(self, path: Path, tree: str = TREE) -> None:
        self.path = path
        self.blocks: list[tuple[bytes, bytes, int]] = []
        raw = path.read_bytes()
        with open_root(str(path)) as file:
            found = file.tree(tree)
            for branch in found.walk():
                for start, stop in branch.ranges(0, found.entries):
                    key = header_of(memoryview(raw)[start:stop]).key
                    self._add(raw[start + key.keylen : stop], key.objlen)
        self.nbytes = sum(n for _, _, n in self.blocks)
        self._zstd = zstandard.ZstdDecompressor()

    def _add(self, data: bytes, nbytes: int) -> None:
        position = 0
        while len(data) != nbytes and position < len(data):
            size, whole = (int.from_bytes(data[position + k : position + k + 3], "little") for k in (3, 6))
            start = position + root_codecs.HEADER
            # Behind the header of an LZ4 block stands a checksum.
            self.blocks.append((data[position : position + 2], data[start + 8 * (data[position] == ord("L")) : start + size], whole))
            position = start + size

    def decompress(self) -> None:
        """Every block, one after the other; the result is dropped."""
        out = memoryview(np.empty(max(n for _, _, n in self.blocks), np.uint8))
        for kind, data, nbytes in self.blocks:
            self._open(kind, data, nbytes, out)

    def floor(self) -> None:
        """The file copied from the page cache, LZ4 blocks compared with their checksums, every block decompressed to its place in a window."""
        with self.path.open("rb", buffering=0) as file:
            buffer = bytearray(mapped_root.BATCH_BYTES)
            while file.readinto(buffer):
                pass
        largest = max(n for _, _, n in self.blocks)
        window, filled = memoryview(np.empty(mapped_root.BATCH_BYTES + largest, np.uint8)), 0
        for kind, data, nbytes in self.blocks:
            if kind == b"L4":
                xxhash.xxh64_digest(data)
            place = window[filled : filled + nbytes]
            found = self._open(kind, data, nbytes, place)
            if found is not None:
                place[:] = found
            filled = (filled + nbytes) % mapped_root.BATCH_BYTES

    def _open(self, kind: bytes, data: bytes, nbytes: int, out: memoryview) -> bytes | bytearray | None:
        """The content; ``None`` where it was put into `out`."""
        if kind == b"ZL":
            return deflate.zlib_decompress(data, nbytes)
        if kind == b"ZS":
            return self._zstd.decompress(data, nbytes)
        if kind == b"XZ":
            root_lzma.decompress_into(memoryview(data), out[:nbytes])
            return None
        cramjam.lz4.decompress_block_into(data, out, output_len=nbytes)
        return None


def columns(path: Path) -> None:
    """All branches as arrays of numbers and counts, window by window: what uproot and ROOT give."""
    name = "antares_raw_struct_1" if path.name.startswith("split") else "antares_raw_leaf_1"
    layout = layout_map.load(name)
    with open_root(str(path)) as file:
        tree = TreeColumns(file.tree(TREE), layout.dataset(TREE), layout.origin)
        for low, high in tree.tree.windows(tree.leaves, 0, tree.tree.entries, mapped_root.BATCH_BYTES):
            tree.read(low, high)


def batches(path: Path) -> None:
    """What a conversion reads: every value checked, derived fields added."""
    source = SOURCES.get("antares_raw")
    entry = source.describe(str(path))
    for _ in source.read(entry, TREE, 0, entry.segments[0].stop):
        pass


def with_uproot(path: Path) -> None:
    """All branches as Awkward arrays."""
    with uproot.open(path) as file:
        file[TREE].arrays()


def measure(folder: Path, forms: list[str], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Processor seconds of every road, round by round."""
    paths = [folder / name for name in forms]
    found: dict[str, dict[str, list[float]]] = {name: {} for name in forms}
    for _ in range(rounds):
        for path, seconds in zip(paths, environment.loop_seconds(folder, paths), strict=True):
            found[path.name].setdefault("ROOT", []).append(seconds)
        for path in paths:
            blocks = Blocks(path)
            for road, run in _roads(path, blocks):
                began = time.process_time()
                run()
                found[path.name].setdefault(road, []).append(time.process_time() - began)
            found[path.name]["MB"] = [blocks.nbytes / 1e6]
    return found


def _roads(path: Path, blocks: Blocks) -> Iterator[tuple[str, Callable[[], None]]]:
    yield "decompress", blocks.decompress
    yield "floor", blocks.floor
    yield "columns", lambda: columns(path)
    yield "batches", lambda: batches(path)
    # Member by member, uproot refuses it or gives wrong values.
    if not path.name.startswith("split0"):
        yield "uproot", lambda: with_uproot(path)


def threads(path: Path, rounds: int) -> tuple[float, float]:
    """Wall time of one process with one and with two threads, over that of decompressing in as many threads [-]."""
    blocks, gain = Blocks(path), []
    halves = [object.__new__(Blocks) for _ in range(2)]
    for k, half in enumerate(halves):
        half.blocks, half._zstd = blocks.blocks[k::2], zstandard.ZstdDecompressor()
    for _ in range(rounds):
        walls = []
        with ThreadPoolExecutor(2) as pool:
            for run in (blocks.decompress, lambda: list(pool.map(Blocks.decompress, halves)), *(_with_threads(path, n) for n in (1, 2))):
                began = time.perf_counter()
                run()
                walls.append(time.perf_counter() - began)
        gain.append((walls[0] / walls[1], walls[2] / walls[3]))
    kernel, ours = zip(*gain, strict=True)
    return max(kernel), max(ours)


def _with_threads(path: Path, n: int) -> Callable[[], None]:
    def run() -> None:
        with variables({"ANTDASK_READ_THREADS": str(n)}):
            batches(path)

    return run


def peak_memory(path: Path) -> int:
    """Peak memory of a fresh process that reads a file [byte]."""
    # Not getrusage: a new process inherits the peak of the one that starts it.
    code = f"import pathlib; from tests.benchmarks.read import batches; batches(pathlib.Path({str(path)!r})); print(pathlib.Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    return 1024 * int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def main(argv: list[str] | None = None) -> None:
    """Make the files, measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--forms", nargs="*", default=[""], help="beginnings of names of forms")
    parser.add_argument("--folder", help="keep the files here, and use those that are there")
    args = parser.parse_args([] if argv is None else argv)
    forms = [f for f in FORMS if str(f["name"]).startswith(tuple(args.forms))]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(args.folder or place)
        write(folder, args.events, [f for f in forms if not (folder / str(f["name"])).exists()])
        names = [str(f["name"]) for f in forms]
        found = measure(folder, names, args.rounds)
        table = Table(
            "form", "MB", "decompress s", "MB/s", "floor x", "columns x", "batches x", "ROOT loop / columns", "uproot / columns", "peak MB"
        )
        for name, row in found.items():
            middle = {k: statistics.median(v) for k, v in row.items()}
            only, ours = middle["decompress"], middle["columns"]
            slow = f"{middle['uproot'] / ours:.1f}" if "uproot" in middle else "cannot"
            table.add_row(name, f"{middle['MB']:.0f}", f"{only:.3f}", f"{middle['MB'] / only:.0f}", f"{middle['floor'] / only:.2f}", f"{ours / only:.2f}", f"{middle['batches'] / only:.2f}", f"{middle['ROOT'] / ours:.2f}", slow, f"{peak_memory(folder / name) / 1e6:.0f}")  # fmt: skip
        Console(width=150).print(table)
        for name in names:
            if "zlib" in name:
                print(
                    name,
                    "two threads against one, best of rounds: kernel {:.2f}, batches {:.2f}".format(*threads(folder / name, args.rounds)),
                )
    print("load", os.getloadavg(), os.cpu_count(), "cores;", args.events, "events, LZMA", args.events // LZMA_SHARE)


if __name__ == "__main__":
    if any(os.environ.get(name) != value for name, value in WORKER_ENVIRONMENT.items()):
        # As in workers, for all that is measured: the C library reads its settings when a process begins.
        os.execve(sys.executable, [sys.executable, "-m", "tests.benchmarks.read", *sys.argv[1:]], {**os.environ, **WORKER_ENVIRONMENT})
    main(sys.argv[1:])
