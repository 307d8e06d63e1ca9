"""XRootD: vector reads, and what a destination needs (exclusive creation, rename, checksums); through the client library of XRootD itself."""

from __future__ import annotations

import contextlib
import errno
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any, TypeVar

import XRootD.client
from XRootD.client.flags import AccessMode, DirListFlags, OpenFlags, QueryCode, StatInfoFlags

from antdask.remote.client import Stat
from antdask.remote.ranges import Range
from antdask.remote.retry import patiently

T = TypeVar("T")

# The library has a mark of types and no types.
xrd: Any = XRootD.client

#: What every server takes in one vector read: pieces (at most 1,024), and bytes of a piece (at most 2 MiB less 16) [byte].
VECTOR_PIECES, VECTOR_BYTES = 512, 1 << 20
#: Seconds until a request counts as lost.
_TIMEOUT = 60
#: Files kept open: a server holds some state for each.
_OPEN_FILES = 64
_WRITE = 4 << 20
# The defaults wait half an hour for a server that is gone, and look at the clock every 15 s; the environment (XRD_CONNECTIONWINDOW …) overrides these.
for _name, _value in {
    "ConnectionWindow": 10,
    "ConnectionRetry": 1,
    "RequestTimeout": 60,
    "StreamTimeout": 60,
    "StreamErrorWindow": 1,
    "TimeoutResolution": 1,
    "RunForkHandler": 1,
}.items():
    xrd.EnvPutInt(_name, _value)

# Numbers of XProtocol (kXR_…) that an operating system has a number for, and those of a fault that passes.
_ERRNOS = {
    3009: errno.ENOSPC,
    3010: errno.EACCES,
    3011: errno.ENOENT,
    3013: errno.ENOTSUP,
    3016: errno.EISDIR,
    3018: errno.EEXIST,
    3021: errno.EDQUOT,
    3025: errno.EROFS,
    3030: errno.EACCES,
}
_TRANSIENT = frozenset({3003, 3004, 3007, 3008, 3012, 3014, 3020, 3024, 3033, 3034, 3035})
#: Codes of the client library: the server answered with an error; it does not know us.
_ANSWERED, _STRANGER = 400, frozenset({203, 204})


