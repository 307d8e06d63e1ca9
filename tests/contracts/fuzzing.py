"""Damage of every kind to files of every source, and what must hold whatever the damage: a sound value, or an error that names what is lost.

A damaged file is read as a conversion reads it: each source describes it, and corrupt stretches are taken out as narrowly as the errors name them. What is kept is compared with
the sound file row by row, wherever something in the format protects the bytes that were changed; see `Sound.protected`.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import uproot

from antdask.archive.ledger import Quarantined
from antdask.convert.material import intact_batches
from antdask.errors import AntdaskError, CorruptFileError, InputError
from antdask.model.ragged import Batch, concatenate, take
from antdask.plan import FileEntry, Lender, Range, Segment
from antdask.sources import SOURCES, describe_each
from antdask.sources.held_files import held_open

#: Numbers as lengths and counts would like them least.
_EXTREMES = (b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80\x00\x00\x00", b"\x00\x00\x00\x00", b"\x40\x00\x00\x01", b"\x00\x01\x00\x00")
_BLOCKS = (1, 2, 4, 8, 64, 512, 4096)
#: How entries end in texts that nowhere say how many they hold.
_ENDS = {"sensor_table": b"\n", "evt_ascii": b"end_event:\n"}
#: Columns that number rows: they follow from what is kept.
_NUMBERING = ("source_entry", "source_input")
_FILING = (*_NUMBERING, "run")


@dataclasses.dataclass(frozen=True, slots=True)
class Damage:
    """One change of a file.

    Parameters
    ----------
    kind : str
        ``cut`` (the end is missing from `place` on), ``flip`` (one byte), ``random``, ``zero``, ``ones`` (a block), ``extreme`` (a number of four bytes), ``drop``, ``double`` (a block is missing, or twice there).
    place, size, seed : int
    """

    kind: str
    place: int
    size: int = 1
    seed: int = 0

    def apply(self, data: bytes) -> bytes:
        """The damaged bytes."""
        a, b = self.place, min(self.place + self.size, len(data))
        rng = random.Random(self.seed)
        if self.kind == "cut":
            return data[:a]
        blocks: dict[str, Callable[[], bytes]] = {
            "flip": lambda: bytes([data[a] ^ rng.randrange(1, 256)]),
            "random": lambda: rng.randbytes(b - a),
            "zero": lambda: bytes(b - a),
            "ones": lambda: b"\xff" * (b - a),
            "extreme": lambda: rng.choice(_EXTREMES)[: b - a],
            "drop": lambda: b"",
            "double": lambda: data[a:b] * 2,
        }
        return data[:a] + blocks[self.kind]() + data[b:]


def cuts(nbytes: int, number: int, seed: int) -> list[Damage]:
    """Truncations: at the places where formats keep their first words, near the end, and at random."""
    rng = random.Random(seed)
    fixed = {1, 3, 4, 8, 63, 64, 100, nbytes - 1, nbytes - 8, nbytes - 60} & set(range(nbytes))
    places = sorted(fixed) + [rng.randrange(nbytes) for _ in range(max(0, number - len(fixed)))]
    return [Damage("cut", place) for place in places[:number]]


def changes(nbytes: int, number: int, seed: int) -> list[Damage]:
    """Byte and block mutations: half of them single bytes."""
    rng = random.Random(seed)
    found = []
    for n in range(number):
        kind = "flip" if n % 2 else rng.choice(("random", "zero", "ones", "extreme", "drop", "double"))
        size = 1 if kind == "flip" else 4 if kind == "extreme" else rng.choice(_BLOCKS)
        found.append(Damage(kind, rng.randrange(nbytes), size, rng.randrange(2**32)))
    return found


Key = tuple[str, str]


class Sound:
    """A file without damage, and what its sources give of it.

    Parameters
    ----------
    path : str

    Attributes
    ----------
    batches : dict of (source, tree) to Batch
    """

    def __init__(self, path: str) -> None:
        self.path, self.data = path, Path(path).read_bytes()
        self.batches, lost, _ = read(path)
        #: A real file may have damage of its own.
        self.lost = len(lost)
        self._rows: dict[Key, collections.Counter[bytes]] = {}
        self._open = _open_ranges(path) if self.data.startswith(b"root") else [(0, len(self.data))]

    def protected(self, damage: Damage) -> bool:
        """Whether something in the format must notice the damage, or it is harmless: a file that ends early always, but for a text that counts nothing and ends with a line or event;
        a byte of a ROOT file unless it lies in an object that is not compressed, or by a codec without checksum. Other formats have no checksums, or not everywhere."""
        if damage.kind == "cut":
            ends = _ENDS.get(next(iter(self.batches))[0])
            return ends is None or not self.data[: damage.place].endswith(ends)
        if damage.kind in ("drop", "double"):
            # Everything behind it moves as well.
            return not any(damage.place < b for _, b in self._open)
        return not any(damage.place < b and a < damage.place + damage.size for a, b in self._open)

    def rows(self, key: Key) -> collections.Counter[bytes]:
        """Digests of the rows of a tree."""
        if key not in self._rows:
            self._rows[key] = collections.Counter(digests(self.batches[key]))
        return self._rows[key]

    def left_out(self, key: Key, rows: int) -> collections.Counter[bytes]:
        """Digests of rows that are in the file, but that its source leaves out where the rest tells that they are of no use."""
        with held_open():
            entry = next((e for e in describe_each(self.path)[0] if e.format == key[0]), None)
            found = [] if entry is None else list(SOURCES.get(key[0]).read(entry, key[1], 0, rows))
        return collections.Counter(digests(concatenate(found)) if found else ())

    def place(self, folder: Path) -> Path:
        """Where a damaged file is put."""
        return folder / f"damaged{Path(self.path).suffix}"

    def judge(self, damage: Damage, path: Path) -> Verdict:
        """Damage the file and read it, see `judge`."""
        return judge(self, damage, path)


def read(path: str, like: Lender | None = None) -> tuple[dict[Key, Batch], list[Quarantined], str]:
    """All that can be kept of a file, what is lost of it, and what its sources say of the rest; a file that was cut may borrow the layout of another.

    Raises
    ------
    InputError
        Nothing can be kept.
    """
    with held_open():
        return _read(path, like)


def _read(path: str, like: Lender | None) -> tuple[dict[Key, Batch], list[Quarantined], str]:
    entries, damaged = describe_each(path, like)
    found: dict[Key, Batch] = {}
    lost: list[Quarantined] = []
    for entry in entries:
        for tree in dict.fromkeys(s.tree for s in entry.segments):
            batches = [b for s in entry.segments if s.tree == tree for b in _intact(entry, s, lost)]
            if batches:
                found[entry.format, tree] = concatenate(batches)
    return found, lost, _told(entries, damaged)


def _told(entries: list[FileEntry], damaged: list[CorruptFileError]) -> str:
    """What is said of a file beside its entries: notes, and errors of sources that cannot read what is theirs."""
    notes = [note for entry in entries for note in entry.notes]
    return " ".join([*notes, *(f"{error} cannot be read" for error in damaged)])


def _intact(entry: FileEntry, segment: Segment, lost: list[Quarantined]) -> Iterator[Batch]:
    for batch in intact_batches(entry, Range(0, segment.tree, segment.start, segment.stop, segment.nbytes), lost):
        problems = batch.problems()
        assert problems == [], problems
        yield batch


def digests(batch: Batch, without: tuple[str, ...] = _NUMBERING) -> list[bytes]:
    """A digest of each row with all that belongs to it, but not of its number; of rows to which nothing belongs, their bytes."""
    if not batch.offsets:
        (columns,) = batch.tables.values()
        parts = [np.ascontiguousarray(v).view(np.uint8).reshape(batch.rows, -1) for name, v in columns.items() if name not in without]
        return [row.tobytes() for row in np.concatenate(parts, axis=1)] if batch.rows else []
    found = []
    for n in range(batch.rows):
        one = take(batch, np.array([n]))
        digest = hashlib.blake2b(digest_size=12)
        for table, columns in one.tables.items():
            for name, values in columns.items():
                if name not in without:
                    digest.update(f"{table}/{name}".encode() + values.tobytes())
        for table, offsets in one.offsets.items():
            digest.update(f"{table}".encode() + offsets.tobytes())
        found.append(digest.digest())
    return found


def same(a: Batch, b: Batch) -> bool:
    """Whether two batches hold the same, numbers of rows apart."""
    if (a.stream, a.origin, a.rows) != (b.stream, b.origin, b.rows):
        return False
    tables = all(
        np.array_equal(v, b.tables[t][c], equal_nan=v.dtype.kind == "f")
        for t, columns in a.tables.items()
        for c, v in columns.items()
        if c not in _NUMBERING
    )
    return tables and all(np.array_equal(o, b.offsets[t]) for t, o in a.offsets.items())


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a damaged file.

    Parameters
    ----------
    outcome : str
        ``sound`` (nothing is lost, all values are those of the sound file), ``salvaged`` (what is lost is named, all else is sound), ``refused`` (an error names the file), ``other`` (other values, and nothing
        in the format that could notice), or ``wrong``.
    why : str
        Of what is wrong.
    seconds : float
        Time of the processor that reading took, that of threads included, whatever else the machine does.
    """

    outcome: str
    why: str
    seconds: float


