"""Vectors of vectors and of strings in ROOT branches, to any depth: one array of numbers or bytes, and the counts of each level.

::

    std::vector<T>, std::string    block 6 | value                        of one entry
    member of a split vector       block 6 | value 1 | value 2 ...        one value for each element that the vector counts
    value of vector<T>             n u4 | n values of T
    value of string                n u1 (255: n u4 follows) | n bytes
    TString                        value of string, without block
    leaf of type C                 likewise, and nothing at all for a string without bytes

A block is ``count | 0x40000000`` u4 and a version u2. Bit 0x4000 of the version says that the vector stands member by member, which vectors of numbers and strings never do:
with it the entry is refused, since read as if it were not there it can give wrong values without any error. All numbers are big-endian.
"""

from __future__ import annotations

import dataclasses
import re

import numpy as np

from antdask.errors import UnknownLayoutError
from antdask.model.ragged import offsets_of, ranges
from antdask.sources.km3net_records import BLOCK, COUNTED, MEMBER_WISE, demand, gather, native, ones
from antdask.sources.root_branch import Branch
from antdask.sources.root_leaf import MEMBER

NUMBER, STRING, VECTOR = "number", "string", "vector"

_CPP = {
    "bool": "b1", "char": "i1", "signed char": "i1", "unsigned char": "u1", "short": "i2", "unsigned short": "u2", "int": "i4", "unsigned int": "u4",
    "long": "i8", "unsigned long": "u8", "long long": "i8", "unsigned long long": "u8", "float": "f4", "double": "f8",
    "Bool_t": "b1", "Char_t": "i1", "UChar_t": "u1", "Short_t": "i2", "UShort_t": "u2", "Int_t": "i4", "UInt_t": "u4", "Long64_t": "i8", "ULong64_t": "u8",
    "Float_t": "f4", "Double_t": "f8", "int8_t": "i1", "uint8_t": "u1", "int16_t": "i2", "uint16_t": "u2", "int32_t": "i4", "uint32_t": "u4",
    "int64_t": "i8", "uint64_t": "u8", "unsigned": "u4", "Long_t": "i8", "ULong_t": "u8",
}  # fmt: skip
_STL, _TSTRING = 300, 65


@dataclasses.dataclass(frozen=True, slots=True)
class Form:
    """What a value is: a number of `dtype`, a string, or a vector of `inner`, without which it would be one of bytes."""

    kind: str
    dtype: str = ""
    inner: Form | None = None

    def __str__(self) -> str:
        return f"vector<{self.inner}>" if self.kind == VECTOR else self.dtype or self.kind

    @property
    def depth(self) -> int:
        """Levels of counts below the value."""
        return 0 if self.kind == NUMBER else 1 + (self.inner.depth if self.inner else 0)


_BYTES = Form(NUMBER, "u1")


@dataclasses.dataclass(frozen=True, slots=True)
class NestedBranch:
    """A branch of nested values.

    Parameters
    ----------
    form : Form
        Of one value.
    count : str
        Branch that counts the values of each entry; empty where each has one.
    block : bool
        Whether a block stands before the values.
    bare : bool
        Whether a string without bytes takes none, not even its count (leaves of type C).
    """

    form: Form
    count: str
    block: bool
    bare: bool = False

    @property
    def dtype(self) -> str:
        """NumPy code of the innermost numbers; bytes of strings are ``u1``."""
        return _innermost(self.form)


@dataclasses.dataclass(frozen=True, slots=True)
class Nested:
    """Values of a range of entries.

    Parameters
    ----------
    values : ndarray
        The innermost numbers, or the bytes of strings (uint8).
    levels : tuple of ndarray of int64
        Outermost first: how many rows of the next level each row has; the first counts for entries where the branch is counted.
    """

    values: np.ndarray
    levels: tuple[np.ndarray, ...]


def parse_form(name: str) -> Form:
    """The form behind the name of a C++ type.

    Raises
    ------
    UnknownLayoutError
        A type that is not read.

    Examples
    --------
    >>> parse_form("vector<vector<double> >").depth
    2
    """
    plain = re.sub(r"\bstd::|\bconst\b", "", name).strip()
    if plain in ("string", "TString"):
        return Form(STRING)
    if plain in _CPP:
        return Form(NUMBER, _CPP[plain])
    inside = re.fullmatch(r"vector<(.*)>", plain)
    if inside is None:
        raise UnknownLayoutError("Values of this type are not read", found=name, expected="vectors of numbers and strings, to any depth")
    text = re.sub(r",\s*allocator<.*>\s*$", "", inside[1])
    return Form(VECTOR, inner=parse_form(text))


