"""Milliseconds of the questions that people ask, beside peers on the same data in the same run, interleaved, warm cache.

``python -m tests.benchmarks.query [events] [folder]``: 2 million events, some 320 million hits, if not told; the data stay in a folder that is given.
Seconds of the wall depend on who else works on the machine, so the seconds of the processor are printed beside them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import tensorstore
import uproot
import zarr
from rich.console import Console
from rich.table import Table

import antdask
from antdask.archive.chunk_cache import shared
from antdask.archive.reading import Wanted
from antdask.archive.store import Store
from antdask.query.ahead import ahead
from antdask.query.cells import Cells
from tests.benchmarks import query_data as data

EVENTS, ROUNDS, PATIENCE, ROOT_EVENTS = 2_000_000, 5, 3.0, 100_000
COLUMNS = ("line", "timestamp", "tvc", "avc", "triggered")
CHANNEL = ("line", "floor", "om")
AXES = {f"hits.{name}": (n, 0, n) for name, n in zip(CHANNEL, (12, 25, 3), strict=True)}
PIPELINES = {"zarr-python": "zarr.core.codec_pipeline.BatchedCodecPipeline", "zarrs": "zarrs.ZarrsCodecPipeline"}


class Ours:
    """antdask."""

    def __init__(self, url: str, events: int) -> None:
        self.events = antdask.open_archive(url).stream("events")
        self.columns = [f"hits.{name}" for name in COLUMNS]
        self.window = (data.T0 + events // 2 * 3 * data.FRAME_NS, data.T0 + (events // 2 + events // 100) * 3 * data.FRAME_NS)

    def channels(self, _: np.ndarray) -> int:
        return int(self.events.histogram(AXES).view()[:, :, 0].sum())

    def random(self, numbers: np.ndarray) -> int:
        return int(pc.sum(self.events.take(numbers).to_arrow("hits", self.columns)["avc"]).as_py())

    def window_of_time(self, _: np.ndarray) -> int:
        return int(np.sum(self.events.select(time=self.window).to_arrow("hits", self.columns)["avc"].to_numpy(), dtype=np.int64))

    def statistics(self, _: np.ndarray) -> int:
        return len(self.events.select(where="n_hits > 300").to_awkward(["n_hits"]))

    def hits(self, _: np.ndarray) -> int:
        return len(self.events.select(where="hits.avc > 250").to_arrow("hits", ["hits.avc"]))

    def decode(self, _: np.ndarray) -> int:
        """The columns of the first question, decoded and left alone: what no query can beat."""

        def read(part: int, start: int, stop: int) -> None:
            reader = readers[part]
            reader.read([Wanted(f"hits/{name}", start, stop) for name in CHANNEL])

        index, store = self.events.index, self.events.store
        readers = [index.reader(store, part) for part in range(len(index))]
        hits = index.part("hits").tolist()
        tasks = [lambda p=p, a=a: read(p, a, min(hits[p], a + (1 << 20))) for p in range(len(index)) for a in range(0, hits[p], 1 << 20)]
        for _ in ahead(tasks):
            pass
        return 0


class Zarr:
    """The arrays of the parts through a library of Zarr, with events found by hand."""

    def __init__(self, root: Path, kind: str) -> None:
        self.kind, self.parts = kind, sorted(root.iterdir())
        self.edges = np.cumsum([0, *(self._open(p, "events/n_hits").shape[0] for p in self.parts)])

    def _open(self, part: Path, name: str) -> Any:
        if self.kind == "tensorstore":
            return tensorstore.open({"driver": "zarr3", "kvstore": {"driver": "file", "path": str(part / name)}}).result()
        with zarr.config.set({"codec_pipeline.path": PIPELINES[self.kind]}):
            return zarr.open_array(part / name, mode="r")

    def _get(self, array: Any, *spans: tuple[int, int]) -> list[np.ndarray]:
        if self.kind == "tensorstore":
            waiting = [array[a:b].read() for a, b in spans]
            return [w.result() for w in waiting]
        with zarr.config.set({"codec_pipeline.path": PIPELINES[self.kind]}):
            return [array[a:b] for a, b in spans]

    def channels(self, _: np.ndarray) -> int:
        cells = Cells([(0, 12), (0, 25), (0, 3)])
        for part in self.parts:
            arrays = [self._open(part, f"hits/{name}") for name in CHANNEL]
            for start in range(0, arrays[0].shape[0], 1 << 22):
                cells.count([self._get(a, (start, min(a.shape[0], start + (1 << 22))))[0] for a in arrays])
        return int(cells.counts.reshape(14, 27, 5)[1:-1, 1:-1, 1].sum())

    def random(self, numbers: np.ndarray) -> int:
        total = 0
        for i, part in enumerate(self.parts):
            own = (numbers[(numbers >= self.edges[i]) & (numbers < self.edges[i + 1])] - self.edges[i]).tolist()
            offsets = self._get(self._open(part, "hits/offsets"), *((n, n + 2) for n in own))
            spans = [(int(a), int(b)) for a, b in offsets]
            found = {name: self._get(self._open(part, f"hits/{name}"), *spans) for name in COLUMNS}
            total += sum(int(v.sum()) for v in found["avc"])
        return total

    def window_of_time(self, _: np.ndarray) -> int:
        events = int(self.edges[-1])
        low, high = (data.T0 + n * 3 * data.FRAME_NS for n in (events // 2, events // 2 + events // 100))
        total = 0
        for part in self.parts:
            times = self._get(self._open(part, "events/utc_ns"), (0, None))[0]
            a, b = np.searchsorted(times, [low, high]).tolist()
            if b > a:
                offsets = self._open(part, "hits/offsets")
                (first,), (last,) = self._get(offsets, (a, a + 1), (b, b + 1))
                found = {name: self._get(self._open(part, f"hits/{name}"), (int(first), int(last)))[0] for name in COLUMNS}
                total += int(found["avc"].sum(dtype=np.int64))
        return total

    def statistics(self, _: np.ndarray) -> int:
        return sum(int((self._get(self._open(p, "events/n_hits"), (0, None))[0] > 300).sum()) for p in self.parts)

    def hits(self, _: np.ndarray) -> int:
        total = 0
        for part in self.parts:
            array = self._open(part, "hits/avc")
            for start in range(0, array.shape[0], 1 << 22):
                total += int((self._get(array, (start, min(array.shape[0], start + (1 << 22))))[0] > 250).sum())
        return total


class Duck:
    """DuckDB over Parquet, flat (one row per hit) or nested (lists of hits)."""

    def __init__(self, file: Path, nested: bool, events: int) -> None:
        self.file, self.nested, self.n = file, nested, events
        self.connection = duckdb.connect(config={"threads": os.cpu_count() or 1})

    def _ask(self, query: str) -> pa.Table:
        return self.connection.sql(query).to_arrow_table()

    def _columns(self, names: tuple[str, ...]) -> str:
        return ", ".join(f"unnest({n}) {n}" if self.nested else n for n in names)

    def channels(self, _: np.ndarray) -> int:
        found = self._ask(f"select line, floor, om, count(*) n from (select {self._columns(CHANNEL)} from '{self.file}') group by all")
        return int(pc.sum(found.filter(pc.equal(found["om"], 0))["n"]).as_py())

    def random(self, numbers: np.ndarray) -> int:
        found = self._ask(f"select {self._columns(COLUMNS)} from '{self.file}' where event in ({', '.join(map(str, numbers))})")
        return int(pc.sum(found["avc"]).as_py())

    def window_of_time(self, _: np.ndarray) -> int:
        low, high = (data.T0 + n * 3 * data.FRAME_NS for n in (self.n // 2, self.n // 2 + self.n // 100))
        found = self._ask(f"select {self._columns(COLUMNS)} from '{self.file}' where utc_ns >= {low} and utc_ns < {high}")
        return int(pc.sum(found["avc"]).as_py())

    def statistics(self, _: np.ndarray) -> int:
        what = "event, n_hits" if self.nested else "distinct event, n_hits"
        return len(self._ask(f"select {what} from '{self.file}' where n_hits > 300"))

    def hits(self, _: np.ndarray) -> int:
        return len(self._ask(f"select * from (select event, {self._columns(('avc',))} from '{self.file}') where avc > 250"))


class Arrow:
    """pyarrow over flat Parquet, row group by row group."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def channels(self, _: np.ndarray) -> int:
        cells = Cells([(0, 12), (0, 25), (0, 3)])
        for batch in pq.ParquetFile(self.file).iter_batches(1 << 20, columns=list(CHANNEL)):
            cells.count([batch[name].to_numpy() for name in CHANNEL])
        return int(cells.counts.reshape(14, 27, 5)[1:-1, 1:-1, 1].sum())

    def hits(self, _: np.ndarray) -> int:
        batches = pq.ParquetFile(self.file).iter_batches(1 << 20, columns=["event", "avc"])
        return sum(batch.filter(pc.greater(batch["avc"], 250)).num_rows for batch in batches)


