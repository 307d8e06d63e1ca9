"""What a view of the explorer shows: series of lines or modules, their spread, bursts, sensors, a map over depth, and why nothing is there; as plain data."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from antdask.environment.grid import level_named
from antdask.environment.maps import depth_map, over_modules
from antdask.environment.plots import gap_bands
from antdask.environment.quality import GOOD, PROBABLY_GOOD, UNKNOWN
from antdask.errors import UsageError
from antdask.export.native import frames_of

#: Points of a series that a page shows; spans up to which frames are shown [ns]; columns of a map.
MAX_POINTS, FRAMES_NS, MAP_COLUMNS = 1500, 120 * 10**9, 400
#: Views that are kept in memory, some 0.3 MB each; a sensor is read so much beyond a view that its curve does not end before it [ns].
KEPT, BEYOND_NS = 64, 1800 * 10**9
#: What can be shown, in words.
NAMES = {
    "median": "median", "rate": "mean", "rate_at_least": "mean with saturated frames (lower bound)", "baseline": "baseline", "rate_max": "maximum", "coverage": "coverage",
}  # fmt: skip
_QUARTER_NS = 900 * 10**9


@dataclasses.dataclass(frozen=True, slots=True)
class View:
    """What is asked for.

    Parameters
    ----------
    lines : tuple of int
    floor : int or None
        All floors if not given.
    name : str
        Of `NAMES`.
    sensors : tuple of str
    start, stop : int
        Half-open interval [ns since 1970].
    depth : bool
        Whether a map over depth is wanted, of the first line.

    Raises
    ------
    UsageError
        No line, an unknown name, or an empty interval.
    """

    lines: tuple[int, ...]
    floor: int | None
    name: str
    sensors: tuple[str, ...]
    start: int
    stop: int
    depth: bool = False

    def __post_init__(self) -> None:
        if not self.lines or self.stop <= self.start:
            raise UsageError("A view has a line, a start and a stop", found=f"lines {self.lines}, {self.start} to {self.stop}")
        if self.name not in NAMES:
            raise UsageError("Unknown variable", found=self.name, expected=", ".join(NAMES))

    @property
    def modules(self) -> bool:
        """Whether modules are shown, not medians over many."""
        return len(self.lines) == 1 and self.floor is not None


class Shown:
    """Views of one archive.

    Parameters
    ----------
    archive : Archive
        With a product of rates that has lines.
    sensors : mapping of name to Dataset
        Series beside those of the archive.
    """

    def __init__(self, archive: Any, sensors: Mapping[str, xr.Dataset]) -> None:
        self._archive, self._environment, self._sensors = archive, archive.environment, dict(sensors)
        # A reader goes to and fro between few views, and adds a sensor to one that is there.
        self._kept_rates, self._kept_depth, self._kept_sensor = (
            functools.lru_cache(maxsize=KEPT)(f) for f in (self._rates, self._depth, self._sensor)
        )

    def sensor_names(self) -> list[str]:
        """All that can be shown beside."""
        known = self._environment.sensors
        return sorted({*self._sensors, *known[known["code"] != ""].index})

    def dataset(self, view: View) -> xr.Dataset:
        """The bins of a view."""
        found: xr.Dataset = self._environment.open(time=(view.start, view.stop), line=view.lines, floor=view.floor, max_points=MAX_POINTS)
        return found

    def frames(self, view: View) -> xr.Dataset | None:
        """Frames of a short view as they were archived, where they are: counts and flags of the modules that are shown."""
        if view.stop - view.start > FRAMES_NS:
            return None
        rows = self._archive.stream("rates").select(time=(view.start, view.stop)).to_xarray(["utc_ns", "count", "count_flags"])
        if not rows["utc_ns"].size:
            return None
        return frames_of(rows, self._slots(view))

    def plain(self, view: View) -> dict[str, Any]:
        """All that a page draws, ready for JSON; times are ns since 1970, rates kHz."""
        rates = dataclasses.replace(view, sensors=(), depth=False)
        column = dataclasses.replace(view, sensors=(), lines=view.lines[:1], floor=None)
        beside = [self._kept_sensor(name, view.start, view.stop) for name in view.sensors]
        return {**self._kept_rates(rates), "sensors": beside, "depth": self._kept_depth(column) if view.depth else None}

    def _rates(self, view: View) -> dict[str, Any]:
        short = self.frames(view) if view.name in ("rate", "rate_max", "median") else None
        return {**(self._bins(view) if short is None else self._frames(view, short)), "bursts": self._bursts(view)}

    def _bins(self, view: View) -> dict[str, Any]:
        found = self.dataset(view)
        source = found if view.name in found else self._quarters(view)
        unit, scale = ("kHz", 1e-3) if source[view.name].attrs.get("units") == "s-1" else ("1", 1.0)
        times, series = _nanoseconds(source), self._series(view, source, view.name, scale)
        band = None
        if len(view.lines) == 1 and view.name in ("median", "rate"):
            low, high = (over_modules(source[n].values * scale) for n in ("q10", "q90"))
            band = {"label": "10 % to 90 % of frames", "low": _plain(low), "high": _plain(high)}
        gap = found["gap"].values.min(axis=0)
        bands = gap_bands(xr.DataArray(gap, {"time": found.time.values}, ("time",)))
        return {
            "level": found.attrs["level"], "step": int(source.attrs["time_step_ns"]), "unit": unit, "times": times.tolist(), "series": series, "band": band,
            "gaps": [[int(a.astype("datetime64[ns]").astype(np.int64)), int(b.astype("datetime64[ns]").astype(np.int64)), reason] for a, b, reason in bands],
        }  # fmt: skip

    def _series(self, view: View, source: xr.Dataset, name: str, scale: float) -> list[dict[str, Any]]:
        values = source[name].values.astype(float) * scale
        if view.modules:
            return [{"label": f"L{view.lines[0]} F{view.floor} OM{int(om)}", "values": _plain(row)} for om, row in zip(source["om"].values, values, strict=True)]  # fmt: skip
        where = "" if view.floor is None else f" F{view.floor}"
        lines = source["line"].values
        return [{"label": f"L{n}{where}, median of modules", "values": _plain(over_modules(values[lines == n]))} for n in view.lines]

    def _quarters(self, view: View) -> xr.Dataset:
        """Windows of 15 minutes around a short view."""
        start, stop = view.start // _QUARTER_NS * _QUARTER_NS, -(-view.stop // _QUARTER_NS) * _QUARTER_NS
        found: xr.Dataset = self._environment.open(level="15min", time=(start, stop), line=view.lines, floor=view.floor)
        return found

    def _bursts(self, view: View) -> dict[str, Any]:
        found = self.dataset(view)
        found = found if "burst_fraction" in found else self._quarters(view)
        series = self._series(view, found, "burst_fraction", 100.0)
        return {"times": _nanoseconds(found).tolist(), "step": int(found.attrs["time_step_ns"]), "series": series}

    def _frames(self, view: View, rows: xr.Dataset) -> dict[str, Any]:
        measure = self._environment.product.quantity.measure
        times, flags = rows["utc_ns"].values.astype(np.int64), rows["count_flags"].values
        values = np.where(flags & measure.absent, np.nan, rows["count"].values * measure.hz_per_value * 1e-3)
        # A line must not cross frames that are missing: a point without value stands in each hole.
        edges = np.concatenate([[view.start], times, [view.stop]])
        holes = [(int(a) + (measure.frame_ns if a != view.start else 0), int(b), 2) for a, b in itertools.pairwise(edges) if b - a > 1.5 * measure.frame_ns]  # fmt: skip
        place = np.searchsorted(times, [b for _, b, _ in holes if b < view.stop])
        values, flags = np.insert(values, place, np.nan, axis=0), np.insert(flags, place, 0, axis=0)
        times = np.insert(times, place, times[np.minimum(place, len(times) - 1)] - 1)
        bounded = (flags & measure.saturated) > 0
        if view.modules:
            series = [{"label": f"L{view.lines[0]} F{view.floor} OM{om}", "values": _plain(values[:, om]), "bounds": np.flatnonzero(bounded[:, om]).tolist()} for om in range(values.shape[1])]  # fmt: skip
        else:
            line = rows["slot"].values // 75 + 1
            where = "" if view.floor is None else f" F{view.floor}"
            series = [
                {"label": f"L{n}{where}, median of modules", "values": _plain(over_modules(values[:, line == n].T))} for n in view.lines
            ]
        return {
            "level": "frames",
            "step": measure.frame_ns,
            "unit": "kHz",
            "times": times.tolist(),
            "series": series,
            "band": None,
            "gaps": holes,
        }

    def _slots(self, view: View) -> np.ndarray:
        labels = self._environment.product.quantity.labels
        keep = np.isin(labels["line"], view.lines) & ((labels["floor"] == view.floor) if view.floor is not None else True)
        return np.flatnonzero(keep)

    def _sensor(self, name: str, start: int, stop: int) -> dict[str, Any]:
        start, stop = start - BEYOND_NS, stop + BEYOND_NS
        if name in self._sensors:
            found = self._sensors[name].sel(time=slice(np.datetime64(start, "ns"), np.datetime64(stop - 1, "ns")))
            every = max(1, math.ceil(found.sizes["time"] / MAX_POINTS))
            found = found.isel(time=slice(None, None, every))
        elif name in self.sensor_names():
            found = self._environment.open(name, time=(start, stop), max_points=MAX_POINTS)
        else:
            raise UsageError("Unknown sensor", found=name, expected=", ".join(self.sensor_names()))
        code = str(next(iter(found.data_vars)))
        values, step = found[code].values, level_named(found.attrs["level"]).step_ns if "level" in found.attrs else 0
        if f"{code}_QC" in found:
            values = np.where(np.isin(found[f"{code}_QC"].values, (UNKNOWN, GOOD, PROBABLY_GOOD)), values, np.nan)
        return {"label": name, "long_name": found[code].attrs["long_name"], "unit": found[code].attrs["units"], "step": step, "times": _nanoseconds(found).tolist(), "values": _plain(values)}  # fmt: skip

    def _depth(self, view: View) -> dict[str, Any]:
        """A map of the first line, of few enough columns."""
        found = self._environment.open(time=(view.start, view.stop), line=view.lines, max_points=MAX_POINTS)
        column = depth_map(found, view.name if view.name in found else "median")
        times, values = _nanoseconds(found), column.values * (1e-3 if column.attrs.get("units") == "s-1" else 1.0)
        group = math.ceil(len(times) / MAP_COLUMNS)
        values = np.pad(values, ((0, 0), (0, -len(times) % group)), constant_values=np.nan).reshape(len(values), -1, group)
        image = [_plain(over_modules(row.T)) for row in values]
        return {"label": f"L{view.lines[0]}", "depths": column["depth"].values.tolist(), "start": int(times[0]), "step": int(found.attrs["time_step_ns"]) * group, "values": image}  # fmt: skip


def _nanoseconds(found: xr.Dataset) -> np.ndarray:
    times: np.ndarray = found.time.values.astype("datetime64[ns]").astype(np.int64)
    return times


def _plain(values: np.ndarray) -> list[float | None]:
    return [None if math.isnan(v) else v for v in np.round(np.asarray(values, float), 5).tolist()]