def nested_of(branch: Branch) -> NestedBranch:
    """What a branch of nested values holds.

    Raises
    ------
    UnknownLayoutError
        It holds something else.
    """
    leaves = branch.member("fLeaves")
    kind = type(leaves[0]).__name__ if len(leaves) == 1 else ""
    if kind.startswith("Model_TLeafC_"):
        return NestedBranch(Form(STRING), "", False, bare=True)
    if not kind.startswith("Model_TLeafElement_"):
        raise UnknownLayoutError("The branch holds no vectors and no strings", where=branch.where, found=kind or f"{len(leaves)} leaves")
    code, split, counter = int(branch.member("fStreamerType")), int(branch.member("fType")), leaves[0].member("fLeafCount")
    counted = "" if counter is None else str(counter.member("fName")).removesuffix("_")
    # -1 is a branch that holds a whole object of its own.
    if branch.children or split not in (-1, 0, MEMBER) or bool(counted) != (split == MEMBER):
        raise UnknownLayoutError("The branch is split in a way that is not read", where=branch.where, found=f"type {split}")
    if code == _TSTRING and split == 0:
        return NestedBranch(Form(STRING), "", False)
    # A branch that is no member of a class has its type as its class.
    name = branch.type_name if code == _STL else str(branch.member("fClassName")) if code == -1 else ""
    if not name:
        raise UnknownLayoutError("Values of this type are not read", where=branch.where, found=f"type {code}")
    try:
        form = parse_form(name)
    except UnknownLayoutError as error:
        raise UnknownLayoutError(error.what, where=branch.where, found=error.found, expected=error.expected) from error
    # A string that is no member stands without block (seen in headerTree.detid of a DST), a vector never does.
    return NestedBranch(form, counted, code == _STL or form.kind != STRING)


def read_nested(branch: Branch, what: NestedBranch, start: int, stop: int, counts: np.ndarray | None = None) -> Nested:
    """Values of the entries ``start:stop``.

    Parameters
    ----------
    what : NestedBranch
        From `nested_of`.
    counts : ndarray of int64, optional
        Values of each entry, for branches that are counted.

    Raises
    ------
    CorruptFileError
        With the entries that contradict themselves.
    UnknownLayoutError
        An entry stands member by member.
    """
    basket = branch.read(start, stop)
    position, end = basket.starts, basket.starts + basket.sizes
    if what.block:
        demand(basket.sizes >= BLOCK.itemsize, branch, start, "An entry is shorter than the block before it", found=basket.sizes)
        head = gather(basket.payload, position, ones(len(position)), BLOCK)
        framed = head["count"] == COUNTED | (basket.sizes - 4)
        demand(framed, branch, start, "The byte count of an entry is not its size", found=head["count"] & ~np.uint32(COUNTED))
        if (head["version"] & MEMBER_WISE).any():
            raise UnknownLayoutError("Vectors of this type that stand member by member are not read", where=branch.where)
        position = position + BLOCK.itemsize
    walk = _Walk(branch, start, basket.payload, end)
    each = ones(len(position)) if counts is None else counts
    if what.bare:
        there = basket.sizes > 0
        values, (lengths,), position = walk.values(what.form, position, there.astype(np.int64), np.arange(len(position)))
        each = np.zeros(len(position), np.int64)
        each[there] = lengths
        levels: tuple[np.ndarray, ...] = (each,)
    else:
        values, levels, position = walk.values(what.form, position, each, np.arange(len(position)))
    demand(position == end, branch, start, "An entry does not end where its last value does", found=end - position)
    return Nested(values, levels if counts is None else (each, *levels))


#: Where the elements of a rank belong, their values, and their levels.
_Piece = tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]]


