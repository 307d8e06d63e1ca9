"""Trees of plain branches, written basket by basket: numbers, fixed arrays, and arrays whose length another branch gives.

Each branch closes a basket when the next entry would not fit, so baskets of different branches end at different entries, as those of ROOT do.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Mapping, Sequence

import numpy as np

from antdask.errors import UsageError
from antdask.simulate.root_blocks import compress
from antdask.simulate.root_file import RootFile, key_length
from antdask.simulate.root_stream import Stream

_BASKET = struct.Struct(">HiiiiB")
# Letter in the title, class of the leaf, letters of its minimum and maximum.
_LEAVES = {
    "i1": ("B", "TLeafB", "bb"), "u1": ("b", "TLeafB", "bb"), "i2": ("S", "TLeafS", "hh"), "u2": ("s", "TLeafS", "hh"),
    "i4": ("I", "TLeafI", "ii"), "u4": ("i", "TLeafI", "ii"), "i8": ("L", "TLeafL", "qq"), "u8": ("l", "TLeafL", "qq"),
    "f4": ("F", "TLeafF", "ff"), "f8": ("D", "TLeafD", "dd"), "b1": ("O", "TLeafO", "??"),
}  # fmt: skip
# TIOFeatures without any feature: counted block of version 0, checksum of the class, one byte.
_IO_FEATURES = b"\x40\x00\x00\x07\x00\x00\x1a\xa1\x2f\x10\x00"
_OFFSETS_LENGTH = 1000
_DEFAULT_BITS = 0x0040_0000
#: A tree is saved when it has so many entries, and again whenever it grew by so much, as ROOT does unless it is told otherwise [1, byte].
_FIRST, _AUTOSAVE = 25, 300_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Branch:
    """One branch.

    Parameters
    ----------
    name, dtype : str
        NumPy code without byte order; ``b1`` is a truth value.
    width : int
        Elements per entry, for arrays of fixed length.
    count : str
        Name of the branch that gives the number of elements of each entry; empty for a fixed number.
    """

    name: str
    dtype: str
    width: int = 1
    count: str = ""

    @property
    def big(self) -> np.dtype:
        """The dtype on disk."""
        return np.dtype("?") if self.dtype == "b1" else np.dtype(self.dtype).newbyteorder(">")

    @property
    def dims(self) -> str:
        """What stands behind the name in the title."""
        return f"[{self.count}]" if self.count else f"[{self.width}]" if self.width > 1 else ""


class _Filled:
    """A branch with what has been written of it."""

    def __init__(self, tree: str, branch: Branch, file: RootFile, basket_bytes: int, counts: bool) -> None:
        self.branch, self._tree, self._file, self.counts = branch, tree, file, counts
        self._keylen = key_length("TBasket", branch.name, tree) + _BASKET.size
        self.basket_bytes = basket_bytes
        self._room = max(1, basket_bytes - self._keylen)
        self.sizes: list[int] = []
        self.seeks: list[int] = []
        self.entries = [0]
        self.total = self.packed = 0
        self.maximum = 0
        self._values = np.zeros(0, branch.big)
        self._ends = np.zeros(1, np.int64)

    def extend(self, values: np.ndarray, counts: np.ndarray | None, n: int) -> None:
        """Take entries and write the baskets that they fill."""
        size = self.branch.big.itemsize
        flat = np.ascontiguousarray(values, self.branch.big).reshape(-1)
        steps = np.full(n, self.branch.width, np.int64) if counts is None else counts.astype(np.int64)
        if len(steps) != n or int(steps.sum()) != len(flat):
            raise UsageError("A branch does not have the elements it announces", where=f"{self._tree}.{self.branch.name}", found=len(flat), expected=int(steps.sum()))  # fmt: skip
        if self.counts and n:
            self.maximum = max(self.maximum, int(flat.max()))
        if len(self._values):
            flat = np.concatenate([self._values, flat], dtype=self.branch.big)
        ends = np.concatenate([self._ends, self._ends[-1] + np.cumsum(steps) * size])
        first, done = 0, len(ends) - 1
        while first < done:
            last = max(first + 1, int(np.searchsorted(ends, ends[first] + self._room, "right")) - 1)
            if last >= done:
                break
            self._write(flat, ends, first, last)
            first = last
        self._values, self._ends = flat[ends[first] // size :].copy(), ends[first:] - ends[first]

    def flush(self) -> None:
        """Write what is left as a basket."""
        if len(self._ends) > 1:
            self._write(self._values, self._ends, 0, len(self._ends) - 1)
        self._values, self._ends = self._values[:0], np.zeros(1, np.int64)

    def _write(self, flat: np.ndarray, ends: np.ndarray, first: int, last: int) -> None:
        size, n = self.branch.big.itemsize, last - first
        data = flat[ends[first] // size : ends[last] // size].tobytes()
        end = self._keylen + len(data)
        if self.branch.count:
            places = (ends[first : last + 1] - ends[first] + self._keylen).astype(">i4")
            places[-1] = 0  # as ROOT leaves it: the end of the payload stands in the header
            data += struct.pack(">i", n + 1) + places.tobytes()
            per_entry = _OFFSETS_LENGTH
        else:
            per_entry = size * self.branch.width
        head = _BASKET.pack(3, self.basket_bytes, per_entry, n, end, 0)
        self.seeks.append(self._file.position)
        self.sizes.append(
            self._file.record("TBasket", self.branch.name, self._tree, compress(data, self._file.codec), len(data), head, len(self.sizes))
        )
        self.entries.append(self.entries[-1] + n)
        self.total += self._keylen + len(data)
        self.packed += self.sizes[-1]


class Tree:
    """A tree being filled.

    Parameters
    ----------
    file : RootFile
    name : str
    branches : sequence of Branch
        A branch that counts stands before those it counts.
    basket_bytes : int
        Size of the buffer of each branch: entries and key of a basket fit into it, unless one entry alone is larger [byte].

    Raises
    ------
    UsageError
        A dtype that has no leaf, or a counter that is not there.
    """

    def __init__(self, file: RootFile, name: str, branches: Sequence[Branch], basket_bytes: int = 32_000) -> None:
        self._file, self._name = file, name
        counters = {b.count for b in branches}
        self._filled = {b.name: _Filled(name, b, file, basket_bytes, b.name in counters) for b in branches}
        self._entries, self._cycle, self._saved, self._goal = 0, 0, 0, _FIRST
        known: set[str] = set()
        for b in branches:
            if b.dtype not in _LEAVES or (b.count and b.count not in known):
                raise UsageError("Not a branch that a tree can hold", where=f"{name}.{b.name}", found=f"{b.dtype}{b.dims}")
            known.add(b.name)

    def extend(self, columns: Mapping[str, np.ndarray]) -> None:
        """Append entries: an array per branch, of all elements of all entries one after the other.

        Raises
        ------
        UsageError
            Branches or lengths that do not fit.
        """
        if set(columns) != set(self._filled):
            raise UsageError("Columns and branches differ", where=self._name, found=sorted(columns), expected=sorted(self._filled))
        plain = next(name for name, f in self._filled.items() if not f.branch.count)
        n = len(columns[plain])
        start = 0
        while start < n:
            stop = min(n, start + self._goal - self._entries)
            self._extend(columns if stop - start == n else self._cut(columns, start, stop), stop - start)
            start = stop
            if self._entries == self._goal:
                self._goal *= 2
                self._flush()
            if (not self._cycle and self._entries == _FIRST) or self._written() - self._saved >= _AUTOSAVE:
                self._autosave()

    def close(self) -> None:
        """Write the last baskets and the tree itself; beside it stays what was saved before, as in ROOT."""
        self._flush()
        self._put()

    def _flush(self) -> None:
        """Close the baskets of all branches at the same entry: what stands before it is whole in all of them, if the end of the file is lost."""
        for filled in self._filled.values():
            filled.flush()

    def _extend(self, columns: Mapping[str, np.ndarray], n: int) -> None:
        for name, filled in self._filled.items():
            count = filled.branch.count
            filled.extend(columns[name], columns[count] if count else None, n)
        self._entries += n

    def _cut(self, columns: Mapping[str, np.ndarray], start: int, stop: int) -> dict[str, np.ndarray]:
        """The entries ``start:stop`` of all columns."""
        found = {}
        for name, filled in self._filled.items():
            count, width = filled.branch.count, filled.branch.width
            ends = np.append(0, np.cumsum(columns[count], dtype=np.int64)) if count else None
            low, high = (start * width, stop * width) if ends is None else ends[[start, stop]].tolist()
            found[name] = np.ascontiguousarray(columns[name]).reshape(-1)[low:high]
        return found

    def _written(self) -> int:
        """Bytes of all baskets, not compressed."""
        return sum(filled.total for filled in self._filled.values())

    def _autosave(self) -> None:
        """Write the tree as it is, so that a file that loses its end still says what its baskets hold."""
        self._flush()
        self._put()
        self._saved = self._written()

    def _put(self) -> None:
        self._cycle += 1
        stream = Stream(key_length("TTree", self._name, self._name))
        self._stream(stream)
        self._file.put("TTree", self._name, self._name, bytes(stream.data), cycle=self._cycle)

    def _stream(self, s: Stream) -> None:
        branches = list(self._filled.values())
        total, packed = sum(f.total for f in branches), sum(f.packed for f in branches)
        with s.counted(20):
            s.named(self._name, self._name, 8)
            s.write(b"\x40\x00\x00\x08\x00\x02\x02\x5a\x00\x01\x00\x01")  # TAttLine: colour 602, style 1, width 1
            s.write(b"\x40\x00\x00\x06\x00\x02\x00\x00\x03\xe9")  # TAttFill: colour 0, style 1001
            s.write(b"\x40\x00\x00\x0a\x00\x02\x00\x01\x00\x01\x3f\x80\x00\x00")  # TAttMarker: colour 1, style 1, size 1
            s.pack("qqqqqd", self._entries, total, packed, 0, packed, 1.0)
            s.pack("iiiiIqqqqqq", 0, 25, 0, _OFFSETS_LENGTH, 0, 10**12, 10**12, 0, -300_000_000, -30_000_000, 10**6)
            s.write(b"\x00\x00" + _IO_FEATURES)  # no cluster ranges
            leaves: dict[str, int] = {}
            with s.array_of(len(branches)):
                for filled in branches:
                    with s.pointed("TBranch"):
                        self._stream_branch(s, filled, leaves)
            with s.array_of(len(leaves)):
                for reference in leaves.values():
                    s.pack("I", reference)
            s.write(bytes(28))  # aliases, index values, index, tree index, friends, user info, branch reference: all absent

    def _stream_branch(self, s: Stream, filled: _Filled, leaves: dict[str, int]) -> None:
        branch, n = filled.branch, len(filled.sizes)
        letter, leaf_class, _ = _LEAVES[branch.dtype]
        room = max(10, n + 1)
        with s.counted(13):
            s.named(branch.name, f"{branch.name}{branch.dims}/{letter}", _DEFAULT_BITS)
            s.write(b"\x40\x00\x00\x06\x00\x02\x00\x00\x03\xe9")
            s.pack("iiiiq", self._file.codec.setting, filled.basket_bytes, _OFFSETS_LENGTH if branch.count else 0, n, self._entries)
            s.write(_IO_FEATURES)
            s.pack("iIiqqqq", 0, room, 0, self._entries, 0, filled.total, filled.packed)
            with s.array_of(0):  # branches below this one
                pass
            with s.array_of(1), s.pointed(leaf_class) as reference:
                leaves[branch.name] = reference
                self._stream_leaf(s, filled, leaves)
            with s.array_of(0):  # baskets kept inside the tree
                pass
            for values, dtype in ((filled.sizes, ">i4"), (filled.entries, ">i8"), (filled.seeks, ">i8")):
                padded = np.zeros(room, dtype)
                padded[: len(values)] = values
                s.write(b"\x01" + padded.tobytes())
            s.string("")  # the file of the baskets: this one

    def _stream_leaf(self, s: Stream, filled: _Filled, leaves: dict[str, int]) -> None:
        branch = filled.branch
        _, _, limits = _LEAVES[branch.dtype]
        with s.counted(1):
            with s.counted(2):
                s.named(branch.name, branch.name + branch.dims)
                s.pack("iii??", branch.width, branch.big.itemsize, 0, filled.counts, branch.dtype[0] == "u")
                s.pack("I", leaves[branch.count] if branch.count else 0)
            s.pack(limits, 0, filled.maximum)
