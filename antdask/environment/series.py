"""Series of one sensor: irregular as it was read, with quality flags, units of the vocabulary, and where it comes from; or on a regular grid."""

from __future__ import annotations

import numpy as np
import xarray as xr

from antdask.environment.grid import Level, level_named
from antdask.environment.quality import FLAGS, GOOD, PROBABLY_GOOD, QualitySpec, merged, qualify
from antdask.environment.readings import Readings
from antdask.environment.sensor_info import SensorInfo, known_sensor
from antdask.environment.vocabulary import TERMS, conversion, term_of
from antdask.errors import UnknownNameError, UsageError

#: Name of what is no level: every reading as it was read.
RAW = "raw"


def sensor_series(readings: Readings, sensor: str, info: SensorInfo | None = None, quality: QualitySpec | None = None) -> xr.Dataset:
    """The series of one sensor as it was read.

    Readings of the same instant are kept once: the first; how many were left out stands in the attribute ``duplicates``.

    Returns
    -------
    xarray.Dataset
        The variable has the OceanSITES code as its name, and flags in ``<code>_QC``; dimension ``time``.

    Raises
    ------
    UnknownNameError
        No such sensor, or a kind of sensor that no term is known for.
    UsageError
        A unit that cannot be converted.
    """
    own = readings.frame[readings.frame["sensor"] == sensor]
    if own.empty:
        raise UnknownNameError.of("sensor", sensor, readings.sensors, where=readings.source)
    about = info or known_sensor(sensor) or SensorInfo(sensor, term_of(sensor))
    once = own.drop_duplicates("utc_ns")
    times, values = once["utc_ns"].to_numpy(np.int64), in_unit(once["value"].to_numpy(float), once["unit"].to_numpy(), about)
    flags = merged(qualify(times, values, quality or about.tests), once["quality"].to_numpy(np.uint8))
    return series_dataset(about, times, values, flags).assign_attrs(source=readings.source, duplicates=len(own) - len(once))


def in_unit(values: np.ndarray, units: np.ndarray, about: SensorInfo) -> np.ndarray:
    """Values in the unit of the term.

    Raises
    ------
    UsageError
        A unit that cannot be converted.
    """
    found = values.copy()
    for unit in dict.fromkeys(units):
        factor, offset = conversion(about.term, unit)
        rows = units == unit
        found[rows] = found[rows] * factor + offset
    return found


def series_dataset(about: SensorInfo, times: np.ndarray, values: np.ndarray, flags: np.ndarray) -> xr.Dataset:
    """A series with all that is known of it; `times` in ns since 1970."""
    code = about.term.code
    attributes = {**about.term.attributes(), **about.attributes(), "ancillary_variables": f"{code}_QC"}
    flagged = {
        "long_name": f"quality of {code}", "conventions": "OceanSITES quality flags", "variable_type": "quality_control",
        "flag_values": np.array(list(FLAGS), np.uint8), "flag_meanings": " ".join(FLAGS.values()),
    }  # fmt: skip
    return xr.Dataset(
        {code: ("time", values, attributes), f"{code}_QC": ("time", flags, flagged)},
        {"time": ("time", times.view("datetime64[ns]"), {"long_name": "time of the reading, UTC", "standard_name": "time"})},
    )