@dataclasses.dataclass(frozen=True, slots=True)
class _Walk:
    """Steps through the values of all entries side by side: one step for each rank, not for each value."""

    branch: Branch
    start: int
    payload: np.ndarray
    end: np.ndarray

    def values(
        self, form: Form, position: np.ndarray, counts: np.ndarray, entry: np.ndarray
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...], np.ndarray]:
        """`counts` values of `form` from each position on; `entry` says in which entry each stands.

        Returns
        -------
        values, levels, positions behind them
        """
        if form.kind == NUMBER:
            dtype = np.dtype(form.dtype).newbyteorder(">")
            self._room(position, counts * dtype.itemsize, entry)
            return native(gather(self.payload, position, counts, dtype)), (), position + counts * dtype.itemsize
        if form.kind == VECTOR and form.inner is not None and form.inner.kind == NUMBER:
            size = np.dtype(form.inner.dtype).itemsize
            heads, lengths, position = self._ranks(position, counts, entry, size)
            values = native(gather(self.payload, heads, lengths, np.dtype(form.inner.dtype).newbyteorder(">")))
            return values, (lengths,), position
        if form.kind == STRING:
            heads, lengths, position = self._ranks(position, counts, entry, 0)
            return np.array(gather(self.payload, heads, lengths, np.dtype("u1"))), (lengths,), position
        return self._nested(form.inner or _BYTES, position, counts, entry)

    def _nested(
        self, inner: Form, position: np.ndarray, counts: np.ndarray, entry: np.ndarray
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...], np.ndarray]:
        """Vectors of what is no number: rank by rank, and put into the order of the file at the end."""
        self._room(position, 4 * counts, entry)
        pieces: list[_Piece] = []
        total = offsets_of(counts)
        blank = self._blank(position, counts, entry, 4)
        if blank.any():
            levels = (np.zeros(int(counts[blank].sum()), np.int64), *(np.zeros(0, np.int64),) * inner.depth)
            pieces.append((ranges(total[:-1][blank], counts[blank]), np.zeros(0, _innermost(inner)), levels))
        position, counts = np.where(blank, self.end[entry], position), np.where(blank, 0, counts)
        for rank in range(int(counts.max(initial=0))):
            active = np.flatnonzero(counts > rank)
            lengths = self._counts(position[active], entry[active])
            values, levels, behind = self.values(inner, position[active] + 4, lengths, entry[active])
            position[active] = behind
            pieces.append((total[active] + rank, values, (lengths, *levels)))
        values, levels = _in_order(pieces, inner)
        return values, levels, position

    def _ranks(self, position: np.ndarray, counts: np.ndarray, entry: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where each value begins behind its count, how long it is, and where the last ends; `size` 0 stands for strings."""
        # Before anything is allocated for what a damaged count claims.
        self._room(position, (4 if size else 1) * counts, entry)
        total = offsets_of(counts)
        heads, lengths = np.zeros(total[-1], np.int64), np.zeros(total[-1], np.int64)
        blank = self._blank(position, counts, entry, 4 if size else 1)
        position, counts = np.where(blank, self.end[entry], position), np.where(blank, 0, counts)
        for rank in range(int(counts.max(initial=0))):
            active = np.flatnonzero(counts > rank)
            at, of = position[active], entry[active]
            n, head = (self._counts(at, of), at + 4) if size else self._string(at, of)
            self._room(head, n * (size or 1), of)
            place = total[active] + rank
            heads[place], lengths[place] = head, n
            position[active] = head + n * (size or 1)
        return heads, lengths, position

    def _blank(self, position: np.ndarray, counts: np.ndarray, entry: np.ndarray, size: int) -> np.ndarray:
        """Which runs of values reach to the end of their entry with counts of 0 alone: real files are full of them, and they need no steps."""
        blank = position + size * counts == self.end[entry]
        found = gather(self.payload, position[blank], size * counts[blank], np.dtype("u1")) != 0
        edges = offsets_of(size * counts[blank])
        blank[blank] = np.diff(np.append(0, np.cumsum(found))[edges]) == 0
        return np.asarray(blank)

    def _counts(self, position: np.ndarray, entry: np.ndarray) -> np.ndarray:
        """The count of a vector at each position."""
        self._room(position, np.full(len(position), 4), entry)
        # A count that is no positive number of a signed word is damage, and `_room` says so: no vector fills so much.
        found: np.ndarray = gather(self.payload, position, ones(len(position)), np.dtype(">u4")).astype(np.int64)
        return found

    def _string(self, position: np.ndarray, entry: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Length of a string at each position, and where its first byte stands."""
        self._room(position, ones(len(position)), entry)
        n, head = self.payload[position].astype(np.int64), position + 1
        long = np.flatnonzero(n == 255)
        if len(long):
            n[long] = self._counts(head[long], entry[long])
            head[long] += 4
        return n, head

    def _room(self, position: np.ndarray, nbytes: np.ndarray, entry: np.ndarray) -> None:
        """Raise unless so many bytes follow inside the entry."""
        short = position + nbytes > self.end[entry]
        if short.any():
            ok = np.ones(len(self.end), bool)
            ok[entry[short]] = False
            demand(ok, self.branch, self.start, "An entry ends inside one of its values")


def _innermost(form: Form) -> str:
    while form.inner is not None:
        form = form.inner
    return form.dtype or "u1"


def _in_order(pieces: list[_Piece], inner: Form) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Values and levels of ranks, in the order of the elements that they belong to."""
    if not pieces:
        return np.zeros(0, _innermost(inner)), tuple(np.zeros(0, np.int64) for _ in range(1 + inner.depth))
    order = np.argsort(np.concatenate([place for place, _, _ in pieces]), kind="stable")
    levels = [np.concatenate(level) for level in zip(*(levels for _, _, levels in pieces), strict=True)]
    rows, made = order, []
    for counts in levels:
        first = offsets_of(counts)[:-1]
        made.append(counts[rows])
        rows = ranges(first[rows], counts[rows])
    return np.concatenate([values for _, values, _ in pieces])[rows], tuple(made)
