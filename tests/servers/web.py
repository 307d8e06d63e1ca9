"""A plain web server for one folder, in a thread of the test: with ranges, or ignoring them as simple servers do; it counts what it sends."""

from __future__ import annotations

import contextlib
import dataclasses
import email.utils
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclasses.dataclass
class Web:
    """A running server and what it did.

    Parameters
    ----------
    url : str
        ``http://127.0.0.1:port``; paths below it are those below `folder`.
    ranges : bool
        Whether it honours ``Range``; may be changed while it runs.
    tells_head : bool
        Whether it answers HEAD.
    requests : list of (method, path, range)
    sent : int
        Bytes of bodies.
    headers : list of dict
        Of the requests, names in lower case.
    """

    url: str
    folder: Path
    ranges: bool = True
    tells_head: bool = True
    requests: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)
    headers: list[dict[str, str]] = dataclasses.field(default_factory=list)
    sent: int = 0

    def forget(self) -> None:
        """Count from zero again."""
        self.requests, self.headers, self.sent = [], [], 0


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[Web]:
    """Serve a folder on 127.0.0.1."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.web = Web(f"http://127.0.0.1:{server.server_port}", folder)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.web
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    web: Web
    lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self.answer(body=True)

    def do_HEAD(self) -> None:
        if self.server.web.tells_head:
            self.answer(body=False)
        else:
            self.refuse(405)

    def answer(self, body: bool) -> None:
        web, asked = self.server.web, self.headers.get("Range", "")
        # Several ranges at once may be answered with the whole file.
        wanted = asked if web.ranges and "," not in asked else ""
        with self.server.lock:
            web.requests.append((self.command, self.path, wanted))
            web.headers.append({k.lower(): v for k, v in self.headers.items()})
        file = web.folder / urllib.parse.unquote(self.path.partition("?")[0]).lstrip("/")
        if not file.is_file():
            self.refuse(404)
            return
        state, first, _, last = file.stat(), *wanted.removeprefix("bytes=").partition("-")
        start, stop = int(first or 0), min(state.st_size, int(last or state.st_size - 1) + 1)
        if start >= state.st_size and wanted:
            self.refuse(416)
            return
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(stop - start))
        self.send_header("ETag", f'"{state.st_mtime_ns:x}-{state.st_size:x}-{state.st_ino:x}"')
        self.send_header("Last-Modified", email.utils.formatdate(state.st_mtime, usegmt=True))
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{state.st_size}")
        self.end_headers()
        if body:
            self.send(file, start, stop)

    def send(self, file: Path, start: int, stop: int) -> None:
        with self.server.lock:
            self.server.web.sent += stop - start
        # Who asked may have gone away.
        with contextlib.suppress(ConnectionError), file.open("rb") as content:
            content.seek(start)
            self.wfile.write(content.read(stop - start))

    def refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return
