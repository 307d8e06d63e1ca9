"""The same questions over S3: milliseconds, bytes and requests of antdask and of pyarrow, against Ceph on the loopback.

``python -m tests.benchmarks query_s3 [events]``: 200,000 events, some 32 million hits, if not told (the store of the test keeps 4 GB in memory).
Times are taken straight at the gateway, bytes and requests in a second round behind a proxy that counts.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.fs
from rich.console import Console
from rich.table import Table

import antdask
from antdask.archive.chunk_cache import shared
from antdask.archive.store import Store
from antdask.query.cells import Cells
from antdask.remote import connections
from tests.benchmarks import query_data as data
from tests.benchmarks.query import AXES, COLUMNS, Ours
from tests.servers import ceph, daemon
from tests.servers.fault_proxy import harm_http
from tests.servers.stores import BUCKET, _make_bucket

EVENTS, ROUNDS = 200_000, 3
QUESTIONS = {
    "channels": "hits per channel over everything (3 columns)",
    "random": "100 random events, 5 columns",
    "window_of_time": "1 % of the time, 5 columns",
    "statistics": "events by per-event statistics",
    "hits": "selection on a hit column (full scan)",
}


class Arrow:
    """pyarrow's dataset over flat Parquet in the store; it prunes row groups by their statistics."""

    def __init__(self, address: daemon.Address, events: int) -> None:
        fs = pyarrow.fs.S3FileSystem(
            access_key=address["key"],
            secret_key=address["secret"],
            endpoint_override=address["endpoint"],
            scheme="http",
            region="us-east-1",
        )
        self.whole, self.n = pyarrow.dataset.dataset(f"{BUCKET}/flat.parquet", filesystem=fs, format="parquet"), events

    def channels(self, _: np.ndarray) -> int:
        cells = Cells([(0, 12), (0, 25), (0, 3)])
        names = [name.partition(".")[2] for name in AXES]
        for batch in self.whole.to_batches(columns=names):
            cells.count([batch[name].to_numpy() for name in names])
        return int(cells.counts.reshape(14, 27, 5)[1:-1, 1:-1, 1].sum())

    def random(self, numbers: np.ndarray) -> int:
        return self._sum(pc.field("event").isin(numbers.astype(np.uint32)))

    def window_of_time(self, _: np.ndarray) -> int:
        low, high = (data.T0 + n * 3 * data.FRAME_NS for n in (self.n // 2, self.n // 2 + self.n // 100))
        return self._sum((pc.field("utc_ns") >= low) & (pc.field("utc_ns") < high))

    def statistics(self, _: np.ndarray) -> int:
        return len(self.whole.to_table(columns=["event"], filter=pc.field("n_hits") > 300)["event"].unique())

    def hits(self, _: np.ndarray) -> int:
        return self.whole.to_table(columns=["event", "avc"], filter=pc.field("avc") > 250).num_rows

    def _sum(self, condition: pc.Expression) -> int:
        return int(pc.sum(self.whole.to_table(columns=list(COLUMNS), filter=condition)["avc"]).as_py())


def main() -> None:
    """Fill the store, ask, and print."""
    told = [word for word in sys.argv[1:] if word.isdigit()]
    events = int(told[0]) if told else EVENTS
    with daemon.shared("ceph", ceph.start) as address, tempfile.TemporaryDirectory() as folder:
        _make_bucket(address)
        _use(address["endpoint"], address)
        url = f"s3://{BUCKET}/query-benchmark"
        _fill(Path(folder), url, events)
        numbers = np.sort(np.random.default_rng(5).choice(events, 100, replace=False))
        taken = _time(url, address, events, numbers)
        moved = _count(url, address, events, numbers)
    table = Table(
        "question", "antdask ms", "pyarrow ms", "antdask MB", "pyarrow MB", "antdask requests", "pyarrow requests", "touched MB in chunks"
    )
    for question, words in QUESTIONS.items():
        (ours, theirs), (seen, others) = taken[question], moved[question]
        needed = f"{seen[2] / 1e6:.1f} in {seen[3]}"
        table.add_row(
            words, f"{ours:.0f}", f"{theirs:.0f}", *(f"{n / 1e6:.1f}" for n in (seen[0], others[0])), f"{seen[1]}", f"{others[1]}", needed
        )
    console = Console(width=180)
    console.print(table)
    console.print(f"medians of {ROUNDS}, {events:,} events, load {os.getloadavg()}, {os.cpu_count()} cores")


def _use(endpoint: str, address: daemon.Address) -> None:
    os.environ |= {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": address["key"], "AWS_SECRET_ACCESS_KEY": address["secret"]}
    connections.forget()


def _fill(folder: Path, url: str, events: int) -> None:
    data.write_archive(str(folder / "archive"), events)
    data.write_parquet(folder / "flat.parquet", folder / "nested.parquet", events)
    here, there = Store(str(folder / "archive")), Store(url)
    for path in here.list():
        there.write_small(path, here.read(path))
    Store(f"s3://{BUCKET}").write_small("flat.parquet", (folder / "flat.parquet").read_bytes())


def _time(url: str, address: daemon.Address, events: int, numbers: np.ndarray) -> dict[str, tuple[float, float]]:
    """Medians of both, interleaved [ms]."""
    racers = (Ours(url, events), Arrow(address, events))
    found = {}
    for question in QUESTIONS:
        taken: list[list[float]] = [[], []]
        for _ in range(ROUNDS):
            answers = []
            for spent, racer in zip(taken, racers, strict=True):
                shared().clear()
                start = time.perf_counter()
                answers.append(getattr(racer, question)(numbers))
                spent.append((time.perf_counter() - start) * 1e3)
            if len(set(answers)) != 1:
                raise SystemExit(f"{question}: they do not agree: {answers}")
        found[question] = statistics.median(taken[0]), statistics.median(taken[1])
    return found


def _count(url: str, address: daemon.Address, events: int, numbers: np.ndarray) -> dict[str, list[tuple[int, ...]]]:
    """Bytes and requests of both; for ours also encoded bytes and chunks that may hold a row, by the catalogue."""
    with _counting(address) as (proxy, behind):
        racers = (Ours(url, events), Arrow(behind, events))
        found: dict[str, list[tuple[int, ...]]] = {}
        for question in QUESTIONS:
            cost = _cost(racers[0], question, numbers)
            for racer in racers:
                shared().clear()
                proxy.seen.clear()
                proxy.sent = 0
                getattr(racer, question)(numbers)
                found.setdefault(question, []).append((proxy.sent, proxy.seen.total(), *cost))
    return found


@contextmanager
def _counting(address: daemon.Address) -> Iterator[tuple[object, daemon.Address]]:
    with harm_http(int(address["endpoint"].rpartition(":")[2]), seed=1, rate=0.0) as proxy:
        _use(proxy.url, address)
        yield proxy, address | {"endpoint": proxy.url}
    _use(address["endpoint"], address)


def _cost(ours: Ours, question: str, numbers: np.ndarray) -> tuple[int, int]:
    events = ours.events
    asked: dict[str, Callable[[], antdask.query.explanation.Explanation]] = {
        "channels": lambda: events.explain(list(AXES)),
        "random": lambda: events.take(numbers).explain(ours.columns),
        "window_of_time": lambda: events.select(time=ours.window).explain(ours.columns),
        "statistics": lambda: events.select(where="n_hits > 300").explain(["n_hits"]),
        "hits": lambda: events.select(where="hits.avc > 250").explain(["hits.avc"]),
    }
    cost = asked[question]()
    return cost.nbytes, cost.chunks


if __name__ == "__main__":
    main()
