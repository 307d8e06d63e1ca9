"""Texts as objects: of each class, and damage to each of its bytes."""

from __future__ import annotations

import struct

import pytest

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.sources.root_keys import Key
from antdask.sources.root_text import text_of

LONG = b"a=1\n" * 100


def counted(text: bytes) -> bytes:
    return (bytes([len(text)]) if len(text) < 255 else b"\xff" + struct.pack(">I", len(text))) + text


def written(*texts: bytes, bits: int = 0x0300_0000) -> bytes:
    body = struct.pack(">HHII", 1, 1, 0, bits) + (b"\0\1" if bits & 16 else b"") + b"".join(map(counted, texts))
    return struct.pack(">I", 0x4000_0000 | len(body)) + body


def key(kind: str, title: bytes = b"") -> Key:
    return Key(0, 0, 0, 1, 0, kind, "JMeta", title)


@pytest.mark.parametrize("text", [b"", b"JConvert", LONG, b"\xff\x00 no UTF-8"])
@pytest.mark.parametrize("bits", [0x0300_0000, 0x10])
def test_a_text_comes_back_byte_by_byte(text: bytes, bits: int) -> None:
    assert text_of(key("TNamed", text), written(b"JMeta", text, bits=bits)) == text
    assert text_of(key("TObjString", b"Collectable string class"), written(text, bits=bits)) == text


def test_a_key_in_the_place_of_a_text_has_it_as_its_title() -> None:
    strings = counted(b"TKey") + counted(b"input_files") + counted(LONG)
    inner = struct.pack(">ihiIhhii", 600, 4, 500, 0, 26 + len(strings), 1, 77, 100) + strings
    assert text_of(key("TKey", LONG), inner) == LONG


def test_a_title_that_root_cut_is_enough() -> None:
    text = b"x" * 40_000
    assert text_of(key("TNamed", text[:32_000]), written(b"JMeta", text)) == text


def test_a_text_that_differs_from_its_key_is_damage() -> None:
    with pytest.raises(CorruptFileError, match="title of its key differ"):
        text_of(key("TNamed", b"JConverd"), written(b"JMeta", b"JConvert"))


def test_a_text_cut_anywhere_or_with_a_wrong_length_is_damage() -> None:
    data = written(b"JMeta", LONG)
    for size in range(len(data)):
        with pytest.raises(CorruptFileError):
            text_of(key("TNamed", LONG), data[:size])
    for place in (0, 3, 16, 22, 26):
        bad = bytearray(data)
        bad[place] ^= 1
        with pytest.raises(CorruptFileError):
            text_of(key("TNamed", LONG), bytes(bad))


def test_another_class_is_no_text() -> None:
    with pytest.raises(UnknownLayoutError, match="no text"):
        text_of(key("TH1D"), b"")
