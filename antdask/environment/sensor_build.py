"""The campaign that makes the product of sensors from the stream ``slow_control``: a task for each month, on any cluster; run again, it does what is new."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import google_crc32c
import numpy as np
import pandas as pd
import pyarrow.compute as pc

from antdask.archive import catalog as catalogue
from antdask.archive.store import Store
from antdask.cluster import demand_reach
from antdask.cluster.failures import Failure
from antdask.cluster.progress import by_itself
from antdask.cluster.run import Event, run
from antdask.environment.quality import MISSING, UNKNOWN, merged, qualify
from antdask.environment.readings import texts
from antdask.environment.sensor_info import SensorInfo
from antdask.environment.sensors import VERSION, SensorProduct, month_table
from antdask.environment.series import in_unit
from antdask.environment.vocabulary import convertible
from antdask.errors import UsageError
from antdask.plan import digest
from antdask.protocols import Cluster
from antdask.query.archive import open_archive

#: Readings of the neighbouring months that tests of a month may look at: a spike needs one, a flat line a stretch [ns].
MARGIN_NS = 86_400 * 10**9
_SLICE_NS = 2 * 86_400 * 10**9
_COLUMNS = ["utc_ns", "sensor", "value", "value_unit", "quality"]


@dataclasses.dataclass
class SensorSummary:
    """What a campaign did.

    Parameters
    ----------
    product : str
    sensors, unknown : int
        All there are; those of which nothing tells what they measure: they are kept without tests, in the unit of the source.
    months, months_built : int
    readings, duplicates : int
        Of the months that were built.
    bad : int
        Readings of these that are flagged 3 or 4.
    failures : list of dict
    """

    archive: str
    product: str
    sensors: int = 0
    unknown: int = 0
    months: int = 0
    months_built: int = 0
    readings: int = 0
    duplicates: int = 0
    bad: int = 0
    seconds: float = 0.0
    failures: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 done, 4 some months failed."""
        return 4 if self.failures else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {**dataclasses.asdict(self), "exit_code": self.exit_code}


def build_sensors(
    archive: str, cluster: Cluster, described: Mapping[str, SensorInfo] | None = None, progress: Callable[[Event], None] | None = None
) -> SensorSummary:
    """Make or renew the product of sensors of an archive: units of the vocabulary, flags of OceanSITES, what is known of each sensor.

    Parameters
    ----------
    archive : str
        Path or URL.
    cluster : Cluster
        Where months are worked on; not closed.
    described : mapping, optional
        From `sensor_info.read_descriptions`; what an earlier product was told if not given. Another description is another product.
    progress : callable, optional
        Called with each event of `cluster.run`.

    Raises
    ------
    UsageError
        The archive has no readings.
    NotAnArchiveError, SchemaVersionError, DestinationError
    """
    began, store = time.perf_counter(), Store(archive)
    demand_reach(cluster, store)
    before = SensorProduct.open(store)
    if described is None:
        told = before.document["sensors"] if before is not None else {}
    else:
        told = {name: info.to_dict() for name, info in described.items()}
    product = SensorProduct(store, {"version": VERSION, "sensors": told})
    inputs = _months(store)
    done = product.receipts("months", "month")
    todo = [(m, text) for m, text in inputs.items() if done.get(m, {}).get("inputs") != text]
    summary = SensorSummary(store.url, product.id)
    product.write_document()
    with by_itself(progress, "months") as shown:
        run(
            cluster, build_month, todo, args=(store.url, product.id), total=len(todo), progress=shown,
            on_result=lambda _, made: _add(summary, made), on_failure=lambda task, failure: _note(summary, task, failure),
        )  # fmt: skip
    for gone in set(done) - set(inputs):
        store.remove(product.receipt_file(gone))
        store.remove(product.month_file(gone))
    done = product.receipts("months", "month")
    product.close(done)
    known = {name for receipt in done.values() for name in receipt["sensors"]}
    summary.sensors, summary.unknown = len(known), sum(product.info(name) is None for name in known)
    summary.months, summary.seconds = len(done), time.perf_counter() - began
    return summary


def _months(store: Store) -> dict[int, str]:
    """Months with readings, each with a digest of the parts that its readings and those of its neighbours are in."""
    table = catalogue.load(store).parts
    table = table.filter(pc.and_(pc.equal(table["stream"], "slow_control"), pc.greater(table["rows"], 0)))
    if not table.num_rows:
        raise UsageError("The archive has no readings of sensors", where=store.url, hint="Archive a table of them first: antdask convert TABLE ARCHIVE.")  # fmt: skip
    found: dict[int, list[Any]] = {}
    for part in sorted(table.select(["part", "crc32c", "utc_min", "utc_max"]).to_pylist(), key=lambda p: p["part"]):
        # A part belongs to the months it touches, and to those whose tests look at it.
        for month in _touched(part["utc_min"] - MARGIN_NS, part["utc_max"] + MARGIN_NS):
            found.setdefault(month, []).append([part["part"], part["crc32c"], part["utc_min"], part["utc_max"]])
    own = {m: parts for m, parts in found.items() if any(p[2] < _start(m, 1) and p[3] >= _start(m) for p in parts)}
    return {month: digest(parts)[:16] for month, parts in sorted(own.items())}


