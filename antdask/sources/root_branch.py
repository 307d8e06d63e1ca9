"""A branch of a ROOT tree: which basket holds which entries, and the entries themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.plan import cut_evenly
from antdask.sources import root_baskets
from antdask.sources.root_assembly import Assembler, Raw
from antdask.sources.root_baskets import Basket
from antdask.sources.root_metadata import HINT, Metadata

#: Compressed baskets are fetched in groups of about this size, one round trip each [byte].
GROUP_BYTES = 16 * 2**20
#: Fewer baskets than this are not worth putting together.
_FEW = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Home:
    """The tree a branch belongs to: the file, the name of the tree, its number of entries."""

    metadata: Metadata
    tree: str
    entries: int


class Branch:
    """A column of a tree, as uproot found it.

    Attributes
    ----------
    name : str
    children : tuple of Branch
        Branches below a split one; data stand in those without children, and in counters.
    nbytes : int
        Uncompressed bytes with headers, as ROOT counted them [byte].
    """

    def __init__(self, home: Home, model: Any) -> None:
        self._home, self._model = home, model
        self.name: str = model.member("fName")
        self.nbytes = max(0, int(model.member("fTotBytes")))
        self.children = tuple(Branch(home, child) for child in model.member("fBranches"))
        self._last: tuple[int, Basket] | None = None
        self._assembler = Assembler(self.name)

    @property
    def where(self) -> str:
        """File, tree and branch, for messages."""
        return f"{self._home.metadata.blob.url}, tree '{self._home.tree}', branch '{self.name}'"

    @property
    def tree(self) -> str:
        """Name of the tree."""
        return self._home.tree

    def member(self, name: str) -> Any:
        """What ROOT's branch object says under this name, as uproot reads it."""
        with self._home.metadata.reading(f"branch '{self.name}'", self.tree):
            return self._model.member(name)

    @property
    def type_name(self) -> str:
        """C++ type of the member that the branch holds, as the description of its class in the file says; empty where there is none."""
        with self._home.metadata.reading(f"branch '{self.name}'", self.tree):
            element = getattr(self._model, "streamer", None)
            return "" if element is None else str(element.typename)

    @property
    def kind(self) -> str:
        """What the branch is, in words for people: the type of its member, its class, or its leaves."""
        members = self._model.all_members
        leaves = ", ".join(type(leaf).__name__.removeprefix("Model_").partition("_v")[0] for leaf in members.get("fLeaves", ()))
        return self.type_name or str(members.get("fClassName", "")) or leaves or "no leaf"

    def walk(self) -> Iterator[Branch]:
        """The branch and all below it, depth first."""
        yield self
        for child in self.children:
            yield from child.walk()

    @cached_property
    def _places(self) -> np.ndarray:
        """Position and size of every basket in the file, int64, shape (baskets, 2)."""
        with self._home.metadata.reading(f"branch '{self.name}'", self.tree):
            seek, size = (np.asarray(self._model.member(name), np.int64) for name in ("fBasketSeek", "fBasketBytes"))
            written = int(self._model.member("fWriteBasket"))
        listed = min(len(seek), len(size))
        if not 0 <= written <= listed:
            raise self.corrupt("The branch counts more baskets than it lists", found=written, expected=f"at most {listed}")
        free = np.flatnonzero(seek[:written] == 0)
        n = int(free[0]) if len(free) else written
        return np.stack([seek[:n], size[:n]], axis=1)

    @cached_property
    def _embedded(self) -> tuple[Any, ...]:
        """Baskets that were still in memory when the tree was saved, and stand inside the branch."""
        with self._home.metadata.reading(f"last basket of branch '{self.name}'", self.tree):
            return tuple(self._model.embedded_baskets)

    @cached_property
    def edges(self) -> np.ndarray:
        """First entry of every basket and the end of the last, int64, shape (baskets + 1,).

        Raises
        ------
        CorruptFileError
            They do not follow each other.
        """
        n, entries = len(self._places), self._home.entries
        with self._home.metadata.reading(f"branch '{self.name}'", self.tree):
            edges = np.zeros(1, np.int64) if n == 0 else np.asarray(self._model.member("fBasketEntry"), np.int64)[: n + 1]
        if len(edges) == n + 1 and edges[-1] != entries:
            more = np.array([int(basket.num_entries) for basket in self._embedded], np.int64)
            edges = np.concatenate([edges, edges[-1] + np.cumsum(more)])
        if len(edges) < n + 1 or edges[0] != 0 or (edges[1:] < edges[:-1]).any() or edges[-1] > entries:
            raise self.corrupt(
                "The baskets of the branch do not follow each other", found=f"entries up to {edges[-1:]}", expected=f"0 to {entries}"
            )
        return edges

    def baskets(self, start: int, stop: int) -> Iterator[Basket]:
        """The baskets with the entries ``start:stop``, the first and the last of them cut.

        Raises
        ------
        CorruptFileError
            With the entries of the basket that cannot be read; the caller may go on behind it.
        UnknownLayoutError
            A form of basket that is not read.
        """
        edges = self.edges
        if start >= stop:
            return
        if stop > edges[-1]:
            raise self.corrupt("Baskets are missing at the end of the branch", found=f"{edges[-1]} entries", expected=self._home.entries, start=int(edges[-1]))  # fmt: skip
        first = int(np.searchsorted(edges, start, "right")) - 1
        last = int(np.searchsorted(edges, stop, "left"))
        for group in self._groups([k for k in range(first, last) if edges[k] < edges[k + 1]]):
            for number, data in zip(group, self._fetch(group), strict=True):
                basket = self._basket(number, data)
                yield basket.cut(max(start, basket.start), min(stop, basket.stop))

    def ranges(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Where the baskets with the entries ``start:stop`` lie in the file [byte]; what lies nowhere in it is left out, to be named when it is read."""
        first = int(np.searchsorted(self.edges, start, "right")) - 1
        last = int(np.searchsorted(self.edges, stop, "left"))
        places = self._places[max(0, first) : last] if start < stop else self._places[:0]
        return [
            (seek, seek + size)
            for seek, size in places.tolist()
            if seek > 0 and size > 0 and seek + size <= self._home.metadata.blob.nbytes
        ]

    def read(self, start: int, stop: int) -> Basket:
        """The entries ``start:stop`` as one basket. Errors as for `baskets`."""
        edges = self.edges
        # Baskets that the range does not cut, of those that stand in the file; the others are read one by one.
        first = int(np.searchsorted(edges, start, "left"))
        last = min(int(np.searchsorted(edges, stop, "right")) - 1, len(self._places))
        whole = (first + np.flatnonzero(np.diff(edges[first : last + 1]))).tolist() if first < last else []
        if len(whole) < _FEW or stop > edges[-1]:
            return root_baskets.join(list(self.baskets(start, stop)))
        low, high = int(edges[whole[0]]), int(edges[whole[-1] + 1])
        groups, pieces = list(self._groups(whole)), []
        for number, group in enumerate(groups):
            begin, end = int(edges[group[0]]), int(edges[group[-1] + 1])
            before = list(self.baskets(start, low)) if number == 0 else []
            after = list(self.baskets(high, stop)) if number == len(groups) - 1 else []
            joined = self._assembler.join(before[0].start if before else begin, before, self._raws(group), after)
            # What is not ordinary is read with every check, which names what is wrong.
            pieces += [joined] if joined else [*before, *self.baskets(begin, end), *after]
        return root_baskets.join(pieces)

    def weights(self) -> np.ndarray:
        """Estimate of the uncompressed bytes of every basket, float64, shape (baskets,)."""
        sizes = np.maximum(self._places[:, 1], 1).astype(float)
        if len(sizes):
            sizes *= max(1.0, self.nbytes / sizes.sum())
        inside = self._embedded if len(self.edges) - 1 > len(sizes) else ()
        return np.concatenate([sizes, np.array([len(basket.data) for basket in inside], float)])

    def nbytes_of(self, start: int, stop: int) -> int:
        """Estimate of the uncompressed bytes of the entries ``start:stop``, without reading one [byte]."""
        total = np.concatenate([[0.0], np.cumsum(self.weights())])
        return round(float(np.interp(stop, self.edges, total) - np.interp(start, self.edges, total)))

    def corrupt(self, what: str, number: int | None = None, *, found: Any, expected: Any = None, start: int = 0, stop: int | None = None) -> CorruptFileError:  # fmt: skip
        """The error for damage in this branch: of basket `number`, or of the entries ``start:stop`` (all from `start` on without a `stop`)."""
        where, stop = self.where, self._home.entries if stop is None else stop
        if number is not None:
            start, stop = int(self.edges[number]), int(self.edges[number + 1])
            where += f", basket {number}"
        return CorruptFileError(what, where=f"{where}, entries {start} to {stop}", found=found, expected=expected, hint=HINT, tree=self.tree, branch=self.name, basket=number, start=start, stop=stop)  # fmt: skip

    def _groups(self, numbers: Sequence[int]) -> Iterator[list[int]]:
        """Runs of baskets that are fetched at once."""
        inside = [number for number in numbers if number < len(self._places)]
        # An embedded basket takes nothing to fetch.
        sizes = self._places[inside, 1].tolist() + [0] * (len(numbers) - len(inside))
        group: list[int] = []
        held = 0
        for number, size in zip(numbers, sizes, strict=True):
            if group and held + size > GROUP_BYTES:
                yield group
                group, held = [], 0
            group.append(number)
            held += size
        if group:
            yield group

    def _fetch(self, numbers: Sequence[int]) -> list[memoryview | Basket | None]:
        """Bytes of baskets as they are in the file; the basket itself if it was kept, ``None`` for an embedded one."""
        # Taken once: another thread may read the same branch.
        kept = self._last
        ranges = {n: self._place(n) for n in numbers if n < len(self._places) and not (kept and kept[0] == n)}
        found = self._home.metadata.blob.read_many(list(ranges.values()))
        data: dict[int, memoryview | Basket] = dict(zip(ranges, found, strict=True))
        if kept:
            data[kept[0]] = kept[1]
        return [data.get(number) for number in numbers]

    def _raws(self, numbers: list[int]) -> list[Raw]:
        """Baskets as they stand in the file, to be used before anything else is read."""
        seeks, sizes = self._places[numbers].T
        ends = seeks + sizes
        if (seeks <= 0).any() or (sizes <= 0).any() or (ends > self._home.metadata.blob.nbytes).any():
            for number in numbers:
                self._place(number)
        found = self._home.metadata.blob.borrow_many(list(zip(seeks.tolist(), ends.tolist(), strict=True)))
        return list(map(Raw, found, seeks.tolist(), np.diff(self.edges)[numbers].tolist()))

    def _place(self, number: int) -> tuple[int, int]:
        """Where a basket begins and ends in the file [byte]."""
        seek, size = self._places[number].tolist()
        nbytes = self._home.metadata.blob.nbytes
        if seek <= 0 or size <= 0 or seek + size > nbytes:
            raise self.corrupt("The basket does not lie in the file", number, found=f"bytes {seek} to {seek + size}", expected=f"at most {nbytes}")  # fmt: skip
        return seek, seek + size

    def _basket(self, number: int, data: memoryview | Basket | None) -> Basket:
        """One whole basket. The last one is kept, because windows of entries cut large baskets and the next window needs it again."""
        if isinstance(data, Basket):
            return data
        start, stop = int(self.edges[number]), int(self.edges[number + 1])
        try:
            if data is None:
                basket = _embedded_basket(self._embedded[number - len(self._places)], start, stop)
            else:
                basket = root_baskets.parse(data, seek=int(self._places[number, 0]), branch=self.name, start=start, stop=stop)
        except CorruptFileError as error:
            raise self.corrupt(error.what, number, found=error.found, expected=error.expected) from error
        except UnknownLayoutError as error:
            raise UnknownLayoutError(error.what, where=self.where, hint=error.hint) from error
        self._last = (number, basket)
        return basket


def _embedded_basket(model: Any, start: int, stop: int) -> Basket:
    """A basket that uproot took out of the branch; it is never compressed."""
    payload = np.asarray(model.data, np.uint8)
    if model.byte_offsets is None:
        return Basket(start, stop, root_baskets.check_equal(payload, stop - start), None)
    offsets = np.asarray(model.byte_offsets, np.int64)
    if len(offsets) != stop - start + 1:
        raise CorruptFileError("The table of offsets of a basket has another length", found=len(offsets), expected=stop - start + 1)
    return Basket(start, stop, payload, root_baskets.check_offsets(offsets, len(payload)))


def windows(edges: np.ndarray, weights: np.ndarray, start: int, stop: int, limit: int) -> list[tuple[int, int]]:
    """Cut a range of entries at basket edges into pieces of at most about `limit` bytes; a basket that is heavier is cut evenly.

    Examples
    --------
    >>> windows(np.array([0, 10, 20, 30]), np.array([40.0, 40.0, 200.0]), 5, 30, limit=100)
    [(5, 20), (20, 25), (25, 30)]
    """
    cuts: list[tuple[int, int]] = []
    first, held = start, 0.0
    for low, high, whole in zip(edges[:-1].tolist(), edges[1:].tolist(), weights.tolist(), strict=True):
        a, b = max(low, start), min(high, stop)
        if a >= b:
            continue
        weight = whole * (b - a) / (high - low)
        if first < a and held + weight > limit:
            cuts.append((first, a))
            first, held = a, 0.0
        held += weight
        if held > limit:
            cuts += cut_evenly(first, b, round(held), limit)
            first, held = b, 0.0
    if first < stop:
        cuts.append((first, stop))
    return cuts
