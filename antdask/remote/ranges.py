"""Arithmetic of byte ranges: neighbours are read together, and given back one by one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

#: Bytes that are read for nothing rather than asking once more: about what a link of 1 Gb/s moves in one round trip of a metropolitan network [byte].
GAP = 64 << 10
#: A span does not grow beyond this, so that spans can be read side by side and a lost one costs little [byte].
SPAN = 8 << 20

Range = tuple[int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """Bytes that are read in one piece, and the numbers of the ranges that lie in it."""

    start: int
    stop: int
    members: tuple[int, ...]


def merge(ranges: Sequence[Range], gap: int = GAP, limit: int = SPAN) -> list[Span]:
    """Spans that cover all ranges, in order of place; a range longer than `limit` is a span of its own.

    ::

        ranges   |--0--| |-1-|                 |---2---|
        spans    |----(0, 1)-|                 |--(2)--|

    Examples
    --------
    >>> merge([(0, 10), (12, 20), (500, 510)], gap=5)
    [Span(start=0, stop=20, members=(0, 1)), Span(start=500, stop=510, members=(2,))]
    >>> merge([(12, 20), (0, 15)], gap=0)
    [Span(start=0, stop=20, members=(1, 0))]
    """
    spans: list[Span] = []
    for number in sorted(range(len(ranges)), key=lambda i: ranges[i]):
        start, stop = ranges[number]
        last = spans[-1] if spans else None
        if last is not None and start <= last.stop + gap and max(stop, last.stop) - last.start <= limit:
            spans[-1] = Span(last.start, max(stop, last.stop), (*last.members, number))
        else:
            spans.append(Span(start, stop, (number,)))
    return spans


def read_merged(ranges: Sequence[Range], read_spans: Callable[[list[Range]], Sequence[bytes]]) -> list[memoryview]:
    """The bytes of each range, from few reads; shorter where `read_spans` gave less.

    Parameters
    ----------
    read_spans : callable
        Gives the bytes of ranges that do not overlap, in the same order.
    """
    found = [memoryview(b"")] * len(ranges)
    spans = [s for s in merge(ranges) if s.stop > s.start]
    pieces = read_spans([(s.start, s.stop) for s in spans]) if spans else []
    for span, piece in zip(spans, pieces, strict=True):
        view = memoryview(piece)
        for number in span.members:
            start, stop = ranges[number]
            found[number] = view[start - span.start : stop - span.start]
    return found
