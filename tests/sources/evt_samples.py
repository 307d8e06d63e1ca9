"""Real files of simulated events, and an independent reading of them: line by line, word by word, with ``float``."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from pathlib import Path

import numpy as np
from km3net_testdata import data_path

from antdask.errors import CorruptFileError
from antdask.model.mc_fields import NO_NUMBER, PARTICLE_KINDS
from antdask.model.ragged import Batch
from antdask.plan import FileEntry
from antdask.sources.evt_ascii import SOURCE

#: File: label of the run, run, events.
FILES = {
    "evt/KM3Sim.evt": ("gseagen-simulated", 1, 10),
    "evt/corant_5.1.9.evt": ("corant-simulated", 1, 3),
    "evt/example_corant_propa.evt": ("corant-simulated", 1, 1),
    "evt/example_numuNC.evt": ("genhen-simulated", 23, 1),
    "mupage/mcv5.0.mupage_1G.5.evt": ("mupage-simulated", 5, 20),
    "gseagen/gseagen_v7.0.0_numuCC_diffuse.evt": ("gseagen-simulated", 100000000, 82),
    "evt/example_numuCC.evt": ("genhen-simulated", 2, 109),
}
Line = tuple[str, list[float]]
_BORDERS = re.compile(rb"(?<=[\d.*])(?=[+-])|(?<=\*)(?=[^*\s])|(?<=[^*\s])(?=\*)")


def path(name: str) -> str:
    return str(data_path(name))


@dataclasses.dataclass
class Event:
    """An event as read line by line: lines of numbers by tag, other lines as they are; -999 stands for stars."""

    lines: list[Line]
    texts: list[bytes]

    def of(self, *tags: str) -> list[Line]:
        return [line for line in self.lines if line[0] in tags]


@functools.cache
def slow_file(name: str) -> list[Event]:
    """All events of a real file."""
    return slow(read_bytes(name))


def slow(data: bytes) -> list[Event]:
    """All events of a text."""
    events: list[Event] = []
    inside = False
    for line in data.split(b"\n"):
        tag, _, value = line.partition(b":")
        if tag == b"start_event":
            events.append(Event([], []))
            inside = True
        if tag == b"end_event":
            inside = False
        elif inside and line.strip():
            words = _BORDERS.sub(b" ", value).split()
            try:
                events[-1].lines.append((tag.decode(), [-999.0 if set(w) == {42} else float(w) for w in words]))
            except ValueError:
                events[-1].texts.append(line)
    return events


def rebuilt(batch: Batch) -> list[Event]:
    """The lines that the columns of a batch stand for."""
    events = [Event([], []) for _ in range(batch.rows)]
    names = {"hits": "hit", "raw_hits": "hit_raw"}
    for table in ("particles", "hits", "raw_hits"):
        columns = {name: values.tolist() for name, values in batch.tables[table].items()}
        kinds = [PARTICLE_KINDS[k] for k in columns["kind"]] if table == "particles" else [names[table]] * batch.length(table)
        order = [c for c in columns if c not in ("kind", "numbering", "pdg_type")]
        rows = list(zip(*(columns[c] for c in order), strict=True))
        for n, event in enumerate(events):
            for row in range(*batch.offsets[table][n : n + 2]):
                event.lines.append((kinds[row], _words(kinds[row], order, rows[row])))
    for n, event in enumerate(events):
        for name in ("w2list", "w3list"):
            values = batch.tables[name]["value"][slice(*batch.offsets[name][n : n + 2])].tolist()
            if values:
                event.lines.append((name, values))
        for row in range(*batch.offsets["lines"][n : n + 2]):
            event.texts.append(bytes(batch.tables["line_bytes"]["byte"][slice(*batch.offsets["line_bytes"][row : row + 2])]))
    return events


_NEUTRINO = [
    "particle_id",
    "x",
    "y",
    "z",
    "dx",
    "dy",
    "dz",
    "energy",
    "time_ns",
    "bjorken_x",
    "bjorken_y",
    "interaction_channel",
    "particle_type",
    "current",
]
_TRACK = [
    "particle_id",
    "x",
    "y",
    "z",
    "dx",
    "dy",
    "dz",
    "energy",
    "time_ns",
    "particle_type",
    "length",
    "charm",
    "corsika_code",
    "mother",
    "grandmother",
]


def _words(kind: str, names: list[str], values: tuple[float, ...]) -> list[float]:
    """Numbers of a line in its order, those that are missing left out."""
    if not kind.startswith("hit"):
        row = dict(zip(names, values, strict=True))
        values = tuple(row[c] for c in (_NEUTRINO if kind == "neutrino" and not math.isnan(row["current"]) else _TRACK))
    return [v for v in values if v != NO_NUMBER and v == v]


def whole(url: str, tree: str = "events") -> Batch:
    """All entries of a tree as one batch."""
    from antdask.model.ragged import concatenate

    entry = SOURCE.describe(url)
    return concatenate(list(SOURCE.read(entry, tree, 0, sum(s.stop - s.start for s in entry.segments if s.tree == tree))))


def salvage(entry: FileEntry) -> tuple[list[Batch], list[tuple[int, int]]]:
    """Intact batches of events in order and the stretches that are lost, read the way the pipeline reads."""
    stop = entry.entries("mc")
    batches, lost, position = [], [], 0
    while position < stop:
        try:
            for batch in SOURCE.read(entry, "events", position, stop):
                batches.append(batch)
                position += batch.rows
        except CorruptFileError as error:
            assert error.start == position and error.stop is not None
            lost.append((error.start, error.stop))
            position = error.stop
    return batches, lost


def texts(batch: Batch) -> list[list[tuple[bytes, bytes, bytes]]]:
    """Name, value and note of every line of every header."""
    lines, data = batch.tables["lines"], batch.tables["line_bytes"]["byte"].tobytes()
    sizes = np.stack([lines[n] for n in ("name_bytes", "value_bytes", "note_bytes")], axis=1).astype(int)
    found = []
    for start, (name, value, _), stop in zip(batch.offsets["line_bytes"][:-1], sizes, batch.offsets["line_bytes"][1:], strict=True):
        found.append((data[start : start + name], data[start + name : start + name + value], data[start + name + value : stop]))
    return [found[slice(*batch.offsets["lines"][n : n + 2])] for n in range(batch.rows)]


def read_bytes(name: str) -> bytes:
    return Path(path(name)).read_bytes()
