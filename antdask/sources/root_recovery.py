"""A ROOT file whose directory is missing, as after a job that was killed, a full disk or a broken transfer: what is whole, and a directory of it.

The directory stands at the end, and so does the description of classes. What is whole is found record by record (`root_records`), and lists of it are put behind the end of the
file, in memory alone, so that it is read as any other. Nothing is written to the file::

    file   |header|directory| records |directory| records      | cut
    view   |new   |new      | same    |new      | same         | a list of keys for each directory
"""

from __future__ import annotations

import dataclasses
import struct
import time
from collections.abc import Mapping, Sequence

import numpy as np

from antdask.errors import CorruptFileError
from antdask.plan import Lender
from antdask.sources import root_codecs, root_extents, root_records
from antdask.sources.blob import Blob
from antdask.sources.files import stamp
from antdask.sources.root_entries import entries_of
from antdask.sources.root_keys import BIG, parse_key
from antdask.sources.root_lending import INFO, Loan, borrow, moved
from antdask.sources.root_metadata import HINT
from antdask.sources.root_records import Found, Object, Records

_HEADER = struct.Struct(">4siiqqiiibiqiH16s")
_SMALL_HEADER = struct.Struct(">4siiiiiiibiiiH16s")
_KEY = struct.Struct(">ihiIhhqq3x")
_DIRECTORY, _SMALL_DIRECTORY = struct.Struct(">hIIiiqqq"), struct.Struct(">hIIiiiii")
_BIG_FILE = 1_000_000
#: Where the first record of a file may begin: at 100, in very old files at 64 [byte].
_BEGINS = range(64, 1025)
_DIRECTORIES = ("TDirectory", "TDirectoryFile")
_TREE = "TTree"


class Disagreement(CorruptFileError):
    """The directory of a file, which can be read, and an object disagree on what the object is; `listed` is what the directory says."""

    def __init__(self, error: CorruptFileError, url: str, listed: dict[int, tuple[str, str]]) -> None:
        super().__init__(error.what, where=url, found=error.found, expected=error.expected, hint=HINT)
        self.listed = listed


@dataclasses.dataclass(frozen=True, slots=True)
class Recovery:
    """What is left of a file.

    Parameters
    ----------
    view : Blob
        The file with new lists of keys, for who looks for them.
    baskets : mapping of tree to (mapping of branch to Found)
        Whole baskets of the trees that may go on behind what they list.
    loss : CorruptFileError or None
        What is missing, as far as that can be told; ``None`` if the file is whole but for its directory.
    notes : tuple of str
        What was found, and what was lent.
    lent : frozenset of str
        Trees whose layout is that of another file.
    """

    view: Blob
    baskets: Mapping[str, Mapping[str, Found]]
    loss: CorruptFileError | None
    notes: tuple[str, ...]
    lent: frozenset[str]


def recover(blob: Blob, error: CorruptFileError, like: Lender | None = None) -> Recovery:
    """What is left of a file that cannot be opened because of `error`.

    Parameters
    ----------
    like : Lender, optional
        Whose layout is taken for trees that lost theirs.

    Raises
    ------
    CorruptFileError
        No tree is left, or not even the header; with `error` as its cause.
    InputChangedError, InputError
        The lender cannot be used.
    OSError
        As it came from disk or network.
    """
    head = _head(blob)
    if head is None:
        raise error
    records = _records(blob, head.begin)
    objects = _sound_objects(blob, records)
    listed = error.listed if isinstance(error, Disagreement) else {}
    # Trees say themselves what they are, in bytes that are checked; of others nobody knows whether the object or the directory is damaged.
    odd = [o for o in objects if _TREE not in ((own := _said(o))[0], (told := listed.get(o.key.seek, own))[0]) and told != own]
    objects = [o for o in objects if o not in odd]
    trees = [o.key.name for o in objects if o.key.kind == _TREE and o.parent == head.begin]
    orphans = {name: found for name, found in records.baskets.items() if name not in trees}
    # Numbers of baskets are believed where none may be missing before them, since nothing else says that the program numbered them.
    holes = any(stop != blob.nbytes for _, stop in records.unreadable)
    loan = borrow(like, {} if holes else orphans, blob.nbytes) if like is not None else None
    lent = frozenset(loan.trees) if loan is not None else frozenset()
    loss = _loss(
        blob,
        head,
        records,
        {name: found for name, found in orphans.items() if name not in lent},
        loan,
        error,
        [listed[o.key.seek][1] for o in odd],
    )
    if not trees and not lent:
        raise loss or error from error
    # Of trees of one name in several directories nobody knows whose a basket is.
    parents = {(o.key.name, o.parent) for o in objects if o.key.kind == _TREE}
    baskets = {name: found for name, found in records.baskets.items() if [n for n, _ in parents].count(name) <= 1}
    whole = sum(len(f.seeks) for found in records.baskets.values() for f in found.values())
    notes = [f"recovered without its directory, record by record: {len({*trees, *lent})} trees and {whole} baskets are whole"]
    notes += [
        f"the layout of tree '{name}' is lent by {loan.lender.url} ({loan.lender.fingerprint[:12]})" for name in lent if loan is not None
    ]
    return Recovery(_View(blob, head, objects, loan), baskets, loss, (*notes, *([str(loss)] if loss else [])), lent)


