"""Where an archive lies: small reads, listings, and writes that are visible whole or not at all.

Local file systems: a private temporary name in the target directory, fsync, hard link to the final name (which fails if another came first), fsync of the
directory. Other fsspec stores: one PUT of the finished bytes after a check that nothing is there. Readers follow receipts only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
import google_crc32c
import psutil

from antdask.errors import DestinationError, UsageError

_STALE_S = 24 * 3600
_PIECE = 4 << 20
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


class Store:
    """One root, addressed by relative paths.

    Parameters
    ----------
    url : str
        Local path or fsspec URL (``file://``, ``memory://`` …). Touches nothing.
    """

    def __init__(self, url: str) -> None:
        try:
            self.fs, root = fsspec.core.url_to_fs(str(url))
        except (ValueError, ImportError) as error:
            raise UsageError(
                f"Not a usable archive URL: {error}", where=str(url), hint="Use a local path, file:// or memory://."
            ) from error
        self.root: str = str(root).rstrip("/") or "/"
        self.local = "file" in self._protocols()
        self.url = self.root if self.local else self.fs.unstrip_protocol(self.root)

    def _protocols(self) -> tuple[str, ...]:
        protocol = self.fs.protocol
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)

    def __repr__(self) -> str:
        return f"Store({self.url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Store, (self.url,))

    @property
    def in_process(self) -> bool:
        """Whether other processes cannot see what is written here (``memory://``)."""
        return "memory" in self._protocols()

    def full(self, path: str) -> str:
        """Absolute path of a relative one; refuses to leave the root."""
        parts = PurePosixPath(path).parts
        if path.startswith("/") or ".." in parts:
            raise UsageError("A path leaves the archive", found=repr(path))
        return f"{self.root}/{path}" if path else self.root

    def full_url(self, path: str) -> str:
        """URL of a relative path, good for ``fsspec.open`` anywhere."""
        return self.full(path) if self.local else str(self.fs.unstrip_protocol(self.full(path)))

    def exists(self, path: str) -> bool:
        """Whether there is a file or directory."""
        return bool(self.fs.exists(self.full(path)))

    def size(self, path: str) -> int | None:
        """Bytes of a file; ``None`` where there is none."""
        try:
            return int(self.fs.info(self.full(path))["size"])
        except FileNotFoundError:
            return None

    def read(self, path: str, start: int | None = None, stop: int | None = None) -> bytes:
        """Bytes ``start:stop`` of a file.

        Raises
        ------
        FileNotFoundError
        """
        if self.local:
            with Path(self.full(path)).open("rb") as f:
                f.seek(start or 0)
                return f.read() if stop is None else f.read(stop - (start or 0))
        return bytes(self.fs.cat_file(self.full(path), start=start, end=stop))

    def checksum(self, path: str) -> int:
        """CRC-32C of a file, read in pieces."""
        crc, position, size = 0, 0, self.size(path) or 0
        while position < size:
            piece = self.read(path, position, min(size, position + _PIECE))
            crc = google_crc32c.extend(crc, piece)
            position += len(piece)
        return int(crc)

    def list(self, prefix: str = "") -> list[str]:
        """All files below a directory, relative to the root, sorted, without temporary ones."""
        top = self.full(prefix)
        if not self.fs.exists(top):
            return []
        cut = len(self.root) + 1
        found = (str(p)[cut:] for p in self.fs.find(top))
        return sorted(p for p in found if not _is_temporary(p))

    def sizes(self, prefix: str) -> dict[str, int]:
        """Bytes of all files below a directory, by relative path, from one listing; without temporary ones."""
        top = self.full(prefix)
        if not self.fs.exists(top):
            return {}
        cut = len(self.root) + 1
        found = ((str(p)[cut:], int(info["size"])) for p, info in self.fs.find(top, detail=True).items())
        return {p: n for p, n in found if not _is_temporary(p)}

    def write_small(self, path: str, data: bytes) -> None:
        """Write or replace a small file atomically.

        Raises
        ------
        DestinationError
        """
        with destination_errors(self.url):
            if not self.local:
                self.fs.pipe_file(self.full(path), data)
                return
            target = Path(self.full(path))
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(_temporary_name(target.name))
            try:
                with temporary.open("wb") as f:
                    f.write(data)
                    f.flush()
                    os.fsync(f.fileno())
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
            _sync_directory(target.parent)

    @contextlib.contextmanager
    def draft(self, path: str) -> Iterator[Path]:
        """A private local file to write; it is gone afterwards unless `publish` gave it a name.

        Raises
        ------
        DestinationError
        """
        with destination_errors(self.url):
            if self.local:
                target = Path(self.full(path))
                target.parent.mkdir(parents=True, exist_ok=True)
                temporary = target.with_name(_temporary_name(target.name))
                temporary.touch(exist_ok=False)
            else:
                handle, name = tempfile.mkstemp(prefix="antdask-", suffix=".tmp")
                os.close(handle)
                temporary = Path(name)
        # Outside the translation: what fails in the body may be an input.
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)

    def publish(self, draft: Path, path: str) -> bool:
        """Give a finished draft its final name; ``False`` where another was there first (nothing is overwritten).

        Raises
        ------
        DestinationError
        """
        with destination_errors(self.url):
            if not self.local:
                if self.fs.exists(self.full(path)):
                    return False
                self.fs.put_file(str(draft), self.full(path))
                return True
            with draft.open("rb") as f:
                os.fsync(f.fileno())
            target = Path(self.full(path))
            try:
                os.link(draft, target)
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                # A file system without hard links: between the look and the rename another may come first, with the same bytes.
                if target.exists():
                    return False
                draft.rename(target)
            _sync_directory(target.parent)
            return True

    def remove(self, path: str) -> None:
        """Delete one file, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self.fs.rm_file(self.full(path))

    def sweep(self) -> int:
        """Delete temporary files that no living process of this host can own, or that are a day old; their number."""
        if not self.local:
            return 0
        gone = 0
        for top in ("parts", "receipts", "plans", "lineages", "catalogue"):
            for file in Path(self.full(top)).rglob(".*.tmp"):
                if _is_stale(file):
                    file.unlink(missing_ok=True)
                    gone += 1
        return gone


def file_checksum(path: Path) -> int:
    """CRC-32C of a local file, after its bytes have reached the disk."""
    crc = 0
    with path.open("rb") as f:
        os.fsync(f.fileno())
        while piece := f.read(_PIECE):
            crc = google_crc32c.extend(crc, piece)
    return int(crc)


def _temporary_name(name: str) -> str:
    return f".{name}.{socket.gethostname()}.{os.getpid()}.{uuid.uuid4().hex[:8]}.tmp"


def _is_temporary(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.startswith(".") and name.endswith(".tmp")


def _is_stale(file: Path) -> bool:
    words = file.name.removesuffix(".tmp").rsplit(".", 2)
    host_and_name, pid = words[0], words[1]
    if host_and_name.endswith(f".{socket.gethostname()}") and pid.isdigit():
        return not psutil.pid_exists(int(pid))
    with contextlib.suppress(FileNotFoundError):
        return time.time() - file.stat().st_mtime > _STALE_S
    return False


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def destination_errors(url: str) -> Iterator[None]:
    """Turn errors of the operating system while writing into `DestinationError`, with their ``errno``."""
    try:
        yield
    except DestinationError:
        raise
    except OSError as error:
        wrapped = DestinationError(
            f"The destination cannot be written: {error.strerror or error}",
            where=url,
            hint="Check space, quota and permissions, then run the same command again.",
        )
        wrapped.errno = error.errno
        raise wrapped from error
