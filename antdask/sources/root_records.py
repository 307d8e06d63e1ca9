"""Records of a ROOT file one after the other, as they stand from its first byte on: what is left to go by where the directory at the end is missing.

::

    |key object|key basket|key basket| gap  |key basket| ??????? |key object|key bas
     each states its own length      -length             nothing   searched    cut

A key states its place in the file, and is believed only where it stands at that place. Behind bytes that are no record the next key is searched.
Only keys are read, so that it takes no longer than the disk; each step goes forward, and what is kept is smaller than the file.
"""

from __future__ import annotations

import dataclasses
import re
import struct
from array import array
from collections.abc import Iterator

import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.sources.blob import Blob
from antdask.sources.root_baskets import header_of
from antdask.sources.root_keys import BIG, Key, parse_key

BASKET = "TBasket"
#: Objects and names of branches beyond these are no file of ROOT's [1].
MOST_OBJECTS = 100_000
#: Searches for the next key, and candidates in all of them, before the rest is given up: hostile files may hold a word millions of times [1].
_SEARCHES, _CANDIDATES = 1000, 1_000_000
#: Bytes that are read at once: keys stand some ten kilobytes apart, and a server takes as long to send one as to send a hundred [byte].
_NEAR, _FAR = 4 << 10, 1 << 20
#: Bytes that are searched at once, first and at most [byte].
_CHUNK, _LARGEST = 64 << 10, 4 << 20
_SMALLEST_KEY, _SMALLEST_GAP = 26, 4
#: Names of classes as they stand in keys.
_CLASSES = re.compile(rb"\x07TBasket|\x05TTree|\x05TList|\x05TFile|\x06TNamed|\x0aTDirectory|\x0eTDirectoryFile")
#: How far before them a key begins, and how wide its two places are, of which the first is its own [byte].
_STATED = ((26, 4), (34, 8))
_LONGEST = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Object:
    """An object that is whole.

    Parameters
    ----------
    key : Key
    parent : int
        Where the directory begins that it belongs to [byte].
    head : bytes
        The key up to the end of the title.
    """

    key: Key
    parent: int
    head: bytes


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Whole baskets of one branch, in order of place.

    Parameters
    ----------
    numbers : ndarray of int64
        Number of each basket in its branch: ROOT keeps it as the cycle of the key, of which there are 65,536.
    seeks, sizes, unpacked, entries : ndarray of int64
        Where it begins, how long it is with its key, and not compressed [byte]; how many entries it holds.
    widths : ndarray of int64
        Bytes of each of its entries where all have the same, else -1 [byte].
    """

    numbers: np.ndarray
    seeks: np.ndarray
    sizes: np.ndarray
    unpacked: np.ndarray
    entries: np.ndarray
    widths: np.ndarray

    def take(self, which: np.ndarray) -> Found:
        """Some of them."""
        return Found(*(getattr(self, name)[which] for name in self.__slots__))


@dataclasses.dataclass(frozen=True, slots=True)
class Records:
    """What stands in a file.

    Parameters
    ----------
    objects : tuple of Object
        All but baskets, in order of place.
    baskets : dict of tree to (dict of branch to Found)
    unreadable : tuple of (int, int)
        Stretches of the file that are no record: begin and end; what is left at the end is the last [byte].
    broken : Key or None
        Of the record that the end of the file cuts.
    odd : int
        Baskets with a header that is not understood.
    """

    objects: tuple[Object, ...]
    baskets: dict[str, dict[str, Found]]
    unreadable: tuple[tuple[int, int], ...]
    broken: Key | None
    odd: int


def walk(blob: Blob, begin: int) -> Records:
    """All records from `begin` on.

    Raises
    ------
    CorruptFileError
        More objects than any file of ROOT's has.
    """
    return _Walk(blob).run(begin)


def begins(blob: Blob, place: int) -> bool:
    """Whether a record begins at this place."""
    return 0 < place < blob.nbytes and _Walk(blob).key(place) is not None


class _Walk:
    def __init__(self, blob: Blob) -> None:
        self._blob, self._window = blob, _FAR if blob.far else _NEAR
        self._start, self._data = 0, memoryview(b"")
        self._objects: list[Object] = []
        self._baskets: dict[tuple[str, str], tuple[array[int], ...]] = {}
        self._unreadable: list[tuple[int, int]] = []
        self._broken: Key | None = None
        self._last: tuple[Key, tuple[array[int], ...]] | None = None
        self._odd = self._searches = self._candidates = 0

    def run(self, begin: int) -> Records:
        at, end = begin, self._blob.nbytes
        while at < end:
            at = self._step(at)
        trees: dict[str, dict[str, Found]] = {}
        for (tree, branch), columns in self._baskets.items():
            trees.setdefault(tree, {})[branch] = _found(columns)
        return Records(tuple(self._objects), trees, tuple(self._unreadable), self._broken, self._odd)

    def _step(self, at: int) -> int:
        """Take the record at this place; where the next begins."""
        size = self._size(at)
        # The space of what was deleted begins with its length below zero; a longer one than ROOT can state is searched through.
        if size <= -_SMALLEST_GAP and at - size <= self._blob.nbytes:
            return at - size
        found = self.key(at)
        if found is None:
            return self._search(at)
        key, head = found
        if at + key.nbytes > self._blob.nbytes:
            self._broken = key
            self._unreadable.append((at, self._blob.nbytes))
            return self._blob.nbytes
        if key.kind == BASKET:
            self._basket(key, at)
        else:
            self._objects.append(Object(key, _parent(head), head))
            if len(self._objects) > MOST_OBJECTS:
                raise CorruptFileError("The file holds too many objects", where=self._blob.url, expected=f"at most {MOST_OBJECTS}")
        return at + key.nbytes

    def _basket(self, key: Key, at: int) -> None:
        try:
            header = header_of(self._view(at, key.keylen))
        except (CorruptFileError, UnknownLayoutError):
            self._odd += 1
            return
        name = (key.title.decode("utf-8", "replace"), key.name)
        columns = self._baskets.get(name)
        if columns is None:
            if len(self._baskets) >= MOST_OBJECTS:
                raise CorruptFileError("The file holds too many branches", where=self._blob.url, expected=f"at most {MOST_OBJECTS}")
            columns = self._baskets[name] = tuple(array("q") for _ in range(6))
        equal = header.last - key.keylen == key.objlen and header.entries > 0
        width = key.objlen // header.entries if equal else -1
        for column, value in zip(columns, (key.cycle, at, key.nbytes, key.keylen + key.objlen, header.entries, width), strict=True):
            column.append(value)
        self._last = key, columns

    def key(self, at: int) -> tuple[Key, bytes] | None:
        """The key at this place and its bytes up to the end of the title; ``None`` if there is none that states this place."""
        data = self._view(at, _SMALLEST_KEY)
        if len(data) < _SMALLEST_KEY:
            return None
        nbytes, keylen = struct.unpack_from(">i", data)[0], struct.unpack_from(">h", data, 14)[0]
        if not _SMALLEST_KEY <= keylen <= nbytes:
            return None
        try:
            data = self._view(at, keylen)
            key, end = parse_key(data)
        except CorruptFileError:
            return None
        return (key, bytes(data[:end])) if key.seek == at and key.kind.isprintable() else None

    def _search(self, at: int) -> int:
        """Where the next record begins behind a place where none does; the end of the file if none is found."""
        self._doubt(at)
        self._searches += 1
        found = next(self._hits(at), None) if self._searches <= _SEARCHES else None
        stop = self._blob.nbytes if found is None else found
        self._unreadable.append((at, stop))
        return stop

    def _doubt(self, at: int) -> None:
        """Give up the basket just before zeros where it may itself end in zeros that were never written, and no checksum could tell."""
        if self._last is None or self._size(at) or bytes(self._blob.read(at - 1, at)) != b"\0":
            return
        key, columns = self._last
        content = key.seek + key.keylen
        if key.seek + key.nbytes == at and (at - content == key.objlen or bytes(self._blob.read(content, min(content + 2, at))) == b"ZS"):
            self._odd += 1
            for column in columns:
                column.pop()
        self._last = None

    def _hits(self, at: int) -> Iterator[int]:
        start, size = at, _CHUNK
        while start < self._blob.nbytes:
            data = self._blob.read(start, min(start + size + _LONGEST, self._blob.nbytes))
            for match in _CLASSES.finditer(data):
                self._candidates += 1
                if self._candidates > _CANDIDATES:
                    return
                # Compared first, because it takes a tenth of the time.
                for back, width in _STATED:
                    place = start + match.start() - back
                    stated = bytes(data[max(0, match.start() - 2 * width) : max(0, match.start() - width)])
                    if place > at and int.from_bytes(stated) == place and self.key(place) is not None:
                        yield place
            start, size = start + size, min(4 * size, _LARGEST)

    def _size(self, at: int) -> int:
        data = self._view(at, 4)
        return int(struct.unpack(">i", data[:4])[0]) if len(data) >= 4 else 0

    def _view(self, at: int, n: int) -> memoryview:
        """Up to `n` bytes from this place on, as many as the file has."""
        if not self._start <= at <= at + n <= self._start + len(self._data):
            stop = min(at + max(n, self._window), self._blob.nbytes)
            self._start, self._data = at, self._blob.read(at, stop)
        return self._data[at - self._start : at - self._start + n]


def _parent(head: bytes) -> int:
    """Where the directory of a key begins: behind the place of the key itself, in 4 or 8 bytes."""
    form, at = (">q", 26) if struct.unpack_from(">h", head, 4)[0] > BIG else (">i", 22)
    return int(struct.unpack_from(form, head, at)[0])


def _found(columns: tuple[array[int], ...]) -> Found:
    numbers, *others = (np.array(column, np.int64) for column in columns)
    return Found(_unwrapped(numbers), *others)


def _unwrapped(cycles: np.ndarray) -> np.ndarray:
    """Numbers of which 16 bits are known, each the nearest to the one before it, from zero.

    Examples
    --------
    >>> _unwrapped(np.array([0, 32767, -32768, -2, 3, 1]))
    array([    0, 32767, 32768, 65534, 65539, 65537])
    """
    # From zero on: a step of more than half of the circle is one backwards.
    steps = (np.diff(cycles, prepend=0) + 32768) % 65536 - 32768
    # Exactly half a circle goes forward.
    steps[steps == -32768] = 32768
    return np.cumsum(steps)
