"""Source ``evt_ascii``: simulated events as text, written by GENHEN, gSeaGen, MUPAGE, Corant and the simulations of light behind them (KM3, KM3Sim, propa).

An entry of tree ``events`` is an event (stream mc), an entry of tree ``headers`` a header (stream headers). The traps of the format, and what is done about each,
stand in docs/sources/evt_ascii.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from antdask.errors import CorruptFileError, UnknownNameError
from antdask.model.keys import RunKey
from antdask.model.ragged import Batch
from antdask.plan import FileEntry, Segment
from antdask.sources import evt_event, files
from antdask.sources.blob import Blob, open_blob
from antdask.sources.evt_blocks import EVENT, RUN, Blocks, known_blocks, scan
from antdask.sources.evt_header import Header, header_batch, parse

ORIGIN = evt_event.ORIGIN
EVENTS, HEADERS = "events", "headers"

#: Text of one batch: its words take about twenty times as much memory while it is read [byte].
BATCH_BYTES = 4 * 2**20

#: What stands for a header where a file has none.
_NO_HEADER = Header([(b"start_run", b" 0")])


class EvtAscii:
    """Text files of simulated events; holds nothing, so it pickles."""

    name = ORIGIN
    version = "1"

    def sniff(self, url: str, head: bytes) -> bool:
        """Whether the first line that is not blank begins a header or an event."""
        return head.lstrip().startswith((RUN, EVENT))

    def describe(self, url: str) -> FileEntry:
        """Identity and segments; looks for the blocks, reads no event.

        What is no whole event counts as one entry, so that reading it reports it; a note says where it stands.

        Raises
        ------
        InputMissingError, InputUnreadableError
        CorruptFileError
            A header without end, or without a run number.
        """
        url = files.absolute(url)
        identity = files.identify(url)
        with open_blob(url) as blob:
            blocks = scan(blob)
            headers = _headers(blob, blocks)
        lost = zip(blocks.starts[blocks.lost].tolist(), blocks.stops[blocks.lost].tolist(), strict=True)
        notes = [f"bytes {start} to {stop} are no whole event" for start, stop in lost]
        if not len(blocks.headers):
            notes.append("the file has no header: it is filed under run 0, and the numbering of particles is not known")
        return identity.entry(url, self.name, ORIGIN, _segments(blocks, [_key(h) for h in headers]), notes)

    def read(self, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Batches of events or headers ``start:stop``, in the order of the file.

        Raises
        ------
        UnknownNameError
            No such tree.
        InputChangedError
            The file holds fewer of them.
        CorruptFileError
            With the first stretch of events that is lost; all before it have been given out by then.
        """
        if tree not in (EVENTS, HEADERS):
            raise UnknownNameError.of("tree", tree, [EVENTS, HEADERS], where=entry.url)
        with open_blob(entry.url) as blob:
            blocks = known_blocks(entry.url, entry.fingerprint, blob.nbytes)
            count = len(blocks.starts if tree == EVENTS else blocks.headers)
            files.demand_entries(start, stop, count, entry.url, tree)
            headers = _headers(blob, blocks)
            if tree == HEADERS and start < stop:
                lines = [(h.run, [(name, value, b"") for name, value in h.lines]) for h in headers[start:stop]]
                yield header_batch(lines, start, ORIGIN)
            elif tree == EVENTS:
                for low, high in _windows(blocks, start, stop):
                    yield from _intact(blob, blocks, headers, low, high)


def _headers(blob: Blob, blocks: Blocks) -> list[Header]:
    """Headers of the file; one that stands for them where there is none, or events come first."""
    found = []
    for start, stop in blocks.headers.tolist():
        header = parse(bytes(blob.read(start, stop)))
        try:
            _ = header.run
        except ValueError as error:
            raise CorruptFileError("A header has no run number", where=blob.url, found=str(error), hint="The file is damaged.") from error
        found.append(header)
    return found


def _key(header: Header) -> RunKey:
    return RunKey(f"{header.generator}-simulated", header.run)


def _segments(blocks: Blocks, keys: list[RunKey]) -> Iterator[Segment]:
    """Consecutive events, and headers, of one generator and run."""
    sizes = blocks.stops - blocks.starts
    of_event = [keys[n] if n >= 0 else _key(_NO_HEADER) for n in blocks.header.tolist()]
    for start, stop, key in _stretches(of_event):
        yield Segment("mc", EVENTS, key, start, stop, int(sizes[start:stop].sum()))
    for start, stop, key in _stretches(keys):
        yield Segment("headers", HEADERS, key, start, stop, int(np.diff(blocks.headers[start:stop]).sum()))


def _stretches(keys: list[RunKey]) -> Iterator[tuple[int, int, RunKey]]:
    start = 0
    for key, group in itertools.groupby(keys):
        stop = start + len(list(group))
        yield start, stop, key
        start = stop


def _windows(blocks: Blocks, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Events of about `BATCH_BYTES`, at least one, all behind one header."""
    low = start
    while low < stop:
        high = low + int(np.searchsorted(blocks.stops[low:stop], blocks.starts[low] + BATCH_BYTES, "right"))
        other = np.flatnonzero(blocks.header[low:stop] != blocks.header[low])
        high = max(low + 1, min(high, low + int(other[0])) if len(other) else high)
        yield low, high
        low = high


def _intact(blob: Blob, blocks: Blocks, headers: list[Header], start: int, stop: int) -> Iterator[Batch]:
    """The batch of these events, or what is whole before the first loss, and then the error."""
    number = int(blocks.header[start])
    header = headers[number] if number >= 0 else _NO_HEADER
    first, last = int(blocks.starts[start]), int(blocks.stops[stop - 1])
    text = np.frombuffer(blob.read(first, last), np.uint8)
    where = f"{blob.url}, {EVENTS}"
    events = evt_event.Text(text, blocks.starts[start:stop] - first, start, header.run, header.numbering, where, EVENTS)
    try:
        events.demand(~blocks.lost[start:stop], "A stretch of the file is no whole event")
        batch = evt_event.decode(events)
    except CorruptFileError as error:
        if error.start is not None and error.start > start:
            yield from _intact(blob, blocks, headers, start, error.start)
        raise
    yield batch


SOURCE = EvtAscii()
