"""Layouts that a sound ROOT file lends to one that was cut before its trees were written: of the same program, run with the same settings.

Baskets name their tree and branch and hold bytes; of what type, nothing but the tree says. That it would have said the same as the tree of the other file, the user vouches for.
What can be compared is: every branch with baskets has one name and one alone in the lent tree, and its entries have the same size, or vary as they do there.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Mapping

import numpy as np

from antdask.errors import CorruptFileError, InputChangedError, InputError
from antdask.plan import Lender
from antdask.sources import root_records
from antdask.sources.blob import Blob, open_blob
from antdask.sources.files import identify
from antdask.sources.root_keys import BIG
from antdask.sources.root_records import Found, Object

_TREE, INFO = "TTree", "StreamerInfo"
#: Where the first record of a file stands, and where its header says so [byte].
_BEGIN = struct.Struct(">8xi")


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


def borrow(lender: Lender, orphans: Mapping[str, Mapping[str, Found]]) -> Loan:
    """The layouts of trees of which only baskets are left.

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
        trees, refused = {}, {}
        for name, found in orphans.items():
            listed = [o for o in records.objects if (o.key.kind, o.key.name, o.parent) == (_TREE, name, begin)]
            why = _contradiction(found, records.baskets.get(name, {})) if listed else "it has no such tree"
            if why:
                refused[name] = why
            else:
                trees[name] = _record(blob, max(listed, key=lambda o: o.key.cycle))
        info = next((_record(blob, o) for o in reversed(records.objects) if o.key.name == INFO), b"")
    return Loan(lender, trees, info, refused)


def moved(record: bytes, place: int, parent: int) -> bytes:
    """A record as it would stand elsewhere.

    Raises
    ------
    CorruptFileError
        Its key has no room for such a place.
    """
    form, at = (">qq", 18) if struct.unpack_from(">h", record, 4)[0] > BIG else (">ii", 18)
    try:
        words = struct.pack(form, place, parent)
    except struct.error as error:
        raise CorruptFileError(
            "The lent tree has no room for places behind 2 GiB", found=place, hint="Let a file that is as long lend it."
        ) from error
    return record[:at] + words + record[at + len(words) :]


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
