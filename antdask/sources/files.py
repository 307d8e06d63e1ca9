"""Names and identities of input files: expand globs, look at the head, fingerprint, notice a change."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import fnmatch
import glob
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import fsspec

from antdask.errors import AntdaskError, InputChangedError, InputError, InputMissingError, InputUnreadableError
from antdask.plan import FileEntry, Lender, Segment
from antdask.remote.address import refuse_secrets, scheme_of
from antdask.remote.client import Client, RangeIgnoredError, Stat
from antdask.remote.connections import SCHEMES, connect
from antdask.sources.local_names import closed_folders, is_there, printable

#: A fingerprint covers this much of either end [byte]: the headers and the directory of every format we read.
FINGERPRINT_BYTES = 2**20


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """A file as it is now.

    Parameters
    ----------
    nbytes : int
        Size [byte].
    mtime_ns : int
        Modification time [ns since 1970], 0 where the store has none.
    fingerprint : str
        SHA-256, hexadecimal, over the size in decimal digits, the first and the last mebibyte.
    """

    nbytes: int
    mtime_ns: int
    fingerprint: str

    def entry(
        self,
        url: str,
        source: str,
        origin: str,
        segments: Iterable[Segment],
        notes: Iterable[str] = (),
        *,
        layout: str | None = None,
        uuid: str = "",
    ) -> FileEntry:
        """What a source says of the file; the layout is the source's name unless it knows several."""
        return FileEntry(
            url=url,
            format=source,
            layout=layout or source,
            origin=origin,
            nbytes=self.nbytes,
            mtime_ns=self.mtime_ns,
            uuid=uuid,
            fingerprint=self.fingerprint,
            segments=tuple(segments),
            notes=tuple(notes),
        )


def demand_entries(start: int, stop: int, count: int, where: str, what: str = "entries") -> None:
    """Raise InputChangedError unless entries ``start:stop`` are among `count`."""
    if not 0 <= start <= stop <= count:
        raise InputChangedError(
            f"The input does not hold these {what}", where=where, found=f"{count} {what}", expected=f"{start} to {stop}", hint="Plan again."
        )


@contextlib.contextmanager
def naming(url: str) -> Iterator[None]:
    """Turn "no such file" and "not allowed" into errors that name the input; other failures of disk and network pass as they are, since the data are not to blame."""
    if (shown := printable(url)) != url:
        raise InputError(
            "The name of the input is not UTF-8, and could not be kept",
            where=shown,
            hint="Rename it, or make a symbolic link to it and give that.",
        )
    try:
        yield
    except AntdaskError:
        raise
    except IsADirectoryError as error:
        raise _directory(url) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputMissingError(
            "There is no such input", where=url, hint="Check the path; quote a glob so that the shell leaves it alone."
        ) from error
    except PermissionError as error:
        raise InputUnreadableError(
            "The input may not be read", where=url, hint="Ask for read permission, or run as a user who has it."
        ) from error


def is_served(url: str) -> bool:
    """Whether a client of our own reads this URL (``http(s)://``, ``s3://``, ``root://`` …); all else is local, or left to fsspec."""
    return scheme_of(url) in SCHEMES


def locate(url: str) -> tuple[Any | None, str]:
    """File system and path of an input; the file system is ``None`` for local files.

    Raises
    ------
    InputError
        A protocol that fsspec does not know, or whose package is not installed.
    """
    path = _local_path(url)
    if path is not None:
        return None, path
    refuse_secrets(url)
    try:
        filesystem, path = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise InputError(
            f"Inputs of this kind cannot be opened: {error}",
            where=url,
            hint="Install the fsspec package of the protocol, or copy the file here.",
        ) from error
    return filesystem, path


def absolute(url: str) -> str:
    """The name under which a plan keeps an input: a local path from the root, a URL as it is.

    Examples
    --------
    >>> absolute("file:///data/../data/run.root"), absolute("s3://bucket/run.root")
    ('/data/run.root', 's3://bucket/run.root')
    """
    path = _local_path(url)
    return url if path is None else path


