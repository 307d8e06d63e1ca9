"""Pictures of series and maps with matplotlib; each function draws into axes and gives them back."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

from antdask.environment.display import thin
from antdask.environment.lazy import DEAD_CHANNEL, FRAMES_MISSING, GAPS, NO_DATA, OUTSIDE_RUNS

_SHADES = {OUTSIDE_RUNS: "0.93", FRAMES_MISSING: "0.8", NO_DATA: "#f3e2c7", DEAD_CHANNEL: "#e8c7c7"}


def draw_series(found: xr.Dataset, name: str = "rate", axes: Any = None, max_points: int = 2000) -> Any:
    """One line per channel, in kHz where the unit is s-1; the gaps of the first channel as bands, each reason in its shade."""
    axes = axes or plt.subplots(figsize=(9, 3.2), layout="constrained")[1]
    factor, unit = (1e-3, "kHz") if found[name].attrs.get("units") == "s-1" else (1.0, found[name].attrs.get("units", ""))
    for place in range(found.sizes["channel"]):
        times, values = thin(found.time.values, found[name].isel(channel=place).values.astype(float) * factor, max_points)
        axes.plot(times, values, lw=0.8)
    if "gap" in found:
        for first, stop, reason in gap_bands(found["gap"].isel(channel=0)):
            axes.axvspan(first, stop, color=_SHADES[reason], lw=0, zorder=0)
    axes.set(ylabel=f"{name.replace('_', ' ')} [{unit}]", xlabel="UTC")
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
    axes.figure.colorbar(mesh, ax=axes, label=f"{column.name} [{'kHz' if scale != 1 else column.attrs.get('units', '')}]")
    return axes


def draw_spectrogram(power: xr.DataArray, axes: Any = None) -> Any:
    """Power by period and time, logarithmic."""
    axes = axes or plt.subplots(figsize=(9, 3.2), layout="constrained")[1]
    with np.errstate(divide="ignore"):
        decibel = 10 * np.log10(power.values[1:])
    mesh = axes.pcolormesh(power.time.values, 1 / power["frequency"].values[1:] / 3600, decibel, shading="nearest", cmap="magma")
    axes.set(ylabel="period [h]", xlabel="UTC", yscale="log")
    axes.figure.colorbar(mesh, ax=axes, label="power [dB]")
    return axes
