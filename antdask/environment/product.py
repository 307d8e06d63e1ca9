"""A product on disk: every path, array and attribute of it, and how its grid grows.

::

    environment/rates/
      current.json                          the product to read
      <lineage8>/
        product.json                        all that determines its bytes besides the input, and how many days it spans
        zarr.json, <level>/zarr.json        groups
        <level>/<statistic>/c/0/<shard>     one file per shard
        flashes/<yyyymmdd>.parquet          flashes of a day
        days/<yyyymmdd>.json                receipt of a day: which parts went in, what was left out, checksums of what came out
        periods/<number>.json               receipt of a period: which days went into its coarse shards

The coordinator alone writes product.json and the metadata of arrays, before any task runs; tasks write shards that are theirs, and receipts.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Self

import numpy as np

from antdask.archive import shards
from antdask.archive.store import Store
from antdask.environment import moments
from antdask.environment.arrays import GridArray
from antdask.environment.baseline import FRACTION, BaselineSpec
from antdask.environment.excursions import FlashSpec
from antdask.environment.grid import DAY_NS, LEVELS, PERIOD_DAYS, Grid, Level
from antdask.environment.histogram import BINS
from antdask.environment.quantity import Quantity, quantity_of
from antdask.environment.stored import StoredProduct

#: Raise it whenever the values of a product would change.
VERSION = 2


def plane_chunk(channels: int, wanted: tuple[int, int]) -> tuple[int, int]:
    """Channels and bins of a chunk: as wanted for ANTARES; for KM3NeT one module, and longer where bits could not be shuffled, which takes eight values at a time.

    Examples
    --------
    >>> plane_chunk(900, (150, 900)), plane_chunk(31 * 3, (150, 900))
    ((150, 900), (31, 1800))
    """
    if channels % 900 == 0:
        return wanted
    bins = wanted[1]
    while 31 * bins % 8:
        bins *= 2
    return 31, bins


@dataclasses.dataclass(frozen=True)
class Product(StoredProduct):
    """One product of rates of one archive.

    Parameters
    ----------
    store : Store
    document : dict
        All that determines its bytes besides the input.
    days : int
        Length of the grid, a multiple of 64.
    """

    kind, command, pointer = "rates", "build", "lineage"

    days: int

    @classmethod
    def of(cls, store: Store, document: dict[str, Any]) -> Self:
        """From the content of ``product.json``, in which the length of the grid stands beside what names the product."""
        days = int(document.pop("days"))
        return cls(store, document, days)

    @functools.cached_property
    def grid(self) -> Grid:
        """Where its bins begin."""
        return Grid(int(self.document["origin_ns"]))

    @functools.cached_property
    def quantity(self) -> Quantity:
        """What its values are."""
        return quantity_of(self.document["quantity"])

    @functools.cached_property
    def channels(self) -> int:
        """Length of the channel axis."""
        return len(next(iter(self.quantity.labels.values())))

    @property
    def baseline(self) -> BaselineSpec:
        """Parameters of the baseline."""
        return BaselineSpec(**self.document["baseline"])

    @property
    def flashes(self) -> FlashSpec:
        """Parameters of flashes."""
        return FlashSpec(**self.document["flashes"])

    def day_file(self, day: int) -> str:
        """Receipt of a day."""
        return f"{self.root}/days/{self.grid.day_name(day)}.json"

    def period_file(self, period: int) -> str:
        """Receipt of a period."""
        return f"{self.root}/periods/{period:04d}.json"

    def flash_file(self, day: int) -> str:
        """Flashes of a day."""
        return f"{self.root}/flashes/{self.grid.day_name(day)}.parquet"

    def array(self, level: Level, name: str) -> GridArray:
        """A statistic of a level."""
        return self.arrays(level)[name]

    def arrays(self, level: Level) -> dict[str, GridArray]:
        """Every array of a level with a dimension of time, by name."""
        made = {name: self._statistic(level, name, *about) for name, about in moments.STATISTICS.items()}
        for name, text in moments.FRAMES.items():
            made[name] = self._series(level, name, np.dtype("u2" if level.seconds <= 3600 else "u4"), {"long_name": text, "units": "1"})
        for name, fraction in moments.QUANTILES.items():
            how = "of the frames themselves, interpolated between the two nearest" if level.seconds == 1 else "from a histogram of 64 bins"
            text = f"{fraction:.0%} quantile of the rate of valid frames, {how}"
            about = {"long_name": text, "units": "s-1", "missing": "NaN where no frame is valid"}
            made[name] = self._plane(level, name, np.dtype("f4"), about)
        if level.histograms:
            made[moments.HISTOGRAM] = self._histogram(level)
        if level.bursts:
            made |= {name: self._statistic(level, name, *about) for name, about in moments.BURSTS.items()}
        elif level.histograms:
            made |= self._windows(level)
        if level.labelled:
            made["time"] = self._times(level, "time", level.step_ns)
        return made

    def _statistic(self, level: Level, name: str, text: str, unit: str) -> GridArray:
        return self._plane(level, name, moments.dtype_of(name, level), {"long_name": text, "units": "1", **self._value_unit(unit)})

    def _value_unit(self, unit: str) -> dict[str, Any]:
        measure = self.quantity.measure
        if unit == "1":
            return {}
        power, fraction = (2, 1) if unit == "value2" else (1, FRACTION if unit == "value16" else 1)
        named = {("1", 1): "1", ("1", 2): "1", ("s-1", 1): "s-1", ("s-1", 2): "s-2"}[measure.unit, power]
        return {"units": named, "hz_per_value": measure.hz_per_value / fraction, "comment": f"in units of: {measure.description}"}

    def _plane(self, level: Level, name: str, dtype: np.dtype, about: dict[str, Any]) -> GridArray:
        n, shard = self.channels, level.shard_bins
        chunk = plane_chunk(n, level.chunk)
        return GridArray(
            f"{self.root}/{level.name}/{name}", dtype, ("channel", "time"), (n, level.per_day * self.days), (n, shard), chunk, about
        )

    def _histogram(self, level: Level) -> GridArray:
        n, shard = self.channels, level.shard_bins
        chunk = (plane_chunk(n, (15, 8))[0], min(shard, 512 if level.shard_days > 1 else 120), BINS)
        about = {"long_name": "valid frames by value", "units": "1", "edges": "attribute histogram_edges of the group"}
        dtype = moments.dtype_of(moments.HISTOGRAM, level)
        shape = (n, level.per_day * self.days, BINS)
        return GridArray(f"{self.root}/{level.name}/histogram", dtype, ("channel", "time", "bin"), shape, (n, shard, BINS), chunk, about)

    def _series(self, level: Level, name: str, dtype: np.dtype, about: dict[str, Any]) -> GridArray:
        shape, shard = (level.per_day * self.days,), (level.shard_bins,)
        return GridArray(f"{self.root}/{level.name}/{name}", dtype, ("time",), shape, shard, shard, about)

    def _windows(self, level: Level) -> dict[str, GridArray]:
        """Baselines and bursts by window of 15 minutes, which a day leaves for its period."""
        n, coarse = self.channels, LEVELS["15min"]
        made = {}
        for name, (text, unit) in moments.BURSTS.items():
            about = {"long_name": text, "units": "1", **self._value_unit(unit)}
            shape, shard = (n, 96 * self.days), (n, 96)
            dtype = moments.dtype_of(name, coarse)
            made[name] = GridArray(f"{self.root}/{level.name}/{name}", dtype, ("channel", "window"), shape, shard, shard, about)
        made["window"] = self._times(level, "window", coarse.step_ns)
        return made

    def _times(self, level: Level, name: str, step_ns: int) -> GridArray:
        about = {
            "long_name": "start of the bin", "standard_name": "time", "units": "nanoseconds since 1970-01-01", "calendar": "standard",
            "comment": "UTC; every day has 86,400 s, leap seconds are not counted (POSIX)",
        }  # fmt: skip
        # Labels are the coordinator's, 64 days to a file, whatever the shards of the level.
        bins, shard = self.days * DAY_NS // step_ns, (PERIOD_DAYS * DAY_NS // step_ns,)
        return GridArray(f"{self.root}/{level.name}/{name}", np.dtype("i8"), (name,), (bins,), shard, shard, about)

    def write_metadata(self) -> None:
        """Write product.json, groups, metadata and labels; called by the coordinator alone, before tasks.

        Raises
        ------
        DestinationError
        """
        self.write_json(f"{self.root}/product.json", {**self.document, "days": self.days})
        self._group(self.root, {"product": self.document})
        for level in LEVELS.values():
            self._group(f"{self.root}/{level.name}", self.attributes(level))
            for array in self.arrays(level).values():
                self.store.write_small(f"{array.path}/zarr.json", array.metadata())
            for name in ("time", "window"):
                if name in self.arrays(level):
                    self._write_times(self.array(level, name), level.step_ns if name == "time" else LEVELS["15min"].step_ns)
            self._write_labels(level)

    def _group(self, path: str, attributes: dict[str, Any]) -> None:
        self.write_json(f"{path}/zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": attributes})

    def attributes(self, level: Level) -> dict[str, Any]:
        """Attributes of the group of a level."""
        measure = self.quantity.measure
        return {
            "title": f"Rates of the optical modules of {self.document['detector']} on a regular UTC grid, bins of {level.name}",
            "detector": self.document["detector"],
            "value": measure.description,
            "hz_per_value": measure.hz_per_value,
            "frame_ns": measure.frame_ns,
            "time_origin_ns": self.grid.origin_ns,
            "time_step_ns": level.step_ns,
            "histogram_edges": measure.scale.edges.tolist(),
            "baseline": self.document["baseline"],
            "flashes": self.document["flashes"],
            "product": self.id,
        }

    def _write_times(self, array: GridArray, step_ns: int) -> None:
        length = array.shard[0]
        for number in range(-(-array.shape[0] // length)):
            if not self.store.exists(array.shard_path(number)):
                times = self.grid.origin_ns + np.arange(number * length, (number + 1) * length, dtype=np.int64) * step_ns
                chunk = shards.encode_chunk(times, array.codec)
                self.store.write_small(array.shard_path(number), chunk + shards.shard_index([len(chunk)], 1))

    def _write_labels(self, level: Level) -> None:
        for name, values in {"channel": np.arange(self.channels, dtype=np.uint16), **self.quantity.labels}.items():
            shape = (len(values),)
            array = GridArray(f"{self.root}/{level.name}/{name}", values.dtype, ("channel",), shape, shape, shape, {"units": "1"})
            chunk = shards.encode_chunk(values, array.codec)
            self.store.write_small(f"{array.path}/zarr.json", array.metadata())
            self.store.write_small(f"{array.path}/c/0", chunk + shards.shard_index([len(chunk)], 1))


def whole_periods(days: int) -> int:
    """The next multiple of 64 days.

    Examples
    --------
    >>> whole_periods(1), whole_periods(64), whole_periods(65)
    (64, 64, 128)
    """
    return -(-days // PERIOD_DAYS) * PERIOD_DAYS