def expand(patterns: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Absolute paths and URLs of inputs, each once, in the order given; matches of a glob are sorted.

    A name that exists is taken literally, even where it looks like a glob.

    Raises
    ------
    InputMissingError
        A file that is not there, or a glob that matches none.
    InputError
        A directory: which of its files are meant must be said.
    InputUnreadableError
        The file system refuses to look.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        text = os.fspath(pattern)
        with naming(text):
            found.update(dict.fromkeys(_expand_one(text)))
    return list(found)


def head(url: str, n: int) -> bytes:
    """The first `n` bytes of a file, fewer if it is shorter.

    Raises
    ------
    InputMissingError, InputUnreadableError, InputError
    """
    with naming(url):
        if is_served(url):
            return _served_range(*connect(url), 0, n)
        filesystem, path = locate(url)
        if filesystem is None:
            with Path(path).open("rb") as file:
                return file.read(n)
        return bytes(filesystem.cat_file(path, start=0, end=n))


def identify(url: str) -> Identity:
    """Size, modification time and fingerprint; reads 2 MiB at most.

    Raises
    ------
    InputMissingError, InputUnreadableError, InputError
    """
    with naming(url):
        if is_served(url):
            return _identify_served(url)
        filesystem, path = locate(url)
        if filesystem is None:
            with Path(path).open("rb") as file:
                status = os.fstat(file.fileno())
                nbytes, mtime = status.st_size, status.st_mtime_ns
                first = file.read(FINGERPRINT_BYTES)
                file.seek(max(0, nbytes - FINGERPRINT_BYTES))
                last = file.read(FINGERPRINT_BYTES)
        else:
            info = filesystem.info(path)
            if info.get("type") == "directory":
                raise _directory(url)
            nbytes, mtime = int(info["size"]), _remote_mtime(info)
            first = filesystem.cat_file(path, start=0, end=min(FINGERPRINT_BYTES, nbytes)) if nbytes else b""
            last = filesystem.cat_file(path, start=max(0, nbytes - FINGERPRINT_BYTES), end=nbytes) if nbytes else b""
    return Identity(nbytes, mtime, hashlib.sha256(str(nbytes).encode() + first + last).hexdigest())


#: Fingerprints of files behind servers, as long as the server says that they are the same version.
_fingerprints: dict[tuple[str, Stat], str] = {}
#: A file whose time is so near to the look at it may change again without another time, where a server counts whole seconds [ns].
_FRESH_NS = 3 * 10**9


def _identify_served(url: str) -> Identity:
    client, path = connect(url)
    now = client.stat(path)
    found = _fingerprints.get((url, now))
    if found is None:
        n = now.nbytes
        first = _served_range(client, path, 0, min(FINGERPRINT_BYTES, n))
        last = _served_range(client, path, max(0, n - FINGERPRINT_BYTES), n)
        found = hashlib.sha256(str(n).encode() + first + last).hexdigest()
        if now.tag or 0 < now.mtime_ns < time.time_ns() - _FRESH_NS:
            _fingerprints[url, now] = found
    return Identity(now.nbytes, now.mtime_ns, found)


def _served_range(client: Client, path: str, start: int, stop: int) -> bytes:
    try:
        return client.read(path, start, stop)
    except RangeIgnoredError:
        # All of it or nothing, from such a server.
        with tempfile.TemporaryFile(prefix="antdask-input-") as copy:
            client.download(path, copy)
            copy.seek(start)
            return copy.read(stop - start)


def lender(url: str) -> Lender:
    """A file that lends its layout to others, as it is now. Errors as for `identify`."""
    return Lender(absolute(url), identify(url).fingerprint)


def stamp(url: str) -> tuple[int, int]:
    """Size [byte] and modification time [ns since 1970] of a file, 0 where the store has none; reads nothing.

    Raises
    ------
    InputMissingError, InputUnreadableError, InputError
    """
    with naming(url):
        filesystem, path = locate(url)
        if filesystem is None:
            status = Path(path).stat()
            return status.st_size, status.st_mtime_ns
        info = filesystem.info(path)
        if info.get("type") == "directory":
            raise _directory(url)
        return int(info["size"]), _remote_mtime(info)


def check_unchanged(entry: FileEntry) -> None:
    """Make sure that a file is still the one that was described. The modification time may differ: a copy is the same file.

    Raises
    ------
    InputChangedError
        Another size or fingerprint.
    InputMissingError, InputUnreadableError
    """
    now = identify(entry.url)
    hint = "Plan again, so that the plan says what is archived."
    if now.nbytes != entry.nbytes:
        raise InputChangedError(
            "The input changed after it was planned",
            where=entry.url,
            found=f"{now.nbytes} bytes",
            expected=f"{entry.nbytes} bytes",
            hint=hint,
        )
    if now.fingerprint != entry.fingerprint:
        raise InputChangedError("The input changed after it was planned", where=entry.url, found=f"fingerprint {now.fingerprint[:12]}", expected=entry.fingerprint[:12], hint=hint)  # fmt: skip


def _expand_one(text: str) -> list[str]:
    if not text:
        raise InputError("The name of an input is empty", hint="Is a variable of the shell not set?")
    path = _local_path(text)
    if path is not None:
        if is_there(path):
            if stat.S_ISDIR(Path(path).stat().st_mode):
                raise _directory(text)
            return [path]
        # pathlib globs only below a given directory and takes no absolute pattern.
        matches = sorted(m for m in glob.glob(path, recursive=True) if not Path(m).is_dir()) if glob.has_magic(path) else []  # noqa: PTH207
    elif is_served(text):
        return _expand_served(text)
    else:
        filesystem, remote = locate(text)
        try:
            if filesystem.info(remote)["type"] == "directory":  # type: ignore[union-attr]
                raise _directory(text)
            return [text]
        except FileNotFoundError:
            if not glob.has_magic(remote):
                raise
        matches = sorted(filesystem.unstrip_protocol(m) for m in filesystem.glob(remote) if not filesystem.isdir(m))  # type: ignore[union-attr]
    if not matches:
        if path is not None and closed_folders(path):
            raise PermissionError(text)
        raise FileNotFoundError(text)
    return matches


def _expand_served(url: str) -> list[str]:
    client, path = connect(url)
    try:
        client.stat(path)
        return [url]
    except FileNotFoundError:
        folder, _, name = path.rpartition("/")
        if not glob.has_magic(path):
            if scheme_of(url) == "s3" and client.sizes(path):
                raise _directory(url) from None
            raise
    if glob.has_magic(folder):
        raise InputError("Only the last word of a remote glob may have wildcards", where=url, hint="Give one glob for each folder.")
    try:
        names = [n for n in client.sizes(folder) if "/" not in n and fnmatch.fnmatchcase(n, name)]
    except NotImplementedError as error:
        raise InputError("This web server lists no files", where=url, hint="Name the files one by one, or in a list.") from error
    if not names:
        raise FileNotFoundError(url)
    return [url.rpartition("/")[0] + f"/{n}" for n in sorted(names)]


def _local_path(url: str) -> str | None:
    """Absolute path of a local input; ``None`` for a remote one."""
    if "::" in url:
        return None
    protocol, separator, rest = url.partition("://")
    if separator and protocol not in ("file", "local"):
        return None
    # pathlib has no way to make a path absolute that also takes out "..", without following links.
    return os.path.abspath(Path(rest if separator else url).expanduser())  # noqa: PTH100


def _directory(url: str) -> InputError:
    return InputError("The input is a directory", where=url, hint=f"Give files or a glob, for example '{url.rstrip('/')}/*.root'.")


def _remote_mtime(info: dict[str, Any]) -> int:
    """Modification time [ns since 1970] under any of the names that stores give it; 0 if none does."""
    for name in ("mtime", "LastModified", "last_modified", "updated", "created"):
        value = info.get(name)
        if isinstance(value, int | float):
            return int(value * 10**9)
        if isinstance(value, datetime.datetime):
            aware = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
            return int((aware - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) / datetime.timedelta(microseconds=1)) * 1000
    return 0