def judge(sound: Sound, damage: Damage, path: Path, like: Lender | None = None) -> Verdict:
    """Damage a file and read it. Anything but an error of ours is raised."""
    path.write_bytes(damage.apply(sound.data))
    begin = time.process_time()
    try:
        found, lost, told = read(str(path), like)
    except InputError as error:
        named = str(path) in str(error)
        return Verdict(
            "refused" if named else "wrong", "" if named else f"the error does not name the file: {error}", time.process_time() - begin
        )
    except AntdaskError as error:
        return Verdict("wrong", f"no error of the input: {type(error).__name__}: {error}", time.process_time() - begin)
    seconds = time.process_time() - begin
    unnamed = [q for q in lost if path.name not in q.reason]
    if unnamed:
        return Verdict("wrong", f"a loss does not name its file: {unnamed[0].reason}", seconds)
    rows = sum(batch.rows for batch in found.values())
    outcome = "salvaged" if len(lost) > sound.lost or rows < sum(batch.rows for batch in sound.batches.values()) else "sound"
    if all(key in sound.batches and same(b, sound.batches[key]) for key, b in found.items()) and set(found) == set(sound.batches):
        return Verdict(outcome, "", seconds)
    trouble = [*_strangers(sound, found, told), *_silent_losses(sound, found, lost, told)]
    if not trouble:
        return Verdict(outcome, "", seconds)
    return Verdict("wrong", "; ".join(trouble), seconds) if sound.protected(damage) else Verdict("other", "", seconds)


