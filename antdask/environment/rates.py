"""The product of rates as a labelled dataset: statistics in Hz, derived from the whole numbers on disk when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from antdask.environment import moments
from antdask.environment.baseline import FRACTION
from antdask.environment.grid import Level
from antdask.environment.lazy import GAPS, Columns, LazyGaps, LazyGrid, variable
from antdask.environment.product import Product
from antdask.errors import UsageError

#: Labels that one dataset may have: more are no picture and no table, but an accident.
MOST_BINS = 20_000_000


def _ratio(a: Any, b: Any) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(b > 0, np.asarray(a, float) / b, np.nan)


def _statistics(hz: float) -> dict[str, tuple[tuple[str, ...], Callable[[Columns], np.ndarray], str]]:
    """Rates of a bin: name -> arrays they need, formula, meaning."""

    def spread(c: Columns) -> np.ndarray:
        n = c["n_valid"].astype(float)
        mean = _ratio(c["sum"], n)
        return np.asarray(hz * np.sqrt(np.maximum(_ratio(c["sum_sq"], n) - mean**2, 0.0)))

    def extreme(name: str) -> Callable[[Columns], np.ndarray]:
        return lambda c: np.where(c["n_valid"] > 0, hz * c[name].astype(float), np.nan)

    def at_least(c: Columns) -> np.ndarray:
        total = c["sum"].astype(float) + c["sum_saturated"]
        return hz * _ratio(total, c["n_valid"].astype(float) + c["n_saturated"])

    return {
        "rate": (("sum", "n_valid"), lambda c: hz * _ratio(c["sum"], c["n_valid"]), "mean rate of the valid frames"),
        "rate_std": (("sum", "sum_sq", "n_valid"), spread, "standard deviation of the rate of the valid frames"),
        "rate_min": (("minimum", "n_valid"), extreme("minimum"), "smallest rate of a valid frame"),
        "rate_max": (("maximum", "n_valid"), extreme("maximum"), "largest rate of a valid frame"),
        "rate_at_least": (
            ("sum", "sum_saturated", "n_valid", "n_saturated"),
            at_least,
            "mean rate of all frames with the lower bounds of saturated ones: the true mean is at least this",
        ),
    }


def rates_dataset(product: Product, level: Level, window: tuple[int, int]) -> xr.Dataset:
    """Bins ``first:stop`` of a level; reads nothing.

    Returns
    -------
    xarray.Dataset
        ``rate``, ``rate_std``, ``rate_min``, ``rate_max``, ``rate_at_least`` [s-1]; ``coverage``, ``n_valid``, ``n_saturated``, ``gap``; ``median``, ``q10``, ``q90``;
        from 15 minutes on ``baseline`` and ``burst_fraction``; ``n_frames`` and ``n_expected`` by time. NaN where nothing was measured.

    Raises
    ------
    UsageError
        More bins than anyone can label.
    """
    if window[1] - window[0] > MOST_BINS:
        hint = "Choose a shorter time, or a coarser level."
        raise UsageError("Too many bins for one dataset", found=window[1] - window[0], expected=f"at most {MOST_BINS}", hint=hint)
    measure = product.quantity.measure
    plane, found = ("channel", "time"), {}

    def add(name: str, needs: tuple[str, ...], formula: Callable[[Columns], np.ndarray], dtype: str, **about: Any) -> None:
        found[name] = variable(plane, LazyGrid(product, level, needs, formula, window, dtype), about)

    rate = {"units": "s-1", "cell_methods": "time: mean", "ancillary_variables": "n_valid n_saturated coverage gap"}
    for name, (needs, formula, text) in _statistics(measure.hz_per_value).items():
        add(name, needs, formula, "f8", long_name=text, **rate)
    for name, fraction in moments.QUANTILES.items():
        add(name, (name,), lambda c, n=name: c[n], "f4", long_name=f"{fraction:.0%} quantile of the rate of the valid frames", **rate)  # type: ignore[misc]
    if level.bursts:
        to_hz = measure.hz_per_value / FRACTION
        add("baseline", ("sum_baseline", "n_windows"), lambda c: to_hz * _ratio(c["sum_baseline"], c["n_windows"]), "f8", long_name="baseline of the rate, mean over windows of 15 minutes", **rate)  # fmt: skip
        add("burst_fraction", ("n_burst", "n_in_windows"), lambda c: _ratio(c["n_burst"], c["n_in_windows"]), "f8", long_name="fraction of frames in bursts", units="1")  # fmt: skip
    for name in ("n_valid", "n_saturated"):
        dtype = moments.dtype_of(name, level).str
        add(name, (name,), lambda c, n=name: c[n], dtype, long_name=moments.STATISTICS[name][0], units="1")  # type: ignore[misc]
    frames = level.step_ns / measure.frame_ns
    add(
        "coverage",
        ("n_valid",),
        lambda c: np.minimum(1.0, c["n_valid"] / frames),
        "f8",
        long_name="fraction of the bin with valid frames",
        units="1",
    )
    flags = {"flag_values": np.arange(len(GAPS), dtype=np.uint8), "flag_meanings": " ".join(GAPS)}
    found["gap"] = variable(plane, LazyGaps(product, level, window), {"long_name": "why nothing was measured", **flags})
    for name, text in moments.FRAMES.items():
        series = LazyGrid(product, level, (name,), lambda c, n=name: c[n], window, "u4", series=True)
        found[name] = variable(("time",), series, {"long_name": text, "units": "1"})
    # What has parts becomes text: NetCDF has no place for it.
    about = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in product.attributes(level).items()}
    return xr.Dataset(found, _coordinates(product, level, window), about | {"level": level.name})


def _coordinates(product: Product, level: Level, window: tuple[int, int]) -> dict[str, Any]:
    times = product.grid.starts(*window, level).view("datetime64[ns]")
    labels = {name: ("channel", values) for name, values in product.quantity.labels.items()}
    about = {"long_name": "start of the bin, UTC", "standard_name": "time"}
    return {"time": ("time", times, about), "channel": ("channel", np.arange(product.channels)), **labels}
