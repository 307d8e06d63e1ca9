"""Pictures of series and maps with matplotlib; each function draws into axes and gives them back."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

from antdask.environment.display import thin
from antdask.environment.lazy import DEAD_CHANNEL, FRAMES_MISSING, GAPS, NO_DATA, OUTSIDE_RUNS
from antdask.environment.spectra import inertial_period_s
from antdask.errors import UnknownNameError

_SHADES = {OUTSIDE_RUNS: "0.93", FRAMES_MISSING: "0.8", NO_DATA: "#f3e2c7", DEAD_CHANNEL: "#e8c7c7"}


def draw_series(found: xr.Dataset, name: str = "rate", axes: Any = None, max_points: int = 2000) -> Any:
    """One line per channel, or one of a single series, in kHz where the unit is s-1; stretches without any of them as bands, each reason in its shade.

    Raises
    ------
    UnknownNameError
        The dataset has no such variable.
    """
    if name not in found:
        raise UnknownNameError.of("variable", name, map(str, found.data_vars))
    if "channel" not in found.dims:
        found = found[[n for n in (name, "gap") if n in found]].expand_dims("channel")
    axes = axes or plt.subplots(figsize=(9, 3.2), layout="constrained")[1]
    factor, unit = (1e-3, "kHz") if found[name].attrs.get("units") == "s-1" else (1.0, found[name].attrs.get("units", ""))
    for place in range(found.sizes["channel"]):
        times, values = thin(found.time.values, found[name].isel(channel=place).values.astype(float) * factor, max_points)
        axes.plot(times, values, lw=0.8)
    if "gap" in found:
        for first, stop, reason in gap_bands(found["gap"].min("channel")):
            axes.axvspan(first, stop, color=_SHADES[reason], lw=0, zorder=0)
    axes.set(ylabel=f"{name.replace('_', ' ')} [{unit}]", xlabel="UTC")
    _dates(axes)
    return axes


def gap_bands(gap: xr.DataArray) -> list[tuple[np.datetime64, np.datetime64, int]]:
    """Start, end and reason (see `lazy.GAPS`) of each stretch without measurement, of one channel."""
    reasons, times = gap.values, gap.time.values
    if not len(reasons):
        return []
    step = times[1] - times[0] if len(times) > 1 else np.timedelta64(0, "ns")
    edges = np.flatnonzero(np.diff(reasons, prepend=255, append=255))
    bands = [(times[a], times[b - 1] + step, int(reasons[a])) for a, b in itertools.pairwise(edges)]
    return [band for band in bands if GAPS[band[2]] != "data"]


def draw_depth(column: xr.DataArray, axes: Any = None) -> Any:
    """A map over depth and time, deep below."""
    axes = axes or plt.subplots(figsize=(9, 3.2), layout="constrained")[1]
    scale = 1e-3 if column.attrs.get("units") == "s-1" else 1.0
    mesh = axes.pcolormesh(column.time.values, column["depth"].values, column.values * scale, shading="nearest", cmap="viridis")
    axes.invert_yaxis()
    axes.set(ylabel="depth [m]", xlabel="UTC")
    _dates(axes)
    axes.figure.colorbar(mesh, ax=axes, label=f"{column.name} [{'kHz' if scale != 1 else column.attrs.get('units', '')}]")
    return axes


def draw_spectrogram(power: xr.DataArray, axes: Any = None) -> Any:
    """Power by period and time, logarithmic; a line at the inertial period."""
    axes = axes or plt.subplots(figsize=(9, 3.2), layout="constrained")[1]
    with np.errstate(divide="ignore"):
        decibel = 10 * np.log10(power.values[1:])
    mesh = axes.pcolormesh(power.time.values, 1 / power["frequency"].values[1:] / 3600, decibel, shading="nearest", cmap="magma")
    _inertial(axes)
    axes.figure.colorbar(mesh, ax=axes, label="power [dB]")
    return axes


def draw_scalogram(amplitude: xr.DataArray, axes: Any = None) -> Any:
    """Amplitude by period and time, from `spectra.scalogram`; a line at the inertial period."""
    axes = axes or plt.subplots(figsize=(9, 3.2), layout="constrained")[1]
    scale, unit = (1e-3, "kHz") if amplitude.attrs.get("units") == "s-1" else (1.0, amplitude.attrs.get("units", ""))
    mesh = axes.pcolormesh(
        amplitude.time.values, amplitude["period"].values / 3600, amplitude.values * scale, shading="nearest", cmap="magma"
    )
    _inertial(axes)
    axes.figure.colorbar(mesh, ax=axes, label=f"amplitude [{unit}]" if unit else "amplitude")
    return axes


def _inertial(axes: Any) -> None:
    axes.axhline(inertial_period_s() / 3600, color="w", lw=0.8, ls="--")
    axes.set(ylabel="period [h]", xlabel="UTC", yscale="log")
    _dates(axes)


def _dates(axes: Any) -> None:
    """Dates that do not run into each other."""
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(axes.xaxis.get_major_locator()))  # type: ignore[no-untyped-call]


def draw_curve(found: xr.DataArray, axes: Any = None) -> Any:
    """A correlation by lag (in hours) or by distance, with what it is zero of."""
    axes = axes or plt.subplots(figsize=(5, 3.2), layout="constrained")[1]
    name = str(found.dims[0])
    x, label = (
        (found["lag"].values / 3600, "lag [h]: positive where the second comes later")
        if name == "lag"
        else (found[name].values, f"{name} [m]")
    )
    axes.plot(x, found.values, lw=1.0, marker="." if len(x) < 60 else "")
    axes.axhline(0, color="0.7", lw=0.6)
    if name == "lag":
        axes.axvline(0, color="0.7", lw=0.6)
    axes.set(xlabel=label, ylabel="correlation", ylim=(None, 1.05))
    return axes
