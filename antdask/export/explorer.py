"""The explorer: a page that shows the rates of an archive from fifteen years down to single frames, served to this machine alone.

A small HTTP server and one page without any library: the page asks for as many points as it can show, the server opens the level that fits (`explorer_view`). Below two
minutes, and where the archive holds them, frames themselves are shown.
"""

from __future__ import annotations

import functools
import io
import json
import tempfile
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import xarray as xr

from antdask.errors import AntdaskError, UsageError
from antdask.export.citation import Citation
from antdask.export.explorer_view import NAMES, Shown, View
from antdask.export.native import native_file
from antdask.export.netcdf import rates_file


class Explorer:
    """What the page asks for.

    Parameters
    ----------
    archive : Archive
        With a product of rates that has lines.
    sensors : mapping of name to Dataset
        Series of `environment.series.sensor_series`, to be shown beside those of the archive.

    Raises
    ------
    UsageError
        Nothing was built, or channels have no lines.
    """

    def __init__(self, archive: Any, sensors: Mapping[str, xr.Dataset] | None = None) -> None:
        self.archive, self.environment = archive, archive.environment
        if "line" not in self.environment.product.quantity.labels:
            raise UsageError("The explorer shows lines, which these data do not have")
        self.shown, self._lock = Shown(archive, sensors or {}), threading.Lock()

    def about(self) -> dict[str, Any]:
        """What there is to choose from."""
        product, days = self.environment.product, self.environment.days
        whole = [product.grid.day_start(int(days["number"].min())), product.grid.day_start(int(days["number"].max()) + 1)]
        labels = product.quantity.labels
        lines, floors = (np.unique(labels[n]).tolist() for n in ("line", "floor"))
        return {"detector": product.document["detector"], "lines": lines, "floors": floors, "names": NAMES, "sensors": self.shown.sensor_names(), "whole": whole}  # fmt: skip

    def live(self) -> list[int]:
        """Lines that ever gave anything; asked for by itself, since it takes a second or two of fifteen years."""
        whole = self.environment.open(level="1d")
        some = (whole["n_valid"].values > 0).any(axis=1)
        live: list[int] = np.unique(whole["line"].values[some]).tolist()
        return live

    def series(self, view: View) -> dict[str, Any]:
        """All that the page draws of a view."""
        return self.shown.plain(view)

    def csv(self, view: View) -> bytes:
        """What is shown, as CSV: a row per time, sensors on rows of their own times."""
        shown, sink = self.shown.plain(view), io.BytesIO()
        times = np.array(shown["times"], np.int64)
        columns: dict[str, Any] = {"time": pa.array(times).cast(pa.timestamp("ns", "UTC"))}
        columns |= {f"{s['label']} [{shown['unit']}]": pa.array(s["values"], pa.float64()) for s in shown["series"]}
        for extra, unit in [(dict(s, times=shown["bursts"]["times"], label=f"{s['label']}, in bursts"), "%") for s in shown["bursts"]["series"]] + [(s, s["unit"]) for s in shown["sensors"]]:  # fmt: skip
            columns[f"{extra['label']} [{unit}]"] = pa.array(_beside(times, shown["step"], extra["times"], extra["values"]))
        pacsv.write_csv(pa.table(columns), sink)
        return sink.getvalue()

    def netcdf(self, view: View) -> bytes:
        """The bins of what is shown, or its frames, as NetCDF-4."""
        short, about = self.shown.frames(view), Citation().of(self.environment.product.document["detector"])
        # The library that writes is not made for several threads.
        with self._lock, tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "rates.nc"
            made = rates_file(self.shown.dataset(view), about, target) if short is None else native_file(short, about, target)
            return made.read_bytes()


def _beside(times: np.ndarray, step: int, other: list[int], values: list[float | None]) -> list[float | None]:
    """Values of another series at these times: the last whose bin has begun, if it is not older than its own step or ours."""
    own = np.array(other, np.int64)
    if not len(own):
        return [None] * len(times)
    width = max(step, int(np.median(np.diff(own))) if len(own) > 1 else step)
    place = np.searchsorted(own, times + step - 1, "right") - 1
    fresh = (place >= 0) & (times - own[np.maximum(place, 0)] < width)
    return [values[i] if ok else None for i, ok in zip(place.tolist(), fresh.tolist(), strict=True)]


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, explorer: Explorer, *rest: Any) -> None:
        self.explorer = explorer
        super().__init__(*rest)

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        answers: dict[str, tuple[str, Callable[[], bytes]]] = {
            "/": ("text/html; charset=utf-8", (resources.files("antdask.export") / "explorer.html").read_bytes),
            "/about.json": ("application/json", lambda: json.dumps(self.explorer.about()).encode()),
            "/live.json": ("application/json", lambda: json.dumps(self.explorer.live()).encode()),
            "/series.json": (
                "application/json",
                lambda: json.dumps(self.explorer.series(_view(address.query)), separators=(",", ":")).encode(),
            ),
            "/rates.csv": ("text/csv", lambda: self.explorer.csv(_view(address.query))),
            "/rates.nc": ("application/x-netcdf", lambda: self.explorer.netcdf(_view(address.query))),
        }
        if address.path not in answers:
            return self._send(HTTPStatus.NOT_FOUND, "application/json", b'{"error": "no such page"}')
        kind, make = answers[address.path]
        try:
            body = make()
        except AntdaskError as error:
            return self._send(HTTPStatus.BAD_REQUEST, "application/json", json.dumps({"error": str(error)}).encode())
        return self._send(HTTPStatus.OK, kind, body)

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header(
            "Content-Security-Policy", "default-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
        )
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: a line per request is no help to who looks at a page."""


def _view(query: str) -> View:
    """The view that a query describes.

    Raises
    ------
    UsageError
        Not numbers.
    """
    words = {name: values[0] for name, values in parse_qs(query).items()}
    try:
        lines = tuple(sorted({int(n) for n in words["line"].split(",")}))
        floor = int(words["floor"]) if words.get("floor") else None
        start, stop = int(float(words["start"])), int(float(words["stop"]))
    except (KeyError, ValueError, OverflowError) as error:
        raise UsageError("A view has a line, a start and a stop", found=query) from error
    sensors = tuple(name for name in words.get("sensor", "").split(",") if name)
    return View(lines, floor, words.get("name", "median"), sensors, start, stop, words.get("depth") == "1")


def serve(explorer: Explorer, port: int = 8765, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """A server that listens; call ``serve_forever`` to answer.

    Parameters
    ----------
    port : int
        0 takes one that is free.
    host : str
        Anything but the loopback shows the archive to others, without a password.

    Raises
    ------
    UsageError
        The port is taken.
    """
    try:
        return ThreadingHTTPServer((host, port), functools.partial(_Handler, explorer))
    except OSError as error:
        raise UsageError(f"The port cannot be used: {error.strerror}", found=port, hint="Choose another with --port.") from error
