"""Choices: which lineage of a stream is the current one, for which runs.

A choice is a small file that is written once; the latest one that fits counts. Where nobody chose, the current lineage of a run is the one that was converted
from legacy files, not one that a step derived from it. Queries take the current lineage, and any other by its name.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import time
import uuid
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from antdask.archive.store import Store
from antdask.errors import ArchiveError

FOLDER = "choices"


@dataclasses.dataclass(frozen=True)
class Choice:
    """A lineage of a stream becomes the current one.

    Parameters
    ----------
    stream, lineage : str
    runs : tuple of (str, int), or None
        Detector and number; ``None`` for all runs.
    plan : str
        The choice counts when all parts of this plan are there; empty for at once.
    name : str
        Of its file; later ones sort behind.
    """

    stream: str
    lineage: str
    runs: tuple[tuple[str, int], ...] | None = None
    plan: str = ""
    name: str = ""

    def fits(self, stream: str, detector: str, run: int) -> bool:
        """Whether it speaks about a run."""
        return self.stream == stream and (self.runs is None or (detector, run) in self._named)

    @functools.cached_property
    def _named(self) -> frozenset[tuple[str, int]]:
        return frozenset(self.runs or ())


def write(store: Store, choice: Choice) -> Choice:
    """Keep a choice; with its name.

    Raises
    ------
    DestinationError
    """
    # Behind all that are there, whatever the clock of this host shows.
    last = max((c.name for c in read(store)), default="")
    named = dataclasses.replace(choice, name=f"{max(time.time_ns(), int(last.partition('-')[0] or 0) + 1):020d}-{uuid.uuid4().hex[:8]}")
    document = {k: v for k, v in dataclasses.asdict(named).items() if k != "name"}
    store.write_small(f"{FOLDER}/{named.name}.json", json.dumps(document, sort_keys=True).encode() + b"\n")
    return named


def read(store: Store) -> list[Choice]:
    """All choices, the latest last.

    Raises
    ------
    ArchiveError
        One of them cannot be read.
    """
    return [_parse(store.read(path), path) for path in store.list(FOLDER) if path.endswith(".json")]


def _parse(data: bytes, path: str) -> Choice:
    try:
        document: dict[str, Any] = json.loads(data)
        runs = document.pop("runs")
        named = path.rpartition("/")[2].removesuffix(".json")
        return Choice(**document, runs=None if runs is None else tuple((str(d), int(r)) for d, r in runs), name=named)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ArchiveError(
            f"Not a choice of lineages: {error}", where=path, hint="Delete it, and choose again: antdask lineage use."
        ) from error


def flags(parts: pa.Table, choices: Sequence[Choice], derived: Collection[str]) -> pa.Array:
    """Which parts are of the current lineage of their run.

    Parameters
    ----------
    parts : pyarrow.Table
        ``stream, detector, run, lineage``.
    choices : sequence of Choice
        The latest last.
    derived : collection of str
        Lineages that a step made.

    Returns
    -------
    pyarrow.Array of bool
        True for several lineages of a run where nothing tells which is meant: a query will ask.
    """
    current = np.ones(parts.num_rows, bool)
    if not parts.num_rows:
        return pa.array(current)
    group, _ = _codes(pc.binary_join_element_wise(parts["stream"], parts["detector"], parts["run"].cast(pa.string()), "/"))
    lineage, words = _codes(parts["lineage"])
    pairs = np.unique(group.astype(np.int64) * len(words) + lineage)
    doubled = np.flatnonzero(np.bincount(pairs // len(words)) > 1)
    order = np.argsort(group, kind="stable")
    starts, stops = (np.searchsorted(group[order], doubled, side) for side in ("left", "right"))
    runs = parts.select(["stream", "detector", "run"]).take(pa.array(order[starts])).to_pylist()
    for first, last, run in zip(starts.tolist(), stops.tolist(), runs, strict=True):
        rows = order[first:last]
        own = np.unique(lineage[rows]).tolist()
        chosen = _chosen(run["stream"], run["detector"], run["run"], {words[i] for i in own}, choices, derived)
        current[rows] = np.isin(lineage[rows], [i for i in own if words[i] in chosen])
    return pa.array(current)


def _chosen(stream: str, detector: str, run: int, lineages: set[str], choices: Sequence[Choice], derived: Collection[str]) -> set[str]:
    for choice in reversed(choices):
        if choice.lineage in lineages and choice.fits(stream, detector, run):
            return {choice.lineage}
    return {name for name in lineages if name not in derived} or lineages


def _codes(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """A column of words as codes, and the words behind them."""
    coded = pc.dictionary_encode(pa.concat_arrays(column.chunks) if column.num_chunks != 1 else column.chunk(0))
    return coded.indices.to_numpy(zero_copy_only=False), coded.dictionary.to_pylist()
