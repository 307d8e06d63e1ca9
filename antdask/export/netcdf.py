"""CF-1.11 and ACDD-1.3 NetCDF-4 in the shape of EMSO and OceanSITES: one file per line and level, or per sensor."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from antdask.environment.maps import floor_depth_m
from antdask.environment.vocabulary import RATE
from antdask.errors import UsageError
from antdask.export.citation import LATITUDE, LONGITUDE, Citation, global_attributes
from antdask.query.files import whole_path

#: Variables of a product and their names in a file; BLUM is the P02 group of bioluminescence.
RATE_VARIABLES = {
    "rate": ("BLUM", "time: mean"), "rate_std": ("BLUM_STD", "time: standard_deviation"), "rate_min": ("BLUM_MIN", "time: minimum"), "rate_max": ("BLUM_MAX", "time: maximum"),
    "rate_at_least": ("BLUM_LOW", "time: mean"), "median": ("BLUM_MED", "time: median"), "q10": ("BLUM_Q10", ""), "q90": ("BLUM_Q90", ""), "baseline": ("BLUM_BASE", ""),
}  # fmt: skip
#: Of the site [m].
SEA_FLOOR_M = 2475.0
_FILL = np.float32(9.96921e36)
_TIME = {
    "standard_name": "time", "long_name": "start of the bin, UTC", "axis": "T", "units": "seconds since 1970-01-01T00:00:00Z", "calendar": "proleptic_gregorian",
    # The numbers are those of POSIX: between two of them leap seconds are not counted.
    "units_metadata": "leap_seconds: none", "variable_type": "coordinate", "coverage_content_type": "coordinate",
    "sdn_parameter_name": "Elapsed time relative to 1970-01-01T00:00:00Z", "sdn_parameter_urn": "SDN:P01::ELTMEP01", "sdn_uom_name": "Seconds", "sdn_uom_urn": "SDN:P06::UTBB",
}  # fmt: skip


def rates_file(found: xr.Dataset, citation: Citation, path: str | os.PathLike[str]) -> Path:
    """Write the bins of one line, or of some.

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
    return write(rates_variables(found, citation), path)


def rates_variables(found: xr.Dataset, citation: Citation) -> xr.Dataset:
    """The content of a file of rates, with every attribute it has."""
    if "floor" not in found.coords or not found.sizes["time"]:
        raise UsageError("There is nothing to write, or channels have no floor", found=dict(found.sizes))
    loaded = found.load()
    depth = floor_depth_m(loaded["floor"].values)
    names = [
        f"L{int(n):02d}F{int(f):02d}OM{int(o)}"
        for n, f, o in zip(*(loaded[label].values for label in ("line", "floor", "om")), strict=True)
    ]
    lines = [int(n) for n in np.unique(loaded["line"].values)]
    said = f"line {lines[0]}" if len(lines) == 1 else f"lines {', '.join(map(str, lines))}"
    code = "-".join(f"L{n:02d}" for n in lines)
    made: dict[str, Any] = {}
    for name, (variable, method) in RATE_VARIABLES.items():
        if name in loaded:
            about = {**RATE.attributes(), "long_name": str(loaded[name].attrs["long_name"]), "coverage_content_type": "physicalMeasurement"}
            about |= {"cell_methods": method} if method else {}
            about["ancillary_variables"] = "BLUM_QC BLUM_N BLUM_SAT"
            made[variable] = (("sensor", "time"), loaded[name].values.astype(np.float32), about)
    if "burst_fraction" in loaded:
        about = {
            "long_name": "fraction of frames in bursts",
            "units": "1",
            "variable_type": "technical",
            "coverage_content_type": "physicalMeasurement",
        }
        made["BURST_FRACTION"] = (("sensor", "time"), loaded["burst_fraction"].values.astype(np.float32), about)
    made |= _quality(loaded)
    step = int(loaded.attrs["time_step_ns"]) // 10**9
    made_coordinates = coordinates(names, depth, loaded.time.values, step)
    title = f"ANTARES {said}: rates of optical modules, bins of {loaded.attrs['level']}"
    summary = (
        f"Counting rates of the optical modules of {said} of the ANTARES neutrino telescope: light of bioluminescence and of potassium-40 at 2000 to 2400 m depth. "
        f"Saturated frames are in no mean but counted in BLUM_SAT; BLUM_LOW has them with their lower bounds. Baselines and bursts: {loaded.attrs['baseline']}."
    )
    identity = f"antares-rates-{code}-{loaded.attrs['level']}-{loaded.attrs['product']}"
    about = global_attributes(citation, title, summary, identity, loaded.time.values, step, (float(depth.min()), float(depth.max())))
    about |= {"platform_code": code, "hz_per_count": loaded.attrs["hz_per_value"]}
    return xr.Dataset({**made, **made_coordinates}, attrs=about)


