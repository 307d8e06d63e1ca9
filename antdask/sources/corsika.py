"""Source ``corsika``: air showers of CORSIKA 5 to 7, the particle files ``DAT*`` (streams mc and headers).

A shower is a row of mc: its primary particle, then the particles in the order of the file, and every word of its header, end and profile. The words of run header and run end are lines of headers.
Blocks stand in `antdask.sources.corsika_blocks`, particles in `antdask.sources.corsika_particles`. What gSeaGen or Corant make of the muons is read by
`antdask.sources.km3net_offline` and `antdask.sources.evt_ascii`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError, UnknownNameError
from antdask.model.keys import RunKey
from antdask.model.ragged import Batch
from antdask.plan import FileEntry, Segment
from antdask.sources import files
from antdask.sources.blob import Blob, open_blob
from antdask.sources.corsika_blocks import MARKER, Blocks, Showers, known_blocks, padding_of, scan, showers_of
from antdask.sources.corsika_runs import Runs, runs_of
from antdask.sources.corsika_showers import ORIGIN, SHOWERS, Decoder
from antdask.sources.evt_header import header_batch
from antdask.sources.salvage import told

DETECTOR = "corsika-simulated"
HEADERS = "headers"

#: Aim for the bytes of one batch in the file; it is three times as much in columns [byte].
BATCH_BYTES = 8 * 2**20
#: Blocks behind the ends of runs that are looked at together.
_LOOKED_AT = 1024


class Corsika:
    """Particle files of CORSIKA; holds nothing, so it pickles."""

    name = "corsika"
    version = "1"

    def sniff(self, url: str, head: bytes) -> bool:
        """Whether the file begins with a run header, behind a marker of Fortran or alone."""
        return b"RUNH" in (head[:MARKER], head[MARKER : 2 * MARKER])

    def describe(self, url: str) -> FileEntry:
        """Identity and segments; follows the records from first to last.

        A stretch that holds no whole shower counts as one entry, so that reading it reports it; a note says where.

        Raises
        ------
        InputMissingError, InputUnreadableError
        CorruptFileError
            No record is whole, or there is no sound run header.
        UnknownLayoutError
            Blocks without Fortran records, or of Cherenkov photons.
        """
        url = files.absolute(url)
        identity = files.identify(url)
        with open_blob(url) as blob:
            blocks = _scanned(blob)
            showers, runs = showers_of(blocks), runs_of(blob, blocks)
            notes = _notes(blob, blocks, showers, runs)
            segments = [*_shower_segments(blocks, showers, runs), *_header_segments(blocks, runs)]
        return identity.entry(url, self.name, ORIGIN, segments, notes)

    def read(self, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Batches of showers ``start:stop``, each of about 8 MiB of the file, or of headers.

        Raises
        ------
        UnknownNameError
            No such tree.
        InputChangedError
            The file holds fewer of them.
        CorruptFileError
            With the range of entries that is lost; batches before it are sound.
        """
        if tree not in (SHOWERS, HEADERS):
            raise UnknownNameError.of("tree", tree, [SHOWERS, HEADERS], where=entry.url)
        with open_blob(entry.url) as blob:
            blocks, showers = known_blocks(entry.url, entry.fingerprint, blob.nbytes)
            runs = runs_of(blob, blocks)
            if tree == HEADERS:
                files.demand_entries(start, stop, len(runs.headers), entry.url, HEADERS)
                yield from _header_batches(blob, blocks, runs, start, stop)
                return
            files.demand_entries(start, stop, len(showers.starts), f"{entry.url}, {SHOWERS}", SHOWERS)
            decoder = Decoder(blob, blocks, showers, runs.numbers_of(showers.runs))
            for low, high in _windows(blocks, showers, start, stop):
                yield from decoder.intact(low, high)


def _scanned(blob: Blob) -> Blocks:
    if blob.nbytes >= MARKER and bytes(blob.read(0, MARKER)) == b"RUNH":
        raise UnknownLayoutError(
            "Blocks of CORSIKA without Fortran records are not read",
            where=blob.url,
            found="RUNH at the first byte",
            expected="a marker before it",
        )
    return scan(blob)


