"""A part as it describes itself: what a reader needs, out of the ZIP alone, without receipt or catalogue."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any

import numpy as np

from antdask.archive import layout as lay
from antdask.archive.reading import PartReader
from antdask.archive.store import Store, open_url
from antdask.errors import CorruptFileError, InputMissingError, InputUnreadableError

#: Bytes of the header before each member of a ZIP, without its name.
_LOCAL_HEADER = 30
# What `zipfile` and JSON say of damaged bytes. A place before the beginning of the file is an invalid argument to the system; any other error of it is one of the disk.
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, OSError, LookupError, ValueError, TypeError, AttributeError, EOFError, RuntimeError, OverflowError)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class PartFile:
    """The head of a part.

    Parameters
    ----------
    url : str
    attributes : mapping
        Of the root group: ``stream, origin, rows, detector, run, lineage, inputs, ranges`` …
    arrays : list of dict
        As in a receipt: ``name, dtype, shape, chunk, shard, codec, offsets, lengths``.
    """

    url: str
    attributes: Mapping[str, Any]
    arrays: list[dict[str, Any]]

    @classmethod
    def read(cls, url: str) -> PartFile:
        """Read the directory of the ZIP and the metadata in it.

        Raises
        ------
        InputMissingError, InputUnreadableError
        CorruptFileError
            Not a part, or not whole.
        """
        with _open(url) as file:
            try:
                with zipfile.ZipFile(file) as members:
                    attributes = json.loads(members.read("zarr.json"))["attributes"]
                    if attributes["format"] != lay.PART_FORMAT:
                        raise KeyError("format")
                    names = [n.removesuffix("/zarr.json") for n in members.namelist() if n.count("/") == 2 and n.endswith("/zarr.json")]
                    if gone := set(_promised(attributes["awkward_form"])) - set(names):
                        raise KeyError(f"array {min(gone)}")
                    arrays = [_array(members, name) for name in names]
            except _DAMAGE as error:
                if isinstance(error, OSError) and error.errno != errno.EINVAL:
                    raise
                raise CorruptFileError(
                    f"Not a whole part: {type(error).__name__}: {error}", where=url, hint="Fetch it again, or convert its inputs again."
                ) from error
        return cls(url, attributes, arrays)

    def reader(self) -> PartReader:
        """A reader of its columns."""
        folder, _, name = self.url.rpartition("/")
        return PartReader(Store(folder or "/"), {"part": name, "arrays": self.arrays}, name)

    @property
    def nbytes_decoded(self) -> int:
        """Bytes of all arrays in memory."""
        return sum(int(np.prod(a["shape"], dtype=np.int64)) * np.dtype(a["dtype"]).itemsize for a in self.arrays)


@contextlib.contextmanager
def _open(url: str) -> Iterator[IO[bytes]]:
    try:
        with open_url(url) as file:
            yield file
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputMissingError("There is no such part", where=url) from error
    except IsADirectoryError as error:
        raise InputUnreadableError("A folder is no part", where=url) from error


def _promised(form: Mapping[str, Any]) -> Iterator[str]:
    """Arrays of which the whole part is made: a member whose name is damaged in the directory is missing without a word."""
    if form["form_key"] is not None:
        yield str(form["form_key"])
    for content in form.get("contents", [form["content"]] if "content" in form else []):
        yield from _promised(content)


def _array(members: zipfile.ZipFile, name: str) -> dict[str, Any]:
    """What a receipt says about an array, from its metadata and the places of its shards."""
    metadata = json.loads(members.read(f"{name}/zarr.json"))
    sharding = metadata["codecs"][0]["configuration"]
    shape, shard = [int(n) for n in metadata["shape"]], int(metadata["chunk_grid"]["configuration"]["chunk_shape"][0])
    tail = "/0" * (len(shape) - 1)
    number = -(-shape[0] // shard) if shape[0] else 0
    shards = [members.getinfo(f"{name}/c/{k}{tail}") for k in range(number)]
    return {
        "name": name,
        "dtype": np.dtype(metadata["data_type"]).str[1:],
        "shape": shape,
        "chunk": int(sharding["chunk_shape"][0]),
        "shard": shard,
        "codec": lay.codec_kind(sharding["codecs"]),
        "offsets": [s.header_offset + _LOCAL_HEADER + len(s.filename) for s in shards],
        "lengths": [s.file_size for s in shards],
    }
