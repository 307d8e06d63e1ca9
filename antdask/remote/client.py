"""The door to a server: what every protocol offers for reading."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import IO, Protocol

from antdask.remote.ranges import Range


@dataclasses.dataclass(frozen=True, slots=True)
class Stat:
    """A remote file as it is now.

    Parameters
    ----------
    nbytes : int
    mtime_ns : int
        Modification time [ns since 1970], 0 where the server tells none.
    tag : str
        What the server calls this version of the content (ETag); empty where it has no such name.
    """

    nbytes: int
    mtime_ns: int = 0
    tag: str = ""


class RangeIgnoredError(Exception):
    """The server sends the whole file whatever range was asked for; who asked must take it all."""


class ContentChangedError(Exception):
    """The file was replaced between two requests; what was read before does not belong to what would be read now."""


class Client(Protocol):
    """Reading from one server.

    All methods try again while the network is to blame, and then raise `UnreachableError` (a `ConnectionError`); they raise `FileNotFoundError` and `PermissionError` at once.
    A client may be used by several threads; it belongs to the process that made it.
    """

    def stat(self, path: str) -> Stat:
        """Size, time and version of a file.

        Raises
        ------
        FileNotFoundError, IsADirectoryError, PermissionError, UnreachableError
        """
        ...

    def read(self, path: str, start: int, stop: int, tag: str = "") -> bytes:
        """The bytes ``start:stop``, fewer where the file ends before.

        Parameters
        ----------
        tag : str
            The version that was seen before; any if empty.

        Raises
        ------
        ContentChangedError
            The server says that this is another version.
        RangeIgnoredError
        FileNotFoundError, PermissionError, UnreachableError
        """
        ...

    def read_spans(self, path: str, spans: Sequence[Range], tag: str = "") -> list[bytes]:
        """Several ranges that do not overlap, side by side. Errors as for `read`."""
        ...

    def whole(self, path: str) -> bytes:
        """All bytes of a small file.

        Raises
        ------
        FileNotFoundError, PermissionError, UnreachableError
        """
        ...

    def download(self, path: str, file: IO[bytes]) -> None:
        """All bytes into a file, from its start. Errors as for `whole`."""
        ...

    def release(self, path: str) -> None:
        """Say that a file will not be read for a while."""
        ...

    def sizes(self, path: str) -> dict[str, int]:
        """Bytes of all files below a folder, by their path below it; empty where there is no such folder.

        Raises
        ------
        NotImplementedError
            This kind of server has no listing.
        PermissionError, UnreachableError
        """
        ...

    def close(self) -> None:
        """Give back connections and threads; a later call opens new ones."""
        ...
