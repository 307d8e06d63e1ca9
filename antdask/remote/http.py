"""HTTP and WebDAV: ranged reads that are checked, and what a destination needs (PUT, MOVE, MKCOL, PROPFIND, checksums)."""

from __future__ import annotations

import contextlib
import email.utils
import errno
import functools
import io
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any
from xml.etree import ElementTree

import urllib3

from antdask import settings
from antdask.remote.client import ContentChangedError, RangeIgnoredError, Stat
from antdask.remote.ranges import Range
from antdask.remote.retry import patiently

#: Requests side by side, and connections kept.
PARALLEL = 6
_TIMEOUT = urllib3.Timeout(connect=10, read=60)
# Redirects are followed (a redirector in front of storage is the rule); trying again is ours.
_RETRIES = urllib3.Retry(total=8, connect=0, read=0, status=0, other=0, redirect=8, raise_on_redirect=True)
_SCHEMES = {"dav": "http", "davs": "https"}
_DAV = "{DAV:}"
_LEFT_OVER = 1 << 16


class HttpStatusError(OSError):
    """An answer that is neither wanted nor one of the usual refusals.

    Attributes
    ----------
    status : int
    """

    def __init__(self, number: int | None, words: str, status: int) -> None:
        super().__init__(number, words)
        self.status = status