class XrootdClient:
    """One XRootD server or redirector.

    Parameters
    ----------
    server : str
        ``root://host:port``.
    """

    def __init__(self, server: str) -> None:
        self.server = server
        self._files: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._fs: Any = xrd.FileSystem(server)

    def __repr__(self) -> str:
        return f"XrootdClient({self.server!r})"

    def close(self) -> None:
        """See `client.Client.close`."""
        for path in list(self._files):
            self.release(path)

    def _url(self, path: str) -> str:
        return f"{self.server}/{path}"

    def _ask(self, what: str, path: str, call: Callable[[], tuple[Any, T]]) -> T:
        """The answer to a request, tried again while the network is to blame."""
        words = f"{what} {self._url(path)}"

        def attempt() -> T:
            status, answer = call()
            _check(status, words)
            return answer

        return patiently(attempt, words)

    def stat(self, path: str) -> Stat:
        """See `client.Client.stat`; the tag is the time of change, in whole seconds."""
        info: Any = self._ask("stat", path, lambda: self._fs.stat(path, timeout=_TIMEOUT))
        if info.flags & StatInfoFlags.IS_DIR:
            raise IsADirectoryError(errno.EISDIR, self._url(path))
        return Stat(int(info.size), int(info.modtime) * 10**9, "")

    def _reading(self, path: str) -> Any:
        """The open file; the ones opened first are closed when there are many."""
        with self._lock:
            if path not in self._files:
                file = xrd.File()
                status, _ = file.open(self._url(path), OpenFlags.READ, timeout=_TIMEOUT)
                _check(status, f"open {self._url(path)}")
                self._files[path] = file
                while len(self._files) > _OPEN_FILES:
                    self._files.pop(next(iter(self._files))).close(timeout=5)
            return self._files[path]

    def release(self, path: str) -> None:
        """See `client.Client.release`: the file is closed."""
        with self._lock:
            file = self._files.pop(path, None)
        if file is not None:
            file.close(timeout=5)

    def _from_file(self, path: str, what: str, call: Callable[[Any], tuple[Any, T]]) -> T:
        words = f"{what} {self._url(path)}"

        def attempt() -> T:
            file = self._reading(path)
            status, answer = call(file)
            if not status.ok:
                # Whatever went wrong, the next attempt shall not meet the same broken handle.
                with self._lock:
                    self._files.pop(path, None)
            _check(status, words)
            return answer

        return patiently(attempt, words)

    def read(self, path: str, start: int, stop: int, tag: str = "") -> bytes:
        """See `client.Client.read`; `tag` is not used."""
        if stop <= start:
            return b""
        return bytes(
            self._from_file(path, f"read of {stop - start} bytes at {start} of", lambda f: f.read(start, stop - start, timeout=_TIMEOUT))
        )

    def whole(self, path: str) -> bytes:
        """See `client.Client.whole`."""
        try:
            return self.read(path, 0, self.stat(path).nbytes)
        finally:
            # The next reader of this name shall see a replaced file, not the one that is held open.
            self.release(path)

    def download(self, path: str, file: IO[bytes]) -> None:
        """See `client.Client.download`."""
        size = self.stat(path).nbytes
        for start in range(0, size, _WRITE):
            file.write(self.read(path, start, min(size, start + _WRITE)))

    def read_spans(self, path: str, spans: Sequence[Range], tag: str = "") -> list[bytes]:
        """See `client.Client.read_spans`: vector reads, a long span cut into pieces."""
        pieces = [(n, a, min(a + VECTOR_BYTES, stop)) for n, (start, stop) in enumerate(spans) for a in range(start, stop, VECTOR_BYTES)]
        found: list[list[bytes]] = [[] for _ in spans]
        for batch in itertools.batched(pieces, VECTOR_PIECES):
            for (number, _, _), data in zip(batch, self._vector(path, [(a, b) for _, a, b in batch]), strict=True):
                found[number].append(data)
        return [b"".join(parts) for parts in found]

    def _vector(self, path: str, pieces: list[Range]) -> list[bytes]:
        wanted = [(a, b - a) for a, b in pieces]
        try:
            answer: Any = self._from_file(path, f"read of {len(wanted)} pieces of", lambda f: f.vector_read(wanted, timeout=_TIMEOUT))
        except OSError as error:
            # A vector read beyond the end fails as a whole; single reads tell how much is there.
            if error.errno != errno.EINVAL or self.stat(path).nbytes >= max(b for _, b in pieces):
                raise
            return [self.read(path, a, b) for a, b in pieces]
        return [bytes(chunk.buffer) for chunk in answer.chunks]

    def sizes(self, path: str) -> dict[str, int]:
        """See `client.Client.sizes`."""
        flags = DirListFlags.STAT | DirListFlags.RECURSIVE
        try:
            listing: Any = self._ask("list", path, lambda: self._fs.dirlist(path, flags, timeout=_TIMEOUT))
        except FileNotFoundError:
            return {}
        return {e.name: int(e.statinfo.size) for e in listing if e.statinfo and not e.statinfo.flags & StatInfoFlags.IS_DIR}

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder."""
        try:
            self.stat(path)
        except IsADirectoryError:
            return True
        except FileNotFoundError:
            return False
        return False

    def put(self, path: str, pieces: Callable[[], Iterator[bytes]]) -> None:
        """Store a file under a name that is new, or may be lost; folders are made. The pieces are asked for anew for each attempt."""
        words = f"write {self._url(path)}"

        def attempt() -> None:
            file, position = xrd.File(), 0
            flags = OpenFlags.DELETE | OpenFlags.MAKEPATH
            _check(
                file.open(self._url(path), flags, AccessMode.UR | AccessMode.UW | AccessMode.GR | AccessMode.OR, timeout=_TIMEOUT)[0], words
            )
            try:
                for piece in pieces():
                    _check(file.write(piece, offset=position, size=len(piece), timeout=_TIMEOUT)[0], words)
                    position += len(piece)
                _check(file.sync(timeout=_TIMEOUT)[0], words)
            finally:
                closed = file.close(timeout=_TIMEOUT)[0]
            _check(closed, words)

        patiently(attempt, words)

    def move(self, source: str, target: str) -> None:
        """Give a file another name, replacing what was there; folders are made by the server."""
        try:
            self._ask("move", source, lambda: self._fs.mv(source, target, timeout=_TIMEOUT))
        except FileNotFoundError:
            # An earlier attempt did it, and its answer was lost.
            self.stat(target)

    def remove(self, path: str) -> None:
        """Delete a file; nothing happens where there is none."""
        with contextlib.suppress(FileNotFoundError):
            self._ask("rm", path, lambda: self._fs.rm(path, timeout=_TIMEOUT))

    def remove_folder(self, path: str) -> None:
        """Delete an empty folder; nothing happens where there is none."""
        with contextlib.suppress(FileNotFoundError):
            self._ask("rmdir", path, lambda: self._fs.rmdir(path, timeout=_TIMEOUT))

    def adler32(self, path: str) -> int | None:
        """The checksum that the server computes itself; ``None`` where it does not, or another kind."""
        try:
            answer: Any = self._ask("checksum", path, lambda: self._fs.query(QueryCode.CHECKSUM, path, timeout=_TIMEOUT))
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
                raise
            return None
        kind, _, digits = answer.decode().strip("\0 \n").partition(" ")
        return int(digits, 16) if kind == "adler32" else None


def _check(status: Any, what: str) -> None:
    """Raise what a status means."""
    if status.ok:
        return
    words = f"{what}: {str(status.message).removeprefix('[ERROR]').removeprefix('[FATAL]').strip()}"
    if status.code in _STRANGER:
        raise PermissionError(errno.EACCES, words)
    if status.code != _ANSWERED or status.errno in _TRANSIENT:
        raise ConnectionError(words)
    raise OSError(_ERRNOS.get(status.errno, errno.EINVAL), words)