@dataclasses.dataclass(frozen=True, slots=True)
class _Head:
    """What the header of a file says: version, where the first record begins and how long its names are, where the file should end; the rest as it is."""

    version: int
    begin: int
    end: int
    names: int
    rest: tuple[int, int, int, bytes]  # units, compression, version of the UUID, UUID


#: Records of the files that this process walked through last: each part of a file opens it anew.
_walks: dict[tuple[str, int, int], Records] = {}
_KEPT = 2
#: Trees that are decompressed to see whether they are sound: a hostile file may hold thousands, each a thousand times as large as it looks [byte].
_LOOKED_AT = 2**30
#: A file that changed less long ago may change again without another time [ns].
_FRESH_NS = 3 * 10**9


def _records(blob: Blob, begin: int) -> Records:
    key = (blob.url, *stamp(blob.url))
    found = _walks.get(key)
    if found is None:
        found = root_records.walk(blob, begin)
        if key[1] == blob.nbytes and 0 < key[2] < time.time_ns() - _FRESH_NS:
            for old in list(_walks)[: len(_walks) + 1 - _KEPT]:
                _walks.pop(old, None)
            _walks[key] = found
    return found


def _head(blob: Blob) -> _Head | None:
    data = blob.read(0, min(_HEADER.size, blob.nbytes))
    if len(data) < _HEADER.size:
        return None
    form = _HEADER if struct.unpack_from(">i", data, 4)[0] >= _BIG_FILE else _SMALL_HEADER
    _, version, begin, end, _, _, _, names, units, compression, _, _, form_of_uuid, uuid = form.unpack_from(data)
    return _Head(version, begin, end, names, (units, compression, form_of_uuid, uuid)) if begin in _BEGINS else None


def _sound_objects(blob: Blob, records: Records) -> list[Object]:
    """Objects that may be listed; of trees the last ones, as far as looking at them all takes no time worth speaking of."""
    found, left = [], _LOOKED_AT
    for o in reversed(records.objects):
        if o.key.kind == _TREE or o.key.name == INFO:
            left -= o.key.objlen
        if left >= 0 and _sound(blob, o):
            found.append(o)
    return found[::-1]


def _sound(blob: Blob, o: Object) -> bool:
    """Whether an object may be listed: a tree, or the description of classes, only if it can be decompressed, and the tree begins as one."""
    if o.key.kind != _TREE and o.key.name != INFO:
        return o.key.kind != "TFile"
    try:
        data = blob.read(o.key.seek + o.key.keylen, o.key.seek + o.key.nbytes)
        content = np.frombuffer(data, np.uint8) if len(data) == o.key.objlen else root_codecs.decompress(data, o.key.objlen)
        if o.key.kind == _TREE:
            entries_of(content)
    except CorruptFileError:
        return False
    return True


def _said(o: Object) -> tuple[str, str]:
    """Class and name of an object, as directories list them."""
    return _DIRECTORIES[0] if o.key.kind in _DIRECTORIES else o.key.kind, o.key.name


