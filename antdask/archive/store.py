"""Where an archive lies: small reads, listings, and writes that are visible whole or not at all.

A `Store` guards the paths and the words of errors; the `place.Place` behind it knows one kind of storage and keeps the commit guarantee there
(docs/explanation/commit.md has the steps of each). Readers follow receipts only.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

import fsspec
import google_crc32c

from antdask.archive import layout as lay
from antdask.archive.fsspec_place import FsspecPlace
from antdask.archive.local_place import LocalPlace
from antdask.archive.place import PIECE, Place, clock_of, is_temporary
from antdask.errors import AntdaskError, ArchiveError, DestinationError, UsageError
from antdask.remote.address import refuse_secrets, scheme_of

_REFUSED = frozenset({errno.EACCES, errno.EPERM})


class Store:
    """One root, addressed by relative paths.

    Parameters
    ----------
    url : str
        Local path, ``s3://``, ``dav[s]://``, ``root://``, ``http[s]://`` (to read only), or any other fsspec URL (``memory://`` …). Touches nothing.

    Raises
    ------
    UsageError
        Not a URL that can be used, or one with credentials in it.
    """

    def __init__(self, url: str) -> None:
        self._place = _find_place(str(url))
        self.root, self.url = self._place.root, self._place.url
        self.local = isinstance(self._place, LocalPlace)

    def __repr__(self) -> str:
        return f"Store({self.url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Store, (self.url,))

    @property
    def in_process(self) -> bool:
        """Whether other processes cannot see what is written here (``memory://``)."""
        return scheme_of(self.url) == "memory"

    @property
    def writable(self) -> bool:
        """Whether this kind of storage can be written at all."""
        return not scheme_of(self.url).startswith("http")

    @property
    def exclusive(self) -> bool:
        """Whether `publish` lets exactly one of several win, whatever comes between; where not, look again after signing (`holds`)."""
        return self._place.exclusive

    def full(self, path: str) -> str:
        """Absolute path of a relative one; refuses to leave the root."""
        _guard(path)
        return f"{self.root.rstrip('/')}/{path}" if path else self.root

    def full_url(self, path: str) -> str:
        """URL of a relative path, good for `open_url` anywhere."""
        _guard(path)
        return f"{self.url.rstrip('/')}/{path}" if path else self.url

    def exists(self, path: str) -> bool:
        """Whether there is a file or directory."""
        with _reading_errors(self.url):
            return self._place.exists(_guard(path))

    def is_empty(self) -> bool:
        """Whether nothing lies here yet, so that an archive may begin.

        Raises
        ------
        DestinationError
            There is no such bucket, or it may not be looked at.
        """
        with destination_errors(self.url):
            return self._place.is_empty()

    def size(self, path: str) -> int | None:
        """Bytes of a file; ``None`` where there is none."""
        with _reading_errors(self.url):
            return self._place.size(_guard(path))

    def mtime(self, path: str) -> float | None:
        """When a file was written [s since 1970]; ``None`` where there is none, or the storage does not tell."""
        with _reading_errors(self.url):
            return self._place.mtime(_guard(path))

    def read(self, path: str, start: int | None = None, stop: int | None = None) -> bytes:
        """Bytes ``start:stop`` of a file.

        Raises
        ------
        FileNotFoundError
        ArchiveError
            It may not be read.
        """
        with _reading_errors(self.url):
            return self._place.read(_guard(path), start, stop)

    def open(self, path: str) -> IO[bytes]:
        """A file to read and seek in, for libraries that want one."""
        if self.local:
            return Path(self.full(path)).open("rb")
        size = self.size(path)
        if size is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.full_url(path))
        if size <= PIECE:
            return io.BytesIO(self.read(path))
        return io.BufferedReader(_StoreFile(self, path, size), PIECE)

    def checksum(self, path: str) -> int:
        """CRC-32C of a file, read in pieces."""
        crc, position, size = 0, 0, self.size(path) or 0
        while position < size:
            piece = self.read(path, position, min(size, position + PIECE))
            if not piece:
                break
            crc = google_crc32c.extend(crc, piece)
            position += len(piece)
        return int(crc)

    def holds(self, path: str, nbytes: int, crc32c: int) -> bool:
        """Whether a file has these bytes; the storage is asked first, and the file read only where it does not tell."""
        with _reading_errors(self.url):
            told = self._place.holds(_guard(path), nbytes, crc32c)
        return self.checksum(path) == crc32c if told is None else told

    def list(self, prefix: str = "") -> list[str]:
        """All files below a directory, relative to the root, sorted, without temporary ones.

        Raises
        ------
        ArchiveError
            The server has no listing.
        """
        if not isinstance(self._place, LocalPlace):
            return sorted(self.sizes(prefix))
        with _reading_errors(self.url):
            return sorted(p for p in self._place.names(_guard(prefix)) if not is_temporary(p))

    def sizes(self, prefix: str) -> dict[str, int]:
        """Bytes of all files below a directory, by relative path, from one listing; without temporary ones.

        Raises
        ------
        ArchiveError
            The server has no listing.
        """
        with _reading_errors(self.url):
            return {p: n for p, n in self._place.sizes(_guard(prefix)).items() if not is_temporary(p)}

    def write_small(self, path: str, data: bytes) -> None:
        """Write or replace a small file atomically.

        Raises
        ------
        DestinationError
        """
        with destination_errors(self.url):
            self._place.write(_guard(path), data)

    @property
    def scratch(self) -> str:
        """Where drafts lie: in the archive itself, or in the directory for temporary files where the archive is written by copying out."""
        return self.url if self.local else tempfile.gettempdir()

    @contextlib.contextmanager
    def draft(self, path: str) -> Iterator[Path]:
        """A private local file to write; it is gone afterwards unless `publish` gave it a name.

        Raises
        ------
        DestinationError
        """
        _guard(path)
        with destination_errors(self.scratch):
            if isinstance(self._place, LocalPlace):
                temporary = self._place.draft(path)
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
            return self._place.publish(draft, _guard(path))

    def remove(self, path: str) -> None:
        """Delete one file, if it is there.

        Raises
        ------
        DestinationError
        """
        with destination_errors(self.url):
            self._place.remove(_guard(path))

    def prune(self, path: str) -> None:
        """Delete an empty directory, where the storage has such things.

        Raises
        ------
        DestinationError
        """
        with destination_errors(self.url):
            self._place.prune(_guard(path))

    def sweep(self) -> int:
        """Delete what nobody will finish; the number of things.

        That is what processes of this host left that are gone, what is a day old, and what was to become a part that is there with its receipt: who still works on
        it will find that it is done.

        Raises
        ------
        DestinationError
        """
        with destination_errors(self.url):
            return self._place.sweep(self._is_signed)

    def _is_signed(self, path: str) -> bool:
        """Whether this is the file of a part, or its receipt, and both are there."""
        part = lay.part_of(path)
        return bool(part) and self.exists(lay.part_file(part)) and self.exists(lay.receipt_file(part))

    def now(self) -> float | None:
        """What the clock of the storage shows [s since 1970], with which `mtime` is to be compared; ``None`` where it does not tell.

        Raises
        ------
        DestinationError
        """
        with destination_errors(self.url):
            return clock_of(self._place)


