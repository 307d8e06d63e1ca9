"""Series of one sensor: irregular as it was read, with quality flags, units of the vocabulary, and where it comes from; or on a regular grid."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import numpy as np
import xarray as xr

from antdask.environment.grid import Level, level_named
from antdask.environment.quality import FLAGS, GOOD, PROBABLY_GOOD, QualitySpec, qualify
from antdask.environment.readings import Readings, read_csv
from antdask.environment.vocabulary import Term, conversion, term_of
from antdask.errors import UnknownNameError


@dataclasses.dataclass(frozen=True, slots=True)
class SensorInfo:
    """What is known of a sensor beside its readings.

    Parameters
    ----------
    name : str
    term : Term
    depth : float or None
        Below the surface [m].
    model, serial : str
    calibration : str
        Where its calibration is documented; the readings are as the source gives them.
    """

    name: str
    term: Term
    depth: float | None = None
    model: str = ""
    serial: str = ""
    calibration: str = "as delivered by the source; no calibration was applied"

    def attributes(self) -> dict[str, Any]:
        """Attributes of a variable in a file."""
        made = {"sensor": self.name, "sensor_model": self.model, "sensor_serial_number": self.serial, "calibration": self.calibration}
        return {name: text for name, text in made.items() if text} | ({} if self.depth is None else {"sensor_depth": self.depth})


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
    about = info or SensorInfo(sensor, term_of(sensor))
    once = own.drop_duplicates("utc_ns")
    values = once["value"].to_numpy(float).copy()
    for unit in once["unit"].unique():
        factor, offset = conversion(about.term, unit)
        rows = (once["unit"] == unit).to_numpy()
        values[rows] = values[rows] * factor + offset
    times = once["utc_ns"].to_numpy(np.int64)
    flags = qualify(times, values, quality or QualitySpec.of(about.term))
    code = about.term.code
    attributes = {**about.term.attributes(), **about.attributes(), "ancillary_variables": f"{code}_QC"}
    flagged = {
        "long_name": f"quality of {code}", "conventions": "OceanSITES quality flags", "variable_type": "qc",
        "flag_values": np.array(list(FLAGS), np.uint8), "flag_meanings": " ".join(FLAGS.values()),
    }  # fmt: skip
    return xr.Dataset(
        {code: ("time", values, attributes), f"{code}_QC": ("time", flags, flagged)},
        {"time": ("time", times.view("datetime64[ns]"), {"long_name": "time of the reading, UTC", "standard_name": "time"})},
        {"source": readings.source, "duplicates": len(own) - len(once)},
    )


def regular(series: xr.Dataset, level: str = "15min") -> xr.Dataset:
    """A series on the grid of the rates: mean, minimum, maximum and number of the good readings that lie in each bin; nothing is interpolated.

    Raises
    ------
    UnknownNameError
        No such level.
    """
    step: Level = level_named(level)
    code = next(str(n) for n in series.data_vars if not str(n).endswith("_QC"))
    values, flags = series[code].values, series[f"{code}_QC"].values
    times = series.time.values.astype("datetime64[ns]").astype(np.int64)
    good = np.isin(flags, (GOOD, PROBABLY_GOOD))
    bins = times // step.step_ns
    first, length = (int(bins.min()), int(bins.max() - bins.min()) + 1) if len(bins) else (0, 0)
    place = (bins - first)[good]
    n = np.bincount(place, minlength=length)
    low, high = np.full(length, np.inf), np.full(length, -np.inf)
    np.minimum.at(low, place, values[good])
    np.maximum.at(high, place, values[good])
    with np.errstate(invalid="ignore"):
        mean = np.where(n > 0, np.bincount(place, values[good], length) / np.maximum(n, 1), np.nan)
    about = {k: v for k, v in series[code].attrs.items() if k != "ancillary_variables"}
    found = {
        code: ("time", mean, {**about, "cell_methods": "time: mean", "ancillary_variables": f"{code}_N"}),
        f"{code}_MIN": ("time", np.where(n > 0, low, np.nan), {**about, "cell_methods": "time: minimum"}),
        f"{code}_MAX": ("time", np.where(n > 0, high, np.nan), {**about, "cell_methods": "time: maximum"}),
        f"{code}_N": (
            "time",
            n.astype(np.int32),
            {"long_name": f"good readings of {code} in the bin", "units": "1", "variable_type": "qc"},
        ),
    }
    starts = ((first + np.arange(length)) * step.step_ns).view("datetime64[ns]")
    return xr.Dataset(found, {"time": ("time", starts, {"long_name": "start of the bin, UTC", "standard_name": "time"})}, {**series.attrs, "level": step.name})  # fmt: skip


def all_series(url: str) -> dict[str, xr.Dataset]:
    """The series of every sensor of a CSV table whose kind is known, by name.

    Raises
    ------
    InputMissingError, InputError
    UsageError
        A unit that cannot be converted.
    """
    readings = read_csv(url)
    found = {}
    for sensor in readings.sensors:
        with contextlib.suppress(UnknownNameError):
            found[sensor] = sensor_series(readings, sensor)
    return found
