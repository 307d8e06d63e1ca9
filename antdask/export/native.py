"""Counts of frames as they were taken, as NetCDF-4: what a short view of the explorer shows, or a day, the twin of the native rates for those who read no Zarr."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr

from antdask.environment.maps import floor_depth_m
from antdask.errors import UsageError
from antdask.export.citation import Citation, global_attributes
from antdask.export.netcdf import coordinates, write
from antdask.model.time import parse_utc
from antdask.query.files import whole_path

_DAY_NS, _PIECE_NS = 86_400 * 10**9, 600 * 10**9


def slots_of(lines: Iterable[int] | None) -> np.ndarray:
    """Slots of the modules of some lines, all 900 if none are named."""
    every = np.arange(900)
    return every if lines is None else every[np.isin(every // 75 + 1, list(lines))]


def native_day(archive: Any, day: str, citation: Citation, path: str | os.PathLike[str], lines: Iterable[int] | None = None) -> Path:
    """Write the counts of one day, ten minutes at a time: memory does not grow with the day.

    Parameters
    ----------
    archive : Archive
    day : str
        UTC, e.g. ``2010-03-01``.
    lines : iterable of int, optional
        Only these: 0.1 GB a line and day.

    Raises
    ------
    UsageError
        No frames that day.
    DestinationError
    """
    target, start = Path(path), parse_utc(day) // _DAY_NS * _DAY_NS
    pieces = _pieces(archive, start, slots_of(lines))
    first = next(pieces, None)
    if first is None:
        raise UsageError("No frames of that day are in the archive", found=day)
    with whole_path(target) as draft:
        native_file(first, citation, draft, unlimited=("time",))
        with netCDF4.Dataset(draft, "a") as file:
            for counts in pieces:
                _append(file, counts)
    return target


def _pieces(archive: Any, start: int, slots: np.ndarray) -> Iterator[xr.Dataset]:
    for low in range(start, start + _DAY_NS, _PIECE_NS):
        rows = archive.stream("rates").select(time=(low, low + _PIECE_NS)).to_xarray(["utc_ns", "count", "count_flags"])
        if rows["utc_ns"].size:
            yield frames_of(rows, slots)


def frames_of(rows: xr.Dataset, slots: np.ndarray) -> xr.Dataset:
    """Counts of some slots, from what a selection of the stream ``rates`` gives, with the names that `native_file` knows."""
    named = rows.rename({rows["utc_ns"].dims[0]: "frame", rows["count"].dims[1]: "om_slot"})
    return named.isel(om_slot=slots).assign_coords(slot=("om_slot", slots))


def _append(file: netCDF4.Dataset, counts: xr.Dataset) -> None:
    seconds, n = counts["utc_ns"].values.astype(np.int64) * 1e-9, file.dimensions["time"].size
    here = slice(n, n + len(seconds))
    file["time"][here] = seconds
    file["COUNT"][:, here] = counts["count"].values.T.astype(np.int32)
    file["COUNT_QC"][:, here] = counts["count_flags"].values.T.astype(np.int8)
    last = np.datetime64(int(counts["utc_ns"].values[-1]), "ns")
    file.time_coverage_end = f"{last.astype('datetime64[s]')}Z"
    file.time_coverage_duration = f"PT{int(seconds[-1] - float(file['time'][0]))}S"


def native_file(counts: xr.Dataset, citation: Citation, path: str | os.PathLike[str], unlimited: tuple[str, ...] = ()) -> Path:
    """Write counts of frames as they were taken, e.g. of one day: the metadata twin of the native rates.

    Parameters
    ----------
    counts : Dataset
        ``count`` and ``count_flags`` over ``frame`` and ``om_slot``, ``utc_ns`` over ``frame``; ``slot`` over ``om_slot`` if not all 900 are there.

    Raises
    ------
    UsageError
        No frames.
    DestinationError
    """
    if not counts.sizes["frame"]:
        raise UsageError("There is nothing to write")
    times = counts["utc_ns"].values.astype("datetime64[ns]")
    slots = counts["slot"].values if "slot" in counts.coords else np.arange(counts.sizes["om_slot"])
    depth = floor_depth_m(slots % 75 // 3 + 1)
    names = [f"L{s // 75 + 1:02d}F{s % 75 // 3 + 1:02d}OM{s % 3}" for s in slots.tolist()]
    technical = {"variable_type": "technical", "units": "1"}
    made = {
        "COUNT": (("sensor", "time"), counts["count"].values.T.astype(np.int32), {**technical, "long_name": "hits of the optical module in a frame of 104.8576 ms", "coverage_content_type": "physicalMeasurement", "ancillary_variables": "COUNT_QC"}),
        "COUNT_QC": (("sensor", "time"), counts["count_flags"].values.T.astype(np.int8), {"variable_type": "quality_control", "units": "1", "long_name": "validity of the count; 0 is good", "flag_masks": np.array([1, 2, 4], np.int8), "flag_meanings": "high_rate_veto xoff no_data", "coverage_content_type": "qualityInformation"}),
        **coordinates(names, depth, times, None),
    }  # fmt: skip
    about = global_attributes(citation, "ANTARES: counts of all optical modules, frame by frame", "Hits of each optical module in each frame of 104.8576 ms, raw.", f"antares-counts-{str(times[0])[:10]}", times, None, (float(depth.min()), float(depth.max())))  # fmt: skip
    # By EMSO's levels counts of a counter are technical, below level 0.
    about = {k: v for k, v in about.items() if not k.startswith("data_processing")}
    about |= {"processing_level": "technical: counts as the detector gave them", "time_coverage_resolution": "PT0.1048576S"}
    return write(xr.Dataset(made, attrs=about), path, unlimited)
