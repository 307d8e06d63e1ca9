"""One part: read its ranges, keep what is intact, write, check, publish, sign.

The entry of every worker: a plan's URL and a part number in, a brief receipt out. It runs the same from a Dask task, a process pool, a job array or a shell.
"""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from antdask.archive import layout as lay
from antdask.archive.ledger import Brief, Quarantined, Receipt, is_done, make_receipt, read_receipt
from antdask.archive.place import file_checksum
from antdask.archive.plans import open_plan
from antdask.archive.store import Store, destination_errors
from antdask.archive.writer import PartWriter, Written
from antdask.convert.ordering import ranks, reorder
from antdask.errors import AntdaskError, CorruptFileError, DamagedPartError, DestinationError
from antdask.model.ragged import Batch, concatenate, sorting, take
from antdask.plan import Assignment, FileEntry, Part, Range
from antdask.protocols import OrderedSource
from antdask.settings import job_id
from antdask.sources import SOURCES
from antdask.sources.files import check_unchanged


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
    DestinationError
        The archive cannot be written.
    """
    task = open_plan(plan_url).assignment(index)
    part, store = task.part, Store(task.archive)
    receipt = read_receipt(store, part.key)
    if receipt is not None and is_done(store, part, receipt):
        return receipt.brief()
    clock = _Clock(attempt)
    for entry in task.inputs:
        check_unchanged(entry)
    with store.draft(lay.part_file(part.key.path)) as draft:
        written, lost = _write(task, draft, store.scratch)
        # Again: a file that changed while it was read gave a mixture.
        for entry in task.inputs:
            check_unchanged(entry)
        _check_conservation(part, written, lost)
        if written.rows and (other := _publish(store, draft, part, written)) is not None:
            return other.brief()
        receipt = make_receipt(task, written if written.rows else None, lost, clock.stop())
    _sign(store, receipt)
    return receipt.brief()


def _write(task: Assignment, draft: Path, url: str) -> tuple[Written, list[Quarantined]]:
    """Write the draft: as a stream where the source is in order, else gathered and sorted."""
    part = task.part
    attributes = {
        "detector": part.key.run.detector,
        "run": part.key.run.run,
        "lineage": {"id": part.key.lineage, **task.lineage},
        "inputs": [f.identity for f in task.inputs],
        "ranges": [{"input": r.input, "tree": r.tree, "start": r.start, "stop": r.stop} for r in part.ranges],
    }
    for way in _ways(part):
        lost: list[Quarantined] = []
        with PartWriter(part.key.stream, task.inputs[0].origin, attributes) as writer:
            if not _append_ordered(writer, way(task, lost)):
                continue
            with destination_errors(url):
                return writer.finish(draft), lost
    raise AntdaskError("Rows are out of order after sorting: a bug", where=str(part.key))


def _ways(part: Part) -> list[Callable[[Assignment, list[Quarantined]], Iterator[Batch]]]:
    """How to bring the rows into order, the cheapest first; the last always does."""
    if len(part.ranges) > 1:
        return [_gathered]
    return [part_batches, _gathered] if part.ranges[0].ordered else [_reordered]


def _reordered(task: Assignment, lost: list[Quarantined]) -> Iterator[Batch]:
    """Rows in order, by keys that the source tells before the data; gathered where it cannot."""
    (wanted,) = task.part.ranges
    keys = source_keys(task.inputs[0], wanted)
    batches = part_batches(task, lost)
    return gathered(batches) if keys is None else reorder(batches, ranks(keys), wanted.start)


def source_keys(entry: FileEntry, wanted: Range) -> list[np.ndarray] | None:
    """Columns by which the rows are ordered, for a range of entries; ``None`` where the source cannot tell them, or not all."""
    source = SOURCES.get(entry.format)
    try:
        return source.keys(entry, wanted.tree, wanted.start, wanted.stop) if isinstance(source, OrderedSource) else None
    except CorruptFileError:
        return None


def _gathered(task: Assignment, lost: list[Quarantined]) -> Iterator[Batch]:
    return gathered(part_batches(task, lost))


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
    return True


def gathered(batches: Iterator[Batch]) -> Iterator[Batch]:
    """All batches as one, in the declared order; memory is that of the part."""
    pieces = list(batches)
    if pieces:
        whole = concatenate(pieces)
        order = sorting(whole)
        yield whole if order is None else take(whole, order)


def part_batches(task: Assignment, lost: list[Quarantined]) -> Iterator[Batch]:
    """Batches of all ranges of a part in source order; what is corrupt is added to `lost`."""
    for r in task.part.ranges:
        for batch in intact_batches(task.inputs[r.input], r, lost):
            columns = batch.tables[batch.schema.rows.name]
            columns["source_input"] = np.full(batch.rows, r.input, np.uint16)
            yield batch


def intact_batches(entry: FileEntry, wanted: Range, lost: list[Quarantined]) -> Iterator[Batch]:
    """Batches of a range without its corrupt entries.

    Each corrupt stretch is taken out as narrowly as the source can name it::

        wanted  |------------xxxx------------|
        read    |------------>  fails, names xxxx
        then    |--rest before--|    |--after--|
    """
    source = SOURCES.get(entry.format)
    waiting = [(wanted.start, wanted.stop)]
    while waiting:
        position, stop = waiting.pop()
        try:
            for batch in source.read(entry, wanted.tree, position, stop):
                yield batch
                position += batch.rows
            if position != stop:
                raise AntdaskError(
                    f"The source '{entry.format}' gave {position} as last entry",
                    where=f"{entry.name}:{wanted.tree}",
                    found=position,
                    expected=stop,
                )
        except CorruptFileError as error:
            first, last = _lost_range(error, position, stop)
            lost.append(Quarantined(entry.fingerprint, entry.name, wanted.tree, first, last, error.code, str(error)))
            waiting += [(a, b) for a, b in ((last, stop), (position, first)) if a < b]


def _lost_range(error: CorruptFileError, start: int, stop: int) -> tuple[int, int]:
    """The lost entries inside ``start:stop``; all of them where the error does not say, so that each failure takes some."""
    first = max(start, error.start if error.start is not None else start)
    last = min(stop, error.stop if error.stop is not None else stop)
    return (first, last) if first < last else (start, stop)


def _check_conservation(part: Part, written: Written, lost: list[Quarantined]) -> None:
    kept = written.rows + sum(q.stop - q.start for q in lost)
    if kept != part.entries:
        raise AntdaskError(
            "Entries in and out differ: a bug of the source",
            where=str(part.key),
            found=f"{written.rows} rows and {kept - written.rows} quarantined",
            expected=f"{part.entries} entries",
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
            "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