class Root:
    """uproot over a tree of the first events; that there are fewer makes single events no cheaper to find."""

    def __init__(self, file: Path, events: int, ours: Ours) -> None:
        self.file, self.share, self.ours = file, ROOT_EVENTS / events, ours

    def random(self, numbers: np.ndarray) -> int:
        own = (numbers * min(1.0, self.share)).astype(np.int64)
        with uproot.open(self.file) as root:
            tree = root["events"]
            found = [tree.arrays(COLUMNS, entry_start=n, entry_stop=n + 1) for n in own.tolist()]
        self.answer = sum(int(ak.sum(one["avc"])) for one in found), own
        return self.answer[0]

    def check(self) -> None:
        """Compare with antdask, asked for the same events."""
        total, own = self.answer
        if total != int(self.ours.random(own)):
            raise SystemExit("uproot and antdask do not agree")


QUESTIONS = {
    "channels": "hits per channel over everything (3 columns)",
    "random": "100 random events, 5 columns",
    "window_of_time": "1 % of the time, 5 columns",
    "statistics": "events by per-event statistics",
    "hits": "selection on a hit column (full scan)",
}


def prepare(root: Path, events: int) -> None:
    """Write what is not there yet: archive, its parts unpacked, Parquet."""
    if not (root / "archive").exists():
        data.write_archive(str(root / "archive"), events)
    if not (root / "flat.parquet").exists():
        data.write_parquet(root / "flat.parquet", root / "nested.parquet", events)
    if not (root / "events.root").exists():
        data.write_root(root / "events.root", min(events, ROOT_EVENTS))
    if not (root / "zarr").exists():
        for part in sorted((root / "archive" / "parts").rglob("*.zarr.zip")):
            with zipfile.ZipFile(part) as members:
                members.extractall(root / "zarr" / part.parent.name)


