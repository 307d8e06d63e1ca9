"""The detector as a column of water: maps over depth and time, and how light at one depth goes with light at another."""

from __future__ import annotations

import numpy as np
import xarray as xr

from antdask.errors import UsageError

#: Nominal: storeys stand 14.5 m apart, the lowest 100 m above a sea floor at 2475 m.
FLOOR_SPACING_M, LOWEST_DEPTH_M = 14.5, 2375.0


def floor_depth_m(floor: np.ndarray) -> np.ndarray:
    """Nominal depth of floors, from 1 at the bottom [m].

    Examples
    --------
    >>> floor_depth_m(np.array([1, 25])).tolist()
    [2375.0, 2027.0]
    """
    return LOWEST_DEPTH_M - FLOOR_SPACING_M * (np.asarray(floor, float) - 1)


def depth_map(found: xr.Dataset, name: str = "rate", statistic: str = "median") -> xr.DataArray:
    """One value per floor and bin, over the modules of the floor that have one.

    Parameters
    ----------
    found : Dataset
        From ``archive.environment.open``, of one or more lines.
    name : str
        Variable, e.g. ``rate``, ``median``, ``baseline``, ``burst_fraction``.
    statistic : str
        ``median`` or ``mean`` over modules.

    Returns
    -------
    DataArray over ``floor`` and ``time``, with ``depth`` [m]
        NaN where no module has a value.

    Raises
    ------
    UsageError
        Channels without floors (KM3NeT), or another statistic.
    """
    if "floor" not in found.coords:
        raise UsageError("Channels of these data have no floor")
    if statistic not in ("median", "mean"):
        raise UsageError("A map shows a median or a mean", found=statistic)
    values, floors = found[name].values.astype(float), found["floor"].values
    known = np.unique(floors)
    rows = [over_modules(values[floors == floor], statistic) for floor in known]
    coordinates = {"floor": known, "depth": ("floor", floor_depth_m(known), {"units": "m", "positive": "down"}), "time": found.time}
    return xr.DataArray(np.array(rows), coordinates, ("floor", "time"), name=name, attrs=dict(found[name].attrs))


def over_modules(values: np.ndarray, statistic: str = "median") -> np.ndarray:
    """Median or mean over rows, NaN where none has a value.

    Examples
    --------
    >>> over_modules(np.array([[1.0, np.nan], [3.0, np.nan], [8.0, np.nan]])).tolist()
    [3.0, nan]
    """
    found = np.full(values.shape[1], np.nan)
    some = ~np.isnan(values).all(axis=0)
    found[some] = (np.nanmedian if statistic == "median" else np.nanmean)(values[:, some], axis=0)
    return found


def vertical_coherence(column: xr.DataArray, least: int = 20) -> xr.DataArray:
    """Correlation of floors by the distance between them: light of bursts reaches one storey, light of water masses many.

    Parameters
    ----------
    column : DataArray over ``floor`` and ``time``
        From `depth_map`.
    least : int
        Pairs of values that two floors need.

    Returns
    -------
    DataArray over ``distance`` [m]
        Mean correlation of all pairs of floors at that distance; 1 at distance 0.
    """
    values, depth = np.asarray(column.values, float), column["depth"].values
    sums: dict[float, list[float]] = {}
    for i in range(len(values)):
        for j in range(i, len(values)):
            good = ~(np.isnan(values[i]) | np.isnan(values[j]))
            u, v = values[i][good], values[j][good]
            if len(u) >= least and u.std() > 0 and v.std() > 0:
                sums.setdefault(round(abs(float(depth[i] - depth[j])), 3), []).append(float(np.corrcoef(u, v)[0, 1]))
    distances = sorted(sums)
    return xr.DataArray([np.mean(sums[d]) for d in distances], {"distance": distances}, ("distance",), name="coherence")
