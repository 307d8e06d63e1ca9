"""Lines and numbers of an ``.evt`` text, all at once: tags, words, glued Fortran columns, overflow stars.

::

    track_in:  1 -12.5 0.100E+09-0.100E+01 *******      a line
    ~~~~~~~~                                            its tag: known or not
               1 -12.5 0.100E+09 -0.100E+01 *******     five words: Fortran fills its columns to the brim, so a sign behind a digit begins the next
               1 -12.5     1e8       -1      NaN        their values; stars stand for a number that did not fit

Strategy: classes of bytes by a table, boundaries by comparing neighbours, and one conversion of all words that begin like a number. The conversion rounds as
Python's ``float`` does. Words that it does not take are read one by one.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

#: What a word is.
TEXT, NUMBER, OVERFLOW = 0, 1, 2

_BLANK, _SIGN, _DIGIT, _STAR, _OTHER = range(5)
_CLASSES = np.full(256, _OTHER, np.uint8)
_CLASSES[:33] = _BLANK
_CLASSES[[*b"+-"]] = _SIGN
_CLASSES[[*b"0123456789."]] = _DIGIT
_CLASSES[[*b"*"]] = _STAR

_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?")
_TAG_BYTES = 24
#: Keeps the first n bytes of a little-endian word.
_KEEP = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)
_ODD = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], np.uint64)


def number(word: bytes) -> float | None:
    """The value of one word, ``None`` where it is no number; ``D`` is Fortran's exponent of double precision.

    Examples
    --------
    >>> number(b"0.100E+09"), number(b"1.5D-3"), number(b"isoscalar"), number(b"1_000"), number(b"9E9999")
    (100000000.0, 0.0015, None, None, None)
    """
    value = float(re.sub(rb"[dD]", b"e", word)) if _NUMBER.fullmatch(word) else math.nan
    return value if math.isfinite(value) else None


@dataclasses.dataclass(frozen=True)
class Lines:
    """The lines of a text.

    Parameters
    ----------
    starts, ends : ndarray of int64, shape (lines,)
        Bytes of each line without its end.
    tags : ndarray of int64, shape (lines,)
        Which of the tags asked for it begins with, -1 for none.
    first, counts : ndarray of int64, shape (lines,)
        Its words behind the tag: number of the first, and how many.
    values : ndarray of float64, shape (words,)
        NaN where a word is no number.
    states : ndarray of uint8, shape (words,)
        `TEXT`, `NUMBER` or `OVERFLOW`; words of lines without a known tag are not looked at, and `TEXT`.
    """

    starts: np.ndarray
    ends: np.ndarray
    tags: np.ndarray
    first: np.ndarray
    counts: np.ndarray
    values: np.ndarray
    states: np.ndarray


def split(text: np.ndarray, tags: Sequence[bytes]) -> Lines:
    r"""Lines and words of a text.

    Parameters
    ----------
    text : ndarray of uint8
    tags : sequence of bytes
        At most 24 bytes each, without colon.

    Examples
    --------
    >>> lines = split(np.frombuffer(b"hit: 1 2.5-.5E+01 ***\nold: 3", np.uint8), [b"hit"])
    >>> lines.values, lines.states, lines.counts
    (array([ nan,  1. ,  2.5, -5. ,  nan,  nan,  nan]), array([0, 1, 1, 1, 2, 0, 0], dtype=uint8), array([4, 1]))
    """
    ends = np.append(np.flatnonzero(text == ord("\n")), len(text))
    starts = np.append(0, ends[:-1] + 1)
    colons = _first_colons(text, starts, ends)
    found = _tags(text, starts, colons - starts, tags)
    text = text.copy()
    text[colons[found >= 0]] = ord(" ")
    word_starts, word_ends, classes = _words(text)
    first = np.searchsorted(word_starts, starts)
    counts = np.diff(np.append(first, len(word_starts)))
    wanted = np.repeat(found >= 0, counts)
    states = np.where(wanted, _STATES[classes], TEXT).astype(np.uint8)
    values = _values(text, word_starts, word_ends, states)
    tagged = np.minimum(counts, 1)
    return Lines(starts, ends, found, first + tagged, counts - tagged, values, states)


_STATES = np.array([TEXT, NUMBER, NUMBER, OVERFLOW, TEXT])


def _first_colons(text: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Place of the first colon of each line; the place of its start where it has none."""
    colons = np.append(np.flatnonzero(text == ord(":")), len(text))
    place = colons[np.searchsorted(colons, starts)]
    return np.where(place < ends, place, starts)


