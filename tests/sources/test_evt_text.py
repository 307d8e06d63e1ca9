"""Every word of a text is read as ``float`` reads it, glued or not; stars are missing, and words are no numbers."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antdask.sources.evt_text import NUMBER, OVERFLOW, TEXT, number, split

TAGS = [b"hit", b"track_in", b"track_seaneutrino", b"hit_raw"]


def words(text: bytes) -> list[list[tuple[float, int]]]:
    lines = split(np.frombuffer(text, np.uint8), TAGS)
    return [
        list(zip(lines.values[a : a + n].tolist(), lines.states[a : a + n].tolist(), strict=True))
        for a, n in zip(lines.first, lines.counts, strict=True)
    ]


def values(text: bytes) -> list[float]:
    (line,) = words(b"hit:" + text)
    assert {state for _, state in line} <= {NUMBER}
    return [value for value, _ in line]


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1), st.sampled_from([" ", "\t", "  \t "]))
def test_numbers_come_back_bit_for_bit(numbers: list[float], blank: str) -> None:
    text = blank.join(repr(n) for n in numbers).encode()
    assert np.array(values(b" " + text)).tobytes() == np.array(numbers).tobytes()


@settings(deadline=None)
@given(st.lists(st.integers(-(2**53), 2**53), min_size=1))
def test_whole_numbers_come_back(numbers: list[int]) -> None:
    assert values(b" " + b" ".join(b"%d" % n for n in numbers)) == numbers


@settings(deadline=None)
@given(st.lists(st.floats(-1e30, 1e30).filter(lambda x: x == 0 or abs(x) > 1e-90), min_size=1))
def test_columns_that_are_filled_to_the_brim_are_told_apart(numbers: list[float]) -> None:
    text = "".join(f"{n:12.4E}"[-12:] for n in numbers)
    expected = [float(x) for x in re.findall(r"[+-]?\d\.\d{4}E[+-]\d\d", text)]
    assert values(text.encode()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b" 0.100E+03 0.100E+09-0.100E+01 0.100E+01", [100.0, 1e8, -1.0, 1.0]),
        (b"-0.892170-0.336810", [-0.89217, -0.33681]),
        (b"1", [1.0]),
        (b"\t1\t-2.", [1.0, -2.0]),
        (b" .5 +1 5.e1 1e+08", [0.5, 1.0, 50.0, 1e8]),
        (b" 1.5D+02 2d-1", [150.0, 0.2]),
        (b"", []),
    ],
)
def test_numbers_of_fortran(text: bytes, expected: list[float]) -> None:
    assert values(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b" ********* 1", [(None, OVERFLOW), (1.0, NUMBER)]),
        (b" 922.000*********", [(922.0, NUMBER), (None, OVERFLOW)]),
        (b" ****-1.5", [(None, OVERFLOW), (-1.5, NUMBER)]),
        (b" 12*3", [(12.0, NUMBER), (None, OVERFLOW), (3.0, NUMBER)]),
        (b" O16 14.890", [(None, TEXT), (14.89, NUMBER)]),
        (b" 5296:529 nan inf 1_000 0x10 -inf 1e400", [(None, TEXT)] * 7),
        (b" 1-", [(1.0, NUMBER), (None, TEXT)]),
    ],
)
def test_what_is_no_number_is_no_zero(text: bytes, expected: list[tuple[float | None, int]]) -> None:
    (line,) = words(b"hit:" + text)
    assert [(None if math.isnan(v) else v, s) for v, s in line] == expected


def test_lines_have_their_tag_or_none() -> None:
    text = b"hit: 1\n\ntrack_in:2\nhit 3\ntrack_seaneutrinos: 4\n hit: 5\nhit_raw: 6\ntrack_seaneutrino: 7\n:8\nhit:"
    lines = split(np.frombuffer(text, np.uint8), TAGS)
    assert lines.tags.tolist() == [0, -1, 1, -1, -1, -1, 3, 2, -1, 0]
    assert [text[a:b] for a, b in zip(lines.starts, lines.ends, strict=True)] == text.split(b"\n")
    assert [w for w in words(text) if w and w[0][1] == NUMBER] == [[(v, NUMBER)] for v in (1.0, 2.0, 6.0, 7.0)]


@settings(deadline=None)
@given(st.text("0123456789+-.eEdD*:ht \t\n", max_size=60))
def test_any_text_is_read_as_word_by_word(text: str) -> None:
    """The rule in other words: blanks part words, a sign behind a digit, a point or a star does, and so do stars from what is none."""
    data = b"hit: " + text.encode()
    for line, found in zip(data.split(b"\n"), words(data), strict=True):
        tag, colon, value = line.partition(b":")
        if not colon or tag not in TAGS:
            continue
        parts = re.sub(rb"(?<=[\d.*])(?=[+-])|(?<=\*)(?=[^*\s])|(?<=[^*\s])(?=\*)", b" ", value).split()
        expected = [(None, OVERFLOW) if set(p) == {42} else (number(p), TEXT if number(p) is None else NUMBER) for p in parts]
        assert [(None if math.isnan(v) else v, s) for v, s in found] == expected
