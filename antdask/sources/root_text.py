"""Texts that stand in a ROOT file as objects of their own, byte by byte: how programs leave notes.

::

    TNamed       block 6 | TObject 10 | name | title, which is the text
    TObjString   block 6 | TObject 10 | the text
    TKey         a key (`root_keys`) whose title is the text: what a program leaves that writes the key of a TNamed instead of the TNamed

A string is counted by one byte, or by 255 and four more. A TNamed has its text as the title of its key too, so that damage to either is noticed.
"""

from __future__ import annotations

import struct

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.sources.km3net_records import COUNTED
from antdask.sources.root_keys import Key, parse_key

NAMED, STRING, KEY = "TNamed", "TObjString", "TKey"
#: Classes of objects that are texts.
KINDS = (NAMED, STRING, KEY)

_BLOCK, _TOBJECT = 6, 10
#: Bit of a TObject that says that two more bytes follow.
_REFERENCED = 1 << 4
#: ROOT cuts titles of keys here [byte].
_TITLE = 32_000


def text_of(key: Key, data: bytes) -> bytes:
    """The text in an object.

    Parameters
    ----------
    key : Key
        Of one of the classes `KINDS`.
    data : bytes
        The object, not compressed.

    Raises
    ------
    CorruptFileError
        Lengths contradict each other, or the object contradicts its key; the caller adds where.
    UnknownLayoutError
        It is of another class.
    """
    if key.kind == KEY:
        inner, end = parse_key(memoryview(data))
        text = inner.title
    elif key.kind in KINDS:
        texts, end = _strings(data, 1 + (key.kind == NAMED))
        text = texts[-1]
    else:
        raise UnknownLayoutError("The object is no text", found=key.kind, expected=", ".join(KINDS))
    if end != len(data):
        raise CorruptFileError("A text does not end where its object does", found=end, expected=len(data))
    if key.kind != STRING and text[:_TITLE] != key.title[:_TITLE]:
        raise CorruptFileError(
            "A text and the title of its key differ", found=f"{len(text)} bytes", expected=f"{len(key.title)} bytes of the key"
        )
    return text


def _strings(data: bytes, number: int) -> tuple[list[bytes], int]:
    """The strings behind block and TObject, and where they end."""
    try:
        (count,) = struct.unpack_from(">I", data)
        _, _, bits = struct.unpack_from(">HII", data, _BLOCK)
        if count != COUNTED | (len(data) - 4):
            raise CorruptFileError("A text does not begin as its class does", found=hex(count), expected=hex(COUNTED | (len(data) - 4)))
        position, found = _BLOCK + _TOBJECT + (2 if bits & _REFERENCED else 0), []
        for _ in range(number):
            (size,) = struct.unpack_from(">B", data, position)
            position += 1
            if size == 255:
                (size,) = struct.unpack_from(">I", data, position)
                position += 4
            found.append(data[position : position + size])
            position += size
    except struct.error as error:
        raise CorruptFileError("A text ends inside its lengths", found=f"{len(data)} bytes") from error
    return found, position
