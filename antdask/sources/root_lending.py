"""Layouts that a sound ROOT file lends to one that was cut before its trees were written: of the same program, run with the same settings.

Baskets name their tree and branch and hold bytes; of what type, nothing but the tree says. That it would have said the same as the tree of the other file, the user vouches for.
What can be compared is: every branch with baskets has one name and one alone in the lent tree, and its entries have the same size, or vary as they do there.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Mapping

import numpy as np

from antdask.errors import InputChangedError, InputError
from antdask.plan import Lender
from antdask.sources import root_records
from antdask.sources.blob import Blob, open_blob
from antdask.sources.files import identify
from antdask.sources.root_keys import BIG
from antdask.sources.root_records import Found, Object

_TREE, INFO = "TTree", "StreamerInfo"
#: Where the first record of a file stands, and where its header says so [byte].
_BEGIN = struct.Struct(">8xi")
#: Where a key says where it stands [byte].
_PLACE = 18


@dataclasses.dataclass(frozen=True, slots=True)
class Loan:
    """What a file lends.

    Parameters
    ----------
    lender : Lender
    trees : mapping of str to bytes
        Records of trees, by name.
    info : bytes
        The record with the description of classes; empty if there is none.
    refused : mapping of str to str
        Trees whose baskets contradict the lender, and why.
    """

    lender: Lender
    trees: Mapping[str, bytes]
    info: bytes
    refused: Mapping[str, str]


def borrow(lender: Lender, orphans: Mapping[str, Mapping[str, Found]], place: int) -> Loan:
    """The layouts of trees of which only baskets are left.

    Parameters
    ----------
    orphans : mapping of tree to (mapping of branch to Found)
    place : int
        From where on what is lent shall stand [byte].

    Raises
    ------
    InputChangedError
        The lender is not the file that was named.
    InputError
        It is no sound ROOT file.
    """
    if identify(lender.url).fingerprint != lender.fingerprint:
        raise InputChangedError("The file that lends its layout changed", where=lender.url, hint="Put it back, or plan again.")
    with open_blob(lender.url) as blob:
        begin = _begin(blob)
        records = root_records.walk(blob, begin)
        trees: dict[str, bytes] = {}
        refused: dict[str, str] = {}
        for name, found in orphans.items():
            listed = [o for o in records.objects if (o.key.kind, o.key.name, o.parent) == (_TREE, name, begin)]
            why = _contradiction(found, records.baskets.get(name, {})) if listed else "it has no such tree"
            record = b"" if why else _record(blob, max(listed, key=lambda o: o.key.cycle))
            if record and not _has_room(record, place + sum(map(len, trees.values()))):
                why = "its key has no room for places behind 2 GiB; a file that is as long has"
            if why:
                refused[name] = why
            else:
                trees[name] = record
        infos = [_record(blob, o) for o in reversed(records.objects) if o.key.name == INFO]
        info = next((i for i in infos if _has_room(i, place + sum(map(len, trees.values())))), b"")
    return Loan(lender, trees, info, refused)


def moved(record: bytes, place: int, parent: int) -> bytes:
    """A record as it would stand elsewhere."""
    words = struct.pack(">qq" if _is_big(record) else ">ii", place, parent)
    return record[:_PLACE] + words + record[_PLACE + len(words) :]


def _is_big(record: bytes) -> bool:
    return bool(struct.unpack_from(">h", record, 4)[0] > BIG)


def _has_room(record: bytes, place: int) -> bool:
    """Whether a record may stand at a place: the form of its key must not change, since what it holds counts from where the key begins."""
    return _is_big(record) or place < 2**31


def _begin(blob: Blob) -> int:
    head = bytes(blob.read(0, min(_BEGIN.size, blob.nbytes)))
    begin = _BEGIN.unpack(head)[0] if len(head) == _BEGIN.size and head.startswith(b"root") else 0
    if not root_records.begins(blob, begin):
        raise InputError("The file that shall lend its layout is no sound ROOT file", where=blob.url, found=f"first bytes {head!r}")
    return int(begin)


def _record(blob: Blob, o: Object) -> bytes:
    return bytes(blob.read(o.key.seek, o.key.seek + o.key.nbytes))


def _contradiction(ours: Mapping[str, Found], theirs: Mapping[str, Found]) -> str:
    """Why baskets cannot be of the lent tree; empty if nothing says so."""
    unknown = ours.keys() - theirs.keys()
    if unknown:
        return f"it has no baskets of branch '{min(unknown)}'"
    for branch, found in ours.items():
        sizes, expected = (np.unique(f.widths).tolist() for f in (found, theirs[branch]))
        if len(expected) != 1 or sizes != expected:
            return f"entries of branch '{branch}' have another size than there"
    return ""