class _StoreFile(io.RawIOBase):
    """A file of a store as a Python file object."""

    def __init__(self, store: Store, path: str, size: int) -> None:
        super().__init__()
        self._store, self._path, self._size, self._position = store, path, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = max(0, {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence] + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        stop = min(self._size, self._position + len(view))
        data = self._store.read(self._path, self._position, stop) if stop > self._position else b""
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


def open_url(url: str) -> IO[bytes]:
    """A file at a path or URL, to read and seek in.

    Raises
    ------
    FileNotFoundError
    ArchiveError
        It may not be read.
    """
    folder, _, name = url.rpartition("/")
    return Store(folder or ("/" if url.startswith("/") else ".")).open(name)


def _find_place(url: str) -> Place:
    if not url:
        # Taken for a path, it would be the working directory.
        raise UsageError("The name of the archive is empty", hint="Is a variable of the shell not set?")
    if "::" in url or "\0" in url or url.encode("utf-8", "replace").decode() != url:
        # Chains of protocols lead elsewhere than they seem to; bytes that are no text have no place in a catalogue.
        raise UsageError("Not a usable name of an archive", found=ascii(url)[1:-1], hint="Take one in UTF-8, without '::'.")
    refuse_secrets(url)
    scheme = scheme_of(url)
    if scheme in {"s3", "dav", "davs", "root", "roots", "xroot", "http", "https"}:
        return _remote_place(scheme, url)
    try:
        fs, root = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        hint = "Use a local path, s3://, root://, dav(s)://, http(s):// to read, or another protocol of fsspec."
        raise UsageError(f"Not a usable archive URL: {error}", where=url, hint=hint) from error
    if "file" in ((fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol):
        return LocalPlace(str(root).rstrip("/") or "/")
    return FsspecPlace(fs, str(root))


def _remote_place(scheme: str, url: str) -> Place:
    # Late: each brings a library that only its protocol needs.
    if scheme == "s3":
        from antdask.archive.s3_place import S3Place

        return S3Place(url)
    if scheme in {"http", "https"}:
        from antdask.archive.web_place import WebPlace

        return WebPlace(url)
    from antdask.archive.copied_place import WebdavPlace, XrootdPlace

    return WebdavPlace(url) if scheme in {"dav", "davs"} else XrootdPlace(url)


def _guard(path: str) -> str:
    """The path, unless it leaves the root."""
    if path.startswith("/") or (".." in path and ".." in PurePosixPath(path).parts):
        raise UsageError("A path leaves the archive", found=repr(path))
    return path


@contextlib.contextmanager
def destination_errors(url: str) -> Iterator[None]:
    """Turn errors of the operating system while writing into `DestinationError`, with their ``errno``.

    Parameters
    ----------
    url : str
        What is written: an archive, or the directory for temporary files (``TMPDIR``), which is named as what it is.
    """
    try:
        yield
    except DestinationError:
        raise
    except OSError as error:
        what, hint = "The destination", "Check space, quota and permissions, then run the same command again."
        if scheme_of(url):
            hint = "Check the address, the permissions and the credentials in the environment, then run the same command again."
        elif url == tempfile.gettempdir():
            what, hint = "The scratch space", "Make room, or set TMPDIR to a place with more, then run the same command again."
        words = error.what if isinstance(error, AntdaskError) else error.strerror or error
        wrapped = DestinationError(f"{what} cannot be written: {words}", where=url, hint=hint)
        wrapped.errno = error.errno
        raise wrapped from error


@contextlib.contextmanager
def _reading_errors(url: str) -> Iterator[None]:
    """Turn a refusal into an error that names the archive; what is missing, and a server that does not answer, pass as they are."""
    try:
        yield
    except NotImplementedError as error:
        hint = "Query it, which needs no listing; verify and convert need one."
        raise ArchiveError("The server that holds the archive lists no files", where=url, hint=hint) from error
    except OSError as error:
        if error.errno not in _REFUSED and error.errno != errno.ENOTSUP:
            raise
        hint = "Ask for permission, or set the credentials in the environment."
        raise ArchiveError(f"The archive may not be read: {error.strerror or error}", where=url, hint=hint) from error