class HttpClient:
    """One HTTP(S) server.

    Parameters
    ----------
    server : str
        ``http[s]://host:port``, or ``dav[s]://host:port``.
    """

    def __init__(self, server: str) -> None:
        scheme, _, host = server.partition("://")
        self.server = f"{_SCHEMES.get(scheme, scheme)}://{host}"
        access = settings.web_access()
        certificates = {"ca_cert_dir": access.authorities, "cert_file": access.certificate}
        known: dict[str, Any] = {k: v for k, v in certificates.items() if v} if self.server.startswith("https") else {}
        self._pool = urllib3.PoolManager(maxsize=PARALLEL, block=False, retries=_RETRIES, timeout=_TIMEOUT, **known)
        self._headers = {"User-Agent": "antdask", "Accept-Encoding": "identity", **_login(access, self.server)}
        self._threads: ThreadPoolExecutor | None = None

    def __repr__(self) -> str:
        return f"HttpClient({self.server!r})"

    def close(self) -> None:
        """See `client.Client.close`."""
        self._pool.clear()
        if self._threads is not None:
            self._threads.shutdown(wait=False)
            self._threads = None

    def stat(self, path: str) -> Stat:
        """See `client.Client.stat`."""

        def attempt() -> Stat:
            with self._open("HEAD", path) as answer:
                if answer.status < 300 and "Content-Length" in answer.headers:
                    return _stat(answer.headers, int(answer.headers["Content-Length"]))
                if answer.status not in {200, 204, 403, 405, 501}:
                    _refuse(answer, f"HEAD {self.server}{path}")
            # No HEAD here (or, as with signed gateways, only for some): the head of a GET says the same.
            with self._open("GET", path, {"Range": "bytes=0-0"}) as answer:
                if answer.status == 206:
                    return _stat(answer.headers, int(answer.headers["Content-Range"].rpartition("/")[2]))
                if answer.status == 416:
                    return _stat(answer.headers, 0)
                if answer.status != 200:
                    _refuse(answer, f"GET {self.server}{path}")
                if "Content-Length" not in answer.headers:
                    raise HttpStatusError(errno.EINVAL, f"GET {self.server}{path}: the server does not tell the size", 200)
                return _stat(answer.headers, int(answer.headers["Content-Length"]))

        return patiently(attempt, f"HEAD {self.server}{path}")

    def read(self, path: str, start: int, stop: int, tag: str = "") -> bytes:
        """See `client.Client.read`."""
        if stop <= start:
            return b""
        return patiently(lambda: self._range(path, start, stop, tag), f"GET {self.server}{path}")

    def _range(self, path: str, start: int, stop: int, tag: str) -> bytes:
        with self._open("GET", path, {"Range": f"bytes={start}-{stop - 1}"}) as answer:
            if answer.status == 416:
                return b""
            if answer.status not in {200, 206}:
                _refuse(answer, f"GET {self.server}{path}")
            if tag and _tag(answer.headers) not in {"", tag}:
                raise ContentChangedError(path)
            if answer.status == 200:
                length = int(answer.headers.get("Content-Length", -1))
                if (start, stop) != (0, length):
                    raise RangeIgnoredError(path)
            elif not answer.headers.get("Content-Range", "").removeprefix("bytes ").startswith(f"{start}-"):
                raise ConnectionError(f"asked for bytes {start}-{stop - 1}, got {answer.headers.get('Content-Range')}")
            return bytes(answer.read())

    def read_spans(self, path: str, spans: Sequence[Range], tag: str = "") -> list[bytes]:
        """See `client.Client.read_spans`: one request for each, since servers differ in several ranges of one."""
        if len(spans) <= 1:
            return [self.read(path, a, b, tag) for a, b in spans]
        if self._threads is None:
            self._threads = ThreadPoolExecutor(PARALLEL, "antdask-http")
        return list(self._threads.map(lambda s: self.read(path, s[0], s[1], tag), spans))

    def whole(self, path: str) -> bytes:
        """See `client.Client.whole`."""
        data = io.BytesIO()
        self.download(path, data)
        return data.getvalue()

    def download(self, path: str, file: IO[bytes]) -> None:
        """See `client.Client.download`."""

        def attempt() -> None:
            file.seek(0)
            file.truncate()
            with self._open("GET", path) as answer:
                if answer.status != 200:
                    _refuse(answer, f"GET {self.server}{path}")
                for piece in answer.stream(1 << 20):
                    file.write(piece)

        patiently(attempt, f"GET {self.server}{path}")

    def release(self, path: str) -> None:
        """See `client.Client.release`: nothing is held open for a file."""

    def sizes(self, path: str) -> dict[str, int]:
        """See `client.Client.sizes`; needs WebDAV."""
        top = path.rstrip("/") + "/"
        found: dict[str, int] = {}
        waiting = [top]
        while waiting:
            for place, size in self._children(waiting.pop()):
                if size is None:
                    waiting.append(place.rstrip("/") + "/")
                else:
                    found[place.removeprefix(top)] = size
        return found

    def _children(self, folder: str) -> list[tuple[str, int | None]]:
        """Paths and sizes in a folder; the size of a folder is ``None``."""

        def attempt() -> list[tuple[str, int | None]]:
            with self._open("PROPFIND", folder, {"Depth": "1"}) as answer:
                if answer.status == 404:
                    return []
                if answer.status in {400, 405, 501}:
                    raise NotImplementedError(f"{self.server} lists no files")
                if answer.status != 207:
                    _refuse(answer, f"PROPFIND {self.server}{folder}")
                return [(p, n) for p, n in _entries(answer.read()) if p.rstrip("/") != folder.rstrip("/")]

        return patiently(attempt, f"PROPFIND {self.server}{folder}")

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder (WebDAV)."""

        def attempt() -> bool:
            with self._open("PROPFIND", path, {"Depth": "0"}) as answer:
                if answer.status == 404:
                    return False
                if answer.status != 207:
                    _refuse(answer, f"PROPFIND {self.server}{path}")
                return any(size is None for _, size in _entries(answer.read()))

        return patiently(attempt, f"PROPFIND {self.server}{path}")

    def put(self, path: str, open_body: Callable[[], IO[bytes]], nbytes: int) -> None:
        """Store a file, replacing what was there; the body is opened anew for each attempt."""

        def attempt() -> int:
            with open_body() as body, self._open("PUT", path, {"Content-Length": str(nbytes)}, body) as answer:
                if answer.status not in {200, 201, 204, 409}:
                    _refuse(answer, f"PUT {self.server}{path}")
                return answer.status

        if patiently(attempt, f"PUT {self.server}{path}") == 409:
            self._make_folders(path.rpartition("/")[0])
            if patiently(attempt, f"PUT {self.server}{path}") == 409:
                raise HttpStatusError(errno.ENOENT, f"PUT {self.server}{path}: the folder cannot be made", 409)

    def _make_folders(self, folder: str) -> None:
        """MKCOL for a folder and all above it: most servers make none by themselves."""
        words = [w for w in folder.split("/") if w]
        for depth in range(1, len(words) + 1):
            place = "/" + "/".join(words[:depth])
            # 405: it is there; a refusal higher up may be one of a root that only exists: the last one counts, in the PUT that follows.
            patiently(functools.partial(self._ask, "MKCOL", place), f"MKCOL {self.server}{place}")

    def move(self, source: str, target: str) -> None:
        """Give a file another name, replacing what was there."""

        def attempt() -> None:
            headers = {"Destination": self.server + urllib.parse.quote(target), "Overwrite": "T"}
            with self._open("MOVE", source, headers) as answer:
                if answer.status == 404 and self._ask("HEAD", target) < 300:
                    return  # an earlier attempt did it, and its answer was lost
                if answer.status not in {200, 201, 204}:
                    _refuse(answer, f"MOVE {self.server}{source}")

        patiently(attempt, f"MOVE {self.server}{source}")

    def remove(self, path: str) -> None:
        """Delete a file or an empty folder; nothing happens where there is none."""

        def attempt() -> None:
            with self._open("DELETE", path) as answer:
                if answer.status not in {200, 202, 204, 404}:
                    _refuse(answer, f"DELETE {self.server}{path}")

        patiently(attempt, f"DELETE {self.server}{path}")

    def adler32(self, path: str) -> int | None:
        """The checksum that the server computes itself (RFC 3230); ``None`` where it does not."""

        def attempt() -> int | None:
            with self._open("HEAD", path, {"Want-Digest": "adler32"}) as answer:
                if answer.status >= 300:
                    _refuse(answer, f"HEAD {self.server}{path}")
                words = answer.headers.get("Digest", "").lower().split(",")
            found = next((w.strip().partition("=")[2] for w in words if w.strip().startswith("adler32=")), "")
            return int(found, 16) if found else None

        return patiently(attempt, f"HEAD {self.server}{path}")

    def _ask(self, method: str, path: str) -> int:
        with self._open(method, path) as answer:
            if answer.status >= 500 or answer.status in {401, 403}:
                _refuse(answer, f"{method} {self.server}{path}")
            return int(answer.status)

    @contextlib.contextmanager
    def _open(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Any = None
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """The answer to a request, its body not read yet; a connection with an unread body is closed, not used again."""
        url = self.server + urllib.parse.quote(path, safe="/%?=&+:,~@")
        try:
            answer = self._pool.request(method, url, headers={**self._headers, **(headers or {})}, body=body, preload_content=False)
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionError(_words(error)) from error
        try:
            yield answer
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionError(_words(error)) from error
        finally:
            # A little that is left over is read away, so that the connection serves again.
            if answer.length_remaining is not None and answer.length_remaining < _LEFT_OVER:
                answer.drain_conn()
                answer.release_conn()
            else:
                answer.close()


def _login(access: settings.WebAccess, server: str) -> dict[str, str]:
    host = urllib.parse.urlsplit(server)
    if host.hostname not in access.hosts:
        return {}
    if access.token:
        return {"Authorization": f"Bearer {access.token}"}
    return dict(urllib3.make_headers(basic_auth=f"{access.user}:{access.password}")) if access.user else {}


def _stat(headers: Mapping[str, str], nbytes: int) -> Stat:
    modified = headers.get("Last-Modified")
    try:
        mtime = int(email.utils.parsedate_to_datetime(modified).timestamp()) * 10**9 if modified else 0
    except ValueError:
        mtime = 0
    return Stat(nbytes, mtime, _tag(headers))


def _tag(headers: Mapping[str, str]) -> str:
    """A strong ETag; a weak one names no bytes."""
    tag = headers.get("ETag", "")
    return "" if tag.startswith("W/") else tag


def _entries(document: bytes) -> Iterator[tuple[str, int | None]]:
    """Path and size of each entry of a PROPFIND answer."""
    try:
        # Expat neither loads external entities nor, since 2.4.1, expands without bound.
        tree = ElementTree.fromstring(document)  # noqa: S314
    except ElementTree.ParseError as error:
        raise ConnectionError(f"the listing is not XML: {error}") from error
    for entry in tree.iter(f"{_DAV}response"):
        path = urllib.parse.unquote(urllib.parse.urlsplit(entry.findtext(f"{_DAV}href", "")).path)
        folder = entry.find(f".//{_DAV}collection") is not None
        yield path, None if folder else int(entry.findtext(f".//{_DAV}getcontentlength") or 0)


def _refuse(answer: urllib3.BaseHTTPResponse, what: str) -> None:
    """Raise what a status means; never returns."""
    status, words = answer.status, f"{what}: HTTP {answer.status} {answer.reason or ''}".rstrip()
    if status in {404, 410}:
        raise FileNotFoundError(errno.ENOENT, words)
    if status in {401, 403, 407}:
        raise PermissionError(errno.EACCES, words)
    if status in {501, 405}:
        raise HttpStatusError(errno.ENOTSUP, words, status)
    if status == 507:
        raise HttpStatusError(errno.ENOSPC, words, status)
    raise HttpStatusError(None, words, status)


def _words(error: BaseException) -> str:
    """The innermost reason, which says more than the layers around it."""
    reason = getattr(error, "reason", None)
    return str(reason if isinstance(reason, BaseException) else error) or type(error).__name__
