"""Lines of a table of readings: where they begin in the file, and what their words are.

::

    # site: antares-simulated                                   comments, any number
    time,sensor,value,unit                                      the header; a column 'quality' may follow
    2010-03-01T00:00:00Z,IL07/CTD/temperature,13.2041,degC      entry 0

A line that is no reading stays an entry, so that the numbers of all others hold. Words have no quotes and no commas in them.
"""

from __future__ import annotations

import dataclasses
import functools
import re

import numpy as np
import pandas as pd

from antdask.errors import UnknownLayoutError
from antdask.sources.blob import Blob, open_blob

#: Lines between two marks of an index, and bytes that are looked at in one go.
MARK, PIECE = 65_536, 2**24
#: Bytes of a name and of a unit at most; words of OceanSITES' scheme of flags.
NAME_BYTES, UNIT_BYTES = 64, 16
FLAGS = (0, 1, 2, 3, 4, 7, 8, 9)

COLUMNS = ("time", "sensor", "value", "unit")
QUALITY = "quality"
_HEAD_BYTES = 65_536
_SITE = re.compile(r"#\s*site:\s*([a-z0-9][a-z0-9_-]{0,50})\s*")
_NS = r"[+-]?\d{15,19}"
_NEWLINE = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Head:
    """What stands above the first reading.

    Parameters
    ----------
    site : str
        Where the sensors are, e.g. ``antares``; empty if the table does not say.
    quality : bool
        Whether the source gives flags.
    nbytes : int
        Where the first reading begins [byte].
    comments : tuple of bytes
        What stands behind the ``#`` of each comment.
    """

    site: str
    quality: bool
    nbytes: int
    comments: tuple[bytes, ...] = ()


def read_head(data: bytes) -> Head | None:
    r"""The head of a table, or ``None`` if these bytes do not begin one.

    Examples
    --------
    >>> read_head(b"# site: antares\ntime,sensor,value,unit\n")
    Head(site='antares', quality=False, nbytes=39, comments=(b' site: antares',))
    """
    site, position = "", 0
    comments: list[bytes] = []
    text = data.removeprefix(b"\xef\xbb\xbf")
    skipped = len(data) - len(text)
    for line in text.split(b"\n")[:-1]:
        position += len(line) + 1
        if line.startswith(b"#"):
            found = _SITE.fullmatch(line.decode("utf-8", "replace").rstrip("\r"))
            site = found[1] if found else site
            comments.append(line[1:].removesuffix(b"\r"))
            continue
        names = tuple(line.decode("utf-8", "replace").rstrip("\r").split(","))
        if names in (COLUMNS, (*COLUMNS, QUALITY)):
            return Head(site, len(names) > len(COLUMNS), position + skipped, tuple(comments))
        return None
    return None


@dataclasses.dataclass(frozen=True, slots=True)
class Index:
    """Where the lines of a table are.

    Parameters
    ----------
    head : Head
    marks : tuple of int
        Where every 65,536th line begins [byte].
    lines : int
    nbytes : int
        Size of the file [byte].
    whole : bool
        Whether the last line has an end; if not, the file may be cut short.
    """

    head: Head
    marks: tuple[int, ...]
    lines: int
    nbytes: int
    whole: bool


def head_of(blob: Blob) -> Head:
    """The head of a file.

    Raises
    ------
    UnknownLayoutError
        It does not begin as a table of readings.
    """
    head = read_head(bytes(blob.read(0, min(blob.nbytes, _HEAD_BYTES))))
    if head is None:
        raise UnknownLayoutError("The table does not begin as one of readings", where=blob.url, expected=",".join(COLUMNS), hint="Bring it into shape with: antdask environment extract.")  # fmt: skip
    return head


def index_of(blob: Blob) -> Index:
    """The index of a file, read once from front to back. Errors as for `head_of`."""
    head = head_of(blob)
    marks, lines, last = [head.nbytes], 0, _NEWLINE
    for start in range(head.nbytes, blob.nbytes, PIECE):
        piece = np.frombuffer(blob.read(start, min(start + PIECE, blob.nbytes)), np.uint8)
        ends = np.flatnonzero(piece == _NEWLINE)
        # Line number n begins behind the n-th newline.
        wanted = np.arange(-lines % MARK or MARK, len(ends) + 1, MARK) - 1
        marks += (start + ends[wanted] + 1).tolist()
        lines, last = lines + len(ends), int(piece[-1])
    whole = last == _NEWLINE
    return Index(head, tuple(marks), lines + (not whole), blob.nbytes, whole)


