"""Source ``clb_packets``: packets of central logic boards of KM3NeT modules (``*.dqd``, ``IO_MONIT`` dumps), to the streams ``packets`` and ``monitoring``.

Where the packets stand tells `antdask.sources.clb_index`, their layouts stand in `antdask.sources.clb_records`. A packet names run, module and time, but no detector.
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
from antdask.sources.clb_index import TAGS, Index, known_index, scan
from antdask.sources.clb_records import ACOUSTICS, HEAD, HITS, MONITOR, MONITORING, decode
from antdask.sources.controlhost_records import HIT, Records, windows
from antdask.sources.salvage import told

ORIGIN = "clb_packets"
#: Aim for the bytes of one batch [byte].
BATCH_BYTES = 16 * 2**20
#: Tag and stream by tree.
TREES = {"TTDC": (HITS, "packets"), "TMCH": (MONITORING, "monitoring")}
#: Detectors are filed by their number; a packet names none.
DETECTOR = "km3net"
#: KM3NeT has no data of before: a clock that says so has not got the time of the world [s since 1970].
_EARLIEST = 946_684_800
#: Packets that are looked at for another layout.
_LOOKED_AT = 8


class ClbPackets:
    """Dumps of packets; holds nothing, so it pickles."""

    name = ORIGIN
    version = "1"

    def sniff(self, url: str, head: bytes) -> bool:
        """Whether the file begins with the tag of a packet, behind its length."""
        return head[4:8] in TAGS

    def describe(self, url: str) -> FileEntry:
        """Identity and segments; follows the packets from first to last.

        A stretch that is no packet counts as one entry, so that reading it reports it; a note says where.

        Raises
        ------
        InputMissingError, InputUnreadableError
        CorruptFileError
            The file does not begin with a packet.
        UnknownLayoutError
            Acoustic packets alone; or packets of another layout.
        """
        url = files.absolute(url)
        identity = files.identify(url)
        with open_blob(url) as blob:
            index = scan(blob)
            trees = {tree: own for tree, (tag, _) in TREES.items() if len((own := index.of(tag)).starts)}
            if not trees:
                raise UnknownLayoutError("All packets are acoustic", where=url, found=f"{len(index.starts)} of TAES", expected=" or ".join(TREES), hint="Acoustic signals are not archived.")  # fmt: skip
            _demand_known(blob, trees)
        return identity.entry(
            url, self.name, ORIGIN, (s for tree, own in trees.items() for s in _segments(tree, own)), _notes(index, trees)
        )

    def read(self, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Batches of the packets ``start:stop`` of one tag, in the order of the file.

        Raises
        ------
        UnknownNameError
            No such tree.
        InputChangedError
            The file holds fewer packets.
        CorruptFileError
            With the range of entries that is lost; batches before it are sound.
        """
        if tree not in TREES:
            raise UnknownNameError.of("tree", tree, TREES, where=entry.url)
        index = known_index(entry.url, entry.fingerprint).of(TREES[tree][0])
        files.demand_entries(start, stop, len(index.starts), f"{entry.url}, {tree}", "packets")
        with open_blob(entry.url) as blob:
            for low, high in windows(index.starts, index.sizes, start, stop, BATCH_BYTES):
                yield from _intact(blob, index, tree, low, high)


def _demand_known(blob: Blob, trees: dict[str, Index]) -> None:
    """Refuse packets whose layout is not the one that is known, where all of them tell.

    Headers with four status words, as those of `TMCH`, would pass for hits: the last word is then a hit of channel 0 at time 0 with no width, behind another one.
    """
    for tree, index in trees.items():
        starts, sizes = index.starts[~index.lost], index.sizes[~index.lost]
        if tree == "TMCH" and len(sizes) and (sizes != MONITOR.itemsize).all():
            raise UnknownLayoutError("The packets are of another length", where=f"{blob.url}, {tree}", found=f"{sizes[0]} bytes", expected=f"{MONITOR.itemsize} bytes")  # fmt: skip
        if tree == "TTDC":
            at = HEAD.itemsize + HIT.itemsize
            known = starts[sizes >= at + HIT.itemsize][:_LOOKED_AT].tolist()
            if known and not any(bytes(blob.read(n + at, n + at + HIT.itemsize)).strip(b"\0") for n in known):
                raise UnknownLayoutError(
                    "The packets seem to have four status words", where=f"{blob.url}, {tree}", expected="one status word before the hits"
                )


def _notes(index: Index, trees: dict[str, Index]) -> list[str]:
    lost = zip(index.starts[index.lost].tolist(), index.sizes[index.lost].tolist(), strict=True)
    notes = told([f"{size} bytes from byte {start} on are no packet" for start, size in lost])
    acoustic = int((~index.of(ACOUSTICS).lost).sum())
    if acoustic:
        notes.append(f"{acoustic} packets of the acoustic sensor are not archived")
    early = {tree: int((own.seconds[~own.lost] < _EARLIEST).sum()) for tree, own in trees.items()}
    return notes + [f"the clock of {n} packets of {tree} has not the time of the world: they are filed in 1970" for tree, n in early.items() if n]  # fmt: skip


def _segments(tree: str, index: Index) -> list[Segment]:
    """Consecutive packets of the same run; a lost stretch belongs to the run that it states, or the one before it."""
    edges = [0, *(np.flatnonzero(index.runs[1:] != index.runs[:-1]) + 1).tolist(), len(index.runs)]
    return [
        Segment(TREES[tree][1], tree, RunKey(DETECTOR, int(index.runs[a])), a, b, int(index.sizes[a:b].sum()))
        for a, b in itertools.pairwise(edges)
    ]


def _intact(blob: Blob, index: Index, tree: str, start: int, stop: int) -> Iterator[Batch]:
    """The batch of these packets, or what is whole before the first loss, and then the error."""
    first, end = int(index.starts[start]), int(index.starts[stop - 1] + index.sizes[stop - 1])
    payload = np.frombuffer(blob.read(first, end), np.uint8)
    packets = Records(payload, index.starts[start:stop] - first, index.sizes[start:stop], tree, False, f"{blob.url}, {tree}", tree, start)
    try:
        packets.demand(~index.lost[start:stop], "A stretch of the file is no packet")
        tables, offsets = decode(packets)
    except CorruptFileError as error:
        if error.start is not None and error.start > start:
            yield from _intact(blob, index, tree, start, error.start)
        raise
    yield Batch(TREES[tree][1], ORIGIN, tables, offsets)


SOURCE = ClbPackets()
