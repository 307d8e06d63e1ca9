"""Events of an ``.evt`` file: lines of numbers by their tag and their length, all events of a stretch of text at once.

A *shape* is a tag with a number of words; it says which column each word goes to. Lines of a shape are gathered into a table, whatever event they stand in. A line of
another shape (another tag, more or fewer words, a word that is no number, a fraction where a whole number belongs) is kept as text, so nothing is lost or guessed.

Meaning of the words: km3pipe ``io/evt.py``, and the files of km3net-testdata.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from antdask.errors import CorruptFileError
from antdask.model.mc_fields import NO_NUMBER, PARTICLE_KINDS
from antdask.model.ragged import Batch, Columns, offsets_of, ranges
from antdask.model.schema import Field
from antdask.model.tables import MC
from antdask.sources.evt_header import CORSIKA, CORSIKA_TO_PDG, GEANT3, GEANT3_TO_PDG, NOT_STATED, PDG
from antdask.sources.evt_text import OVERFLOW, TEXT, Lines, split

ORIGIN = "evt_ascii"

_PATH = ("particle_id", "x", "y", "z", "dx", "dy", "dz", "energy")
_TYPED = (*_PATH, "time_ns", "particle_type")
_CORSIKA = (*_TYPED, "charm", "mother", "grandmother")
_TRACK = (_TYPED, (*_TYPED, "length"), _CORSIKA, (*_CORSIKA[:-2], "corsika_code", *_CORSIKA[-2:]))
_NEUTRINO = (*_PATH, "time_ns", "bjorken_x", "bjorken_y", "interaction_channel", "particle_type", "current")
_HIT = ("hit_id", "pmt_id", "n_pe", "time_ns", "hit_type", "n_photons", "particle_id", "true_time_ns")

#: Columns of every shape, by table and tag; shapes of a tag differ in length. A ``neutrino`` of 13 words is one of propa, in the columns of CORSIKA.
SHAPES: dict[str, dict[str, tuple[tuple[str, ...], ...]]] = {
    "events": {
        "start_event": (("event_number",), ("event_number", "event_type")),
        "weights": (("w1", "w2", "w3"),),
        "total_hits": (("total_hits",),),
        "corsika_evno": (("corsika_event",),),
        "eventtime": (("event_time_s", "event_time_ns"),),
    },
    "particles": {
        "neutrino": (_NEUTRINO, _CORSIKA),
        "track_bundle": (_PATH,),
        **{kind: _TRACK for kind in PARTICLE_KINDS if kind not in ("particle", "neutrino", "track_bundle")},
    },
    "hits": {"hit": (_HIT, (*_HIT, "material"))},
    "raw_hits": {"hit_raw": (("hit_id", "pmt_id", "tot", "time_ns"),)},
}
#: Lists of any length.
LISTS = ("w2list", "w3list")
TAGS = [*(tag for table in SHAPES.values() for tag in table), *LISTS, "end_event"]
_CODE = {tag: n for n, tag in enumerate(TAGS)}
_BYTES = [tag.encode() for tag in TAGS]
#: Tags of which an event has one line; a second one is kept as text.
_SINGLE = np.isin(TAGS, [*SHAPES["events"], *LISTS])

#: Bytes that no text holds; a tab, a line end and a carriage return are text.
_NO_TEXT = np.ones(256, bool)
_NO_TEXT[[9, 10, 13, *range(32, 127)]] = False


@dataclasses.dataclass(frozen=True)
class Text:
    """Neighbouring events.

    Parameters
    ----------
    text : ndarray of uint8
    starts : ndarray of int64, shape (events,)
        Where each begins in `text`; it ends where the next begins.
    first : int
        Entry number of the first.
    run, numbering : int
        As the header says.
    where, tree : str
        For messages.
    """

    text: np.ndarray
    starts: np.ndarray
    first: int
    run: int
    numbering: int
    where: str
    tree: str

    def demand(self, ok: np.ndarray, what: str) -> None:
        """Raise unless all events are in order.

        Raises
        ------
        CorruptFileError
            For the first run of neighbouring events that are not.
        """
        if ok.all():
            return
        low = int(np.argmin(ok))
        high = low + (int(np.argmax(ok[low:])) or len(ok) - low)
        raise CorruptFileError(what, where=self.where, tree=self.tree, start=self.first + low, stop=self.first + high)


@dataclasses.dataclass(frozen=True)
class _Group:
    """Lines of one shape: their numbers, the codes of their tags, their words as columns."""

    lines: np.ndarray
    tags: np.ndarray
    columns: Mapping[str, np.ndarray]


def decode(events: Text) -> Batch:
    """The batch of some events.

    Raises
    ------
    CorruptFileError
        For events with bytes that are no text, or whose first line has no number.
    """
    places = np.searchsorted(events.starts, np.flatnonzero(_NO_TEXT[events.text]), "right") - 1
    clean = np.ones(len(events.starts), bool)
    clean[places] = False
    events.demand(clean, "An event holds bytes that are no text")
    lines = split(events.text, _BYTES)
    of = np.maximum(np.searchsorted(events.starts, lines.starts, "right") - 1, 0)
    rest = (lines.tags < 0) | _repeated(lines, of)
    groups = {table: _groups(lines, rest, MC.table(table).columns(ORIGIN), shapes) for table, shapes in SHAPES.items()}
    lists = {name: _list(lines, rest, of, name, len(events.starts)) for name in LISTS}
    n = len(events.starts)
    begun = np.isin(
        np.arange(n), of[np.concatenate([g.lines for g in groups["events"] if "event_number" in g.columns] or [np.zeros(0, np.int64)])]
    )
    events.demand(begun, "An event does not begin with its number")
    tables: dict[str, Columns] = {}
    offsets: dict[str, np.ndarray] = {}
    for name in ("particles", "hits", "raw_hits"):
        tables[name], where = _table(groups[name], MC.table(name).columns(ORIGIN))
        offsets[name] = offsets_of(np.bincount(of[where], minlength=n))
        if name == "particles":
            _number_particles(tables[name], groups[name], events.numbering)
    for name, (values, counts) in lists.items():
        tables[name], offsets[name] = {"value": values}, offsets_of(counts)
    tables["lines"], tables["line_bytes"], offsets["lines"], offsets["line_bytes"] = _text(events.text, lines, rest, of, n)
    tables["events"] = _rows(events, groups["events"], of, lines, offsets)
    return Batch("mc", ORIGIN, tables, offsets)


def _repeated(lines: Lines, of: np.ndarray) -> np.ndarray:
    """Lines of a tag that an event has once, and has had before."""
    single = np.flatnonzero((lines.tags >= 0) & _SINGLE[lines.tags])
    _, first = np.unique(of[single] * len(TAGS) + lines.tags[single], return_index=True)
    again = np.zeros(len(lines.tags), bool)
    again[np.delete(single, first)] = True
    return again


def _groups(lines: Lines, rest: np.ndarray, fields: Mapping[str, Field], shapes: Mapping[str, tuple[tuple[str, ...], ...]]) -> list[_Group]:
    """Lines of each shape of a table; those that fit none are marked in `rest`."""
    asked = np.isin(lines.tags, [_CODE[tag] for tag in shapes]) & ~rest
    rest |= asked
    groups = []
    for columns in {columns: None for table in shapes.values() for columns in table}:
        tags = [_CODE[tag] for tag, known in shapes.items() if columns in known]
        which = np.flatnonzero(asked & np.isin(lines.tags, tags) & (lines.counts == len(columns)))
        words = lines.first[which][:, None] + np.arange(len(columns))
        good = (lines.states[words] != TEXT).all(axis=1)
        values = lines.values[words]
        for n, name in enumerate(columns):
            if fields[name].numpy.kind == "i":
                low, high = (-(2**31), 2**31 - 1) if fields[name].numpy.itemsize == 4 else (-(2**53), 2**53)
                column = values[:, n]
                good &= np.isnan(column) | ((column == np.floor(column)) & (column >= low) & (column <= high))
        if not good.all():
            which, values = which[good], values[good]
        rest[which] = False
        if len(which):
            groups.append(_Group(which, lines.tags[which], {name: values[:, n] for n, name in enumerate(columns)}))
    return groups


def _table(groups: list[_Group], fields: Mapping[str, Field]) -> tuple[Columns, np.ndarray]:
    """Columns of all groups in the order of their lines, and these lines; what a group does not give is missing."""
    where = np.concatenate([g.lines for g in groups] or [np.zeros(0, np.int64)])
    order = np.argsort(where, kind="stable") if len(groups) > 1 else np.arange(len(where))
    columns = {}
    for name, field in fields.items():
        pieces = [_typed(g.columns[name], field) if name in g.columns else _missing(len(g.lines), field) for g in groups]
        columns[name] = np.concatenate(pieces)[order] if pieces else _missing(0, field)
    return columns, where[order]


def _typed(values: np.ndarray, field: Field) -> np.ndarray:
    if field.numpy.kind == "f":
        return np.ascontiguousarray(values)
    return np.where(np.isnan(values), NO_NUMBER, values).astype(field.numpy)


def _missing(count: int, field: Field) -> np.ndarray:
    fill = np.nan if field.numpy.kind == "f" else NO_NUMBER if field.numpy.kind == "i" else 0
    return np.full(count, fill, field.numpy)


def _number_particles(particles: Columns, groups: list[_Group], numbering: int) -> None:
    """Kind, numbering and the number of the Particle Data Group of each particle."""
    where = np.concatenate([g.lines for g in groups] or [np.zeros(0, np.int64)])
    tags = np.concatenate([g.tags for g in groups] or [np.zeros(0, np.int64)])[np.argsort(where, kind="stable")]
    kinds = np.array([PARTICLE_KINDS.index(tag) if tag in PARTICLE_KINDS else 0 for tag in TAGS], np.uint8)
    particles["kind"] = kinds[tags]
    code = particles["particle_type"]
    # Neutrinos are written in the numbering of the Particle Data Group by every generator, whatever it uses for their products.
    stated = np.where(particles["kind"] == PARTICLE_KINDS.index("neutrino"), PDG, numbering)
    particles["numbering"] = np.where(code == NO_NUMBER, NOT_STATED, stated).astype(np.uint8)
    pdg = np.where(particles["numbering"] == PDG, code, 0)
    for known, table in ((GEANT3, GEANT3_TO_PDG), (CORSIKA, CORSIKA_TO_PDG)):
        keys, values = np.array(list(table)), np.array(list(table.values()))
        place = np.minimum(np.searchsorted(keys, code), len(keys) - 1)
        pdg = np.where((particles["numbering"] == known) & (keys[place] == code), values[place], pdg)
    particles["pdg_type"] = pdg.astype(np.int32)


def _list(lines: Lines, rest: np.ndarray, of: np.ndarray, tag: str, events: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of a list, and how many each event has."""
    which = np.flatnonzero((lines.tags == _CODE[tag]) & ~rest)
    # A sum over words: differences of a running total, since a line may have none.
    texts = np.append(0, np.cumsum(lines.states == TEXT))
    first, counts = lines.first[which], lines.counts[which]
    good = texts[first + counts] == texts[first]
    rest[which[~good]] = True
    which, first, counts = which[good], first[good], counts[good]
    return lines.values[ranges(first, counts)], np.bincount(of[which], counts, minlength=events).astype(np.int64)


