"""Variables of a dataset that read nothing until values are asked for, and then only the chunks these need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from antdask.environment.arrays import GridArray, read
from antdask.environment.grid import DAY_NS, LEVELS, Level
from antdask.environment.product import Product

#: Why a bin of a channel holds no measurement.
DATA, OUTSIDE_RUNS, FRAMES_MISSING, NO_DATA, DEAD_CHANNEL = range(5)
GAPS = ("data", "outside_runs", "frames_missing", "no_data", "dead_channel")

Columns = Mapping[str, np.ndarray]


class LazyGrid(BackendArray):
    """A function of arrays of one level, over bins ``first:stop``.

    Parameters
    ----------
    product : Product
    level : Level
    names : tuple of str
        Arrays that the function takes; those without channels are broadcast over them.
    function : callable
        Of the columns by name, gives an array of the same shape.
    window : (int, int)
        Bins.
    dtype : dtype
    series : bool
        Whether the variable has no channels.
    """

    def __init__(
        self, product: Product, level: Level, names: tuple[str, ...], function: Callable[..., Any], window: tuple[int, int], dtype: Any, series: bool = False
    ) -> None:  # fmt: skip
        self._product, self._level, self._function, self._window = product, level, function, window
        arrays = product.arrays(level)
        self._arrays: dict[str, GridArray] = {name: arrays[name] for name in names}
        self.dtype = np.dtype(dtype)
        bins = window[1] - window[0]
        tail = next((a.shape[2:] for a in self._arrays.values() if len(a.shape) > 2), ())
        self.shape = (bins,) if series else (product.channels, bins, *tail)

    def __getitem__(self, key: Any) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        boxes, picks = zip(*(_box(k, n) for k, n in zip(key, self.shape, strict=True)), strict=True)
        if any(box.stop <= box.start for box in boxes):
            nothing: np.ndarray = np.zeros([max(0, box.stop - box.start) for box in boxes], self.dtype)[picks]
            return nothing
        axis = 0 if len(self.shape) == 1 else 1
        bins = slice(boxes[axis].start + self._window[0], boxes[axis].stop + self._window[0])
        place = (*boxes[:axis], bins, *boxes[axis + 1 :])
        columns = {}
        for name, array in self._arrays.items():
            columns[name] = read(self._product.store, array, (bins,) if array.dims == ("time",) else place[: len(array.dims)])
        found = np.asarray(self._values(columns, place), self.dtype)
        for dimension in reversed(range(found.ndim)):
            pick = picks[dimension]
            found = found[(slice(None),) * dimension + (pick,)]
        return np.asarray(found)

    def _values(self, columns: Columns, place: tuple[slice, ...]) -> Any:
        """Values at a place from the columns there. Threads of Dask read several places at a time, so nothing of one may be kept in the object."""
        return self._function(columns)


class LazyGaps(LazyGrid):
    """Why there is no measurement, uint8: `GAPS`. A channel is dead on days on which it gave nothing while frames were recorded."""

    def __init__(self, product: Product, level: Level, window: tuple[int, int]) -> None:
        super().__init__(product, level, ("n_valid", "n_saturated", "n_frames", "n_expected"), _reasons, window, np.uint8)

    def _values(self, columns: Columns, place: tuple[slice, ...]) -> Any:
        reasons = self._function(columns)
        silent = reasons == NO_DATA
        if silent.any():
            reasons[silent & self._dead(*place)] = DEAD_CHANNEL
        return reasons

    def _dead(self, channels: slice, bins: slice) -> np.ndarray:
        """Channels and bins whose day has nothing of the channel."""
        numbers = np.arange(bins.start, bins.stop) * self._level.step_ns // DAY_NS
        days, arrays = slice(int(numbers[0]), int(numbers[-1]) + 1), self._product.arrays(LEVELS["1d"])
        nothing = sum(read(self._product.store, arrays[n], (channels, days)).astype(np.int64) for n in ("n_valid", "n_saturated")) == 0
        return np.asarray(nothing)[:, numbers - days.start]


def _reasons(columns: Columns) -> np.ndarray:
    """What counts of frames alone tell."""
    some = (columns["n_valid"] > 0) | (columns["n_saturated"] > 0)
    reason = np.where(columns["n_frames"] > 0, NO_DATA, np.where(columns["n_expected"] > 0, FRAMES_MISSING, OUTSIDE_RUNS))
    return np.where(some, DATA, reason).astype(np.uint8)


def _box(key: Any, length: int) -> tuple[slice, Any]:
    """The smallest slice of step 1 that holds a key, and the key inside of it."""
    if isinstance(key, slice):
        numbers = range(length)[key]
        if not numbers:
            return slice(0, 0), slice(0, 0)
        low, high = min(numbers[0], numbers[-1]), max(numbers[0], numbers[-1])
        inside = slice(None) if numbers.step == 1 else np.array(numbers) - low
        return slice(low, high + 1), inside
    if np.ndim(key) == 0:
        place = int(key) % length
        return slice(place, place + 1), 0
    places = np.asarray(key) % length if len(key) else np.zeros(0, np.int64)
    if not len(places):
        return slice(0, 0), places
    return slice(int(places.min()), int(places.max()) + 1), places - places.min()


def variable(dims: tuple[str, ...], array: LazyGrid, attributes: dict[str, Any]) -> xr.Variable:
    """A lazy variable of xarray."""
    return xr.Variable(dims, indexing.LazilyIndexedArray(array), attributes)
