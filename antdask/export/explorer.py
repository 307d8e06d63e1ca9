"""The explorer: a page that shows the rates of an archive from fifteen years down to single frames, served to this machine alone.

A small HTTP server and one page without any library: the page asks for as many points as it can show, the server opens the level that fits. Below two minutes, and where the archive
holds them, frames themselves are shown.
"""

from __future__ import annotations

import functools
import io
import itertools
import json
import tempfile
import threading
from collections.abc import Callable
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

from antdask.environment.maps import depth_map
from antdask.environment.plots import gap_bands
from antdask.errors import AntdaskError, UsageError
from antdask.export.citation import Citation
from antdask.export.netcdf import rates_file

#: Points of a series that a page shows; spans up to which frames are shown [ns].
MAX_POINTS, FRAMES_NS = 1500, 120 * 10**9
NAMES = ("rate", "rate_max", "rate_at_least", "median", "q10", "q90", "baseline", "burst_fraction", "coverage")


class Explorer:
    """What the page asks for.

    Parameters
    ----------
    archive : Archive
        With a product of rates that has lines.
    sensors : dict of name to Dataset
        Series of `environment.series.sensor_series`, to be shown beside the rates.

    Raises
    ------
    UsageError
        Nothing was built, or channels have no lines.
    """

    def __init__(self, archive: Any, sensors: dict[str, xr.Dataset] | None = None) -> None:
        self.archive, self.environment, self.sensors = archive, archive.environment, sensors or {}
        if "line" not in self.environment.product.quantity.labels:
            raise UsageError("The explorer shows lines, which these data do not have")
        self._lock = threading.Lock()

    def about(self) -> dict[str, Any]:
        """What there is to choose from."""
        product, days = self.environment.product, self.environment.days
        whole = [product.grid.day_start(int(days["number"].min())), product.grid.day_start(int(days["number"].max()) + 1)]
        labels = product.quantity.labels
        lines, floors = (np.unique(labels[n]).tolist() for n in ("line", "floor"))
        return {"detector": product.document["detector"], "lines": lines, "floors": floors, "names": list(NAMES), "sensors": sorted(self.sensors), "whole": whole}  # fmt: skip

    def dataset(self, line: int, floor: int | None, start: int, stop: int) -> xr.Dataset:
        """The bins of a view."""
        found: xr.Dataset = self.environment.open(time=(start, stop), line=line, floor=floor, max_points=MAX_POINTS)
        return found

    def series(self, line: int, floor: int | None, name: str, sensor: str, start: int, stop: int) -> dict[str, Any]:
        """The points of a view: of the modules of a floor, or the median over all floors of a line."""
        if name not in NAMES:
            raise UsageError("Unknown variable", found=name, expected=", ".join(NAMES))
        beside = self._beside(sensor, start, stop) if sensor else None
        if (
            floor is not None
            and stop - start <= FRAMES_NS
            and name in ("rate", "rate_max")
            and (frames := self._frames(line, floor, start, stop))
        ):
            return {**frames, "beside": beside}
        found = self.dataset(line, floor, start, stop)
        # The fine levels know no quantiles and no baselines.
        shown = name if name in found else "rate"
        unit, scale = ("kHz", 1e-3) if found[shown].attrs.get("units") == "s-1" else ("1", 1.0)
        times = found.time.values.astype("datetime64[ns]").astype(np.int64).tolist()
        if floor is None:
            column = depth_map(found, shown).values
            some = ~np.isnan(column).all(axis=0)
            median = np.full(column.shape[1], np.nan)
            median[some] = np.nanmedian(column[:, some], axis=0)
            rows, labels = [median], [f"{shown}, median of line {line}"]
        else:
            rows, labels = list(found[shown].values.astype(float)), [f"{shown} L{line} F{floor} OM{int(om)}" for om in found["om"].values]
        gap = found["gap"].isel(channel=slice(0, None)).values.min(axis=0)
        bands = gap_bands(xr.DataArray(gap, {"time": found.time.values}, ("time",)))
        return {
            "level": found.attrs["level"], "unit": unit, "beside": beside,
            "series": [{"label": label, "times": times, "values": _plain(row * scale)} for label, row in zip(labels, rows, strict=True)],
            "gaps": [[int(a.astype("datetime64[ns]").astype(np.int64)), int(b.astype("datetime64[ns]").astype(np.int64)), reason] for a, b, reason in bands],
        }  # fmt: skip

    def _frames(self, line: int, floor: int, start: int, stop: int) -> dict[str, Any] | None:
        measure = self.environment.product.quantity.measure
        rows = self.archive.stream("rates").select(time=(start, stop)).to_xarray(["utc_ns", "count", "count_flags"])
        if not rows["utc_ns"].size:
            return None
        first = (line - 1) * 75 + (floor - 1) * 3
        times = rows["utc_ns"].values.astype(np.int64)
        count, flags = (rows[n].values[:, first : first + 3] for n in ("count", "count_flags"))
        values = np.where(flags & measure.absent, np.nan, count * measure.hz_per_value * 1e-3)
        # A line must not cross frames that are missing: a point without value stands in each hole.
        edges = np.concatenate([[start], times, [stop]])
        holes = [
            (int(a) + (measure.frame_ns if a != start else 0), int(b), 2)
            for a, b in itertools.pairwise(edges)
            if b - a > 1.5 * measure.frame_ns
        ]
        place = np.searchsorted(times, [b for _, b, _ in holes if b < stop])
        values, times = np.insert(values, place, np.nan, axis=0), np.insert(times, place, times[np.minimum(place, len(times) - 1)] - 1)
        series = [{"label": f"frames L{line} F{floor} OM{om}", "times": times.tolist(), "values": _plain(values[:, om])} for om in range(3)]
        return {"level": "104 ms", "unit": "kHz", "series": series, "gaps": holes}

    def _beside(self, sensor: str, start: int, stop: int) -> dict[str, Any]:
        if sensor not in self.sensors:
            raise UsageError("Unknown sensor", found=sensor, expected=", ".join(sorted(self.sensors)))
        found = self.sensors[sensor]
        code = str(next(iter(found.data_vars)))
        times = found.time.values.astype("datetime64[ns]").astype(np.int64)
        inside = np.flatnonzero((times >= start) & (times < stop))
        inside = inside[:: max(1, len(inside) // MAX_POINTS)]
        label = f"{sensor} [{found[code].attrs['units']}]"
        return {"label": label, "times": times[inside].tolist(), "values": _plain(found[code].values[inside])}

    def csv(self, **view: Any) -> bytes:
        """What is shown, as CSV."""
        shown, sink = self.series(**view), io.BytesIO()
        columns: dict[str, Any] = {"time": pa.array(shown["series"][0]["times"], pa.int64()).cast(pa.timestamp("ns", "UTC"))}
        columns |= {f"{s['label']} [{shown['unit']}]": pa.array(s["values"], pa.float64()) for s in shown["series"]}
        pacsv.write_csv(pa.table(columns), sink)
        return sink.getvalue()

    def netcdf(self, line: int, floor: int | None, start: int, stop: int, **_: Any) -> bytes:
        """The bins of what is shown, as NetCDF-4."""
        # The library that writes is not made for several threads.
        with self._lock, tempfile.TemporaryDirectory() as folder:
            return rates_file(self.dataset(line, floor, start, stop), line, Citation(), Path(folder) / "rates.nc").read_bytes()


def _plain(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(v) else round(float(v), 5) for v in values]


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, explorer: Explorer, *rest: Any) -> None:
        self.explorer = explorer
        super().__init__(*rest)

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        answers: dict[str, tuple[str, Callable[[], bytes]]] = {
            "/": ("text/html; charset=utf-8", (resources.files("antdask.export") / "explorer.html").read_bytes),
            "/about.json": ("application/json", lambda: json.dumps(self.explorer.about()).encode()),
            "/series.json": ("application/json", lambda: json.dumps(self.explorer.series(**_view(address.query))).encode()),
            "/rates.csv": ("text/csv", lambda: self.explorer.csv(**_view(address.query))),
            "/rates.nc": ("application/x-netcdf", lambda: self.explorer.netcdf(**_view(address.query))),
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


def _view(query: str) -> dict[str, Any]:
    """The view that a query describes.

    Raises
    ------
    UsageError
        Not numbers.
    """
    words = {name: values[0] for name, values in parse_qs(query).items()}
    try:
        floor = int(words["floor"]) if words.get("floor") else None
        numbers = {"line": int(words["line"]), "floor": floor, "start": int(words["start"]), "stop": int(words["stop"])}
    except (KeyError, ValueError) as error:
        raise UsageError("A view has a line, a start and a stop", found=query) from error
    return {**numbers, "name": words.get("name", "rate"), "sensor": words.get("sensor", "")}


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
