"""ROOT files written front to back: header, records, list of keys.

Only what a tree needs, and the 64-bit form of every record, so that a file may grow beyond 2 GB. A file with the same content, name and stamp has the same bytes::

    0        header         where the other records are
    100      directory      name and place of the list of keys
             streamer info  how the classes are laid out (taken from a file of ROOT 6.40)
    ...      records        baskets, trees, texts: each behind a key
             list of keys   what ROOT's TFile::Get finds
             free list      nothing but the space behind the file
"""

from __future__ import annotations

import datetime
import hashlib
import importlib.resources
import os
import struct
from pathlib import Path
from types import TracebackType
from typing import Self

from antdask.errors import DestinationError, UsageError
from antdask.simulate.root_blocks import Codec, compress
from antdask.simulate.root_stream import Stream, counted_string

_BEGIN = 100
_ROOT_VERSION = 64000
_BIG_FILE = 1_000_000
_KEY = struct.Struct(">ihiIhhqq")
_SMALL_KEY = struct.Struct(">ihiIhhii")
_BIG_KEY, _BIG_DIRECTORY, _BIG_FREE = 1004, 1005, 1001
_HEADER = struct.Struct(">4siiqqiiibiqiH16s")
_DIRECTORY = struct.Struct(">hIIiiqqqH16s")


def key_length(class_name: str, name: str, title: str) -> int:
    """Bytes of a key with these words."""
    return _KEY.size + sum(len(counted_string(s)) for s in (class_name, name, title))


