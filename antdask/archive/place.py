"""The door to a kind of storage: what a `Store` asks of it, and the names of files that are not finished yet."""

from __future__ import annotations

import os
import re
import socket
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import google_crc32c
import psutil

#: A temporary file of another machine that is older belongs to nobody [s].
STALE_S = 24 * 3600
#: Bytes that are read or sent at once.
PIECE = 4 << 20
#: Folders in which temporary files can lie.
FOLDERS = ("parts", "receipts", "plans", "lineages", "catalogue", "environments", "steps", "choices", "failures", "reports")


class Place(Protocol):
    """Files below one root, by relative path; errors are those of the operating system.

    Attributes
    ----------
    root, url : str
        Where it is, without and with protocol; neither ends in a slash.
    exclusive : bool
        Of several that publish one name at the same time, exactly one wins, whatever comes between. Where this is false, the signature on a part is
        followed by another look (`holds`).
    """

    root: str
    url: str
    exclusive: bool

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder."""
        ...

    def is_empty(self) -> bool:
        """Whether nothing lies at the root: no file, no folder with something in it."""
        ...

    def size(self, path: str) -> int | None:
        """Bytes of a file; ``None`` where there is none."""
        ...

    def mtime(self, path: str) -> float | None:
        """When a file was written [s since 1970]; ``None`` where there is none, or the storage does not tell."""
        ...

    def read(self, path: str, start: int | None, stop: int | None) -> bytes:
        """Bytes ``start:stop`` of a file, fewer where it ends before."""
        ...

    def sizes(self, prefix: str) -> dict[str, int]:
        """Bytes of all files below a folder, by path relative to the root; temporary ones as well."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Write or replace a small file, so that a reader finds all of the old or all of the new."""
        ...

    def publish(self, draft: Path, path: str) -> bool:
        """Give the content of a local file its name; ``False`` where another was there first."""
        ...

    def holds(self, path: str, nbytes: int, crc32c: int) -> bool | None:
        """Whether a file has these bytes, as far as the storage tells without reading it; ``None`` where it does not tell."""
        ...

    def remove(self, path: str) -> None:
        """Delete one file, if it is there."""
        ...

    def prune(self, path: str) -> None:
        """Delete an empty folder, where folders are things."""
        ...

    def sweep(self, signed: Callable[[str], bool]) -> int:
        """Delete what writers that are gone left unfinished; the number of things.

        Parameters
        ----------
        signed : callable
            Whether the file of this path is there for good, so that nobody needs a draft of it any more.
        """
        ...


def temporary_path(path: str) -> str:
    """A private name beside `path`, which tells who made it."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}.{name}.{socket.gethostname()}.{os.getpid()}.{uuid.uuid4().hex[:8]}.tmp"


def is_temporary(path: str) -> bool:
    """Whether a name is one of unfinished things.

    Examples
    --------
    >>> is_temporary("parts/.a.zarr.zip.host.17.0badcafe.tmp"), is_temporary("parts/a.zarr.zip")
    (True, False)
    """
    name = path.rpartition("/")[2]
    return name.startswith(".") and name.endswith(".tmp")


#: What a temporary name is made from, of the files that workers write: parts and receipts.
_TARGET = re.compile(r"\.(.+?\.(?:zarr\.zip|json))\..*\.tmp")


def target_of(path: str) -> str:
    """The file that a temporary one was to become; empty where the name does not tell.

    Examples
    --------
    >>> target_of("parts/x/.0000-0badcafe.zarr.zip.node7.example.org.17.0badcafe.tmp")
    'parts/x/0000-0badcafe.zarr.zip'
    """
    folder, slash, name = path.rpartition("/")
    found = _TARGET.fullmatch(name)
    return f"{folder}{slash}{found[1]}" if found else ""


def is_abandoned(path: str, age: float | None) -> bool:
    """Whether nobody will finish this temporary file: its process was one of this host and is gone, or it is a day old.

    Parameters
    ----------
    age : float or None
        By the clock of the storage, because those of hosts differ [s]; ``None`` if unknown.
    """
    words = path.rpartition("/")[2].removesuffix(".tmp").rsplit(".", 2)
    if len(words) == 3 and words[0].endswith(f".{socket.gethostname()}") and words[1].isdigit():
        return not psutil.pid_exists(int(words[1]))
    return age is not None and age > STALE_S


def clock_of(place: Place) -> float | None:
    """What the clock of the storage shows, told by a file written just now: only with this can `Place.mtime` be compared, since the clocks of hosts differ.

    ``None`` where the storage does not tell [s since 1970].
    """
    probe = temporary_path("clock")
    place.write(probe, b"?")
    try:
        return place.mtime(probe)
    finally:
        place.remove(probe)


def file_checksum(file: Path) -> int:
    """CRC-32C of a local file, after its bytes have reached the disk."""
    crc = 0
    with file.open("rb") as f:
        os.fsync(f.fileno())
        while piece := f.read(PIECE):
            crc = google_crc32c.extend(crc, piece)
    return int(crc)
