"""Baskets built by hand: what they hold, and every way in which one can contradict itself."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import pytest

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.sources.root_baskets import Basket, check_equal, check_offsets, join, parse

ENTRIES = [b"ab", b"", b"cdefg", b"h"]


def counted(text: bytes) -> bytes:
    return (bytes([len(text)]) if len(text) < 255 else b"\xff" + struct.pack(">I", len(text))) + text


def basket(entries: list[bytes] = ENTRIES, *, offsets: bool = True, packed: bool = False, big: bool = False, **change: Any) -> bytes:
    """A basket as ROOT writes it; `change` replaces fields."""
    field: dict[str, Any] = {
        "kind": b"TBasket",
        "name": b"hits",
        "seek": 4711,
        "reserved": 1000,
        "nevbuf": len(entries),
        "words": len(entries) + 1,
    }
    field |= change
    names = counted(field["kind"]) + counted(field["name"]) + counted(b"tree")
    keylen = 18 + (16 if big else 8) + len(names) + 19
    content = b"".join(entries)
    last = keylen + len(content) + field.get("last", 0)
    if offsets:
        starts = [keylen + sum(map(len, entries[:k])) for k in range(len(entries))]
        starts = [s + field.get("start", 0) * (k == 1) for k, s in enumerate(starts)]
        content += struct.pack(f">I{len(entries) + 1}i", field["words"], *starts, 0)
    objlen = len(content) + field.get("objlen", 0)
    if packed:
        raw = zlib.compress(content)
        content = b"ZL\x08" + len(raw).to_bytes(3, "little") + len(content).to_bytes(3, "little") + raw
    nbytes = keylen + len(content) + field.get("nbytes", 0)
    key = struct.pack(">ihiIhh", nbytes, 1004 if big else 4, objlen, 0, keylen + field.get("keylen", 0), 0)
    seeks = struct.pack(">qq" if big else ">ii", field["seek"], 100)
    return key + seeks + names + struct.pack(">HiiiiB", 3, 32000, field["reserved"], field["nevbuf"], last, 12) + content


def read(data: bytes, entries: int = 4) -> Basket:
    return parse(memoryview(data), seek=4711, branch="hits", start=10, stop=10 + entries)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("big", [False, True])
def test_entries_of_any_size_come_back(packed: bool, big: bool) -> None:
    found = read(basket(packed=packed, big=big))
    assert found.payload.tobytes() == b"abcdefgh"
    assert found.offsets is not None
    assert found.offsets.tolist() == [0, 2, 2, 7, 8]
    assert (found.start, found.stop) == (10, 14)
    assert found.sizes.tolist() == [2, 0, 5, 1]


def test_entries_of_equal_size_need_no_offsets() -> None:
    found = read(basket([b"ab", b"cd", b"ef"], offsets=False), 3)
    assert found.offsets is None
    assert found.sizes.tolist() == [2, 2, 2]
    assert found.starts.tolist() == [0, 2, 4]


def test_long_names_are_counted_in_four_bytes() -> None:
    name = b"n" * 300
    assert len(parse(memoryview(basket(name=name)), seek=4711, branch=name.decode(), start=0, stop=4).payload) == 8


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"nbytes": 1}, "another size"),
        ({"seek": 4712}, "another place"),
        ({"name": b"hitz"}, "another branch"),
        ({"nevbuf": 5}, "another number of entries"),
        ({"nevbuf": -1}, "impossible header"),
        ({"kind": b"TBaskit"}, "another object"),
        ({"keylen": 1}, "impossible header"),
        ({"keylen": -50}, "impossible header|ends inside its header|longer than the header"),
        ({"keylen": 30_000}, "impossible header"),
        ({"objlen": 1}, "no known header|do not add up|cannot be read"),
        ({"last": 10_000}, "outside itself"),
        ({"last": -10_000}, "outside itself"),
        ({"last": -1}, "another length"),
        ({"words": 4}, "another length"),
        ({"start": -3}, "do not follow"),
        ({"start": 6}, "do not follow"),
        ({"start": 2**30}, "do not follow"),
    ],
)
def test_a_basket_that_contradicts_itself_is_damage(change: dict[str, Any], what: str) -> None:
    with pytest.raises(CorruptFileError, match=what):
        read(basket(**change))


@pytest.mark.parametrize("size", range(0, 95, 7))
def test_a_basket_cut_anywhere_is_damage(size: int) -> None:
    with pytest.raises(CorruptFileError):
        read(basket()[:size])


def test_baskets_without_a_table_of_offsets_are_refused_by_name() -> None:
    with pytest.raises(UnknownLayoutError, match="offset map"):
        read(basket(reserved=-1000))


def test_equal_entries_must_fill_the_payload() -> None:
    with pytest.raises(CorruptFileError, match="do not fill"):
        check_equal(np.zeros(7, np.uint8), 3)
    with pytest.raises(CorruptFileError, match="do not fill"):
        check_equal(np.zeros(7, np.uint8), 0)
    assert len(check_equal(np.zeros(0, np.uint8), 0)) == 0


@pytest.mark.parametrize("offsets", [[1, 8], [0, 7], [0, 5, 4, 8], [0, 9, 8]])
def test_offsets_rise_from_the_first_byte_to_the_last(offsets: list[int]) -> None:
    with pytest.raises(CorruptFileError, match="do not follow"):
        check_offsets(np.array(offsets), 8)


def test_a_cut_is_the_same_entries_counted_from_their_own_start() -> None:
    piece = read(basket()).cut(11, 13)
    assert (piece.start, piece.stop, piece.payload.tobytes(), piece.sizes.tolist()) == (11, 13, b"cdefg", [0, 5])
    equal = read(basket([b"ab", b"cd", b"ef"], offsets=False), 3).cut(11, 13)
    assert (equal.payload.tobytes(), equal.size) == (b"cdef", 2)
    whole = read(basket())
    assert whole.cut(10, 14) is whole


def test_joined_baskets_hold_all_entries_whatever_their_form() -> None:
    ragged = read(basket())
    equal = Basket(14, 16, np.frombuffer(b"xyz!", np.uint8), None)
    both = join([ragged, equal])
    assert (both.start, both.stop, both.payload.tobytes(), both.sizes.tolist()) == (10, 16, b"abcdefghxyz!", [2, 0, 5, 1, 2, 2])
    assert join([equal, Basket(16, 17, np.frombuffer(b"12", np.uint8), None)]).offsets is None
    assert join([]).payload.tobytes() == b""
