"""The door to a server: what every protocol offers for reading, and the client that belongs to a URL."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import IO, Protocol

from antdask.errors import ConfigurationError
from antdask.remote.address import refuse_secrets, scheme_of, split
from antdask.remote.ranges import Range

#: Schemes with a client of our own; all others are left to fsspec.
SCHEMES = frozenset({"http", "https", "dav", "davs", "s3", "root", "roots", "xroot"})


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


_clients: dict[tuple[int, str], Client] = {}


def connect(url: str) -> tuple[Client, str]:
    """Client and path of a URL; one client for each server and process.

    Raises
    ------
    UsageError
        The URL carries credentials.
    ConfigurationError
        The package of this protocol is not installed, or no client knows the protocol.
    """
    refuse_secrets(url)
    scheme = scheme_of(url)
    server, path = split(url)
    if scheme == "s3":
        server, path = "s3://", url.partition("://")[2]
    # Sockets and threads do not survive a fork: a child makes its own.
    key = (os.getpid(), server)
    if key not in _clients:
        _clients[key] = _make(scheme, server)
    return _clients[key], path


def _make(scheme: str, server: str) -> Client:
    """A new client; the modules are imported late because each brings a library that only its protocol needs."""
    if scheme == "s3":
        from antdask.remote.s3 import S3Client

        return S3Client()
    if scheme in {"http", "https", "dav", "davs"}:
        from antdask.remote.http import HttpClient

        return HttpClient(server)
    if scheme in {"root", "roots", "xroot"}:
        try:
            from antdask.remote.xrootd import XrootdClient
        except ImportError as error:
            raise ConfigurationError(
                "Reading root:// needs the package 'xrootd'", where=server, hint="Install it: pip install 'antdask[xrootd]'."
            ) from error
        return XrootdClient(server)
    raise ConfigurationError("No client for this protocol", found=scheme, expected=" or ".join(sorted(SCHEMES)))


def forget() -> None:
    """Close all clients of this process, so that the next one takes the environment as it is then."""
    for key in [k for k in _clients if k[0] == os.getpid()]:
        _clients.pop(key).close()
