"""MB/s per core of the simulation: making the content alone, and the whole with every codec, beside uproot's writer, interleaved in one run.

Bytes are the uncompressed payload of all trees of the raw files. Seconds are of one process (CPU), since other programs may share the machine.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import awkward as ak
import numpy as np
import uproot
from rich.console import Console
from rich.table import Table

from antdask.simulate import SimulationSpec, simulate
from antdask.simulate.detector import make_detector
from antdask.simulate.layouts import EVENT_BRANCHES, event_columns
from antdask.simulate.simulation import run_content

ROUNDS = 3
EVENTS = 20_000
RUN = 45_001
CODECS = (("zlib", 1), ("lz4", 1), ("zstd", 2), ("none", None))


def spec(layout: str = "leaf", codec: str = "zlib", level: int | None = 1) -> SimulationSpec:
    return SimulationSpec(events=EVENTS, layout=layout, codec=codec, level=level, dst=False, slow_control=False)


def content(_: Path) -> None:
    """Everything but the writing."""
    for _frames, _light, _events in run_content(spec(), RUN, make_detector(spec())):
        pass


def whole(layout: str, codec: str, level: int | None) -> Callable[[Path], None]:
    def road(folder: Path) -> None:
        simulate(spec(layout, codec, level), folder)

    return road


def by_uproot(folder: Path) -> None:
    """The same events through uproot's writer, in baskets of 32 kB of the largest branch."""
    folder.mkdir()
    pieces = [event_columns("leaf", RUN, e) for _, _, e in run_content(spec(), RUN, make_detector(spec()))]
    columns = {k: np.concatenate([p[k] for p in pieces]) for k in pieces[0]}
    ends = np.concatenate([[0], np.cumsum(columns["NHits"])])
    jagged = [b.name for b in EVENT_BRANCHES["leaf"] if b.count]
    flat = [b.name for b in EVENT_BRANCHES["leaf"] if not b.count and b.name != "NHits"]
    step = 48
    with uproot.recreate(folder / "a.root", compression=uproot.ZLIB(1)) as file:
        first = _records(columns, jagged, ends, 0, 1)
        tree = file.mktree(
            "PhysicsEvent", {**{n: columns[n].dtype for n in flat}, "H": first.type.content}, initial_basket_capacity=EVENTS // step + 2
        )
        for a in range(0, EVENTS, step):
            b = min(EVENTS, a + step)
            tree.extend({**{n: columns[n][a:b] for n in flat}, "H": _records(columns, jagged, ends, a, b)})


def _records(columns: dict[str, np.ndarray], names: list[str], ends: np.ndarray, a: int, b: int) -> ak.Array:
    layouts = [ak.contents.NumpyArray(columns[n][ends[a] : ends[b]]) for n in names]
    return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(ends[a : b + 1] - ends[a]), ak.contents.RecordArray(layouts, names)))


def payload(folder: Path) -> int:
    """Uncompressed bytes of all baskets."""
    total = 0
    for path in folder.glob("*.root"):
        with uproot.open(path) as file:
            total += sum(b.uncompressed_bytes for k, c in file.classnames().items() if c == "TTree" for b in file[k].branches)
    return total


def main() -> None:
    """Measure and print."""
    roads: dict[str, Callable[[Path], None]] = {"content only, nothing written": content}
    for layout in ("leaf", "packed"):
        for codec, level in CODECS:
            roads[f"{layout}, {codec}{level or ''}"] = whole(layout, codec, level)
    roads["content + uproot's writer (events only), leaf, zlib1"] = by_uproot
    seconds: dict[str, list[float]] = {}
    sizes: dict[str, tuple[int, int]] = {}
    for _ in range(ROUNDS):
        for name, road in roads.items():
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place) / "out"
                began = time.process_time()
                road(folder)
                seconds.setdefault(name, []).append(time.process_time() - began)
                if folder.exists():
                    sizes[name] = payload(folder), sum(f.stat().st_size for f in folder.iterdir())
                    shutil.rmtree(folder)
    sizes["content only, nothing written"] = sizes["leaf, zlib1"]
    table = Table("what", "MB of payload", "MB on disk", "CPU s (median)", "MB/s/core", title=f"Simulation, {EVENTS} events, one process")
    for name, taken in seconds.items():
        middle = statistics.median(taken)
        table.add_row(
            name, f"{sizes[name][0] / 1e6:.0f}", f"{sizes[name][1] / 1e6:.0f}", f"{middle:.2f}", f"{sizes[name][0] / 1e6 / middle:.0f}"
        )
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
