"""One part: read its ranges, keep what is intact, write, check, publish, sign.

The entry of every worker: a plan's URL and a part number in, a brief receipt out. It runs the same from a Dask task, a process pool, a job array or a shell.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import resource
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from antdask.archive import layout as lay
from antdask.archive import toolchain
from antdask.archive.ledger import Brief, Quarantined, Receipt, is_done, make_receipt, read_receipt
from antdask.archive.place import file_checksum
from antdask.archive.plans import open_plan
from antdask.archive.store import Store, destination_errors
from antdask.archive.writer import PartWriter, Written
from antdask.convert.archived import stored_batches
from antdask.convert.material import Material
from antdask.convert.ordering import ranks, reorder
from antdask.convert.value_digest import ValueDigest
from antdask.errors import (
    AntdaskError,
    CorruptFileError,
    DamagedPartError,
    DestinationError,
    InputChangedError,
    UnknownFormatError,
    UnknownLayoutError,
    UnknownNameError,
)
from antdask.model.ragged import Batch, concatenate, sorting, take
from antdask.plan import Assignment, FileEntry, Part, Range
from antdask.protocols import OrderedSource
from antdask.settings import job_id
from antdask.sources import SOURCES


def work(index: int, plan_url: str, attempt: int = 1) -> Brief:
    """Do one part, unless it is done already.

    Parameters
    ----------
    index : int
        Number of the part in the plan.
    plan_url : str
    attempt : int
        For the receipt.

    Raises
    ------
    PlanError
        No such plan or part.
    InputChangedError, InputMissingError
        An input is not the one that was planned.
    DamagedPartError
        A part that it is made from is not there any more, or damaged.
    DestinationError
        The archive cannot be written.
    """
    task = open_plan(plan_url).assignment(index)
    part, store = task.part, Store(task.archive)
    receipt = read_receipt(store, part.key)
    if receipt is not None and is_done(store, part, receipt):
        return receipt.brief()
    with store.draft(lay.part_file(part.key.path)) as draft:
        try:
            return _make(store, task, draft, _Clock(attempt))
        except (OSError, DestinationError) as error:
            if not isinstance(error, FileNotFoundError) and getattr(error, "errno", None) != errno.ENOENT:
                raise
            return _overtaken(store, part, draft, error).brief()


def _make(store: Store, task: Assignment, draft: Path, clock: _Clock) -> Brief:
    """Write, check, publish, sign."""
    part, material = task.part, Material(task)
    material.check()
    material.stage()
    try:
        written, lost = _write(material, draft, store.scratch)
    except (UnknownNameError, UnknownLayoutError, UnknownFormatError) as error:
        # A step may ask for what is not there; a source was told by the plan that it is.
        if material.step is not None:
            raise
        raise InputChangedError(
            "An input does not hold what was planned", where=str(part.key), found=str(error), hint="Was it replaced? Plan again."
        ) from error
    # Again: a file that changed while it was read gave a mixture.
    material.check()
    material.confirm(lost)
    _refuse_worse(store, part, material.behind.quarantined + lost)
    if written.rows and (other := _publish(store, draft, part, written)) is not None:
        return other.brief()
    did = {**clock.stop(), "environment": toolchain.keep(store)}
    receipt = make_receipt(task, written if written.rows else None, lost, did, material.behind)
    _sign(store, receipt)
    return receipt.brief()


def _overtaken(store: Store, part: Part, draft: Path, error: Exception) -> Receipt:
    """The receipt of somebody who was quicker, and who has cleared our unfinished file away since; any other error is raised again.

    Raises
    ------
    DamagedPartError
        The file was cleared away, and nobody was quicker.
    """
    receipt = read_receipt(store, part.key)
    if receipt is not None and is_done(store, part, receipt):
        return receipt
    if draft.exists():
        raise error
    hint = "Run the same command again; if it comes back: do two machines of the same name write here?"
    raise DamagedPartError("An unfinished part was cleared away while it was written", where=str(part.key), hint=hint) from error


def _write(material: Material, draft: Path, url: str) -> tuple[Written, list[Quarantined]]:
    """Write the draft: as a stream where the source is in order, else gathered and sorted."""
    task, key = material.task, material.task.part.key
    attributes = {
        "detector": key.run.detector,
        "run": key.run.run,
        "lineage": {"id": key.lineage, **task.lineage},
        "inputs": material.behind.inputs,
        "ranges": material.behind.ranges,
    }
    for way in _ways(task.part):
        lost: list[Quarantined] = []
        values = ValueDigest()
        with PartWriter(key.stream, task.origin, attributes) as writer:
            batches = way(material, lost)
            if not _append_ordered(writer, _digested(batches, values) if material.joins else batches):
                continue
            _check_conservation(material, writer.rows, lost)
            with destination_errors(url):
                written = writer.finish(draft)
            if material.joins:
                _check_values(draft, values, key.stream, task.origin)
            return written, lost
    raise AntdaskError("Rows are out of order after sorting: a bug", where=str(key))


def _digested(batches: Iterator[Batch], values: ValueDigest) -> Iterator[Batch]:
    for batch in batches:
        values.update(batch)
        yield batch
        del batch


def _check_values(draft: Path, values: ValueDigest, stream: str, origin: str) -> None:
    """Read a merged part back before others leave for it: every value must be the one that was read from its sources."""
    again = ValueDigest(stored_batches(str(draft), stream, origin))
    if again.digest() != values.digest():
        raise DamagedPartError(
            "A merged part does not read back as its sources",
            where=stream,
            hint="Run the same command again; if it comes back, check the memory.",
        )


def _check_conservation(material: Material, rows: int, lost: list[Quarantined]) -> None:
    """Every row that came in goes out, unless a step decides about it."""
    gone = sum(q.stop - q.start for q in lost)
    if material.step is None and rows + gone != material.task.part.entries:
        raise AntdaskError(
            "Entries in and out differ: a bug",
            where=str(material.task.part.key),
            found=f"{rows} rows and {gone} quarantined",
            expected=f"{material.task.part.entries} entries",
        )


def _ways(part: Part) -> list[Callable[[Material, list[Quarantined]], Iterator[Batch]]]:
    """How to bring the rows into order, the cheapest first; the last always does."""
    if all(r.ordered for r in part.ranges):
        return [Material.batches, _gathered]
    return [_reordered if len(part.ranges) == 1 else _gathered]


def _reordered(material: Material, lost: list[Quarantined]) -> Iterator[Batch]:
    """Rows in order, by keys that the source tells before the data; gathered where it cannot."""
    (wanted,) = material.task.part.ranges
    keys = source_keys(material.inputs[0], wanted)
    batches = material.batches(lost)
    return gathered(batches) if keys is None else reorder(batches, ranks(keys), wanted.start)


def source_keys(entry: FileEntry, wanted: Range) -> list[np.ndarray] | None:
    """Columns by which the rows are ordered, for a range of entries; ``None`` where the source cannot tell them, or not all."""
    source = SOURCES.get(entry.format)
    try:
        return source.keys(entry, wanted.tree, wanted.start, wanted.stop) if isinstance(source, OrderedSource) else None
    except CorruptFileError:
        return None


def _gathered(material: Material, lost: list[Quarantined]) -> Iterator[Batch]:
    return gathered(material.batches(lost))


def _append_ordered(writer: PartWriter, batches: Iterator[Batch]) -> bool:
    """Append batches while they are in order; ``False`` at the first that is not."""
    last: tuple[Any, ...] | None = None
    for batch in batches:
        if not batch.rows:
            continue
        columns = batch.tables[batch.schema.rows.name]
        first = tuple(columns[k][0] for k in batch.schema.order)
        if (last is not None and first < last) or sorting(batch) is not None:
            return False
        last = tuple(columns[k][-1] for k in batch.schema.order)
        writer.append(batch)
        # What made it may need its memory for the next one.
        del batch, columns
    return True


def gathered(batches: Iterator[Batch]) -> Iterator[Batch]:
    """All batches as one, in the declared order; memory is that of the part."""
    pieces = list(batches)
    if pieces:
        whole = concatenate(pieces)
        order = sorting(whole)
        yield whole if order is None else take(whole, order)


def _refuse_worse(store: Store, part: Part, lost: list[Quarantined]) -> None:
    """What was read anew replaces what is there: it must not have lost more.

    Raises
    ------
    CorruptFileError
    """
    if not part.key.generation:
        return
    before = read_receipt(store, dataclasses.replace(part.key, generation=part.key.generation - 1))
    gone = sum(q.stop - q.start for q in lost)
    if before is not None and gone > before.lost:
        raise CorruptFileError(
            "Read again, more entries are lost than before: what is archived stays",
            where=str(part.key),
            found=f"{gone} lost",
            expected=f"at most {before.lost}",
            hint="Mend the input, or withdraw the plan that reads it again by deleting its file.",
        )


def _publish(store: Store, draft: Path, part: Part, written: Written) -> Receipt | None:
    """Check the draft as it reads back and give it its name; where another was first with the same bytes, keep that one.

    Gives the receipt of another worker that was first with other bytes (of another version of a compressor) and has signed them already.
    """
    if file_checksum(draft) != written.crc32c:
        raise DestinationError(
            "What was written does not read back",
            where=store.url,
            hint="Check the disk, then run the same command again.",
        )
    path = lay.part_file(part.key.path)
    for _ in range(2):
        if store.publish(draft, path) or store.holds(path, written.nbytes, written.crc32c):
            return None
        other = read_receipt(store, part.key)
        if other is not None and store.holds(path, other.nbytes, other.crc32c):
            return other
        # No receipt stands for it and its bytes are not those of this content and lineage: nothing reads it.
        store.remove(path)
    raise DestinationError("Two workers write the same part at the same time", where=path, hint="Run the same command again.")


def _sign(store: Store, receipt: Receipt) -> None:
    """Write the receipt; where the storage cannot make one of two writers wait, look again whether it still speaks of the file that is there.

    Two workers write the same part only by accident, and then nearly always the same bytes. If not: whoever signs last looks after both files were written, so
    that receipt and file agree in the end, or there is no receipt and the part is done again.
    """
    path = lay.receipt_file(receipt.part)
    store.write_small(path, receipt.to_json())
    if receipt.nbytes and not store.exclusive and not store.holds(lay.part_file(receipt.part), receipt.nbytes, receipt.crc32c):
        store.remove(path)
        raise DamagedPartError(
            "Another worker replaced the part while it was signed", where=receipt.part, hint="Run the same command again."
        )


class _Clock:
    """What a part cost, for the receipt."""

    def __init__(self, attempt: int) -> None:
        self.attempt, self.started_ns = attempt, time.time_ns()
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self) -> dict[str, Any]:
        """Host, job, attempt, times [s] and peak memory of the process [byte]."""
        return {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "slurm_job": job_id(),
            "attempt": self.attempt,
            "started_ns": self.started_ns,
            "seconds": time.perf_counter() - self._wall,
            "cpu_seconds": time.process_time() - self._cpu,
            "peak_memory": peak_memory(),
        }


def peak_memory() -> int:
    """Largest resident memory of this process so far [byte].

    From ``/proc`` where there is one: the peak of ``getrusage`` is inherited from the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
