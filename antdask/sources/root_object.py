"""Small objects of a ROOT file, such as the settings of a program, by what the file says of their classes: each member as a line of name, value and note.

::

    object   count | 0x40000000 u4 | class version u2 | members, those of base classes first
    TObject  version u2 | 8 bytes: no data
    vector   block | 0x4000 u2: member by member | class version u2 | n u4 | n x member 1 | n x member 2 ...
    vector   block: of numbers | n u4 | n x number

Numbers are big-endian. A member of a member is called ``trigger3DMuon.enabled``; values of a list are set apart by blanks. The note is the type, and on a line of its own the
comment that stands beside the member in the source of the program, if there is one: it holds the unit.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.sources.km3net_records import COUNTED, MEMBER_WISE

#: Name, value, note.
Line = tuple[bytes, bytes, bytes]

_NUMBERS = {
    1: "i1",
    2: "i2",
    3: ">i4",
    4: ">i8",
    5: ">f4",
    6: ">i4",
    8: ">f8",
    11: "u1",
    12: ">u2",
    13: ">u4",
    14: ">u8",
    16: ">i8",
    17: ">u8",
    18: "?",
}
_TYPES = {
    "int": ">i4",
    "unsigned int": ">u4",
    "short": ">i2",
    "unsigned short": ">u2",
    "float": ">f4",
    "double": ">f8",
    "long": ">i8",
    "long long": ">i8",
}
#: Kinds of members: a base class, a TObject, objects, texts, a collection; that many more for an array.
_BASE, _TOBJECT, _OBJECTS, _TSTRING, _STRING, _COLLECTION, _ARRAY = 0, 66, (61, 62), 65, 365, 500, 20
_TOBJECT_BYTES = 10
_VECTOR = re.compile(r"(?:std::)?vector<(.+?)(?:,allocator<.*)?>")
#: How deep objects may lie in each other: a class that is a member of itself is damage.
_DEEPEST = 16


class Member(NamedTuple):
    """A member of a class: name, type, ROOT's code for how it is written, number of elements of an array, comment."""

    name: str
    type_name: str
    code: int
    length: int
    comment: str


def members_of(data: bytes, kind: str, classes: Callable[[str, int], tuple[Member, ...]], prefix: str = "") -> list[Line]:
    """The members of an object as lines, in their order.

    Parameters
    ----------
    data : bytes
        The object, not compressed.
    kind : str
        Its class.
    classes : callable
        Gives the members of a class in a version (`RootFile.members`).
    prefix : str
        What stands before the name of each.

    Raises
    ------
    CorruptFileError
        Lengths contradict each other; the caller adds where.
    UnknownLayoutError
        A member is written in a way that is not known here, e.g. a pointer.
    """
    reader = _Reader(data, classes)
    reader.object(kind, prefix, 0)
    if reader.position != len(data):
        raise CorruptFileError("An object does not end where its last member does", found=reader.position, expected=len(data))
    return reader.lines


class _Reader:
    """A place in an object, and the lines before it."""

    def __init__(self, data: bytes, classes: Callable[[str, int], tuple[Member, ...]]) -> None:
        self._data, self._classes, self.position = data, classes, 0
        self.lines: list[Line] = []

    def object(self, kind: str, prefix: str, depth: int) -> None:
        """All members of an object, with its block."""
        if depth > _DEEPEST:
            raise UnknownLayoutError(f"Objects of class {kind} lie in each other without end")
        end, version = self._block()
        for member in self._classes(kind, version):
            self._member(member, prefix, depth)
        self._demand_end(end, kind)

    def _member(self, member: Member, prefix: str, depth: int) -> None:
        name = prefix + member.name
        plain = _NUMBERS.get(member.code - _ARRAY if member.length else member.code)
        if member.code == _TOBJECT:
            self._take(_TOBJECT_BYTES)
        elif plain is not None:
            self._add(name, member, self._numbers(plain, max(1, member.length)))
        elif member.code == _BASE:
            self.object(member.name, prefix, depth + 1)
        elif member.code in _OBJECTS:
            self.object(member.type_name, name + ".", depth + 1)
        elif member.code in (_TSTRING, _STRING):
            self._text(name, member)
        elif member.code == _COLLECTION:
            self._vector(name, member)
        else:
            raise UnknownLayoutError(f"Member '{name}' of type {member.type_name} is not read")

    def _vector(self, name: str, member: Member) -> None:
        inner = _VECTOR.fullmatch(member.type_name.strip())
        if inner is None:
            raise UnknownLayoutError(f"Member '{name}' of type {member.type_name} is not read")
        end, version = self._block()
        plain = _TYPES.get(inner[1].strip())
        if plain is not None and not version & MEMBER_WISE:
            self._add(name, member, self._numbers(plain, self._count()))
        elif plain is None and version & MEMBER_WISE:
            (of_class,) = struct.unpack(">H", self._take(2))
            n = self._count()
            for part in self._classes(inner[1].strip(), of_class):
                if part.code == _TOBJECT:
                    self._take(_TOBJECT_BYTES * n)
                elif part.code in _NUMBERS and not part.length:
                    self._add(f"{name}.{part.name}", part, self._numbers(_NUMBERS[part.code], n))
                else:
                    raise UnknownLayoutError(f"Member '{name}.{part.name}' of type {part.type_name} is not read")
        else:
            raise UnknownLayoutError(f"Member '{name}' of type {member.type_name} is not read as it is written here")
        self._demand_end(end, name)

    def _text(self, name: str, member: Member) -> None:
        end = self._block()[0] if member.code == _STRING else None
        (size,) = struct.unpack(">B", self._take(1))
        if size == 255:
            (size,) = struct.unpack(">I", self._take(4))
        self.lines.append((name.encode(), self._take(size), _note(member)))
        if end is not None:
            self._demand_end(end, name)

    def _add(self, name: str, member: Member, values: np.ndarray) -> None:
        words = [str(int(v) if isinstance(v, bool) else v) for v in values.tolist()]
        self.lines.append((name.encode(), " ".join(words).encode(), _note(member)))

    def _numbers(self, dtype: str, n: int) -> np.ndarray:
        return np.frombuffer(self._take(n * np.dtype(dtype).itemsize), dtype)

    def _count(self) -> int:
        n = int(struct.unpack(">I", self._take(4))[0])
        if n > len(self._data):
            raise CorruptFileError("An object counts more elements than it has bytes", found=n)
        return n

    def _block(self) -> tuple[int, int]:
        """Where a block ends, and its version."""
        (count,) = struct.unpack(">I", self._take(4))
        end = self.position + (count & ~COUNTED)
        if not count & COUNTED or end > len(self._data):
            raise CorruptFileError("A part of an object states an impossible size", found=hex(count))
        return end, int(struct.unpack(">H", self._take(2))[0])

    def _demand_end(self, end: int, what: str) -> None:
        if self.position != end:
            raise CorruptFileError(f"'{what}' does not end where it says", found=self.position, expected=end)

    def _take(self, n: int) -> bytes:
        if n > len(self._data) - self.position:
            raise CorruptFileError("An object ends inside one of its members", found=f"{len(self._data)} bytes")
        self.position += n
        return self._data[self.position - n : self.position]


def _note(member: Member) -> bytes:
    comment = member.comment.removeprefix("/<").strip()
    return f"{member.type_name}\n{comment}".strip().encode()
