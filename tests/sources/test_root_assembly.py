"""Baskets put together at once are the baskets one by one; what is not ordinary is left to those who name it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from antdask.sources.root_assembly import Assembler, Raw
from antdask.sources.root_baskets import Basket, join, parse
from tests.sources.test_root_baskets import basket

CONTENTS = [[b"ab", b"", b"cdefg", b"h"], [b"ijk"], [b"", b"lm"]]
EQUAL = [[b"ab", b"cd"], [b"ef"], [b"gh", b"ij", b"kl"]]
SEEK = 4711


def raws(contents: list[list[bytes]], **form: Any) -> list[Raw]:
    return [Raw(memoryview(basket(entries, seek=SEEK + k, **form)), SEEK + k, len(entries)) for k, entries in enumerate(contents)]


def one_by_one(found: list[Raw]) -> Basket:
    pieces, start = [], 10
    for raw in found:
        pieces.append(parse(raw.data, seek=raw.seek, branch="hits", start=start, stop=start + raw.entries))
        start += raw.entries
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
    given = raws([CONTENTS[0]] * 2, packed=packed)
    given[where] = Raw(memoryview(basket(CONTENTS[0], packed=packed, seek=SEEK + where, **change)), SEEK + where, 4)
    assert Assembler("hits").join(0, [], given, []) is None


def test_a_basket_that_stands_elsewhere_or_is_cut_short_is_not_put_together() -> None:
    (first, second) = raws([CONTENTS[0]] * 2, packed=True)
    for bad in (second._replace(seek=1), second._replace(data=second.data[:40]), second._replace(data=second.data[:-1])):
        assert Assembler("hits").join(0, [], [first, bad], []) is None


def test_no_byte_can_be_changed_unseen_in_header_and_offsets() -> None:
    given = raws([CONTENTS[0]] * 2)
    expected = one_by_one(given)
    for position in range(len(given[1].data)):
        data = bytearray(given[1].data)
        data[position] ^= 0x40
        bad = Raw(memoryview(data), given[1].seek, 4)
        found = Assembler("hits").join(10, [], [given[0], bad], [])
        if found is None:
            continue
        # Only what nobody reads, or the payload itself, may differ without notice: as one by one.
        alone = one_by_one([given[0], bad])
        assert found.payload.tobytes() == alone.payload.tobytes()
        assert found.sizes.tolist() == alone.sizes.tolist() == expected.sizes.tolist()