def _touched(start_ns: int, stop_ns: int) -> list[int]:
    first, last = (int(np.datetime64(t, "ns").astype("datetime64[M]").astype(int)) for t in (start_ns, stop_ns))
    return [(m // 12 + 1970) * 100 + m % 12 + 1 for m in range(first, last + 1)]


def _start(month: int, later: int = 0) -> int:
    """Start of a month, or of one that is so many later [ns since 1970]."""
    number = (month // 100 - 1970) * 12 + month % 100 - 1 + later
    return int(np.datetime64(number, "M").astype("datetime64[ns]").astype(np.int64))


def _add(summary: SensorSummary, made: dict[str, Any]) -> None:
    summary.months_built += 1
    for name in ("readings", "duplicates", "bad"):
        setattr(summary, name, getattr(summary, name) + made[name])


def _note(summary: SensorSummary, task: tuple[int, str], failure: Failure) -> None:
    summary.failures.append({"task": str(task[0]), **failure.to_dict()})


def build_month(task: tuple[int, str], url: str, product_id: str) -> dict[str, Any]:
    """Make the file of a month, replacing the one that is there, and sign a receipt.

    Parameters
    ----------
    task : (int, str)
        Month, e.g. 201003, and the digest of the parts that go in.
    url, product_id : str
        Of archive and product.

    Raises
    ------
    ArchiveError
        There is no such product.
    DestinationError
    """
    (month, inputs), store = task, Store(url)
    product = SensorProduct.existing(store, product_id)
    store.remove(product.receipt_file(month))
    start, stop = _start(month), _start(month, 1)
    frame = _readings(url, start - MARGIN_NS, stop + MARGIN_NS)
    kept, sensors = [], {}
    for name, own in frame.groupby("sensor", sort=True, observed=True):
        once = own.sort_values("utc_ns", kind="stable").drop_duplicates("utc_ns")
        info = product.info(str(name))
        tested = _tested(once, info)
        inside = tested[(tested["utc_ns"] >= start) & (tested["utc_ns"] < stop)]
        if len(inside):
            n = int(((own["utc_ns"] >= start) & (own["utc_ns"] < stop)).sum())
            times = inside["utc_ns"].to_numpy()
            unit = str(once["unit"].mode()[0])
            strange = int((inside["unit"] != info.term.units).sum()) if info is not None else 0
            sensors[str(name)] = {"n": len(inside), "strange": strange, "duplicates": n - len(inside), "first_ns": int(times[0]), "last_ns": int(times[-1]), "unit": unit}  # fmt: skip
            kept.append(inside.assign(sensor=str(name)))
    whole = pd.concat(kept, ignore_index=True) if kept else frame[:0]
    data = month_table(whole)
    store.write_small(product.month_file(month), data)
    receipt = {"month": month, "inputs": inputs, "sensors": sensors, "bytes": len(data), "crc32c": int(google_crc32c.value(data))}
    product.write_json(product.receipt_file(month), receipt)
    bad = int(np.isin(whole["quality"], (3, 4)).sum())
    return {"readings": len(whole), "duplicates": sum(s["duplicates"] for s in sensors.values()), "bad": bad}


def _readings(url: str, start: int, stop: int) -> pd.DataFrame:
    """Readings of an interval, names and units as categories; some days are read at a time, since a row has 100 bytes of text."""
    stream, pieces = open_archive(url).stream("slow_control"), []
    for low in range(start, stop, _SLICE_NS):
        rows = stream.select(time=(low, min(low + _SLICE_NS, stop))).to_xarray(_COLUMNS)
        words = {name: texts(rows[column].values) for name, column in (("sensor", "sensor"), ("unit", "value_unit"))}
        numbers = {"utc_ns": rows["utc_ns"].values.astype(np.int64), "value": rows["value"].values, "quality": rows["quality"].values}
        pieces.append(pd.DataFrame({**numbers, **words}))
    whole = pd.concat(pieces, ignore_index=True)
    return whole.astype({"sensor": "category", "unit": "category"})


def _tested(own: pd.DataFrame, info: SensorInfo | None) -> pd.DataFrame:
    """Readings of one sensor in the unit of its term, with flags; those in a unit that nothing is known of stay as they are, without tests."""
    values, given, units = own["value"].to_numpy(float).copy(), own["quality"].to_numpy(np.uint8), own["unit"].astype(str).to_numpy(object)
    flags = np.where(np.isnan(values), MISSING, UNKNOWN).astype(np.uint8)
    if info is not None:
        known = np.isin(units, [u for u in dict.fromkeys(units) if convertible(info.term, u)])
        values[known] = in_unit(values[known], units[known], info)
        flags[known] = qualify(own["utc_ns"].to_numpy(np.int64)[known], values[known], info.tests)
        units[known] = info.term.units
    return own.assign(value=values, quality=merged(flags, given), unit=units)
