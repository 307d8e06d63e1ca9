"""The scan: which blocks a selection must read, and the jobs that read them part by part."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from antdask.archive.reading import PartReader
from antdask.archive.store import Store
from antdask.model.tables import schema as find_schema
from antdask.query.index import Index
from antdask.query.pieces import Piece
from antdask.query.predicate import Predicate


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
    predicates : tuple of Predicate
    """

    url: str
    stream: str
    row: dict[str, Any]
    ranges: tuple[tuple[int, int, bool], ...]
    predicates: tuple[Predicate, ...]

    def pieces(self) -> Iterator[Piece]:
        """What is left of each range, where anything is.

        Raises
        ------
        DamagedPartError
        """
        reader, schema = PartReader(Store(self.url), self.row), find_schema(self.stream)
        for start, stop, whole in self.ranges:
            piece = Piece(reader, schema, start, stop, str(self.row["detector"]))
            for predicate in () if whole else self.predicates:
                piece = predicate.apply(piece)
            if len(piece):
                yield piece


@dataclasses.dataclass(frozen=True)
class Scan:
    """The blocks that may hold a matching row.

    Parameters
    ----------
    index : Index
    predicates : tuple of Predicate
    parts_asked, parts_left, blocks_asked : int
        Parts of the selection; parts that their own bounds do not exclude; blocks of those.
    part, row_start, row_stop, hit_start, hit_stop : int64 arrays
        The blocks that are left.
    whole : array of bool
        Where every row matches, so that nothing need be evaluated.
    """

    index: Index
    predicates: tuple[Predicate, ...]
    parts_asked: int
    parts_left: int
    blocks_asked: int
    part: np.ndarray
    row_start: np.ndarray
    row_stop: np.ndarray
    hit_start: np.ndarray
    hit_stop: np.ndarray
    whole: np.ndarray

    @classmethod
    def of(cls, index: Index, parts: np.ndarray, predicates: tuple[Predicate, ...]) -> Scan:
        """Prune parts, then blocks, by the catalogue alone."""
        bounds = index.part_bounds(parts)
        may = np.ones(len(parts), bool)
        for predicate in predicates:
            may &= predicate.chance(bounds, len(parts)).may
        left = parts[may]
        blocks = index.blocks_of(left)
        bounds = index.block_bounds(blocks)
        may, whole = np.ones(len(blocks), bool), np.ones(len(blocks), bool)
        for predicate in predicates:
            chance = predicate.chance(bounds, len(blocks))
            may, whole = may & chance.may, whole & chance.must
        kept = blocks[may]
        spans = {name: index.block(name, kept) for name in ("row_start", "row_stop", "hit_start", "hit_stop")}
        return cls(index, predicates, len(parts), len(left), len(blocks), part=index.block_part[kept], whole=whole[may], **spans)

    def __len__(self) -> int:
        return len(self.part)

    def only(self, mask: np.ndarray) -> Scan:
        """The blocks where the mask is true."""
        names = ("part", "row_start", "row_stop", "hit_start", "hit_stop", "whole")
        return dataclasses.replace(self, **{name: getattr(self, name)[mask] for name in names})

    def merged(self) -> Scan:
        """The same with neighbouring blocks joined, so that what lies together is read at once."""
        if not len(self):
            return self
        same = (self.part[1:] == self.part[:-1]) & (self.row_start[1:] == self.row_stop[:-1]) & (self.whole[1:] == self.whole[:-1])
        first, last = np.append(True, ~same), np.append(~same, True)
        joined = {name: getattr(self, name)[first] for name in ("part", "row_start", "hit_start", "whole")}
        return dataclasses.replace(self, **joined, row_stop=self.row_stop[last], hit_stop=self.hit_stop[last])

    def jobs(self, url: str) -> Iterator[Job]:
        """One job per part, in order."""
        edges = [0, *(np.flatnonzero(np.diff(self.part)) + 1).tolist(), len(self)] if len(self) else [0]
        for first, last in itertools.pairwise(edges):
            spans = (a[first:last].tolist() for a in (self.row_start, self.row_stop, self.whole))
            ranges = tuple(zip(*spans, strict=True))
            yield Job(url, self.index.schema.name, self.index.row(int(self.part[first])), ranges, self.predicates)
