"""Places that are written by copying out: WebDAV and XRootD.

A part is made on local scratch, copied to a private temporary name beside its target, compared by checksum (the server's own Adler-32, else everything is read
back), and renamed. Servers replace on a rename whatever they are told, so a look comes before it, and the worker looks again after it has signed (`Place.exclusive`).
"""

from __future__ import annotations

import contextlib
import io
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

import google_crc32c

from antdask.archive.place import PIECE, clock_of, is_abandoned, is_temporary, target_of, temporary_path
from antdask.remote.connections import connect
from antdask.remote.http import HttpClient


class CopiedPlace(ABC):
    """A folder of a server.

    Parameters
    ----------
    url : str
        ``dav[s]://host/folder`` or ``root://host//folder``.
    """

    exclusive = False

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.root = self.url
        self._sent: dict[str, tuple[int, int, int]] = {}

    @property
    def _client(self) -> Any:
        return connect(self.url)[0]

    def _path(self, path: str) -> str:
        top = connect(self.url)[1].rstrip("/")
        return f"{top}/{path}" if path else top or "/"

    @abstractmethod
    def _put(self, path: str, open_body: Callable[[], IO[bytes]], nbytes: int) -> None:
        """Copy a file out, under a name that nobody else uses."""

    def exists(self, path: str) -> bool:
        """See `place.Place`."""
        return self.size(path) is not None or bool(self._client.is_folder(self._path(path)))

    def is_empty(self) -> bool:
        """See `place.Place`."""
        return self.size("") is None and all(map(is_temporary, self._client.sizes(self._path(""))))

    def size(self, path: str) -> int | None:
        """See `place.Place`."""
        try:
            return int(self._client.stat(self._path(path)).nbytes)
        except (FileNotFoundError, IsADirectoryError):
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
            return bytes(self._client.whole(self._path(path)))
        if stop is None:
            stop = self.size(path) or 0
        return bytes(self._client.read(self._path(path), start or 0, stop))

    def sizes(self, prefix: str) -> dict[str, int]:
        """See `place.Place`."""
        head = f"{prefix}/" if prefix else ""
        return {head + name: size for name, size in self._client.sizes(self._path(prefix)).items()}

    def write(self, path: str, data: bytes) -> None:
        """See `place.Place`."""
        temporary = self._copy_out(path, lambda: io.BytesIO(data))
        self._client.move(temporary, self._path(path))

    def publish(self, draft: Path, path: str) -> bool:
        """See `place.Place`.

        Raises
        ------
        ConnectionError
            What arrived is not what was sent.
        """
        if self.size(path) is not None:
            return False
        temporary = self._copy_out(path, lambda: draft.open("rb"))
        if self.size(path) is not None:
            self._client.remove(temporary)
            return False
        self._client.move(temporary, self._path(path))
        with draft.open("rb") as f:
            self._sent[path] = _sums(f)
        return True

    def _copy_out(self, path: str, open_body: Callable[[], IO[bytes]]) -> str:
        """Copy to a temporary name and compare what arrived; gives the name."""
        temporary = self._path(temporary_path(path))
        with open_body() as body:
            nbytes, crc, adler = _sums(body)
        try:
            self._put(temporary, open_body, nbytes)
            there = int(self._client.stat(temporary).nbytes)
            same = there == nbytes and (
                stated == adler if (stated := self._client.adler32(temporary)) is not None else self._crc(temporary, nbytes) == crc
            )
            if not same:
                raise ConnectionError(f"{temporary} is not what was sent: {there} bytes of {nbytes}")
        except BaseException:
            with contextlib.suppress(OSError):
                self._client.remove(temporary)
            raise
        return temporary

    def _crc(self, place: str, nbytes: int) -> int:
        crc = 0
        for start in range(0, nbytes, PIECE):
            crc = google_crc32c.extend(crc, self._client.read(place, start, min(nbytes, start + PIECE)))
        return int(crc)

    def holds(self, path: str, nbytes: int, crc32c: int) -> bool | None:
        """See `place.Place`."""
        if self.size(path) != nbytes:
            return False
        size, crc, adler = self._sent.get(path, (-1, 0, 0))
        stated = self._client.adler32(self._path(path)) if (size, crc) == (nbytes, crc32c) else None
        return None if stated is None else bool(stated == adler)

    def remove(self, path: str) -> None:
        """See `place.Place`."""
        self._client.remove(self._path(path))

    def sweep(self, signed: Callable[[str], bool]) -> int:
        """See `place.Place`."""
        found = list(filter(is_temporary, self.sizes("")))
        now, gone = clock_of(self) if found else None, 0
        for path in found:
            with contextlib.suppress(FileNotFoundError):
                mtime = self.mtime(path)
                if is_abandoned(path, now - mtime if now and mtime else None) or signed(target_of(path)):
                    self.remove(path)
                    gone += 1
        return gone

    @abstractmethod
    def prune(self, path: str) -> None:
        """See `place.Place`."""


class WebdavPlace(CopiedPlace):
    """A folder behind WebDAV, ``dav[s]://host/folder``."""

    def _put(self, path: str, open_body: Callable[[], IO[bytes]], nbytes: int) -> None:
        cast(HttpClient, self._client).put(path, open_body, nbytes)

    def prune(self, path: str) -> None:
        """See `place.Place`."""
        self._client.remove(self._path(path))


class XrootdPlace(CopiedPlace):
    """A folder of an XRootD server, ``root://host//folder``."""

    def _put(self, path: str, open_body: Callable[[], IO[bytes]], nbytes: int) -> None:
        def pieces() -> Iterator[bytes]:
            with open_body() as body:
                while piece := body.read(PIECE):
                    yield piece

        self._client.put(path, pieces)

    def prune(self, path: str) -> None:
        """See `place.Place`."""
        self._client.remove_folder(self._path(path))


def _sums(body: IO[bytes]) -> tuple[int, int, int]:
    """Bytes, CRC-32C and Adler-32 of an open file."""
    nbytes, crc, adler = 0, 0, 1
    while piece := body.read(PIECE):
        nbytes += len(piece)
        crc = google_crc32c.extend(crc, piece)
        adler = zlib.adler32(piece, adler)
    return nbytes, int(crc), adler
