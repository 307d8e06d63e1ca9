"""Branches that hold given bytes, to bring any layout before the decoders without a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from antdask.errors import CorruptFileError
from antdask.model.ragged import offsets_of
from antdask.sources.root_baskets import Basket


@dataclasses.dataclass
class Column:
    """What the decoders use of a branch: name, children, the bytes of each entry."""

    name: str
    entries: list[bytes] = dataclasses.field(default_factory=list)
    children: tuple[Column, ...] = ()
    where = "sample"

    def walk(self) -> Iterator[Column]:
        yield self
        for child in self.children:
            yield from child.walk()

    def read(self, start: int, stop: int) -> Basket:
        mine = self.entries[start:stop]
        payload = np.frombuffer(b"".join(mine), np.uint8)
        return Basket(start, stop, payload, offsets_of(np.array([len(e) for e in mine], np.int64)))

    def corrupt(self, what: str, *, found: Any, expected: Any = None, start: int = 0, stop: int | None = None) -> CorruptFileError:
        return CorruptFileError(what, where=self.where, found=found, expected=expected, branch=self.name, start=start, stop=stop)


@dataclasses.dataclass
class Tree:
    """A tree of such branches."""

    branches: tuple[Column, ...]
    name = "sample"
    where = "sample"

    def branch(self, name: str) -> Column:
        return next(b for branch in self.branches for b in branch.walk() if b.name == name)
