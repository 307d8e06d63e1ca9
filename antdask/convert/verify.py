"""Verification: is the archive whole (fast), undamaged (deep), and equal to its sources, value by value (source)?

The values are read back with plain ``zarr``, not with this project's own reader.
"""

from __future__ import annotations

import dataclasses
import functools
import time
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import zarr
import zarr.storage

from antdask.archive import catalog, marker, plans
from antdask.archive import layout as lay
from antdask.archive.ledger import Receipt
from antdask.archive.store import Store
from antdask.cluster.failures import Failure
from antdask.cluster.progress import by_itself
from antdask.cluster.run import Event, run
from antdask.convert.legacy import LegacyInputs
from antdask.convert.material import Material
from antdask.convert.survey import Survey
from antdask.errors import AntdaskError, UsageError
from antdask.model.ragged import Batch, concatenate, empty, sorting, take
from antdask.model.tables import schema
from antdask.protocols import Cluster

MODES = ("fast", "deep", "source")


@dataclasses.dataclass
class VerifyReport:
    """What a verification found.

    Parameters
    ----------
    parts, values : int
        Parts looked at; values compared (deep: decoded).
    problems : list of dict
        ``part, problem``; empty for a sound archive.
    """

    archive: str
    mode: str
    parts: int = 0
    rows: int = 0
    hits: int = 0
    values: int = 0
    quarantined: int = 0
    seconds: float = 0.0
    problems: list[dict[str, str]] = dataclasses.field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 sound, 5 not."""
        return 5 if self.problems else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {**dataclasses.asdict(self), "exit_code": self.exit_code}


@dataclasses.dataclass(frozen=True)
class PartReport:
    """What was found in one part."""

    values: int
    problems: list[str]


def verify(archive_url: str, mode: str, cluster: Cluster, progress: Callable[[Event], None] | None = None) -> VerifyReport:
    """Check every part that has a receipt, the catalogue, and the conservation of entries.

    Parameters
    ----------
    mode : ``"fast"``, ``"deep"`` or ``"source"``
        fast: receipts, sizes, catalogue, conservation. deep: also checksums, decoding of every value, offsets and statistics. source: also equality of every
        value with the source, read again.

    Raises
    ------
    UsageError
        Unknown mode.
    NotAnArchiveError, SchemaVersionError
    """
    if mode not in MODES:
        raise UsageError("Unknown mode of verification", found=repr(mode), expected=" or ".join(MODES))
    began, store = time.perf_counter(), Store(archive_url)
    marker.check(store)
    report = VerifyReport(store.url, mode)
    found = Survey.take(store)
    report.problems += [{"part": part, "problem": text} for part, text in found.problems]
    report.parts, report.rows, report.hits, report.quarantined = len(found.live), found.rows, found.hits, found.lost
    broken = {p["part"] for p in report.problems}

    def keep(part: str, found: PartReport) -> None:
        report.values += found.values
        report.problems += [{"part": part, "problem": text} for text in found.problems]

    def note(part: str, failure: Failure) -> None:
        report.problems.append({"part": part, "problem": failure.message})

    if mode != "fast":
        todo = [part for part, nbytes in found.live.items() if nbytes and part not in broken]
        with by_itself(progress, "parts verified") as shown:
            run(
                cluster,
                check_part,
                todo,
                args=(store.url, mode),
                attempts=1,
                on_result=keep,
                on_failure=note,
                progress=shown,
                total=len(todo),
            )
    report.seconds = time.perf_counter() - began
    return report


def check_part(part: str, archive_url: str, mode: str) -> PartReport:
    """Look into one part: checksum, structure, every value; in mode ``source`` against the source."""
    store = Store(archive_url)
    path = lay.receipt_file(part)
    receipt = Receipt.from_json(store.read(path), path)
    if store.checksum(lay.part_file(part)) != receipt.crc32c:
        return PartReport(0, ["the checksum of the part file differs from the receipt; convert again"])
    try:
        stored = read_plainly(store, receipt)
    except (zipfile.BadZipFile, KeyError, ValueError, RuntimeError, AntdaskError) as error:
        return PartReport(0, [f"cannot be read: {type(error).__name__}: {error}"])
    problems = [*stored.problems(), *_statistics_problems(stored, receipt)]
    if mode == "source" and not problems:
        problems += _differences(stored, source_batch(store, receipt))
    return PartReport(sum(c.size for t in stored.tables.values() for c in t.values()), problems)


def read_plainly(store: Store, receipt: Receipt) -> Batch:
    """A whole part through ``zipfile`` and ``zarr`` alone, absent shards being errors."""
    with store.open(lay.part_file(receipt.part)) as f, zipfile.ZipFile(f) as file:
        members: dict[str, Any] = {n: zarr.core.buffer.cpu.Buffer.from_bytes(file.read(n)) for n in file.namelist()}
    root: Any = zarr.open_group(zarr.storage.MemoryStore(members), mode="r")
    tables: dict[str, dict[str, np.ndarray]] = {}
    offsets: dict[str, np.ndarray] = {}
    with zarr.config.set({"array.read_missing_chunks": False}):
        for table in schema(receipt.stream).given_by(receipt.origin):
            arrays = dict(root[table.name].arrays())
            if lay.OFFSETS in arrays:
                offsets[table.name] = np.asarray(arrays.pop(lay.OFFSETS)[...])
            tables[table.name] = {name: np.asarray(a[...]) for name, a in arrays.items()}
    return Batch(receipt.stream, receipt.origin, tables, offsets)


def source_batch(store: Store, receipt: Receipt) -> Batch:
    """The same rows, read again from the source and sorted: from legacy files, or where a step was in between from the parts that it read.

    Raises
    ------
    InputChangedError, InputMissingError
    DamagedPartError
        A part that it was derived from is not there any more.
    """
    if receipt.supersedes:
        task = _legacy(store.url, catalog.current_name(store)).task(receipt)
    else:
        task = plans.open_plan(store.full_url(lay.plan_file(receipt.plan))).assignment(receipt.plan_part)
    material = Material(task)
    material.check()
    batches = list(material.batches([]))
    whole = concatenate(batches) if batches else empty(receipt.stream, receipt.origin)
    order = sorting(whole)
    return whole if order is None else take(whole, order)


@functools.lru_cache(maxsize=2)
def _legacy(url: str, snapshot: str) -> LegacyInputs:
    """Kept from part to part, as long as the snapshot is the same."""
    return LegacyInputs(Store(url))


def _differences(stored: Batch, source: Batch) -> list[str]:
    """What differs, bit for bit (NaN equals NaN of the same bits)."""
    found = []
    for table, columns in source.tables.items():
        for name, values in columns.items():
            found += _difference(f"{table}/{name}", stored.tables[table][name], values)
    for table, values in source.offsets.items():
        found += _difference(f"{table}/{lay.OFFSETS}", stored.offsets[table], values)
    return found


def _difference(name: str, stored: np.ndarray, source: np.ndarray) -> list[str]:
    if stored.dtype != source.dtype or stored.shape != source.shape:
        return [f"{name}: {stored.dtype}{stored.shape} in the archive, {source.dtype}{source.shape} in the source"]
    a, b = (np.ascontiguousarray(x).view(np.uint8).reshape(len(x), -1) for x in (stored, source)) if len(stored) else (stored, source)
    wrong = np.flatnonzero((a != b).any(axis=1)) if len(stored) else np.empty(0, np.int64)
    return (
        [f"{name}: {len(wrong)} rows differ from the source, the first is row {wrong[0]}: {stored[wrong[0]]} instead of {source[wrong[0]]}"]
        if len(wrong)
        else []
    )


def _statistics_problems(stored: Batch, receipt: Receipt) -> list[str]:
    """Bounds of blocks that the values do not keep: a query would drop rows."""
    found = []
    columns = stored.tables[stored.schema.rows.name]
    for block in receipt.blocks:
        rows = slice(block["row_start"], block["row_stop"])
        for field in stored.schema.rows.fields:
            low, high = block.get(f"{field.name}_min"), block.get(f"{field.name}_max")
            if low is None or high is None or field.name not in columns:
                continue
            values = columns[field.name][rows]
            if values.min() != low or values.max() != high:
                found.append(
                    f"block {block['block']}: {field.name} runs from {values.min()} to {values.max()}, the receipt says {low} to {high}"
                )
    if receipt.blocks and receipt.blocks[-1]["row_stop"] != stored.rows:
        found.append(f"blocks end at row {receipt.blocks[-1]['row_stop']} of {stored.rows}")
    return found
