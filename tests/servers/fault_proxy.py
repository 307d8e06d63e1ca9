"""A proxy on 127.0.0.1 that harms what passes through it, by a seed: the same faults in the same order in every run.

`harm_http` understands requests: it answers 500, loses answers to requests that were carried out, cuts bodies short, drops connections, dawdles.
`tap` knows nothing of what passes: it counts bytes, and cuts a connection after so many of them; good for any protocol.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: What may happen to a request.
FAULTS = ("refused", "lost", "dropped", "truncated", "late", "slow")


@dataclasses.dataclass
class Proxy:
    """A running proxy and what it did.

    Parameters
    ----------
    port : int
    rate : float
        Fraction of requests that are harmed; may be changed while it runs.
    faults : tuple of str
        ``refused``: 503 without asking the server. ``lost``: carried out, but the connection ends before the answer. ``dropped``: the connection ends at once.
        ``truncated``: half of the body. ``late``: carried out, then 500. ``slow``: everything, after a while.
    seen, done : Counter
        Requests by method; faults by name.
    sent, received : int
        Bytes of bodies towards the client, and from it.
    script : list of str
        Faults of the next requests, before chance decides; an empty word for none.
    """

    port: int
    rate: float
    faults: tuple[str, ...]
    seen: Counter[str] = dataclasses.field(default_factory=Counter)
    done: Counter[str] = dataclasses.field(default_factory=Counter)
    sent: int = 0
    received: int = 0
    script: list[str] = dataclasses.field(default_factory=list)

    @property
    def url(self) -> str:
        """``http://127.0.0.1:port``."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def harm_http(server_port: int, seed: int, rate: float = 0.2, faults: tuple[str, ...] = FAULTS, delay: float = 0.2) -> Iterator[Proxy]:
    """Stand in front of an HTTP server."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.proxy, server.chance, server.target, server.delay = (
            Proxy(server.server_port, rate, faults),
            random.Random(seed),
            server_port,
            delay,
        )
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.proxy
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    proxy: Proxy
    chance: random.Random
    target: int
    delay: float
    lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.choose(len(body))
        if fault == "dropped":
            self.close_connection = True
            return
        if fault == "refused":
            self.give(503, {}, b"")
            return
        if fault == "slow":
            time.sleep(self.server.delay)
        status, headers, content = self.ask(body)
        if fault == "lost":
            self.close_connection = True
        elif fault == "late":
            self.give(500, {}, b"")
        else:
            self.give(status, headers, content, len(content) // 2 if fault == "truncated" else None)

    def choose(self, received: int) -> str:
        """Count the request, and draw what happens to it."""
        proxy, chance = self.server.proxy, self.server.chance
        with self.server.lock:
            proxy.seen[self.command] += 1
            proxy.received += received
            drawn = chance.choice(proxy.faults) if chance.random() < proxy.rate else ""
            fault = proxy.script.pop(0) if proxy.script else drawn
            if fault == "truncated" and self.command not in {"GET", "PROPFIND"}:
                fault = "lost"
            if fault:
                proxy.done[fault] += 1
        return fault

    def ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)
        try:
            # The Host header stays that of the proxy: it is part of what is signed.
            headers = {k: v for k, v in self.headers.items() if k.lower() not in {"connection", "expect"}}
            connection.request(self.command, self.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def give(self, status: int, headers: dict[str, str], content: bytes, cut: int | None = None) -> None:
        self.send_response_only(status)
        length = headers.get("Content-Length") if self.command == "HEAD" else None
        for name, value in headers.items():
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        with self.server.lock:
            self.server.proxy.sent += len(content[:cut])
        with contextlib.suppress(ConnectionError):
            self.wfile.write(content[:cut])
        if cut is not None:
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PROPFIND = do_MOVE = do_MKCOL = do_OPTIONS = pass_on

    def log_message(self, *_: Any) -> None:
        return

    def handle(self) -> None:
        # The client may end a connection at any moment.
        with contextlib.suppress(ConnectionError):
            super().handle()


@dataclasses.dataclass
class Tap:
    """A running tap.

    Parameters
    ----------
    port : int
    cuts : list of int
        Each connection takes the next number, and ends after so many bytes towards the client; none when the list is empty.
    sent, connections : int
        Bytes towards the clients, and how many connections there were.
    """

    port: int
    cuts: list[int]
    sent: int = 0
    connections: int = 0


@contextlib.contextmanager
def tap(server_port: int, cuts: list[int] | None = None) -> Iterator[Tap]:
    """Stand in front of any server and count; cut connections on the way."""
    listener = socket.create_server(("127.0.0.1", 0))
    state = Tap(listener.getsockname()[1], list(cuts or ()))
    ends: list[socket.socket] = [listener]
    threads: list[threading.Thread] = []

    def forward(source: socket.socket, target: socket.socket, limit: int | None, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if limit is not None:
                    data, limit = data[:limit], limit - len(data)
                if counts:
                    state.sent += len(data)
                target.sendall(data)
                if limit is not None and limit <= 0:
                    break
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", server_port))
                ends.extend((client, server))
                state.connections += 1
                cut = state.cuts.pop(0) if state.cuts else None
                for arguments in ((client, server, None, False), (server, client, cut, True)):
                    threads.append(threading.Thread(target=forward, args=arguments, daemon=True))
                    threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield state
    finally:
        # Only this wakes a thread that waits for bytes.
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in (accepting, *threads):
            thread.join(5)
        for end in ends:
            end.close()
