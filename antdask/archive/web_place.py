"""Archives behind a plain web server: they can be read and queried, not written."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import cast

from antdask.remote.client import RangeIgnoredError
from antdask.remote.connections import connect
from antdask.remote.http import HttpClient


class WebPlace:
    """A folder of a web server.

    Parameters
    ----------
    url : str
        ``http[s]://host/folder``.
    """

    exclusive = False

    def __init__(self, url: str) -> None:
        self.url = self.root = url.rstrip("/")

    @property
    def _client(self) -> HttpClient:
        return cast(HttpClient, connect(self.url)[0])

    def _path(self, path: str) -> str:
        top = connect(self.url)[1].rstrip("/")
        return f"{top}/{path}" if path else top or "/"

    def exists(self, path: str) -> bool:
        """See `place.Place`."""
        return self.size(path) is not None

    def is_empty(self) -> bool:
        """See `place.Place`: what cannot be written is never a fresh place."""
        return False

    def size(self, path: str) -> int | None:
        """See `place.Place`."""
        try:
            return self._client.stat(self._path(path)).nbytes
        except FileNotFoundError:
            return None

    def mtime(self, path: str) -> float | None:
        """See `place.Place`."""
        try:
            return float(self._client.stat(self._path(path)).mtime_ns / 1e9) or None
        except FileNotFoundError:
            return None

    def read(self, path: str, start: int | None, stop: int | None) -> bytes:
        """See `place.Place`."""
        if start is None and stop is None:
            return self._client.whole(self._path(path))
        if stop is None:
            stop = self.size(path) or 0
        try:
            return self._client.read(self._path(path), start or 0, stop)
        except RangeIgnoredError as error:
            words = f"{self.url}: the server ignores ranges and sends whole files; copy the archive, or serve it with another server"
            raise OSError(errno.ENOTSUP, words) from error

    def sizes(self, prefix: str) -> dict[str, int]:
        """See `place.Place`.

        Raises
        ------
        NotImplementedError
            The server has no WebDAV listing, as most have not.
        """
        head = f"{prefix}/" if prefix else ""
        return {head + name: size for name, size in self._client.sizes(self._path(prefix)).items()}

    def holds(self, path: str, nbytes: int, crc32c: int) -> bool | None:
        """See `place.Place`."""
        return None if self.size(path) == nbytes else False

    def write(self, path: str, data: bytes) -> None:
        """Always refused."""
        self._refuse()

    def publish(self, draft: Path, path: str) -> bool:
        """Always refused."""
        self._refuse()
        return False

    def remove(self, path: str) -> None:
        """Always refused."""
        self._refuse()

    def prune(self, path: str) -> None:
        """Always refused."""
        self._refuse()

    def sweep(self, signed: Callable[[str], bool]) -> int:
        """See `place.Place`: there is nothing of ours."""
        return 0

    def _refuse(self) -> None:
        raise OSError(errno.EROFS, "an archive behind http:// can only be read; write to dav:// or davs:// (WebDAV), s3:// or root://")
