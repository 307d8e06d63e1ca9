"""Blocks of a CORSIKA particle file: where its records, sub-blocks and showers stand, and what is none.

A file is Fortran records of 21 sub-blocks each, a marker with their size before and behind; a sub-block is 273 reals of 32 bits, or 312 where showers are thinned::

    record      22,932 i4 | 21 sub-blocks | 22,932 i4              26,208 of thinned showers
    sub-blocks  RUNH  (EVTH  particles … particles  LONG … LONG  EVTE)  (EVTH … EVTE)  RUNE  zeros to the end of the record

A sub-block begins with its name in ASCII; one without a name holds 39 particles. Nothing else has a checksum: a record whose markers are wrong is lost with the showers that reach into it,
and the next one is looked for. Byte order is that of the machine that wrote (CORSIKA User's Guide, section on the structure of the particle output).
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from antdask.errors import CorruptFileError
from antdask.sources.blob import Blob, open_blob
from antdask.sources.km3net_records import gather, ones

SUB_BLOCKS = 21
#: Words of a sub-block: of showers that are not thinned, and of thinned ones, whose particles have a weight.
WORDS = (273, 312)
PARTICLES = 39
#: Bytes of a marker.
MARKER = 4

DATA, RUNH, EVTH, EVTE, RUNE, LONG, GAP = range(7)
NAMES = {RUNH: b"RUNH", EVTH: b"EVTH", EVTE: b"EVTE", RUNE: b"RUNE", LONG: b"LONG"}
_WINDOW = 8 * 2**20


@dataclasses.dataclass(frozen=True, slots=True)
class Form:
    """How a file is written.

    Parameters
    ----------
    words : int
        Of a sub-block.
    order : str
        Byte order, ``"<"`` or ``">"``.
    """

    words: int
    order: str

    @property
    def nbytes(self) -> int:
        """Of a sub-block [byte]."""
        return 4 * self.words

    @property
    def payload(self) -> int:
        """Of a record without its markers [byte]."""
        return SUB_BLOCKS * self.nbytes

    @property
    def stride(self) -> int:
        """Of a record with its markers [byte]."""
        return self.payload + 2 * MARKER

    @property
    def marker(self) -> bytes:
        """The marker as it stands in the file."""
        return self.payload.to_bytes(MARKER, "little" if self.order == "<" else "big")


FORMS = tuple(Form(words, order) for words in WORDS for order in "<>")


@dataclasses.dataclass(frozen=True)
class Blocks:
    """Sub-blocks and gaps of a file in their order; shape of each array (blocks,).

    Parameters
    ----------
    form : Form
    places, sizes : ndarray of int64
        First byte, and number of bytes.
    kinds : ndarray of int8
        ``DATA``, ``RUNH`` …; ``GAP`` is a stretch that belongs to no sound record, and the end of a file that ends too early (of size 0).
    """

    form: Form
    places: np.ndarray
    sizes: np.ndarray
    kinds: np.ndarray

    def read(self, blob: Blob, which: np.ndarray) -> np.ndarray:
        """Words of sub-blocks that follow each other, float32 in native byte order, shape (blocks, words); a name is the real that its bytes are, the least first.

        Parameters
        ----------
        which : ndarray of int64
            Their numbers, increasing; no gap is among them.
        """
        if not len(which):
            return np.zeros((0, self.form.words), np.float32)
        places, size = self.places[which], self.form.nbytes
        payload = np.frombuffer(blob.read(int(places[0]), int(places[-1]) + size), np.uint8)
        found = gather(payload, places - places[0], ones(len(which)), np.dtype(f"V{size}"))
        words = found.view(f"{self.form.order}f4").reshape(-1, self.form.words).astype(np.float32)
        # Names are text, which has no byte order.
        named = self.kinds[which] != DATA
        words[named, 0] = found.view("<f4").reshape(-1, self.form.words)[named, 0]
        return words


@dataclasses.dataclass(frozen=True)
class Showers:
    """Entries of a file; shape of each array (showers,).

    Parameters
    ----------
    starts, stops : ndarray of int64
        Numbers of the blocks that belong to it.
    lost : ndarray of bool
        Stretches that hold no whole shower: each counts as one.
    runs : ndarray of int64
        Number of the block RUNH before it, -1 if there is none.
    """

    starts: np.ndarray
    stops: np.ndarray
    lost: np.ndarray
    runs: np.ndarray


def form_of(blob: Blob) -> Form:
    """How the file is written, by the markers of its first record.

    Raises
    ------
    CorruptFileError
        Neither of them is one.
    """
    head = bytes(blob.read(0, min(MARKER, blob.nbytes)))
    for form in FORMS:
        if head == form.marker:
            return form
    for form in FORMS:
        if blob.nbytes >= form.stride and bytes(blob.read(form.stride - MARKER, form.stride)) == form.marker:
            return form
    raise CorruptFileError("The first record has no markers of CORSIKA", where=blob.url, found=repr(head), expected=f"{' or '.join(str(SUB_BLOCKS * 4 * w) for w in WORDS)} as a whole number of four bytes", hint="It is cut short or damaged, or was written without Fortran records.")  # fmt: skip


def scan(blob: Blob) -> Blocks:
    """Find every sub-block.

    Raises
    ------
    CorruptFileError
        The file has no whole record.
    """
    form = form_of(blob)
    records: list[np.ndarray] = []
    tags: list[np.ndarray] = []
    gaps: list[tuple[int, int]] = []
    position = 0
    while position < blob.nbytes:
        places, names, position = _sound_records(blob, form, position)
        records.append(places)
        tags.append(names)
        if position < blob.nbytes:
            behind = _next_record(blob, form, position + 1)
            gaps.append((position, behind))
            position = behind
    starts = np.concatenate(records)
    if not len(starts):
        raise CorruptFileError("The file holds no whole record", where=blob.url, found=f"{blob.nbytes} bytes", expected=f"records of {form.stride}", hint="It is cut short or damaged.")  # fmt: skip
    places = (starts[:, None] + MARKER + form.nbytes * np.arange(SUB_BLOCKS)).reshape(-1)
    return _in_order(form, places, np.concatenate(tags), gaps, blob.nbytes)


@functools.lru_cache(maxsize=4)
def known_blocks(url: str, fingerprint: str, nbytes: int) -> tuple[Blocks, Showers]:
    """Blocks and showers of a file that is known to be unchanged, kept for the next part that is made of it, and for what stands behind a damaged shower."""
    with open_blob(url) as blob:
        blocks = scan(blob)
    return blocks, showers_of(blocks)


def showers_of(blocks: Blocks) -> Showers:
    """Sort blocks into showers. What belongs to no run and to no whole shower is lost, stretch by stretch."""
    kinds = blocks.kinds
    control = np.flatnonzero(kinds != DATA)
    control = control[kinds[control] != LONG]
    # A shower is whole if nothing but particles and profiles stands between its header and its end.
    pairs = np.flatnonzero((kinds[control[:-1]] == EVTH) & (kinds[control[1:]] == EVTE))
    first, last = control[pairs], control[pairs + 1]
    free = ~_between(first, last + 1, len(kinds))
    free &= (kinds != RUNH) & (kinds != RUNE)
    free &= ~padding_of(kinds)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], free, [False]]).astype(np.int8)))
    starts = np.concatenate([first, edges[::2]])
    stops = np.concatenate([last + 1, edges[1::2]])
    lost = np.repeat([False, True], [len(first), len(edges) // 2])
    order = np.argsort(starts, kind="stable")
    headers = np.flatnonzero(kinds == RUNH)
    before = np.searchsorted(headers, starts[order], "right") - 1
    runs = np.where(before >= 0, headers[before], -1) if len(headers) else np.full(len(starts), -1)
    return Showers(starts[order], stops[order], lost[order], runs)


def padding_of(kinds: np.ndarray) -> np.ndarray:
    """Which blocks are the rest of a record in which a run ends: those without name behind it, bool.

    Examples
    --------
    >>> padding_of(np.array([RUNE, DATA, DATA, RUNH, EVTH, DATA], np.int8)).tolist()
    [False, True, True, False, False, False]
    """
    control = np.flatnonzero((kinds != DATA) & (kinds != LONG))
    ends = np.flatnonzero(kinds[control] == RUNE)
    found: np.ndarray = _between(control[ends] + 1, np.append(control, len(kinds))[ends + 1], len(kinds)) & (kinds == DATA)
    return found


def _between(starts: np.ndarray, stops: np.ndarray, count: int) -> np.ndarray:
    """Which of `count` blocks stand in one of these stretches, bool; no two of them share a block."""
    # A file of 20 GB has 18 million blocks: few bytes each.
    edges = np.zeros(count + 1, np.int8)
    edges[starts] += 1
    edges[stops] -= 1
    inside: np.ndarray = np.cumsum(edges[:-1], dtype=np.int8).view(bool)
    return inside


def _sound_records(blob: Blob, form: Form, position: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Records from a position on until the markers of one are wrong: where they begin, the names of their sub-blocks, and where the next would."""
    places: list[np.ndarray] = [np.zeros(0, np.int64)]
    names: list[np.ndarray] = [np.zeros(0, np.uint32)]
    marker = np.frombuffer(form.marker, np.uint32)[0]
    # Few at first: where every other record is damaged, each look begins anew.
    step, most = 1, _WINDOW // form.stride
    while (count := min(step, (blob.nbytes - position) // form.stride)) > 0:
        words = np.frombuffer(blob.read(position, position + count * form.stride), np.uint32).reshape(count, -1)
        good = (words[:, 0] == marker) & (words[:, -1] == marker)
        sound = count if good.all() else int(np.argmin(good))
        places.append(position + form.stride * np.arange(sound, dtype=np.int64))
        names.append(words[:sound, 1 : -1 : form.words].reshape(-1))
        position += sound * form.stride
        step = min(2 * step, most)
        if sound < count:
            break
    return np.concatenate(places), np.concatenate(names), position


def _next_record(blob: Blob, form: Form, position: int) -> int:
    """Where the next record with both markers begins, from a position on; the end of the file if there is none."""
    marker, reach, size = form.marker, form.stride - MARKER, 3 * form.stride
    while position + form.stride <= blob.nbytes:
        window = bytes(blob.read(position, min(position + size, blob.nbytes)))
        found = window.find(marker)
        while 0 <= found <= len(window) - form.stride:
            if window[found + reach : found + form.stride] == marker:
                return position + found
            found = window.find(marker, found + 1)
        # A record may stand across the end of the window.
        position += max(1, len(window) - form.stride + 1)
        size = min(2 * size, _WINDOW)
    return blob.nbytes


def _in_order(form: Form, places: np.ndarray, tags: np.ndarray, gaps: list[tuple[int, int]], end: int) -> Blocks:
    """Sub-blocks and gaps by their place; a file that does not end with the end of a run gets a gap there."""
    kinds = np.zeros(len(tags), np.int8)
    for kind, name in NAMES.items():
        kinds[tags == np.frombuffer(name, np.uint32)[0]] = kind
    named = np.flatnonzero(kinds != DATA)
    finished = len(named) > 0 and kinds[named[-1]] == RUNE
    if not (finished or (gaps and gaps[-1][1] == end)):
        gaps = [*gaps, (end, end)]
    bounds = np.array(gaps, np.int64).reshape(-1, 2)
    everything = np.concatenate([places, bounds[:, 0]])
    sizes = np.concatenate([np.full(len(places), form.nbytes), bounds[:, 1] - bounds[:, 0]])
    order = np.argsort(everything, kind="stable")
    return Blocks(form, everything[order], sizes[order], np.concatenate([kinds, np.full(len(bounds), GAP, np.int8)])[order])