def _tags(text: np.ndarray, starts: np.ndarray, lengths: np.ndarray, tags: Sequence[bytes]) -> np.ndarray:
    """Which tag each line begins with: the bytes before the colon as three words of eight, looked up by a hash and compared in full."""
    padded = np.zeros(len(text) + _TAG_BYTES + 8, np.uint8)
    padded[: len(text)] = text
    words = np.ndarray((len(text) + _TAG_BYTES,), "<u8", buffer=padded, strides=(1,))
    keys = np.stack([words[starts + 8 * n] & _KEEP[np.clip(lengths - 8 * n, 0, 8)] for n in range(3)])
    known = np.frombuffer(b"".join(tag.ljust(_TAG_BYTES, b"\0") for tag in tags), "<u8").reshape(-1, 3).T
    hashes = (known * _ODD[:, None]).sum(axis=0)
    order = np.argsort(hashes)
    place = np.minimum(np.searchsorted(hashes[order], (keys * _ODD[:, None]).sum(axis=0)), len(tags) - 1)
    candidate = order[place]
    same = (known[:, candidate] == keys).all(axis=0) & (lengths > 0) & (lengths <= _TAG_BYTES)
    return np.where(same, candidate, -1)


def _words(text: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First byte, end, and class of the first byte of every word."""
    classes = _CLASSES[text]
    before = np.concatenate(([np.uint8(_BLANK)], classes[:-1]))
    filled, was_filled = classes != _BLANK, before != _BLANK
    star, was_star = classes == _STAR, before == _STAR
    glued = (classes == _SIGN) & ((before == _DIGIT) | was_star)
    glued |= (star != was_star) & filled & was_filled
    starts = np.flatnonzero((filled & ~was_filled) | glued)
    ends = np.flatnonzero((~filled & was_filled) | glued)
    return starts, np.append(ends, len(text)) if len(ends) < len(starts) else ends, classes[starts]


def _values(text: np.ndarray, starts: np.ndarray, ends: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Values of the words; those that turn out to be no number become `TEXT` in `states`."""
    values = np.full(len(starts), np.nan)
    which = np.flatnonzero(states == NUMBER)
    if not len(which):
        return values
    try:
        values[which] = _converted(text, starts, ends, which)
    except pa.ArrowInvalid:
        return _one_by_one(text, starts, ends, which, values, states)
    strange = which[~np.isfinite(values[which])]
    return _one_by_one(text, starts, ends, strange, values, states) if len(strange) else values


def _converted(text: np.ndarray, starts: np.ndarray, ends: np.ndarray, which: np.ndarray) -> np.ndarray:
    lengths = ends - starts
    offsets = np.zeros(len(starts) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    packed = text[text > 32]
    words = pa.LargeStringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(packed))
    return np.asarray(words.take(pa.array(which)).cast(pa.float64()))


def _one_by_one(
    text: np.ndarray, starts: np.ndarray, ends: np.ndarray, which: np.ndarray, values: np.ndarray, states: np.ndarray
) -> np.ndarray:
    data = text.tobytes()
    for n, start, end in zip(which.tolist(), starts[which].tolist(), ends[which].tolist(), strict=True):
        value = number(data[start:end])
        values[n], states[n] = (np.nan, TEXT) if value is None else (value, NUMBER)
    return values
