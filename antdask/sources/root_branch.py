"""A branch of a ROOT tree: which basket holds which entries, and the entries themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.plan import cut_evenly
from antdask.sources import root_baskets
from antdask.sources.root_assembly import Assembler, Raws
from antdask.sources.root_baskets import Basket
from antdask.sources.root_extents import Extent
from antdask.sources.root_metadata import HINT, Metadata

#: Compressed baskets are fetched in groups of about this size, one round trip each [byte].
GROUP_BYTES = 16 * 2**20
#: Fewer baskets than this are not worth putting together.
_FEW = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Home:
    """The tree a branch belongs to: the file, the name of the tree, its number of entries, and the baskets of branches that go on behind what it lists."""

    metadata: Metadata
    tree: str
    entries: int
    extents: Mapping[str, Extent] = dataclasses.field(default_factory=dict)


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
        self._extent = home.extents.get(self.name)
        self.nbytes = 0 if self._extent and self._extent.lent else max(0, int(model.member("fTotBytes")))
        self.nbytes += self._extent.nbytes if self._extent else 0
        self.children = tuple(Branch(home, child) for child in model.member("fBranches"))
        self._last: tuple[int, Basket] | None = None
        self._rests: tuple[Basket, ...] = ()
        self._assembler = Assembler(self.name)

    @property
    def where(self) -> str:
        """File, tree and branch, for messages."""
        return f"{self._home.metadata.blob.url}, tree '{self._home.tree}', branch '{self.name}'"

    @property
    def tree(self) -> str:
        """Name of the tree."""
        return self._home.tree

    def member(self, name: str, of: Any = None) -> Any:
        """What ROOT's branch object, or an object `of` it such as a leaf, says under this name, as uproot reads it."""
        with self._home.metadata.reading(f"branch '{self.name}'", self.tree):
            return (self._model if of is None else of).member(name)

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
        if self._extent is not None:
            return self._extent.places
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
    def _sound(self) -> bool:
        """Whether every basket lies in the file."""
        return bool(_inside(self._places, self._home.metadata.blob.nbytes).all())

    @cached_property
    def _largest(self) -> int:
        """Bytes of the largest basket in the file."""
        return int(self._places[:, 1].max(initial=0))

    @cached_property
    def _entries(self) -> np.ndarray:
        """Entries of every basket, int64."""
        return np.diff(self.edges)

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
        if self._extent is not None:
            return self._extent.edges
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
        first, last = int(edges.searchsorted(start, "right")) - 1, int(edges.searchsorted(stop, "left"))
        for group in self._groups(self._filled(first, last)):
            numbers = group.tolist()
            for number, data in zip(numbers, self._fetch(numbers), strict=True):
                basket = self._basket(number, data)
                yield basket.cut(max(start, basket.start), min(stop, basket.stop))

    def spans(self, start: int, stop: int) -> np.ndarray:
        """Where the baskets with the entries ``start:stop`` begin in the file and how long they are, int64, shape (baskets, 2) [byte].

        What lies nowhere in it is left out, to be named when it is read.
        """
        first = max(0, int(self.edges.searchsorted(start, "right")) - 1)
        found = self._places[first : int(self.edges.searchsorted(stop, "left"))] if start < stop else self._places[:0]
        return found if self._sound else found[_inside(found, self._home.metadata.blob.nbytes)]

    def ranges(self, start: int, stop: int) -> list[tuple[int, int]]:
        """The `spans` as begin and end."""
        return [(seek, seek + size) for seek, size in self.spans(start, stop).tolist()]

    def read(self, start: int, stop: int) -> Basket:
        """The entries ``start:stop`` as one basket. Errors as for `baskets`.

        What stands behind `stop` in the last basket is kept, as a view: the next range most often begins there.
        """
        edges = self.edges
        ahead = [rest.cut(start, min(stop, rest.stop)) for rest in self._rests if rest.start <= start < min(stop, rest.stop)][:1]
        # Two may be kept, because two threads may read ranges that follow each other; replaced as a whole, so that each sees one state or another.
        self._rests = tuple(rest for rest in self._rests if not start <= rest.start < rest.stop <= stop)
        begin = ahead[0].stop if ahead else start
        first = int(edges.searchsorted(begin, "left"))
        numbers = self._filled(first, min(int(edges.searchsorted(stop, "left")), len(self._places)))
        if len(numbers) < _FEW or stop > edges[-1]:
            return root_baskets.join([*ahead, *self.baskets(begin, stop)])
        low, high = int(edges[numbers[0]]), int(edges[numbers[-1] + 1])
        if begin < low:
            ahead += self.baskets(begin, low)
        groups, pieces = list(self._groups(numbers)), []
        for k, group in enumerate(groups):
            behind = list(self.baskets(high, stop)) if k == len(groups) - 1 and high < stop else []
            pieces += self._joined(ahead, group, behind, stop)
            ahead = []
        whole = root_baskets.join(pieces)
        if whole.stop == stop:
            return whole
        self._rests = (whole.cut(stop, whole.stop), *self._rests[:1])
        return dataclasses.replace(whole.cut(start, stop), own=whole.own)

    def pieces(self, start: int, stop: int, nbytes: int) -> Iterator[Basket]:
        """The entries ``start:stop`` in pieces of about `nbytes` uncompressed, cut between baskets where possible. Errors as for `baskets`."""
        for low, high in windows(self.edges, self.weights(), start, stop, nbytes):
            yield self.read(low, high)

    def _joined(self, before: list[Basket], numbers: np.ndarray, behind: list[Basket], stop: int) -> list[Basket]:
        """Baskets of these numbers as one that may reach beyond `stop`, between those that were read already."""
        begin, end = int(self.edges[numbers[0]]), int(self.edges[numbers[-1] + 1])
        joined = self._assembler.join(before[0].start if before else begin, before, self._raws(numbers), behind)
        # What is not ordinary is read with every check, which names what is wrong.
        return [joined] if joined else [*before, *self.baskets(begin, min(end, stop)), *behind]

    def weights(self) -> np.ndarray:
        """Estimate of the uncompressed bytes of every basket, float64, shape (baskets,)."""
        return self._weights

    @cached_property
    def _weights(self) -> np.ndarray:
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

    def _filled(self, first: int, last: int) -> np.ndarray:
        """Numbers of the baskets ``first:last`` with entries in them, int64."""
        return first + np.flatnonzero(self._entries[first:last])

    def _groups(self, numbers: np.ndarray) -> Iterator[np.ndarray]:
        """Runs of baskets that are fetched at once."""
        if len(numbers) * self._largest <= GROUP_BYTES:
            yield from (numbers,) if len(numbers) else ()
            return
        # An embedded basket takes nothing to fetch.
        inside = numbers[numbers < len(self._places)]
        ends = np.zeros(len(numbers), np.int64)
        np.cumsum(np.maximum(self._places[inside, 1], 0), out=ends[: len(inside)])
        ends[len(inside) :] = ends[len(inside) - 1] if len(inside) else 0
        first, held = 0, 0
        while first < len(numbers):
            last = max(first + 1, int(ends.searchsorted(held + GROUP_BYTES, "right")))
            yield numbers[first:last]
            first, held = last, int(ends[last - 1])

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

    def _raws(self, numbers: np.ndarray) -> Raws:
        """Baskets as they stand in the file, to be used before anything else is read."""
        seeks, sizes = self._places[numbers].T
        if not self._sound:
            for number in numbers.tolist():
                self._place(number)
        lent = self._home.metadata.blob.borrow(seeks, seeks + sizes)
        return Raws(lent.buffer, lent.starts, sizes, seeks, self._entries[numbers])

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