def measure(root: Path, events: int) -> None:
    """Interleaved rounds of every question; medians, and how much of a range of time is read."""
    ours = Ours(str(root / "archive"), events)
    racers: dict[str, Any] = {"antdask": ours, **{kind: Zarr(root / "zarr", kind) for kind in (*PIPELINES, "tensorstore")}}
    racers |= {"DuckDB flat": Duck(root / "flat.parquet", False, events), "DuckDB nested": Duck(root / "nested.parquet", True, events)}
    racers["pyarrow flat"] = Arrow(root / "flat.parquet")
    racers["uproot"] = Root(root / "events.root", events, ours)
    numbers = np.sort(np.random.default_rng(5).choice(events, 100, replace=False))
    table = Table("question", *racers, "decode only", title=f"wall / processor in ms, medians of {ROUNDS}, {events:,} events")
    for question, words in QUESTIONS.items():
        calls = {name: getattr(racer, question) for name, racer in racers.items() if hasattr(racer, question)}
        if question == "channels":
            calls["decode only"] = ours.decode
        taken = _race(calls, numbers)
        if question == "random":
            racers["uproot"].check()
        table.add_row(words, *(_cell(taken.get(name)) for name in (*racers, "decode only")))
    console = Console(width=180)
    console.print(table)
    console.print(_memory(root, events))
    console.print(f"load {os.getloadavg()}, {os.cpu_count()} cores; bytes: {_moved(ours, numbers)}")