def _text(text: np.ndarray, lines: Lines, rest: np.ndarray, of: np.ndarray, events: int) -> tuple[Columns, Columns, np.ndarray, np.ndarray]:
    """Lines that have no columns: their lengths and bytes. Blank lines say nothing and are left out."""
    ends = lines.ends - ((lines.ends > lines.starts) & (text[np.maximum(lines.ends - 1, 0)] == ord("\r")))
    which = np.flatnonzero(rest & ((lines.tags >= 0) | (lines.counts > 0)))
    lengths = (ends - lines.starts)[which]
    data = text[ranges(lines.starts[which], lengths)]
    line_offsets = offsets_of(np.bincount(of[which], minlength=events))
    return {"n_bytes": lengths.astype(np.uint32)}, {"byte": data}, line_offsets, offsets_of(lengths)


def _rows(events: Text, groups: list[_Group], of: np.ndarray, lines: Lines, offsets: Mapping[str, np.ndarray]) -> Columns:
    n = len(events.starts)
    fields = MC.rows.columns(ORIGIN)
    row = {name: _missing(n, field) for name, field in fields.items()}
    for group in groups:
        for name, values in group.columns.items():
            row[name][of[group.lines]] = _typed(values, fields[name])
    stars = np.append(0, np.cumsum(lines.states == OVERFLOW))
    per_line = stars[lines.first + lines.counts] - stars[lines.first]
    row |= {
        "run": np.full(n, events.run, np.uint32),
        "frame_index": np.zeros(n, np.uint32),
        "trigger_counter": np.full(n, -1, np.int64),
        "n_overflow": np.bincount(of, per_line, minlength=n).astype(np.uint32),
        "source_input": np.zeros(n, np.uint16),
        "source_entry": np.arange(events.first, events.first + n, dtype=np.uint64),
    }
    return row | {f"n_{name}": np.diff(offsets[name]).astype(np.uint32) for name in ("particles", "hits", "raw_hits")}
