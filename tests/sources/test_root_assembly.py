"""Baskets put together at once are the baskets one by one; what is not ordinary is left to those who name it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from antdask.sources.root_assembly import Assembler, Raws
from antdask.sources.root_baskets import Basket, join, parse
from tests.sources.test_root_baskets import basket

CONTENTS = [[b"ab", b"", b"cdefg", b"h"], [b"ijk"], [b"", b"lm"]]
EQUAL = [[b"ab", b"cd"], [b"ef"], [b"gh", b"ij", b"kl"]]
SEEK = 4711


def together(baskets: list[bytes], entries: list[int], seeks: list[int] | None = None, gap: int = 3) -> Raws:
    """Baskets in a buffer, with something between them."""
    sizes = np.array([len(b) for b in baskets], np.int64)
    buffer = np.frombuffer(b"".join(b + b"?" * gap for b in baskets), np.uint8)
    places = np.arange(SEEK, SEEK + len(baskets)) if seeks is None else np.array(seeks)
    return Raws(buffer, np.cumsum(sizes + gap) - sizes - gap, sizes, places, np.array(entries))


def packed_baskets(contents: list[list[bytes]], **form: Any) -> list[bytes]:
    return [basket(entries, seek=SEEK + k, **form) for k, entries in enumerate(contents)]


def raws(contents: list[list[bytes]], **form: Any) -> Raws:
    return together(packed_baskets(contents, **form), [len(entries) for entries in contents])


def one_by_one(found: Raws) -> Basket:
    pieces, start = [], 10
    for begin, size, seek, entries in zip(*(x.tolist() for x in found[1:]), strict=True):
        data = memoryview(found.buffer)[begin : begin + size]
        pieces.append(parse(data, seek=seek, branch="hits", start=start, stop=start + entries))
        start += entries
    return join(pieces)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(("contents", "offsets"), [(CONTENTS, True), (EQUAL, True), (EQUAL, False)])
def test_together_is_one_by_one(contents: list[list[bytes]], offsets: bool, packed: bool, big: bool) -> None:
    given = raws(contents, offsets=offsets, packed=packed, big=big)
    found, expected = Assembler("hits").join(10, [], given, []), one_by_one(given)
    assert found is not None
    assert (found.start, found.stop) == (expected.start, expected.stop)
    assert found.payload.tobytes() == expected.payload.tobytes()
    assert found.sizes.tolist() == expected.sizes.tolist()
    assert (found.offsets is None) == (not offsets)
    assert found.own


def test_baskets_that_were_cut_stand_before_and_behind() -> None:
    before = Basket(8, 10, np.frombuffer(b"xyz", np.uint8), np.array([0, 1, 3]))
    after = Basket(17, 18, np.frombuffer(b"uv", np.uint8), None)
    found = Assembler("hits").join(8, [before], raws(CONTENTS, packed=True), [after])
    assert found is not None
    assert found.payload.tobytes() == b"xyzabcdefghijklmuv"
    assert found.sizes.tolist() == [1, 2, 2, 0, 5, 1, 3, 0, 2, 2]
    assert (found.start, found.stop) == (8, 18)


DAMAGE: list[dict[str, Any]] = [
    {"name": b"hitz"}, {"kind": b"TBaskeu"}, {"reserved": -1}, {"nevbuf": 3}, {"words": 9}, {"last": 1}, {"last": -99}, {"start": 1}, {"start": 100}, {"objlen": 1}, {"nbytes": 1}, {"keylen": 1},
]  # fmt: skip


@pytest.mark.parametrize("change", DAMAGE)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("where", [0, 1])
def test_what_contradicts_itself_is_not_put_together(change: dict[str, Any], packed: bool, where: int) -> None:
    baskets = packed_baskets([CONTENTS[0]] * 2, packed=packed)
    baskets[where] = basket(CONTENTS[0], packed=packed, seek=SEEK + where, **change)
    assert Assembler("hits").join(0, [], together(baskets, [4, 4]), []) is None


def test_a_basket_that_stands_elsewhere_or_is_cut_short_is_not_put_together() -> None:
    first, second = packed_baskets([CONTENTS[0]] * 2, packed=True)
    assert Assembler("hits").join(0, [], together([first, second], [4, 4]), []) is not None
    assert Assembler("hits").join(0, [], together([first, second], [4, 4], [SEEK, 1]), []) is None
    for bad in (second[:40], second[:-1]):
        assert Assembler("hits").join(0, [], together([first, bad], [4, 4], gap=200), []) is None


def test_places_may_grow_to_eight_bytes_in_the_middle_of_a_branch() -> None:
    assembler = Assembler("hits")
    for big in (False, True, False):
        given = raws(CONTENTS, packed=True, big=big)
        found = assembler.join(10, [], given, [])
        assert found is not None
        assert found.payload.tobytes() == one_by_one(given).payload.tobytes()


def test_baskets_of_several_blocks_or_algorithms_or_of_none_are_put_together() -> None:
    contents = [[bytes(rng) * 9, bytes(rng)] for rng in (range(7), range(70), range(3))]
    whole = packed_baskets(contents, packed=True)
    plain = packed_baskets(contents)
    for number in range(3):
        mixed = together([plain[k] if k == number else whole[k] for k in range(3)], [2, 2, 2])
        found = Assembler("hits").join(10, [], mixed, [])
        assert found is not None
        assert found.payload.tobytes() == one_by_one(raws(contents)).payload.tobytes()


def test_no_byte_can_be_changed_unseen_in_header_and_offsets() -> None:
    expected = one_by_one(raws([CONTENTS[0]] * 2))
    first, second = packed_baskets([CONTENTS[0]] * 2)
    for position in range(len(second)):
        data = bytearray(second)
        data[position] ^= 0x40
        bad = together([first, bytes(data)], [4, 4])
        found = Assembler("hits").join(10, [], bad, [])
        if found is None:
            continue
        # Only what nobody reads, or the payload itself, may differ without notice: as one by one.
        alone = one_by_one(bad)
        assert found.payload.tobytes() == alone.payload.tobytes()
        assert found.sizes.tolist() == alone.sizes.tolist() == expected.sizes.tolist()
