"""What ROOT files say of their classes, read once for all files that say the same: to read it takes longer than everything else that describing a file needs."""

from __future__ import annotations

import collections
import hashlib
import threading
from typing import Any

from antdask.sources.root_keys import parse_key
from antdask.sources.root_metadata import Metadata
from antdask.sources.root_object import Member

#: Members by class and version.
Classes = dict[tuple[str, int], tuple[Member, ...]]

#: Descriptions that are kept: each program writes another.
_KEPT = 64
_known: collections.OrderedDict[bytes, Classes] = collections.OrderedDict()
_lock = threading.Lock()


def classes_of(metadata: Metadata, file: Any) -> Classes:
    """The classes that a file describes.

    Parameters
    ----------
    file : uproot.ReadOnlyFile

    Raises
    ------
    CorruptFileError
        Its description of them cannot be read.
    """
    what = "description of its classes"
    with metadata.reading(what):
        begin, nbytes = int(file.fSeekInfo), int(file.fNbytesInfo)
    if begin == 0:
        # Of a file that lost its end, and that borrows none.
        return {}
    # Where uproot reads it: what is lent stands behind the end of the file.
    record = metadata.file.blob.read(begin, begin + nbytes)
    # By the bytes themselves, without the key, which says when and where: a damaged copy says something else.
    name = hashlib.sha256(record[parse_key(record)[0].keylen :]).digest()
    with _lock:
        found = _known.get(name)
    if found is None:
        with metadata.reading(what):
            found = {
                (kind, int(version)): tuple(_member(element) for element in streamer.member("fElements"))
                for kind, versions in file.streamers.items()
                for version, streamer in versions.items()
            }
        with _lock:
            _known[name] = found
            while len(_known) > _KEPT:
                _known.popitem(last=False)
    return found


def _member(element: Any) -> Member:
    """A member of a class as uproot has read it."""
    name, type_name, title = (str(element.member(name)) for name in ("fName", "fTypeName", "fTitle"))
    return Member(name, type_name, int(element.member("fType")), int(element.member("fArrayLength")), title)
