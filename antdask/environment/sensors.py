"""The product of sensors on disk: readings with their flags, sorted by sensor and time, a file for each month.

::

    environment/sensors/
      current.json                  the product to read
      <id8>/
        product.json                what is known of the sensors, and how they are tested: all that determines the bytes besides the input
        months/<yyyymm>.parquet     sensor, time, value, unit, quality; any reader of Parquet opens it
        months/<yyyymm>.json        receipt: which parts went in, what came out
        sensors.json                every sensor: what it measures, how many readings, from when to when
"""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from antdask.environment.sensor_info import SensorInfo, known_sensor
from antdask.environment.stored import StoredProduct
from antdask.errors import UnknownNameError

#: Raise it whenever the values of a product would change.
VERSION = 1
SCHEMA = pa.schema(
    [
        pa.field("sensor", pa.dictionary(pa.int32(), pa.string())),
        pa.field("time", pa.timestamp("ns", "UTC")),
        pa.field("value", pa.float64(), metadata={"unit": "see column unit"}),
        pa.field("unit", pa.dictionary(pa.int32(), pa.string())),
        pa.field("quality", pa.uint8(), metadata={"flags": "OceanSITES"}),
    ]
)


class SensorProduct(StoredProduct):
    """One product of sensors of one archive."""

    kind, command, pointer = "sensors", "sensors", "product"

    @functools.cached_property
    def described(self) -> dict[str, SensorInfo]:
        """Sensors that the product was told of."""
        return {name: SensorInfo.from_dict(name, about) for name, about in self.document["sensors"].items()}

    def info(self, sensor: str) -> SensorInfo | None:
        """What is known of a sensor, ``None`` if nothing is."""
        return known_sensor(sensor, self.described)

    def month_file(self, month: int) -> str:
        """Readings of a month."""
        return f"{self.root}/months/{month}.parquet"

    def receipt_file(self, month: int) -> str:
        """Receipt of a month."""
        return f"{self.root}/months/{month}.json"

    @functools.cached_property
    def index(self) -> dict[str, dict[str, Any]]:
        """What there is of each sensor, by name: ``n``, ``duplicates``, ``strange`` (in a unit that nothing is known of), ``first_ns``, ``last_ns``, ``months``, ``code``, ``unit``, ``depth``."""
        found: dict[str, dict[str, Any]] = json.loads(self.store.read(f"{self.root}/sensors.json"))
        return found

    def read(self, sensor: str, start_ns: int, stop_ns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Times [ns since 1970], values and flags of a sensor in a half-open interval.

        Raises
        ------
        UnknownNameError
            No such sensor.
        """
        if sensor not in self.index:
            raise UnknownNameError.of("sensor", sensor, self.index, where=self.store.url)
        first, last = (int(pd.Timestamp(t, unit="ns").strftime("%Y%m")) for t in (start_ns, stop_ns - 1))
        pieces = [self._month(sensor, m) for m in self.index[sensor]["months"] if first <= m <= last]
        if not pieces:
            return np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.uint8)
        times, values, flags = (np.concatenate(column) for column in zip(*pieces, strict=True))
        inside = slice(*np.searchsorted(times, [start_ns, stop_ns]).tolist())
        return times[inside], values[inside], flags[inside]

    def _month(self, sensor: str, month: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        data = pa.BufferReader(self.store.read(self.month_file(month)))
        file = pq.ParquetFile(data)
        # A row group belongs to one sensor.
        groups = [i for i in range(file.num_row_groups) if file.metadata.row_group(i).column(0).statistics.min == sensor]
        table = file.read_row_groups(groups, columns=["time", "value", "unit", "quality"])
        if self.index[sensor]["code"]:
            # Readings in another unit could not be converted.
            table = table.filter(pc.equal(table["unit"].cast(pa.string()), self.index[sensor]["unit"]))
        return table["time"].cast(pa.int64()).to_numpy(), table["value"].to_numpy(), table["quality"].to_numpy()

    def write_document(self) -> None:
        """Write product.json; called by the coordinator alone, before tasks.

        Raises
        ------
        DestinationError
        """
        self.write_json(f"{self.root}/product.json", self.document, sort_keys=True)

    def close(self, receipts: dict[int, dict[str, Any]]) -> None:
        """Write what opening the product needs to know of its sensors, and point to it."""
        index: dict[str, dict[str, Any]] = {}
        for month, receipt in sorted(receipts.items()):
            for name, about in receipt["sensors"].items():
                known = index.setdefault(
                    name, {"n": 0, "duplicates": 0, "strange": 0, "first_ns": about["first_ns"], "months": [], **self._said(name, about)}
                )
                for count in ("n", "duplicates", "strange"):
                    known[count] += about[count]
                known["last_ns"] = about["last_ns"]
                known["months"].append(month)
        self.write_json(f"{self.root}/sensors.json", dict(sorted(index.items())))
        self.make_current()

    def _said(self, name: str, about: dict[str, Any]) -> dict[str, Any]:
        info = self.info(name)
        if info is None:
            return {"code": "", "long_name": "of unknown kind", "unit": about["unit"], "depth": None}
        return {"code": info.term.code, "long_name": info.term.long_name, "unit": info.term.units, "depth": info.depth}


def month_table(frame: pd.DataFrame) -> bytes:
    """A month as Parquet, a row group for each sensor; the same rows give the same bytes."""
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, SCHEMA, compression="zstd", use_dictionary=["sensor", "unit"]) as writer:
        for name, own in frame.groupby("sensor", sort=True):
            n = len(own)
            columns = [
                pa.array([name], pa.string()).take(pa.array(np.zeros(n, np.int32))).dictionary_encode(),
                pa.array(own["utc_ns"].to_numpy(np.int64)).cast(pa.timestamp("ns", "UTC")),
                pa.array(own["value"].to_numpy(float), mask=np.isnan(own["value"].to_numpy(float))),
                pc.dictionary_encode(pa.array(own["unit"].astype(str), pa.string())),
                pa.array(own["quality"].to_numpy(np.uint8)),
            ]
            writer.write_table(pa.table(columns, schema=SCHEMA), row_group_size=n)
    return bytes(sink.getvalue())