def _loss(
    blob: Blob,
    head: _Head,
    records: Records,
    orphans: Mapping[str, Mapping[str, Found]],
    loan: Loan | None,
    error: CorruptFileError,
    odd: Sequence[str],
) -> CorruptFileError | None:
    """What is missing of a file; `odd` are names of objects that say of themselves what their directory does not."""
    told = [f"'{name}' cannot be read: directory and object disagree on what it is" for name in odd]
    for name, found in orphans.items():
        why = (
            "what describes them is lost, but a sound file of the same make can lend it (--like FILE)"
            if loan is None
            else f"the other file cannot lend their layout: {loan.refused.get(name, 'some may be missing in the middle')}"
        )
        told.append(f"baskets of tree '{name}' with {root_extents.entries_of(found)} entries are whole, but cannot be read: {why}")
    if records.broken is not None:
        told.append(f"{records.broken.kind} '{records.broken.name}' is cut")
    told += [f"bytes {a} to {b} cannot be read" for a, b in records.unreadable[:3]]
    told += [f"{len(records.unreadable) - 3} more stretches cannot be read"] if len(records.unreadable) > 3 else []
    cut, closed = head.end > blob.nbytes, head.end == blob.nbytes
    if not told and closed:
        return None
    told.append("what stood behind the end cannot be read, nor counted" if not closed else "what else stood there cannot be counted")
    hint = f"Fetch it again, if there is a whole one; {'; '.join(told)}."
    if cut:
        return CorruptFileError(
            "The file is cut short", where=blob.url, found=f"{blob.nbytes} bytes", expected=f"{head.end} bytes", hint=hint
        )
    what = error.what if closed else "The file was never closed by the program that wrote it, or lost its end"
    return CorruptFileError(what, where=blob.url, found=f"{blob.nbytes} bytes", hint=hint)


class _View(Blob):
    """A file with another header, other headers of directories, and a tail."""

    def __init__(self, blob: Blob, head: _Head, objects: list[Object], loan: Loan | None) -> None:
        self._blob = blob
        self._tail = bytearray()
        # The description of classes that is its own comes first.
        objects = [*self._lent(head, loan), *objects]
        info = next((o.key for o in objects[::-1] if o.key.name == INFO), None)
        places = {head.begin: head.begin + head.names}
        places |= {
            o.key.seek: o.key.seek + o.key.keylen
            for o in objects
            if o.key.kind in _DIRECTORIES and o.parent != o.key.seek and o.parent in places
        }
        self._patches = [p for seek, at in places.items() for p in self._directory(seek, at, objects, head.begin)]
        super().__init__(blob.url, blob.nbytes + len(self._tail))
        version = head.version if head.version >= _BIG_FILE else head.version + _BIG_FILE
        seek, size = (info.seek, info.nbytes) if info else (0, 0)
        units, compression, *uuid = head.rest
        self._patches.append(
            (0, _HEADER.pack(b"root", version, head.begin, self.nbytes, 0, 0, 0, head.names, units, compression, seek, size, *uuid))
        )

    def _lent(self, head: _Head, loan: Loan | None) -> list[Object]:
        """Objects of another file, behind the end of this one."""
        found = []
        for record in () if loan is None else (*loan.trees.values(), loan.info):
            place = self._blob.nbytes + len(self._tail)
            self._tail += moved(record, place, head.begin) if record else b""
            if record:
                key, end = parse_key(memoryview(self._tail)[place - self._blob.nbytes :])
                found.append(Object(key, head.begin, bytes(self._tail[place - self._blob.nbytes :][:end])))
        return found

    def _directory(self, seek: int, at: int, objects: list[Object], top: int) -> list[tuple[int, bytes]]:
        """The header of a directory that lists what is whole in it; nothing where no header stands."""
        data = bytes(self._blob.read(at, min(at + _DIRECTORY.size, self._blob.nbytes))).ljust(_DIRECTORY.size, b"\0")
        form = _DIRECTORY if struct.unpack_from(">h", data)[0] > BIG else _SMALL_DIRECTORY
        version, made, changed, _, names, _, parent, _ = form.unpack_from(data)
        # What stands in the list of a directory, and not the list itself, which has the name of the directory.
        inside = [
            o.head
            for o in objects
            if o.parent == seek
            and o.key.name != INFO
            and o.key.seek not in (seek, top)
            and not (o.key.kind in _DIRECTORIES and seek != top)
        ]
        content = struct.pack(">i", len(inside)) + b"".join(inside)
        place, size = self._blob.nbytes + len(self._tail), _KEY.size + len(content)
        self._tail += _KEY.pack(size, BIG + 4, len(content), 0, _KEY.size, 1, place, seek) + content
        return [(at, _DIRECTORY.pack(version if version > BIG else version + BIG, made, changed, size, names, seek, parent, place))]

    def read(self, start: int, stop: int) -> memoryview:
        """The bytes ``start:stop``, as in the file but for what is new."""
        self._check(start, stop)
        end = self._blob.nbytes
        data = (
            bytearray(self._blob.read(start, min(stop, end)) if start < end else b"") + self._tail[max(0, start - end) : max(0, stop - end)]
        )
        for at, patch in self._patches:
            low, high = max(start, at), min(stop, at + len(patch))
            if low < high:
                data[low - start : high - start] = patch[low - at : high - at]
        return memoryview(data)
