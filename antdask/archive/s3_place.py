"""Object stores that speak S3.

One PUT makes an object visible whole. Where the store honours ``If-None-Match``, the PUT itself fails if another came first; elsewhere a look comes before it, and the
worker looks again after it has signed (`Place.exclusive`). What arrived is compared with what was sent, by checksum.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import google_crc32c

from antdask.archive.place import PIECE, file_checksum
from antdask.remote.connections import connect
from antdask.remote.retry import is_transient
from antdask.remote.s3 import SINGLE, S3Client


class S3Place:
    """A prefix in a bucket.

    Parameters
    ----------
    url : str
        ``s3://bucket[/prefix]``.
    """

    exclusive = False

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.root = self.url.partition("://")[2]
        self._sent: dict[str, tuple[int, str]] = {}

    @property
    def _client(self) -> S3Client:
        return cast(S3Client, connect(self.url)[0])

    def _key(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root

    def exists(self, path: str) -> bool:
        """See `place.Place`."""
        return self.size(path) is not None if path else not self.is_empty()

    def is_empty(self) -> bool:
        """See `place.Place`.

        Raises
        ------
        FileNotFoundError
            There is no such bucket.
        """
        return self._client.is_empty(self.root)

    def size(self, path: str) -> int | None:
        """See `place.Place`."""
        try:
            return self._client.stat(self._key(path)).nbytes
        except FileNotFoundError:
            return None

    def mtime(self, path: str) -> float | None:
        """See `place.Place`."""
        try:
            return self._client.stat(self._key(path)).mtime_ns / 1e9 or None
        except FileNotFoundError:
            return None

    def read(self, path: str, start: int | None, stop: int | None) -> bytes:
        """See `place.Place`."""
        return self._client.read(self._key(path), start, stop)

    def sizes(self, prefix: str) -> dict[str, int]:
        """See `place.Place`."""
        head = f"{prefix}/" if prefix else ""
        return {head + name: size for name, size in self._client.sizes(self._key(prefix)).items()}

    def write(self, path: str, data: bytes) -> None:
        """See `place.Place`."""
        self._client.put(self._key(path), data)

    def publish(self, draft: Path, path: str) -> bool:
        """See `place.Place`.

        Raises
        ------
        ConnectionError
            What arrived is not what was sent.
        """
        key, nbytes, crc = self._key(path), draft.stat().st_size, file_checksum(draft)
        first = self._client.is_conditional(self.root)
        # Not every store that refuses a second PUT refuses a second end of an upload in pieces.
        if (not first or nbytes > SINGLE) and self.size(path) is not None:
            return False
        tag = self._client.put_file(key, draft, crc, first=first)
        if not tag:
            return False
        now = self._client.stat(key)
        if now.nbytes != nbytes or (now.tag != tag and self._checksum(key, nbytes) != crc):
            raise ConnectionError(f"s3://{key} is not what was sent: {now.nbytes} bytes of {nbytes}, tag {now.tag}")
        self._sent[path] = (crc, now.tag)
        return True

    def _checksum(self, key: str, nbytes: int) -> int:
        """CRC-32C of an object, read back: for stores whose tags are no MD5 of the content (encryption, other sizes of pieces)."""
        crc = 0
        for start in range(0, nbytes, PIECE):
            crc = google_crc32c.extend(crc, self._client.read(key, start, min(nbytes, start + PIECE)))
        return int(crc)

    def holds(self, path: str, nbytes: int, crc32c: int) -> bool | None:
        """See `place.Place`."""
        try:
            now = self._client.stat(self._key(path))
        except FileNotFoundError:
            return False
        if now.nbytes != nbytes:
            return False
        if now.crc32c is not None:
            return now.crc32c == crc32c
        return True if now.tag and self._sent.get(path) == (crc32c, now.tag) else None

    def remove(self, path: str) -> None:
        """See `place.Place`."""
        self._client.remove(self._key(path))

    def prune(self, path: str) -> None:
        """See `place.Place`: an object store has no folders."""

    def sweep(self, signed: Callable[[str], bool]) -> int:
        """See `place.Place`: uploads in pieces that were never finished."""
        try:
            return self._client.abort_stale(self.root, signed)
        except OSError as error:
            # Some services have no such list, and some keys may not see it: sweeping is a courtesy, and the campaign does not hang on it.
            if is_transient(error):
                raise
            return 0