def _inside(places: np.ndarray, nbytes: int) -> np.ndarray:
    """Whether baskets, by place and size, lie in a file of this size."""
    seeks, sizes = places.T
    # A sum of two large numbers would wrap around.
    found: np.ndarray = (seeks > 0) & (sizes > 0) & (seeks <= nbytes) & (sizes <= nbytes - seeks)
    return found


def windows(edges: np.ndarray, weights: np.ndarray, start: int, stop: int, limit: int) -> list[tuple[int, int]]:
    """Cut a range of entries at basket edges into pieces of at most about `limit` bytes; a basket that is heavier is cut evenly.

    Examples
    --------
    >>> windows(np.array([0, 10, 20, 30]), np.array([40.0, 40.0, 200.0]), 5, 30, limit=100)
    [(5, 20), (20, 25), (25, 30)]
    """
    # A damaged tree may claim more entries than its baskets hold.
    a, b = max(0, int(edges.searchsorted(start, "right")) - 1), min(int(edges.searchsorted(stop, "left")), len(weights))
    lows, highs = np.maximum(edges[a:b], start), np.minimum(edges[a + 1 : b + 1], stop)
    shares = weights[a:b] * ((highs - lows) / np.maximum(np.diff(edges[a : b + 1]), 1))
    held = np.concatenate([np.zeros(1), np.cumsum(shares)])
    cuts: list[tuple[int, int]] = []
    first, k = start, 0
    while k < b - a:
        # As many as fit, or a single one that is too heavy.
        n = max(k + 1, int(held.searchsorted(held[k] + limit, "right")) - 1)
        end, nbytes = int(highs[n - 1]), float(held[n] - held[k])
        if end > first:
            cuts += cut_evenly(first, end, round(nbytes), limit) if nbytes > limit else [(first, end)]
            first = end
        k = n
    if first < stop:
        cuts.append((first, stop))
    return cuts
