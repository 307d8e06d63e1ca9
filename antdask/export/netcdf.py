"""CF-1.11 and ACDD-1.3 NetCDF-4 in the shape of EMSO and OceanSITES: one file per line and level, or per sensor."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from antdask.archive.store import destination_errors
from antdask.environment.maps import floor_depth_m
from antdask.environment.vocabulary import RATE
from antdask.errors import UsageError
from antdask.export.citation import LATITUDE, LONGITUDE, Citation, global_attributes

#: Variables of a product and their names in a file; BLUM is the P02 group of bioluminescence.
RATE_VARIABLES = {
    "rate": ("BLUM", "time: mean"), "rate_std": ("BLUM_STD", "time: standard_deviation"), "rate_min": ("BLUM_MIN", "time: minimum"), "rate_max": ("BLUM_MAX", "time: maximum"),
    "rate_at_least": ("BLUM_LOW", "time: mean"), "median": ("BLUM_MED", "time: median"), "q10": ("BLUM_Q10", ""), "q90": ("BLUM_Q90", ""), "baseline": ("BLUM_BASE", ""),
}  # fmt: skip
_FILL = np.float32(9.96921e36)
_TIME = {
    "standard_name": "time", "long_name": "start of the bin, UTC", "axis": "T", "units": "seconds since 1970-01-01T00:00:00Z", "calendar": "proleptic_gregorian",
    # The numbers are those of POSIX: between two of them leap seconds are not counted.
    "units_metadata": "leap_seconds: none", "variable_type": "coordinate", "coverage_content_type": "coordinate",
}  # fmt: skip


def rates_file(found: xr.Dataset, line: int, citation: Citation, path: str | os.PathLike[str]) -> Path:
    """Write the bins of one line.

    Parameters
    ----------
    found : Dataset
        From ``archive.environment.open(…, line=line)``.

    Raises
    ------
    UsageError
        No bins, or channels without floors.
    DestinationError
    """
    return _write(rates_variables(found, line, citation), path)


def rates_variables(found: xr.Dataset, line: int, citation: Citation) -> xr.Dataset:
    """The content of a file of rates, with every attribute it has."""
    if "floor" not in found.coords or not found.sizes["time"]:
        raise UsageError("There is nothing to write, or channels have no floor", found=dict(found.sizes))
    loaded = found.load()
    depth = floor_depth_m(loaded["floor"].values)
    names = [f"L{line:02d}F{int(f):02d}OM{int(o)}" for f, o in zip(loaded["floor"].values, loaded["om"].values, strict=True)]
    made: dict[str, Any] = {}
    for name, (code, method) in RATE_VARIABLES.items():
        if name in loaded:
            about = {**RATE.attributes(), "long_name": str(loaded[name].attrs["long_name"]), "coverage_content_type": "physicalMeasurement"}
            about |= {"cell_methods": method} if method else {}
            about["ancillary_variables"] = "BLUM_QC BLUM_N BLUM_SAT"
            made[code] = (("sensor", "time"), loaded[name].values.astype(np.float32), about)
    if "burst_fraction" in loaded:
        about = {
            "long_name": "fraction of frames in bursts",
            "units": "1",
            "variable_type": "biological",
            "coverage_content_type": "physicalMeasurement",
        }
        made["BURST_FRACTION"] = (("sensor", "time"), loaded["burst_fraction"].values.astype(np.float32), about)
    made |= _quality(loaded)
    step = int(loaded.attrs["time_step_ns"]) // 10**9
    coordinates = _coordinates(names, depth, loaded.time.values, step)
    title = f"ANTARES line {line}: rates of optical modules, bins of {loaded.attrs['level']}"
    summary = (
        "Counting rates of the optical modules of one line of the ANTARES neutrino telescope: light of bioluminescence and of potassium-40 at 2000 to 2400 m depth. "
        f"Saturated frames are in no mean but counted in BLUM_SAT; BLUM_LOW has them with their lower bounds. Baselines and bursts: {loaded.attrs['baseline']}."
    )
    identity = f"antares-rates-L{line:02d}-{loaded.attrs['level']}-{loaded.attrs['product']}"
    about = global_attributes(citation, title, summary, identity, loaded.time.values, step, (float(depth.min()), float(depth.max())))
    about |= {"platform_code": f"L{line:02d}", "hz_per_count": loaded.attrs["hz_per_value"]}
    return xr.Dataset({**made, **coordinates}, attrs=about)


def _quality(loaded: xr.Dataset) -> dict[str, Any]:
    """Number of frames, and OceanSITES flags: saturated bins are lower bounds, gaps are missing."""
    valid, saturated, gap = (loaded[n].values for n in ("n_valid", "n_saturated", "gap"))
    flags = np.where(valid > 0, np.where(saturated > 0, 2, 1), np.where(saturated > 0, 4, 9)).astype(np.int8)
    counts = {"units": "1", "variable_type": "technical", "coverage_content_type": "auxiliaryInformation"}
    quality = {"variable_type": "qc", "coverage_content_type": "qualityInformation", "units": "1"}
    return {
        "BLUM_N": (("sensor", "time"), valid.astype(np.int32), {**counts, "long_name": "valid frames in the bin"}),
        "BLUM_SAT": (("sensor", "time"), saturated.astype(np.int32), {**counts, "long_name": "saturated frames in the bin, in no mean"}),
        "BLUM_QC": (("sensor", "time"), flags, {**quality, "long_name": "quality of BLUM: 2 where some frames were saturated, 4 where all were",
            "conventions": "OceanSITES quality flags", "flag_values": np.array([0, 1, 2, 3, 4, 7, 8, 9], np.int8),
            "flag_meanings": "unknown good_data probably_good_data potentially_correctable_bad_data bad_data nominal_value interpolated_value missing_value"}),
        "GAP": (("sensor", "time"), gap.astype(np.int8), {**quality, "long_name": "why there is no measurement",
            "flag_values": np.arange(5, dtype=np.int8), "flag_meanings": str(loaded["gap"].attrs["flag_meanings"])}),
    }  # fmt: skip


def _coordinates(names: list[str], depth: np.ndarray, times: np.ndarray, step_s: int | None) -> dict[str, Any]:
    n = len(names)
    seconds = times.astype("datetime64[ns]").astype(np.int64) * 1e-9
    kind = {"variable_type": "coordinate", "coverage_content_type": "coordinate"}
    made: dict[str, Any] = {
        "time": ("time", seconds, dict(_TIME)),
        "sensor_id": ("sensor", np.array(names), {"long_name": "optical module or sensor", "cf_role": "timeseries_id", "variable_type": "sensor", "coverage_content_type": "referenceInformation"}),
        "platform_id": ("sensor", np.array([name.partition("F")[0].partition("/")[0] for name in names]), {"long_name": "moored line", "variable_type": "platform", "coverage_content_type": "referenceInformation"}),
        "latitude": ("sensor", np.full(n, LATITUDE), {"standard_name": "latitude", "long_name": "latitude of the site", "units": "degrees_north", "axis": "Y", **kind}),
        "longitude": ("sensor", np.full(n, LONGITUDE), {"standard_name": "longitude", "long_name": "longitude of the site", "units": "degrees_east", "axis": "X", **kind}),
        "depth": ("sensor", depth.astype(float), {"standard_name": "depth", "long_name": "nominal depth", "units": "m", "positive": "down", "axis": "Z", **kind}),
    }  # fmt: skip
    if step_s:
        made["time"][2]["bounds"] = "time_bnds"
        made["time_bnds"] = (("time", "nv"), np.stack([seconds, seconds + step_s], axis=1), {})
    return made


def sensor_file(series: xr.Dataset, sensor: str, citation: Citation, path: str | os.PathLike[str]) -> Path:
    """Write the series of one sensor, irregular as it was read or on a grid.

    Parameters
    ----------
    series : Dataset
        From `environment.series`.

    Raises
    ------
    UsageError
        An empty series.
    DestinationError
    """
    if not series.sizes["time"]:
        raise UsageError("There is nothing to write", found=sensor)
    code = str(next(iter(series.data_vars)))
    depth = float(series[code].attrs.get("sensor_depth", 2475.0))
    made: dict[str, Any] = {}
    for name, values in series.data_vars.items():
        kind = "qualityInformation" if "_QC" in str(name) else "auxiliaryInformation" if str(name).endswith("_N") else "physicalMeasurement"
        about = {k: v for k, v in values.attrs.items() if k != "sensor_depth"} | {"coverage_content_type": kind}
        content = values.values
        if "_QC" in str(name):
            content = content.astype(np.int8)
            about |= {"flag_values": np.asarray(about["flag_values"], np.int8), "units": "1"}
        made[str(name)] = (("sensor", "time"), content[None], about)
    step = (
        None
        if "level" not in series.attrs
        else int(np.diff(series.time.values[:2])[0] / np.timedelta64(1, "s"))
        if series.sizes["time"] > 1
        else None
    )
    identity = f"antares-{sensor.replace('/', '-')}"
    title, summary = (
        f"ANTARES site: {sensor}",
        f"{series[code].attrs['long_name']} from {series.attrs.get('source', 'slow control')}, with automatic quality flags.",
    )
    about = global_attributes(citation, title, summary, identity, series.time.values, step, (depth, depth)) | {
        "platform_code": sensor.partition("/")[0]
    }
    return _write(xr.Dataset({**made, **_coordinates([sensor], np.array([depth]), series.time.values, step)}, attrs=about), path)


def native_file(counts: xr.Dataset, citation: Citation, path: str | os.PathLike[str]) -> Path:
    """Write counts of frames as they were taken, e.g. of one day: the metadata twin of the native rates.

    Parameters
    ----------
    counts : Dataset
        ``count`` and ``count_flags`` over ``frame`` and ``om_slot``, ``utc_ns`` over ``frame``.

    Raises
    ------
    UsageError
        No frames.
    DestinationError
    """
    if not counts.sizes["frame"]:
        raise UsageError("There is nothing to write")
    times, slots = counts["utc_ns"].values.astype("datetime64[ns]"), np.arange(counts.sizes["om_slot"])
    depth = floor_depth_m(slots % 75 // 3 + 1)
    names = [f"L{s // 75 + 1:02d}F{s % 75 // 3 + 1:02d}OM{s % 3}" for s in slots.tolist()]
    technical = {"variable_type": "technical", "units": "1"}
    made = {
        "COUNT": (("sensor", "time"), counts["count"].values.T.astype(np.int32), {**technical, "long_name": "hits of the optical module in a frame of 104.8576 ms", "coverage_content_type": "physicalMeasurement", "ancillary_variables": "COUNT_QC"}),
        "COUNT_QC": (("sensor", "time"), counts["count_flags"].values.T.astype(np.int8), {"variable_type": "qc", "units": "1", "long_name": "validity of the count; 0 is good", "flag_masks": np.array([1, 2, 4], np.int8), "flag_meanings": "high_rate_veto xoff no_data", "coverage_content_type": "qualityInformation"}),
        **_coordinates(names, depth, times, None),
    }  # fmt: skip
    about = global_attributes(citation, "ANTARES: counts of all optical modules, frame by frame", "Hits of each optical module in each frame of 104.8576 ms, raw.", f"antares-counts-{str(times[0])[:10]}", times, None, (float(depth.min()), float(depth.max())))  # fmt: skip
    return _write(xr.Dataset(made, attrs={**about, "processing_level": "L0", "time_coverage_resolution": "PT0.1048576S"}), path)


def _write(content: xr.Dataset, path: str | os.PathLike[str]) -> Path:
    """Write a file that appears when it is whole."""
    target = Path(path)
    draft = target.with_name(f".{target.name}.draft")
    plain = content.reset_coords()
    encoding: dict[str, dict[str, Any]] = {}
    for name, values in plain.variables.items():
        if values.dtype.kind in "UO":
            encoding[str(name)] = {"dtype": "S1"}
            continue
        encoding[str(name)] = {
            "_FillValue": _FILL.astype(values.dtype)
            if values.dtype.kind == "f" and len(values.dims) > 1 and "nv" not in values.dims
            else None
        }
        if len(values.dims) > 1:
            encoding[str(name)] |= {"zlib": True, "complevel": 4, "shuffle": True}
            if "nv" not in values.dims:
                plain[name].attrs["coordinates"] = "sensor_id platform_id latitude longitude depth"
    with destination_errors(str(target)):
        try:
            plain.to_netcdf(draft, engine="netcdf4", format="NETCDF4", encoding=encoding)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    return target