@functools.lru_cache(maxsize=16)
def known_index(url: str, fingerprint: str) -> Index:
    """The index of a file that is known to be unchanged, kept for the next part that is made of it."""
    with open_blob(url) as blob:
        return index_of(blob)


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Lines:
    """Words of consecutive lines; whatever is said of a line that is no reading counts for nothing.

    Parameters
    ----------
    utc_ns : int64 array
    sensor, unit : object array of bytes
    value : float64 array
    quality : uint8 array
        OceanSITES; 0 where the table gives none.
    problem : object array of str
        Why a line is no reading; empty for readings.
    """

    utc_ns: np.ndarray
    sensor: np.ndarray
    value: np.ndarray
    unit: np.ndarray
    quality: np.ndarray
    problem: np.ndarray

    def __len__(self) -> int:
        return len(self.utc_ns)

    def cut(self, start: int, stop: int) -> Lines:
        """Some of the lines, without a copy."""
        return Lines(*(getattr(self, field.name)[start:stop] for field in dataclasses.fields(self)))


def read_lines(blob: Blob, index: Index, start: int, stop: int) -> Lines:
    """The lines ``start:stop``."""
    first, last = start // MARK, -(-stop // MARK)
    high = index.marks[last] if last < len(index.marks) else index.nbytes
    text = bytes(blob.read(index.marks[first], high)).decode("utf-8", "replace")
    lines = text.removesuffix("\n").split("\n")[start - first * MARK : stop - first * MARK]
    found = parse(lines, index.head.quality)
    if not index.whole and stop == index.lines:
        found.problem[-1] = "the line has no end: the file is cut short"
    return found


def parse(lines: list[str], quality: bool) -> Lines:
    """Words of lines.

    Examples
    --------
    >>> found = parse(["1970-01-01T00:00:01Z,a,1.5,V", "yesterday,a,2,V"], quality=False)
    >>> int(found.utc_ns[0]), float(found.value[0]), found.problem.tolist()
    (1000000000, 1.5, ['', 'no time'])
    """
    n = len(COLUMNS) + quality
    split = [line.removesuffix("\r").split(",") for line in lines]
    odd = np.array([len(words) != n for words in split], bool)
    blank = [""] * n
    words = np.array([blank if len(w) != n else w for w in split], object).reshape(len(lines), n)
    utc, no_time = parse_times(words[:, 0])
    value, no_number = _numbers(words[:, 2])
    flags, no_flag = _flags(words[:, 4]) if quality else (np.zeros(len(lines), np.uint8), np.zeros(len(lines), bool))
    sensor, bad_name = _names(words[:, 1], NAME_BYTES, needed=True)
    unit, bad_unit = _names(words[:, 3], UNIT_BYTES, needed=False)
    problem = np.full(len(lines), "", object)
    for mask, text in ((no_flag, "no flag of OceanSITES"), (bad_unit, "no unit"), (no_number, "no number"), (bad_name, "no name of a sensor"), (no_time, "no time"), (odd, "not as many words as columns")):  # fmt: skip
        problem[mask] = text
    return Lines(utc, sensor, value, unit, flags, problem)


def parse_times(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """UTC in ns since 1970 of words, int64, and which are no times.

    ISO 8601 (without a zone it is UTC, other zones are brought to UTC), or 15 to 19 digits: ns since 1970. Years 1678 to 2261.

    Examples
    --------
    >>> parse_times(np.array(["2010-03-28T03:30:00+02:00", "1269739800000000000", "soon"], object))
    (array([1269739800000000000, 1269739800000000000,                   0]), array([False, False,  True]))
    """
    series = pd.Series(words, dtype="str")
    digits = series.str.fullmatch(_NS).to_numpy(bool)
    utc = np.zeros(len(series), np.int64)
    utc[digits] = [int(w) if abs(int(w)) < 2**63 - 10**9 else 0 for w in series[digits]]
    stamps = pd.to_datetime(series.where(~digits), utc=True, format="ISO8601", errors="coerce")
    within = stamps.notna() & stamps.dt.year.between(1678, 2261)
    utc[within] = stamps[within].dt.as_unit("ns").astype("int64").to_numpy()
    return utc, ~(digits | within.to_numpy(bool))


def _numbers(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values, NaN where the word is empty or says so, and which are no numbers."""
    series = pd.Series(words, dtype="str").str.strip()
    value = pd.to_numeric(series, errors="coerce").to_numpy(float, na_value=np.nan)
    empty = series.str.lower().isin(["", "nan", "null", "none"]).to_numpy(bool)
    return value, np.isnan(value) & ~empty


def _flags(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = {str(flag): flag for flag in FLAGS} | {"": 0}
    found = pd.Series(words).map(known)
    return found.fillna(0).to_numpy(np.uint8), found.isna().to_numpy(bool)


def _names(words: np.ndarray, longest: int, needed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Names as bytes, and which do not fit."""
    place, names = pd.factorize(words)
    encoded = [str(name).encode() for name in names]
    bad = np.array([len(e) > longest or (needed and not e.strip()) or b"\0" in e or "\ufffd".encode() in e for e in encoded], bool)
    table = np.array([e[:longest] for e in encoded], f"S{longest}") if encoded else np.zeros(0, f"S{longest}")
    return table[place], bad[place] if len(bad) else np.zeros(len(words), bool)