def _notes(blob: Blob, blocks: Blocks, showers: Showers, runs: Runs) -> list[str]:
    stretches = []
    for first, last in zip(showers.starts[showers.lost].tolist(), showers.stops[showers.lost].tolist(), strict=True):
        low, high = int(blocks.places[first]), int(blocks.places[last - 1] + blocks.sizes[last - 1])
        stretches.append(
            f"bytes {low} to {high} hold no whole shower" if low < high else f"the file ends at byte {high} without the end of a run"
        )
    notes = told(stretches)
    whole = int((~showers.lost).sum())
    if runs.stated is not None and runs.stated != whole:
        notes.append(f"the run ends state {runs.stated} showers, the file holds {whole}")
    if (byte := _word_behind_end(blob, blocks)) >= 0:
        notes.append(f"words behind the end of a run, from byte {byte} on, are not archived: what they mean is not known")
    return notes


def _word_behind_end(blob: Blob, blocks: Blocks) -> int:
    """Where the first block stands behind the end of a run that is not zero, -1 if there is none."""
    starts = blocks.places[padding_of(blocks.kinds)]
    for low in range(0, len(starts), _LOOKED_AT):
        some = starts[low : low + _LOOKED_AT].tolist()
        for start, data in zip(some, blob.read_many([(n, n + blocks.form.nbytes) for n in some]), strict=True):
            if np.frombuffer(data, np.uint8).any():
                return int(start)
    return -1


def _shower_segments(blocks: Blocks, showers: Showers, runs: Runs) -> Iterator[Segment]:
    """Consecutive showers of one run; a stretch that is lost belongs to the run before it."""
    numbers = runs.numbers_of(showers.runs)
    changes = np.flatnonzero(np.diff(numbers)) + 1
    edges = [0, *changes.tolist(), len(numbers)] if len(numbers) else []
    for a, b in itertools.pairwise(edges):
        nbytes = int(blocks.places[showers.stops[b - 1] - 1] + blocks.sizes[showers.stops[b - 1] - 1] - blocks.places[showers.starts[a]])
        yield Segment("mc", SHOWERS, RunKey(DETECTOR, int(numbers[a])), a, b, max(1, nbytes))


def _header_segments(blocks: Blocks, runs: Runs) -> Iterator[Segment]:
    edges = [0, *(np.flatnonzero(np.diff(runs.header_runs)) + 1).tolist(), len(runs.headers)]
    for a, b in itertools.pairwise(edges):
        yield Segment(HEADERS, HEADERS, RunKey(DETECTOR, int(runs.header_runs[a])), a, b, (b - a) * blocks.form.nbytes)


def _header_batches(blob: Blob, blocks: Blocks, runs: Runs, start: int, stop: int) -> Iterator[Batch]:
    lost = [n for n in range(start, stop) if runs.headers[n] < 0]
    sound = lost[0] if lost else stop
    if start < sound:
        lines = [(int(runs.header_runs[n]), runs.lines(blob, blocks, n)) for n in range(start, sound)]
        yield header_batch(lines, start, ORIGIN)
    if lost:
        raise CorruptFileError("The run has no end", where=blob.url, found="no block RUNE behind the run header", tree=HEADERS, start=lost[0], stop=lost[0] + 1, hint="The file is cut short or damaged.")  # fmt: skip


def _windows(blocks: Blocks, showers: Showers, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Cut showers into stretches of the file of about `BATCH_BYTES`, at least one shower each."""
    last = showers.stops - 1
    ends = blocks.places[last] + blocks.sizes[last]
    low = start
    while low < stop:
        high = max(low + 1, int(np.searchsorted(ends[low:stop], blocks.places[showers.starts[low]] + BATCH_BYTES, "right")) + low)
        yield low, high
        low = high


SOURCE = Corsika()