def _strangers(sound: Sound, found: dict[Key, Batch], told: str) -> Iterator[str]:
    """Rows that the sound file does not have."""
    for key, batch in found.items():
        if key not in sound.batches and "cannot be read" not in told:
            yield f"{key} has {batch.rows} rows, the sound file none"
            continue
        if batch.stream == "headers" and "cannot be read" in told:
            # They are filed under the run of what can be read, by the source that can read it.
            known = collections.Counter(d for (_, tree), b in sound.batches.items() if tree == key[1] for d in digests(b, _FILING))
            if strange := collections.Counter(digests(batch, _FILING)) - known:
                yield f"{key} has {strange.total()} of {batch.rows} headers that the sound file does not have"
            continue
        # What says that a tree is of no use, like counts that are all zero, may be what is damaged.
        strange = collections.Counter(digests(batch)) - (sound.rows(key) if key in sound.batches else sound.left_out(key, batch.rows))
        if strange:
            yield f"{key} has {strange.total()} of {batch.rows} rows that the sound file does not have"


def _silent_losses(sound: Sound, found: dict[Key, Batch], lost: list[Quarantined], told: str) -> Iterator[str]:
    """Trees of which rows are missing, and nothing says so."""
    quarantined = {q.tree for q in lost}
    for key, batch in sound.batches.items():
        if batch.stream == "headers" and "cannot be read" in told:
            continue  # objects of their own, of which a note tells
        kept = found[key].rows if key in found else 0
        # Behind the end of a file nobody can count.
        counted = key in found and "nor counted" not in told
        if kept < batch.rows and key[1] not in quarantined and (counted or "cannot be read" not in told):
            yield f"{key}: {batch.rows - kept} of {batch.rows} rows are missing without a word"


def _open_ranges(path: str) -> list[tuple[int, int]]:
    """Bytes of a ROOT file that nothing protects: objects and baskets that are not compressed, or by a codec without checksum."""
    found = []
    with uproot.open(path) as file:
        data = Path(path).read_bytes()
        for key in _keys(data, int(file.file.fBEGIN), int(file.file.fEND)):
            start, stop, objlen, kind = key
            free = stop - start == objlen or data[start : start + 2] == b"ZS"
            if free and kind != "TTree":
                found.append((start, stop))
    return found


def _keys(data: bytes, begin: int, end: int) -> Iterator[tuple[int, int, int, str]]:
    """Payload of every record of a file, one after the other: where it begins and ends, its length when it is not compressed, its class."""
    position = begin
    while position < min(end, len(data)) - 18:
        nbytes = int.from_bytes(data[position : position + 4], signed=True)
        if nbytes < 0:  # a gap
            position -= nbytes
            continue
        if nbytes == 0:
            return
        version, objlen, keylen = (int.from_bytes(data[position + a : position + b]) for a, b in ((4, 6), (6, 10), (14, 16)))
        at = position + (34 if version > 1000 else 26)
        kind = data[at + 1 : at + 1 + data[at]].decode("ascii", "replace")
        yield position + keylen, position + nbytes, objlen, kind
        position += nbytes
