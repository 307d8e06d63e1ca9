"""The client that belongs to a URL: one for each server and process."""

from __future__ import annotations

import os

from antdask.errors import ConfigurationError
from antdask.remote.address import refuse_secrets, scheme_of, split
from antdask.remote.client import Client

#: Schemes with a client of our own; all others are left to fsspec.
SCHEMES = frozenset({"http", "https", "dav", "davs", "s3", "root", "roots", "xroot"})

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
