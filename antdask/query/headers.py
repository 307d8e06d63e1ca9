"""What files say about themselves, line by line: headers of simulations, and what programs left of how a file was made."""

from __future__ import annotations

import dataclasses
import fnmatch
import itertools
import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import awkward as ak
import numpy as np

from antdask.model.ragged import offsets_of
from antdask.query.select import Selection

STREAM = "headers"
_PARTS = ("name_bytes", "value_bytes", "note_bytes")
#: What would move a terminal: texts that a program never set hold anything.
_CONTROL = re.compile(r"[^\t\n -~\xa0-\U0010ffff]")


class HeaderLine(NamedTuple):
    """A line of a header: detector, run and origin (source) of its file, number of the header among those found, name, value, note."""

    detector: str
    run: int
    origin: str
    header: int
    name: str
    value: str
    note: str


def header_lines(headers: Selection, name: str = "*") -> Iterator[HeaderLine]:
    r"""Lines of the selected headers, in their order, detector by detector; each value as it stands in the file.

    Bytes that are no UTF-8 are shown as ``\xff``.

    Parameters
    ----------
    headers : Selection
        Of stream ``headers``.
    name : str
        Which lines: a pattern, of which ``*`` stands for anything, e.g. ``META/*``; upper and lower case count.

    Raises
    ------
    UsageError
        The same rows are there in several lineages.
    DamagedPartError
    """
    number = 0
    for detector, origin, part in _groups(headers):
        for rows in part.iter_batches([*(f"lines.{size}" for size in _PARTS), "line_bytes.byte"]):
            for run, texts in zip(rows.run.tolist(), _texts(rows), strict=True):
                found = [text for text in texts if fnmatch.fnmatchcase(text[0], name)]
                yield from (HeaderLine(detector, run, origin, number, *text) for text in found)
                number += bool(found)


def header_text(lines: Iterable[HeaderLine]) -> str:
    """Lines for people, header by header; a text of several lines stands below its name."""
    return "\n".join(_told(lines))


def _told(lines: Iterable[HeaderLine]) -> Iterator[str]:
    last = -1
    for line in lines:
        if line.header != last:
            yield f"{line.detector}, run {line.run}, {line.origin}"
            last = line.header
        note = f" ({' '.join(_CONTROL.sub(_shown, line.note).split())})" if line.note else ""
        value = _CONTROL.sub(_shown, line.value.rstrip("\n"))
        if "\n" in value:
            yield f"  {line.name}{note}:"
            yield textwrap.indent(value, "    ")
        else:
            yield f"  {line.name}: {value}{note}"


def _shown(control: re.Match[str]) -> str:
    return f"\\x{ord(control[0]):02x}"


def _groups(headers: Selection) -> Iterator[tuple[str, str, Selection]]:
    """The selection by detector and origin, since rows do not say either."""
    _ = headers.scan  # refuses what would be told twice
    parts = headers.current_parts
    (detector, detectors), (origin, origins) = headers.index.words["detector"], headers.index.words["origin"]
    for d, o in sorted(
        set(zip(detector[parts].tolist(), origin[parts].tolist(), strict=True)), key=lambda pair: (detectors[pair[0]], origins[pair[1]])
    ):
        yield detectors[d], origins[o], dataclasses.replace(headers, parts=parts[(detector[parts] == d) & (origin[parts] == o)])


def _texts(rows: ak.Array) -> Iterator[list[tuple[str, str, str]]]:
    """Name, value and note of each line, row by row."""
    lines = rows.lines
    data = ak.to_numpy(ak.flatten(lines.line_bytes.byte, axis=None)).tobytes()
    sizes = np.stack([ak.to_numpy(ak.flatten(lines[size])) for size in _PARTS], axis=1).astype(np.int64).reshape(-1)
    words = [data[a:b].decode("utf-8", "backslashreplace") for a, b in itertools.pairwise(offsets_of(sizes).tolist())]
    for a, b in itertools.pairwise(offsets_of(ak.to_numpy(ak.num(lines))).tolist()):
        yield [(words[3 * n], words[3 * n + 1], words[3 * n + 2]) for n in range(a, b)]
