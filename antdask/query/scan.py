"""The scan: which rows a selection must read, and the jobs that read them part by part."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from antdask.archive.chunk_cache import shared
from antdask.archive.reading import PartReader
from antdask.archive.store import Store
from antdask.model.ragged import offsets_of, ranges
from antdask.model.schema import Schema
from antdask.model.tables import schema as find_schema
from antdask.query.bounds import Bounds, Chance
from antdask.query.index import Index
from antdask.query.pieces import Piece
from antdask.query.predicate import Condition


@dataclasses.dataclass(frozen=True)
class Grain:
    """How finely ranges are cut, always at edges of blocks.

    Parameters
    ----------
    rows, hits : int
        After how many of these at the earliest; at each edge where both are 0, so that a piece is about a million hits.
    """

    rows: int = 0
    hits: int = 0


EACH_BLOCK = Grain()
#: For who reads the row table alone, whose blocks are short: so many rows are worth a piece of their own.
ROWS_ALONE = Grain(rows=1 << 17)


@dataclasses.dataclass(frozen=True)
class Job:
    """What is to be read of one part; plain data that travels to a worker.

    Parameters
    ----------
    url, stream : str
        The archive, and the stream.
    row : dict
        The part's row of the catalogue.
    ranges : tuple of (start, stop, whole)
        Rows to read; `whole` where the catalogue shows that every row matches.
    predicates : tuple of Condition
    scattered : bool
        Whether the ranges are single rows here and there, to be read as one piece.
    hits : tuple of (start, stop)
        Where the hits of each range lie, which spares a look at the offsets; of single rows it is not known.
    """

    url: str
    stream: str
    row: dict[str, Any]
    ranges: tuple[tuple[int, int, bool], ...]
    predicates: tuple[Condition, ...]
    scattered: bool = False
    hits: tuple[tuple[int, int], ...] = ()

    def pieces(self) -> Iterator[Piece]:
        """What is left of each range, where anything is.

        Raises
        ------
        DamagedPartError
        """
        return (piece for read in self.readers() if len(piece := read()))

    def rows(self, number: int) -> int:
        """How many rows one of `readers` looks at."""
        return sum(stop - start for start, stop, _ in (self.ranges if self.scattered else self.ranges[number : number + 1]))

    def readers(self) -> list[Callable[[], Piece]]:
        """For each range a function that gives what is left of it; they may run at the same time."""
        reader, schema = PartReader(Store(self.url), self.row, cache=shared()), find_schema(self.stream)
        label = str(self.row["detector"])
        if self.scattered:
            starts, stops = (np.array([r[i] for r in self.ranges], np.int64) for i in (0, 1))
            return [functools.partial(Piece, reader, schema, ranges(starts, stops - starts), label)]
        known = self.hits or (None,) * len(self.ranges)
        return [functools.partial(self._read, reader, schema, label, *one) for one in zip(self.ranges, known, strict=True)]

    def _read(self, reader: PartReader, schema: Schema, label: str, rows: tuple[int, int, bool], hits: tuple[int, int] | None) -> Piece:
        start, stop, whole = rows
        piece = Piece(reader, schema, (start, stop), label, {} if hits is None else {"hits": hits})
        for predicate in () if whole else self.predicates:
            piece = predicate.apply(piece)
        return piece


@dataclasses.dataclass(frozen=True)
class Scan:
    """The rows that may match, as ranges: blocks that the catalogue leaves, neighbours joined.

    Parameters
    ----------
    index : Index
    predicates : tuple of Condition
    parts_asked, parts_left, blocks_asked, blocks, blocks_whole : int
        Parts of the selection; parts that their own bounds do not exclude; blocks of those; blocks that are left; those in which every row matches.
    part, row_start, row_stop, hit_start, hit_stop : int64 arrays
        The ranges, in the order of reading.
    whole : array of bool
        Where every row matches, so that nothing need be evaluated.
    scattered : bool
        Whether the ranges are rows that were chosen by number: their hits are estimates then.
    """

    index: Index
    predicates: tuple[Condition, ...]
    parts_asked: int
    parts_left: int
    blocks_asked: int
    blocks: int
    blocks_whole: int
    part: np.ndarray
    row_start: np.ndarray
    row_stop: np.ndarray
    hit_start: np.ndarray
    hit_stop: np.ndarray
    whole: np.ndarray
    scattered: bool = False

    @classmethod
    def of(cls, index: Index, parts: np.ndarray, predicates: tuple[Condition, ...]) -> Scan:
        """Prune parts, then blocks, by the catalogue alone; only blocks of parts about which the parts leave a doubt are looked at."""
        chance = _chance_of_parts(index, parts, predicates)
        left, sure = parts[chance.may], (chance.may & chance.must)[chance.may]
        counts = index.part("n_blocks")[left]
        found = [_whole_parts(index, left[sure])]
        blocks = whole = int(counts[sure].sum())
        for group in _groups(left[~sure], counts[~sure]):
            some, kept, full = _ranges_of_blocks(index, group, predicates)
            found.append(some)
            blocks, whole = blocks + kept, whole + full
        several = len(found) > 1 and len(found[0]["part"]) > 0
        # Column by column, each given up when it is joined: of a million parts every copy takes 40 MB.
        columns = found[0] if len(found) == 1 else {name: np.concatenate([f.pop(name) for f in found]) for name in _RANGES}
        if several:
            order = np.argsort(columns["part"], kind="stable")
            columns = {name: values[order] for name, values in columns.items()}
        part, row_start, row_stop, hit_start, hit_stop, every = (columns[name] for name in _RANGES)
        asked = len(parts), len(left), int(counts.sum())
        return cls(index, predicates, *asked, blocks, whole, part, row_start, row_stop, hit_start, hit_stop, every)

    def __len__(self) -> int:
        return len(self.part)

    @property
    def rows(self) -> int:
        """How many rows are looked at."""
        return int((self.row_stop - self.row_start).sum())

    def only(self, mask: np.ndarray) -> Scan:
        """The ranges where the mask is true."""
        return dataclasses.replace(self, **{name: getattr(self, name)[mask] for name in _RANGES})

    @property
    def exact(self) -> bool:
        """Whether the catalogue alone tells rows and hits."""
        return bool(self.whole.all()) and not self.scattered

    def take(self, numbers: np.ndarray) -> Scan:
        """Single rows by ascending number in the order of reading; where every range matches as a whole."""
        edges = offsets_of(self.row_stop - self.row_start)
        spot = np.searchsorted(edges, numbers, "right") - 1
        part, row = self.part[spot], self.row_start[spot] + numbers - edges[spot]
        first = np.flatnonzero(np.diff(row, prepend=-2) != 1) if len(row) else row
        first = np.union1d(first, np.flatnonzero(np.diff(part, prepend=-1))) if len(row) else first
        counts = np.diff(np.append(first, len(row)))
        part, start = part[first], row[first]
        rows, hits = self.index.part("rows")[part], self.index.part("hits")[part]
        columns = (part, start, start + counts, start * hits // rows, -(-(start + counts) * hits // rows), np.ones(len(part), bool))
        return dataclasses.replace(self, **dict(zip(_RANGES, columns, strict=True)), scattered=True)

    def jobs(self, url: str, grain: Grain | None = EACH_BLOCK) -> Iterator[Job]:
        """One job per part, in order.

        Parameters
        ----------
        grain : Grain, optional
            Where to cut; what lies together is read at once if it is ``None``.
        """
        edges = [0, *(np.flatnonzero(np.diff(self.part)) + 1).tolist(), len(self)] if len(self) else [0]
        for first, last in itertools.pairwise(edges):
            part = int(self.part[first])
            spans = zip(*(getattr(self, name)[first:last].tolist() for name in _RANGES[1:]), strict=True)
            cuts = list(spans)
            if grain is not None and not self.scattered:
                cuts = [piece for span in cuts for piece in self._cut(part, grain, span)]
            rows, hits = tuple((a, b, whole) for a, b, _, _, whole in cuts), tuple((a, b) for _, _, a, b, _ in cuts)
            yield Job(
                url, self.index.schema.name, self.index.row(part), rows, self.predicates, self.scattered, () if self.scattered else hits
            )

    def _cut(self, part: int, grain: Grain, span: tuple[int, int, int, int, bool]) -> list[tuple[int, int, int, int, bool]]:
        start, stop, hit_start, hit_stop, whole = span
        if self.index.part("n_blocks")[part] <= 1:
            return [span]
        blocks = self.index.blocks(self.index.blocks_of(np.array([part])))
        inner = np.flatnonzero((blocks.row_start > start) & (blocks.row_start < stop))
        if grain != EACH_BLOCK:
            # The first edge behind every so many rows or hits.
            past = (blocks.row_start[inner] - start) // grain.rows if grain.rows else (blocks.hit_start[inner] - hit_start) // grain.hits
            inner = inner[np.flatnonzero(np.diff(past, prepend=0))]
        rows, hits = [start, *blocks.row_start[inner].tolist(), stop], [hit_start, *blocks.hit_start[inner].tolist(), hit_stop]
        return [(*r, *h, whole) for r, h in zip(itertools.pairwise(rows), itertools.pairwise(hits), strict=True)]


def distinct(ascending: np.ndarray) -> np.ndarray:
    """Each number once."""
    found: np.ndarray = ascending[np.flatnonzero(np.diff(ascending, prepend=-1))]
    return found


_RANGES = ("part", "row_start", "row_stop", "hit_start", "hit_stop", "whole")
# Parts or blocks that are looked at together: some tens of megabytes.
_GROUP = 1 << 17


def _fields(index: Index, predicates: tuple[Condition, ...]) -> set[str]:
    """Columns of the row table that conditions name."""
    return {column for p in predicates for table, column in p.columns if table == index.schema.rows.name}


def _chance_of_parts(index: Index, parts: np.ndarray, predicates: tuple[Condition, ...]) -> Chance:
    """What the bounds of parts say; for so many at once that the intermediate results stay small."""
    may, must = np.ones(len(parts), bool), np.ones(len(parts), bool)
    for start in range(0, len(parts) if predicates else 0, _GROUP):
        some = slice(start, start + _GROUP)
        bounds = index.part_bounds(parts[some], _fields(index, predicates))
        chance = _chance(predicates, bounds, len(parts[some]))
        may[some], must[some] = chance.may, chance.must
    return Chance(may, must)


def _chance(predicates: tuple[Condition, ...], bounds: Bounds, length: int) -> Chance:
    may, must = np.ones(length, bool), np.ones(length, bool)
    for predicate in predicates:
        chance = predicate.chance(bounds, length)
        may, must = may & chance.may, must & chance.must
    return Chance(may, must)


def _whole_parts(index: Index, parts: np.ndarray) -> dict[str, np.ndarray]:
    rows = index.part("rows")[parts]
    # A part of which every entry was quarantined has no file.
    parts, rows = parts[rows > 0], rows[rows > 0]
    zero = np.zeros(len(parts), np.int64)
    return dict(zip(_RANGES, (parts, zero, rows, zero, index.part("hits")[parts], np.ones(len(parts), bool)), strict=True))


def _groups(parts: np.ndarray, counts: np.ndarray) -> list[np.ndarray]:
    """Parts, so many together that their blocks stay below a limit."""
    group = np.cumsum(counts) // _GROUP
    return np.split(parts, np.flatnonzero(np.diff(group)) + 1) if len(parts) else []


def _ranges_of_blocks(index: Index, parts: np.ndarray, predicates: tuple[Condition, ...]) -> tuple[dict[str, np.ndarray], int, int]:
    """Ranges of the blocks of these parts that may match; the number of those blocks, and of those that match as a whole."""
    blocks = index.blocks(index.blocks_of(parts), _fields(index, predicates))
    chance = _chance(predicates, blocks.bounds, len(blocks))
    kept = np.flatnonzero(chance.may)
    part, whole = np.repeat(parts, index.part("n_blocks")[parts])[kept], chance.must[kept]
    start, stop = blocks.row_start[kept], blocks.row_stop[kept]
    same = (part[1:] == part[:-1]) & (start[1:] == stop[:-1]) & (whole[1:] == whole[:-1])
    # In two steps, since an empty selection has neither a first nor a last block.
    first, last = np.ones(len(kept), bool), np.ones(len(kept), bool)
    first[1:], last[:-1] = ~same, ~same
    columns = (part[first], start[first], stop[last], blocks.hit_start[kept][first], blocks.hit_stop[kept][last], whole[first])
    return dict(zip(_RANGES, columns, strict=True)), len(kept), int(whole.sum())