def _race(calls: dict[str, Callable[[np.ndarray], int]], numbers: np.ndarray) -> dict[str, list[tuple[float, float]]]:
    taken: dict[str, list[tuple[float, float]]] = {}
    answers: dict[str, int] = {}
    for number in range(ROUNDS + 1):
        for name, call in calls.items():
            if number > 1 and taken[name][-1][1] > PATIENCE:
                continue
            shared().clear()
            wall, processor = time.perf_counter(), time.process_time()
            answers[name] = call(numbers)
            one = time.perf_counter() - wall, time.process_time() - processor
            # The first round warms the page cache, and compiles what is compiled.
            taken[name] = [one] if number < 2 else [*taken[name], one]
    for apart in ("decode only", "uproot"):
        answers.pop(apart, None)
    if len(set(answers.values())) != 1:
        raise SystemExit(f"they do not agree: {answers}")
    return taken


def _cell(taken: list[tuple[float, float]] | None) -> str:
    return "–" if taken is None else " / ".join(f"{statistics.median(v) * 1e3:.0f}" for v in zip(*taken, strict=True))


MEMORY = """
import sys
import numpy as np
from tests.benchmarks.query import Ours
def peak(): return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1e3
ours = Ours(sys.argv[1], int(sys.argv[2]))
before = peak()
getattr(ours, sys.argv[3])(np.sort(np.random.default_rng(5).choice(int(sys.argv[2]), 100, replace=False)))
print(round(before), round(peak()))
"""


def _memory(root: Path, events: int) -> Table:
    """Peak memory of each question in a process of its own, beside what it may decode."""
    table = Table(
        "question", "peak before it", "peak [MB]", title="memory of antdask, a fresh process each; before it: libraries of all contenders"
    )
    for question, words in QUESTIONS.items():
        asked = [sys.executable, "-c", MEMORY, str(root / "archive"), str(events), question]
        table.add_row(words, *subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split())
    return table


def _moved(ours: Ours, numbers: np.ndarray) -> str:
    """Bytes and requests of our readings, against the encoded bytes of the chunks that are touched."""
    read: list[int] = []
    original = Store.read
    Store.read = lambda self, path, *a: (data_ := original(self, path, *a), read.append(len(data_) if path.startswith("parts") else 0))[0]  # type: ignore[method-assign]
    found = []
    try:
        for words, selection in (("1 % of the time", ours.events.select(time=ours.window)), ("everything", ours.events)):
            cost = selection.explain(ours.columns)
            shared().clear()
            read.clear()
            for _ in selection.iter_rows(ours.columns):
                pass
            found.append(
                f"{words}: {sum(read):,} read, {cost.nbytes:,} needed, {len([n for n in read if n])} requests, {cost.chunks} chunks"
            )
    finally:
        Store.read = original  # type: ignore[method-assign]
    return "; ".join(found)


def main() -> None:
    """Prepare and measure."""
    told = [word for word in sys.argv[1:] if word not in ("query", "first_batch")]
    events = int(told[0]) if told else EVENTS
    if len(told) > 1:
        prepare(Path(told[1]), events)
        return measure(Path(told[1]), events)
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), events)
        return measure(Path(folder), events)


if __name__ == "__main__":
    main()