def _quality(loaded: xr.Dataset) -> dict[str, Any]:
    """Number of frames, and OceanSITES flags: saturated bins are lower bounds, gaps are missing."""
    valid, saturated, gap = (loaded[n].values for n in ("n_valid", "n_saturated", "gap"))
    flags = np.where(valid > 0, np.where(saturated > 0, 2, 1), np.where(saturated > 0, 4, 9)).astype(np.int8)
    counts = {"units": "1", "variable_type": "technical", "coverage_content_type": "auxiliaryInformation"}
    quality = {"variable_type": "quality_control", "coverage_content_type": "qualityInformation", "units": "1"}
    return {
        "BLUM_N": (("sensor", "time"), valid.astype(np.int32), {**counts, "long_name": "valid frames in the bin"}),
        "BLUM_SAT": (("sensor", "time"), saturated.astype(np.int32), {**counts, "long_name": "saturated frames in the bin, in no mean"}),
        "BLUM_QC": (("sensor", "time"), flags, {**quality, "long_name": "quality of BLUM: 2 where some frames were saturated, 4 where all were",
            "conventions": "OceanSITES quality flags", "flag_values": np.array([0, 1, 2, 3, 4, 7, 8, 9], np.int8),
            "flag_meanings": "unknown good_data probably_good_data potentially_correctable_bad_data bad_data nominal_value interpolated_value missing_value"}),
        "GAP": (("sensor", "time"), gap.astype(np.int8), {**quality, "long_name": "why there is no measurement",
            "flag_values": np.arange(5, dtype=np.int8), "flag_meanings": str(loaded["gap"].attrs["flag_meanings"])}),
    }  # fmt: skip


def _words(parameter: str, urn: str, unit: str = "", unit_urn: str = "") -> dict[str, str]:
    """Terms of the vocabulary server for a coordinate, none where there is no label that we know."""
    found = {"sdn_parameter_name": parameter, "sdn_parameter_urn": urn, "sdn_uom_name": unit, "sdn_uom_urn": unit_urn}
    return {name: text for name, text in found.items() if text}


def coordinates(names: list[str], depth: np.ndarray, times: np.ndarray, step_s: int | None) -> dict[str, Any]:
    """Time, place and names of sensors, as EMSO wants them; with the bounds of bins where there are bins."""
    n = len(names)
    seconds = times.astype("datetime64[ns]").astype(np.int64) * 1e-9
    kind = {"variable_type": "coordinate", "coverage_content_type": "coordinate"}
    made: dict[str, Any] = {
        "time": ("time", seconds, dict(_TIME)),
        "sensor_id": ("sensor", np.array(names), {"long_name": "optical module or sensor", "cf_role": "timeseries_id", "variable_type": "coordinate", "coverage_content_type": "referenceInformation", **_words("Name of sampling instrument", "SDN:P01::NMSPINST")}),
        "platform_id": ("sensor", np.array([name.partition("F")[0].partition("/")[0] for name in names]), {"long_name": "moored line", "variable_type": "coordinate", "coverage_content_type": "referenceInformation", **_words("", "SDN:P01::NMSPPF01")}),
        "latitude": ("sensor", np.full(n, LATITUDE), {"standard_name": "latitude", "long_name": "latitude of the site", "units": "degrees_north", "axis": "Y", **kind, **_words("Latitude north", "SDN:P01::ALATZZ01", "Degrees north", "SDN:P06::DEGN")}),
        "longitude": ("sensor", np.full(n, LONGITUDE), {"standard_name": "longitude", "long_name": "longitude of the site", "units": "degrees_east", "axis": "X", **kind, **_words("Longitude east", "SDN:P01::ALONZZ01", "Degrees east", "SDN:P06::DEGE")}),
        "depth": ("sensor", depth.astype(float), {"standard_name": "depth", "long_name": "nominal depth", "units": "m", "positive": "down", "axis": "Z", **kind, **_words("", "SDN:P01::ADEPZZ01", "Metres", "SDN:P06::ULAA")}),
    }  # fmt: skip
    if step_s:
        made["time"][2]["bounds"] = "time_bnds"
        made["time_bnds"] = (("time", "nv"), np.stack([seconds, seconds + step_s], axis=1), {})
        end = {k: v for k, v in _TIME.items() if k not in ("standard_name", "axis", "sdn_parameter_name", "sdn_parameter_urn")}
        made["time_end"] = ("time", seconds + step_s, {**end, "long_name": "end of the bin, UTC"})
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
    told = "sensor_depth" in series[code].attrs
    depth = float(series[code].attrs["sensor_depth"]) if told else SEA_FLOOR_M
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
    places = coordinates([sensor], np.array([depth]), series.time.values, step)
    if not told:
        places["depth"][2]["comment"] = "The source does not tell the depth of the sensor: this is the depth of the sea floor at the site."
    return write(xr.Dataset({**made, **places}, attrs=about), path)


def write(content: xr.Dataset, path: str | os.PathLike[str], unlimited: tuple[str, ...] = ()) -> Path:
    """Write a file that appears when it is whole; dimensions that are `unlimited` may grow later.

    Raises
    ------
    DestinationError
    """
    target = Path(path)
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
    with whole_path(target) as draft:
        plain.to_netcdf(draft, engine="netcdf4", format="NETCDF4", encoding=encoding, unlimited_dims=unlimited)
    return target
