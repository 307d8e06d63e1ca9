"""DETX: a detector as text, versions 1 to 5.

::

    # comments                                                      (from version 3)
    49 v5                                                           detector, version; version 1: detector, modules
    1580056200.0 9999999999.0                                       validity, UTC [s]   (from 2)
    UTM WGS84 32N 256500.0 4743000.0 -2441.5                        reference           (from 2)
    114                                                             modules             (from 2)
    808987107 11 1  484.6 564.6 26.7  1 0 0 0  37694.9  0  31       id line floor  [x y z  q0 qx qy qz  t0  (from 4)]  [status (from 5)]  PMTs
      10057  484.7 564.6 26.8  0.8 -0.2 0.5  207699.0  0            id  x y z  dx dy dz  t0  [status (from 3)]

Sources: the specification as told by KM3io.jl (``src/hardware.jl``), and files of every version in km3net-testdata.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable

import numpy as np

from antdask.errors import UnknownLayoutError
from antdask.sources.detector_description import Detector, no_status

VERSIONS = range(1, 6)

_HEADER = re.compile(rb"\s*-?\d+\s+[vV]\s*(\d+)\s*")
_HEADER_1 = re.compile(rb"\s*-?\d+\s+\d+\s*")
_MODULE_1 = re.compile(rb"\s*-?\d+(\s+-?\d+){3}\s*")


def looks_like(head: bytes) -> bool:
    """Whether the first line behind the comments is the header of a detector; `head` must reach behind them."""
    if b"\0" in head:
        return False
    body = _behind_comments(head)
    if _HEADER.fullmatch(body[0]):
        return True
    return bool(_HEADER_1.fullmatch(body[0])) and len(body) > 1 and bool(_MODULE_1.fullmatch(body[1]))


def parse(data: bytes) -> Detector:
    """The detector in the text.

    Raises
    ------
    UnknownLayoutError
        A version that is not known.
    ValueError, OverflowError
        Anything that does not follow the format, to the last line.
    """
    if not data.endswith(b"\n"):
        raise ValueError("the last line has no end, so that its last number may be cut (if the file is complete, add a line end)")
    comments, lines = _split(data)
    header = _header(lines)
    version = header.version
    modules, pmts = _rows(lines, header)
    return Detector(
        detector_id=header.detector_id,
        version=version,
        validity=header.validity,
        utm=header.utm,
        comments=comments,
        location=_table(modules, (0, 1, 2), int),
        pose=_table(modules, range(3, 11), float) if version >= 4 else np.full((len(modules), 8), np.nan),
        module_status=_table(modules, (11,), int)[:, 0] if version >= 5 else no_status(len(modules)),
        n_pmts=_table(modules, (-1,), int)[:, 0],
        pmt_id=_table(pmts, (0,), int)[:, 0],
        pmt_pose=_table(pmts, range(1, 8), float),
        pmt_status=_table(pmts, (8,), int)[:, 0] if version >= 3 else no_status(len(pmts)),
    )


def _behind_comments(head: bytes) -> list[bytes]:
    """The first two lines that are not blank behind the last comment; at least one, which may be empty."""
    lines = head.split(b"\n")
    first = 1 + max((n for n, line in enumerate(lines) if line.startswith(b"#")), default=-1)
    return [line for line in lines[first:] if line.strip()][:2] or [b""]


@dataclasses.dataclass(frozen=True, slots=True)
class _Header:
    detector_id: int
    version: int
    n_modules: int
    lines: int
    validity: tuple[float, float] = (math.nan, math.nan)
    utm: tuple[bytes, bytes, float, float, float] = (b"", b"", math.nan, math.nan, math.nan)


@dataclasses.dataclass(frozen=True)
class _Lines:
    """Lines that are not blank: their numbers in the file, from 1, and their words."""

    numbers: list[int]
    words: list[list[bytes]]

    def expect(self, start: int, stop: int, count: int) -> list[list[bytes]]:
        """The words of some lines, each of which must have `count` of them."""
        found = self.words[start:stop]
        if any(len(words) != count for words in found):
            at = next(n for n, words in enumerate(found) if len(words) != count)
            raise ValueError(
                f"line {self.numbers[start + at]} has {len(found[at])} words instead of {count}: {b' '.join(found[at])[:60]!r}"
            )
        return found


def _split(data: bytes) -> tuple[list[bytes], _Lines]:
    """Comments without their mark, and the lines behind them.

    Comments come first, so what stands between them without a mark continues the one before (the command that made a file can hold line breaks).
    """
    lines = [line.rstrip(b"\r") for line in data.split(b"\n")]
    first = 1 + max((n for n, line in enumerate(lines) if line.startswith(b"#")), default=-1)
    comments: list[bytes] = []
    for line in lines[:first]:
        if line.startswith(b"#"):
            comments.append(line[1:].removeprefix(b" "))
        elif comments and line.strip():
            comments[-1] += b"\n" + line
        elif line.strip():
            raise ValueError(f"text before the first comment: {line[:40]!r}")
    # Python reads 1_000 as a number; no writer of DETX means that.
    if any(b"_" in line for line in lines[first:]):
        raise ValueError("a number holds an underscore")
    words = [line.split() for line in lines[first:]]
    return comments, _Lines([n for n, found in enumerate(words, first + 1) if found], [found for found in words if found])


def _header(lines: _Lines) -> _Header:
    if not lines.words:
        raise ValueError("there is no header behind the comments")
    first = lines.words[0]
    text = b" ".join(first)
    if _HEADER_1.fullmatch(text):
        return _Header(int(first[0]), 1, int(first[1]), 1)
    found = _HEADER.fullmatch(text)
    if not found:
        raise ValueError(f"line {lines.numbers[0]} is no header but {text[:40]!r}")
    version = int(found[1])
    if version not in VERSIONS[1:]:
        raise UnknownLayoutError("This version of DETX is not known", found=version, expected="1 to 5")
    if len(lines.words) < 4 or lines.words[2][0] != b"UTM":
        raise ValueError("the header lacks validity, UTM reference or number of modules")
    validity, utm, modules = (lines.expect(n, n + 1, count)[0] for n, count in ((1, 2), (2, 6), (3, 1)))
    return _Header(
        detector_id=int(first[0]),
        version=version,
        n_modules=int(modules[0]),
        lines=4,
        validity=(float(validity[0]), float(validity[1])),
        utm=(utm[1], utm[2], float(utm[3]), float(utm[4]), float(utm[5])),
    )


def _rows(lines: _Lines, header: _Header) -> tuple[list[list[bytes]], list[list[bytes]]]:
    """Words of all modules, and of all photomultipliers; every line must have its place."""
    of_module, of_pmt = {3: (4, 9), 4: (12, 9), 5: (13, 9)}.get(header.version, (4, 8))
    modules: list[list[bytes]] = []
    pmts: list[list[bytes]] = []
    at, end = header.lines, len(lines.words)
    while at < end and len(modules) < header.n_modules:
        (module,) = lines.expect(at, at + 1, of_module)
        count = int(module[-1])
        if not 0 <= count < end - at:
            raise ValueError(f"line {lines.numbers[at]} announces {count} photomultipliers, {end - at - 1} lines follow")
        modules.append(module)
        pmts += lines.expect(at + 1, at + 1 + count, of_pmt)
        at += 1 + count
    if len(modules) != header.n_modules:
        raise ValueError(f"the header announces {header.n_modules} modules, {len(modules)} follow")
    if at != end:
        raise ValueError(f"line {lines.numbers[at]} stands behind the last module")
    return modules, pmts


def _table(rows: list[list[bytes]], columns: Iterable[int], kind: type[int] | type[float]) -> np.ndarray:
    """Some columns as numbers, shape (rows, columns)."""
    dtype = np.int64 if kind is int else np.float64
    return np.stack([np.fromiter((kind(row[n]) for row in rows), dtype, len(rows)) for n in columns], axis=1)