class RootFile:
    """A ROOT file being written; use it in a ``with`` block, which gives the file its name at the end, or removes it after an error.

    Parameters
    ----------
    path : path
        Must not exist.
    how : Codec
        Of baskets and texts; trees and lists stay uncompressed.
    stamp : int
        Date of all records as ROOT packs it (see `stamp_of`).
    identity : str
        The file's UUID is made from it.

    Raises
    ------
    DestinationError
        The file exists or cannot be written.
    """

    def __init__(self, path: Path, how: Codec, *, stamp: int, identity: str) -> None:
        self.path, self.codec, self._stamp = path, how, stamp
        self._uuid = hashlib.sha256(identity.encode()).digest()[:16]
        self._keys: dict[tuple[str, int], bytes] = {}  # by name and cycle
        self._draft = path.with_name(f".{path.name}.draft-{os.getpid()}")
        if path.exists():
            raise DestinationError("The file exists", where=str(path), hint="Choose another directory, or remove it.")
        try:
            self._file = self._draft.open("wb")
        except OSError as error:
            raise DestinationError(f"The file cannot be written: {error.strerror}", where=str(self._draft)) from error
        # The header is written last, when it is known where everything is.
        self._file.write(bytes(_BEGIN))
        self._seek = _BEGIN
        self._name_length = key_length("TFile", path.name, "") + len(counted_string(path.name)) + len(counted_string(""))
        self._append(bytes(self._name_length + _DIRECTORY.size))
        self._info_seek, self._info_length = self._seek, self._streamer_info()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self._finish()
        self._file.close()
        if kind is None:
            self._draft.rename(self.path)
        else:
            self._draft.unlink()

    @property
    def position(self) -> int:
        """Where the next record starts."""
        return self._seek

    def record(self, class_name: str, name: str, title: str, data: bytes, size: int, extra: bytes = b"", number: int = 0) -> int:
        """Append a record that no list of keys names (a basket); gives its bytes.

        Parameters
        ----------
        data : bytes
            The content, compressed or not.
        size : int
            Bytes of the content before compression.
        extra : bytes
            What stands between key and content and counts as key (the header of a basket).
        number : int
            Of a basket in its branch: ROOT keeps 16 bits of it as the cycle.
        """
        key = self._key(class_name, name, title, len(data), size, extra, cycle=(number + 0x8000) % 0x1_0000 - 0x8000)
        self._append(key + extra + data)
        return len(key) + len(extra) + len(data)

    def put(self, class_name: str, name: str, title: str, data: bytes, packed: bytes | None = None, *, cycle: int = 1) -> None:
        """Append an object that readers find by its name, the one of the highest cycle."""
        content = data if packed is None else packed
        key = self._key(class_name, name, title, len(content), len(data), b"", cycle=cycle)
        self._keys[name, cycle] = key
        self._append(key + content)

    def text(self, name: str, text: str) -> None:
        """Append a TNamed: a name and a text."""
        stream = Stream(key_length("TNamed", name, ""))
        stream.named(name, text)
        self.put("TNamed", name, "", bytes(stream.data), compress(bytes(stream.data), self.codec))

    def _key(self, class_name: str, name: str, title: str, stored: int, size: int, extra: bytes, *, cycle: int) -> bytes:
        words = b"".join(counted_string(s) for s in (class_name, name, title))
        length = _KEY.size + len(words) + len(extra)
        if size >= 2**31 - length:
            raise UsageError("A record of a ROOT file is limited to 2 GiB", found=size, hint="Ask for fewer entries, or smaller baskets.")
        return _KEY.pack(length + stored, _BIG_KEY, size, self._stamp, length, cycle, self._seek, _BEGIN) + words

    def _append(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise DestinationError(f"The file cannot be written: {error.strerror}", where=str(self._draft)) from error
        self._seek += len(data)

    def _finish(self) -> None:
        keys_seek, keys_length = self._seek, self._list_of_keys()
        free_seek = self._seek
        free_length = key_length("TFile", self.path.name, "") + struct.calcsize(">hqq")
        end = free_seek + free_length
        self.record("TFile", self.path.name, "", struct.pack(">hqq", _BIG_FREE, end, max(2 * end, 2_000_000_000)), struct.calcsize(">hqq"))
        header = _HEADER.pack(
            b"root", _ROOT_VERSION + _BIG_FILE, _BEGIN, end, free_seek, free_length, 1, self._name_length, 8, self.codec.setting,
            self._info_seek, self._info_length, 1, self._uuid,
        )  # fmt: skip
        directory = _DIRECTORY.pack(
            _BIG_DIRECTORY, self._stamp, self._stamp, keys_length, self._name_length, _BEGIN, 0, keys_seek, 1, self._uuid
        )
        self._file.seek(0)
        self._file.write(header)
        self._file.seek(_BEGIN)
        self._seek = _BEGIN
        words = counted_string(self.path.name) + counted_string("")
        key = self._key("TFile", self.path.name, "", len(words) + _DIRECTORY.size, len(words) + _DIRECTORY.size, b"", cycle=1)
        # The key of the first directory has no parent.
        self._file.write(key[: _KEY.size - 8] + bytes(8) + key[_KEY.size :] + words + directory)
        self._file.flush()
        os.fsync(self._file.fileno())

    def _streamer_info(self) -> int:
        # The references inside count from the start of the key, so the key must be as long as where the content came from: of the 32-bit form.
        packed = importlib.resources.files("antdask.simulate").joinpath("streamer_info.bin").read_bytes()
        words = b"".join(counted_string(s) for s in ("TList", "StreamerInfo", "Doubly linked list"))
        length, size = _SMALL_KEY.size + len(words), int.from_bytes(packed[6:9], "little")
        key = _SMALL_KEY.pack(length + len(packed), 4, size, self._stamp, length, 1, self._seek, _BEGIN)
        self._append(key + words + packed)
        return length + len(packed)

    def _list_of_keys(self) -> int:
        # Of one name the newest first, as ROOT lists them.
        names = list(dict.fromkeys(name for name, _ in self._keys))
        keys = [self._keys[key] for key in sorted(self._keys, key=lambda k: (names.index(k[0]), -k[1]))]
        data = struct.pack(">i", len(keys)) + b"".join(keys)
        return self.record("TFile", self.path.name, "", data, len(data))


def stamp_of(utc_ns: int) -> int:
    """A time as ROOT's TDatime packs it: year since 1995 in 6 bits, month 4, day 5, hour 5, minute 6, second 6.

    Examples
    --------
    >>> hex(stamp_of(1_262_304_000 * 10**9))
    '0x3c420000'
    """
    t = datetime.datetime.fromtimestamp(utc_ns // 10**9, datetime.UTC)
    year = min(max(t.year - 1995, 0), 63)
    return year << 26 | t.month << 22 | t.day << 17 | t.hour << 12 | t.minute << 6 | t.second