def regular(series: xr.Dataset, level: str = "15min") -> xr.Dataset:
    """A series on the grid of the rates: mean, minimum, maximum and number of the good readings that lie in each bin; nothing is interpolated.

    Directions have the mean of their unit vectors, and no minimum and maximum.

    Raises
    ------
    UnknownNameError
        No such level.
    """
    step: Level = level_named(level)
    code = next(str(n) for n in series.data_vars if not str(n).endswith("_QC"))
    good = np.isin(series[f"{code}_QC"].values, (GOOD, PROBABLY_GOOD))
    bins = series.time.values.astype("datetime64[ns]").astype(np.int64) // step.step_ns
    first, length = (int(bins.min()), int(bins.max() - bins.min()) + 1) if len(bins) else (0, 0)
    place, values = (bins - first)[good], series[code].values[good]
    n = np.bincount(place, minlength=length)
    about = {k: v for k, v in series[code].attrs.items() if k != "ancillary_variables"}
    circular = code in TERMS and TERMS[code].circular
    mean, method = (_direction(place, values, n), "time: mean (of unit vectors)") if circular else (_mean(place, values, n), "time: mean")
    found = {code: ("time", mean, {**about, "cell_methods": method, "ancillary_variables": f"{code}_N"})}
    if not circular:
        for name, function, none, words in (("MIN", np.minimum, np.inf, "minimum"), ("MAX", np.maximum, -np.inf, "maximum")):
            most = np.full(length, none)
            function.at(most, place, values)
            found[f"{code}_{name}"] = ("time", np.where(n > 0, most, np.nan), {**about, "cell_methods": f"time: {words}"})
    counted = {"long_name": f"good readings of {code} in the bin", "units": "1", "variable_type": "quality_control"}
    found[f"{code}_N"] = ("time", n.astype(np.int32), counted)
    starts = ((first + np.arange(length)) * step.step_ns).view("datetime64[ns]")
    return xr.Dataset(found, {"time": ("time", starts, {"long_name": "start of the bin, UTC", "standard_name": "time"})}, {**series.attrs, "level": step.name})  # fmt: skip


def _mean(place: np.ndarray, values: np.ndarray, n: np.ndarray) -> np.ndarray:
    mean: np.ndarray = np.where(n > 0, np.bincount(place, values, len(n)) / np.maximum(n, 1), np.nan)
    return mean


def _direction(place: np.ndarray, degrees: np.ndarray, n: np.ndarray) -> np.ndarray:
    east, north = (_mean(place, f(np.radians(degrees)), n) for f in (np.sin, np.cos))
    # Directions that cancel have no mean.
    turned: np.ndarray = np.where(np.hypot(east, north) > 1e-9, np.degrees(np.arctan2(east, north)) % 360, np.nan)
    return turned


def components(speed: xr.Dataset, direction: xr.Dataset) -> xr.Dataset:
    """The current as its parts towards east and north, from speed and direction of the same times; readings that are not good have none.

    Parameters
    ----------
    speed, direction : Dataset
        ``CSPD`` and ``CDIR``, as they were read or on one grid; times that only one of them has are left out.

    Returns
    -------
    xarray.Dataset
        ``UCUR`` and ``VCUR`` [m s-1].

    Examples
    --------
    ::

        environment = antdask.open_archive(archive_url).environment
        components(environment.open("IL07/ADCP/current_speed"), environment.open("IL07/ADCP/current_direction"))
    """
    length, angle = xr.align(_good(speed, "CSPD"), _good(direction, "CDIR"), join="inner")
    radians = np.radians(angle.values)
    parts = {"UCUR": length.values * np.sin(radians), "VCUR": length.values * np.cos(radians)}
    return xr.Dataset({code: ("time", values, dict(TERMS[code].attributes())) for code, values in parts.items()}, {"time": length.time})


def _good(series: xr.Dataset, code: str) -> xr.DataArray:
    if code not in series:
        raise UsageError(f"A current is made of speed (CSPD) and direction (CDIR), and {code} is not there", found=", ".join(map(str, series.data_vars)))  # fmt: skip
    if f"{code}_QC" not in series:
        return series[code]
    return series[code].where(np.isin(series[f"{code}_QC"].values, (GOOD, PROBABLY_GOOD)))


def all_series(readings: Readings, described: dict[str, SensorInfo] | None = None) -> dict[str, xr.Dataset]:
    """The series of every sensor whose kind is known, by name.

    Raises
    ------
    UsageError
        A unit that cannot be converted.
    """
    known = {sensor: known_sensor(sensor, described) for sensor in readings.sensors}
    return {sensor: sensor_series(readings, sensor, info) for sensor, info in known.items() if info is not None}
