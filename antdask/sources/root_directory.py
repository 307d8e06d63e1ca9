"""Directories of a ROOT file: what they list, compared with what stands in front of each object, and the bytes of small objects."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from antdask.errors import CorruptFileError
from antdask.sources import root_codecs
from antdask.sources.root_keys import TREE_CLASSES, Key, parse_key
from antdask.sources.root_metadata import HINT, Metadata

#: ROOT 4 lists a folder under the name of its base class.
_FOLDER = {"TDirectoryFile": "TDirectory"}
_COUNT_BYTES = 4
#: Directories that lie deeper in each other are damage.
_DEPTH = 20


class Directory:
    """A directory.

    Parameters
    ----------
    metadata : Metadata
    name : str
        Empty for the top one.
    model : uproot.ReadOnlyDirectory

    Attributes
    ----------
    keys : tuple of Key
        Of everything in it, all cycles, in its order.

    Raises
    ------
    CorruptFileError
        It cannot be read, lists fewer objects than it has room for, or an object says something else of itself.
    """

    def __init__(self, metadata: Metadata, name: str, model: Any) -> None:
        self._blob, self._where = metadata.file.blob, f"{metadata.blob.url}, directory '{name}'"
        with metadata.reading(f"directory '{name}'"):
            self.keys = tuple(_key(key) for key in model._keys)
            begin, nbytes = int(model._fSeekKeys), int(model._fNbytesKeys)
        try:
            self._check_room(begin, nbytes)
            for key, found in zip(self.keys, self._blob.read_many([(k.seek, k.seek + k.keylen) for k in self.keys]), strict=True):
                _demand_same(key, found)
        except CorruptFileError as error:
            raise self._damaged(error) from error

    def contents(self, keys: Sequence[Key]) -> list[bytes | CorruptFileError]:
        """Bytes of objects in it, not compressed, in one go; of one that is damaged, the error."""
        inside = [k for k in keys if k.keylen <= k.nbytes <= self._blob.nbytes - k.seek]
        records = dict(zip(inside, self._blob.read_many([(k.seek + k.keylen, k.seek + k.nbytes) for k in inside]), strict=True))
        return [self._content(key, records.get(key, memoryview(b""))) for key in keys]

    def _content(self, key: Key, data: memoryview) -> bytes | CorruptFileError:
        try:
            return bytes(data) if len(data) == key.objlen else root_codecs.decompress(data, key.objlen).tobytes()
        except CorruptFileError as error:
            return self._damaged(error, key)

    def _check_room(self, begin: int, nbytes: int) -> None:
        """Whether the list goes to its end: behind it uproot leaves zeros, ROOT nothing."""
        if begin:
            record = self._blob.read(begin, begin + nbytes)
            head, _ = parse_key(record)
            end = head.keylen + _COUNT_BYTES + sum(key.keylen for key in self.keys)
            if any(record[end:]):
                raise CorruptFileError(
                    "A directory lists fewer objects than it has room for", found=f"{end} bytes", expected=f"{nbytes} bytes"
                )

    def _damaged(self, error: CorruptFileError, key: Key | None = None) -> CorruptFileError:
        where = self._where if key is None else f"{self._where}, object '{key.name}'"
        return CorruptFileError(error.what, where=where, found=error.found, expected=error.expected, hint=HINT)


def trees_below(metadata: Metadata, path: str, key: Any, above: frozenset[int] = frozenset()) -> dict[str, Any]:
    """Keys of the trees in a directory and all below it, by path, as uproot has read them; of the highest cycle.

    Parameters
    ----------
    path : str
        Of the directory.
    key : uproot.ReadOnlyKey
        Its own.
    above : frozenset of int
        Where the directories stand in which it lies.

    Raises
    ------
    CorruptFileError
        A directory cannot be read, or lies in itself.
    """
    place = int(key.fSeekKey)
    if place in above or len(above) == _DEPTH:
        raise CorruptFileError("Directories lie in each other without end", where=metadata.blob.url, found=path, hint=HINT)
    with metadata.reading(f"directory '{path}'", path):
        model = key.get()
    # Its list is compared with what stands before each object.
    Directory(metadata, path, model)
    last = {(str(k.fName), str(k.fClassName)): k for k in sorted(model._keys, key=lambda k: int(k.fCycle))}
    found = {f"{path}/{name}": k for (name, kind), k in last.items() if kind in TREE_CLASSES}
    for (name, kind), k in last.items():
        if kind == "TDirectory":
            found |= trees_below(metadata, f"{path}/{name}", k, above | {place})
    return found


def _demand_same(key: Key, data: memoryview) -> None:
    found, _ = parse_key(data)
    if dataclasses.replace(found, kind=_FOLDER.get(found.kind, found.kind)) != key:
        raise CorruptFileError("Directory and object disagree on what the object is", found=f"{found.kind} '{found.name}'", expected=f"{key.kind} '{key.name}'")  # fmt: skip


def _key(key: Any) -> Key:
    """A key as uproot has read it."""
    numbers = (key.fNbytes, key.fObjlen, key.fKeylen, key.fCycle, key.fSeekKey)
    nbytes, objlen, keylen, cycle, seek = map(int, numbers)
    kind = _FOLDER.get(str(key.fClassName), str(key.fClassName))
    return Key(
        nbytes, objlen, keylen, cycle, seek, kind, str(key.fName), str(key.fTitle).encode("utf-8", "surrogateescape"), int(key.fDatime)
    )
