"""What a part is made of: the batches of its inputs, through a step where its lineage names one, and the legacy files behind them."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from antdask import settings
from antdask.archive.ledger import Provenance, Quarantined, Receipt
from antdask.convert.archived import ArchivedParts
from antdask.convert.lineage import writes_alike
from antdask.convert.staging import stage
from antdask.convert.step import Step
from antdask.errors import AntdaskError, CorruptFileError, InputUnreadableError, PlanError
from antdask.model.ragged import Batch
from antdask.plan import Assignment, FileEntry, Range
from antdask.sources import SOURCES
from antdask.sources.files import check_unchanged


class Material:
    """The inputs of one part.

    Parameters
    ----------
    task : Assignment

    Attributes
    ----------
    behind : Provenance
        Legacy files and entries that the part goes back to.
    joins : bool
        Whether the inputs are parts of the same lineage, for which this one will stand.

    Raises
    ------
    PlanError
        The step, or the writer of parts, is not the one that was planned.
    DamagedPartError
        A part that it is made from is not there any more.
    """

    def __init__(self, task: Assignment) -> None:
        if not writes_alike(task.lineage):
            raise PlanError(
                "The part was planned for another version of the writer, which gives other bytes",
                where=str(task.part.key),
                hint="Plan again: it makes a lineage of its own, and what is archived stays readable.",
            )
        self.task, self._archive = task, SOURCES.get(task.inputs[0].format)
        # Parts of the lineage itself are only joined: they have been through its step already.
        self.joins = isinstance(self._archive, ArchivedParts) and task.inputs[0].layout == task.part.key.lineage
        self.step = None if self.joins else Step.of(task.lineage)
        if isinstance(self._archive, ArchivedParts):
            self.behind, self._numbers = trace([self._archive.receipt(entry) for entry in task.inputs], superseding=self.joins)
        else:
            self.behind, self._numbers = Provenance.of(task), []
        self._rows = 0
        #: Where the inputs are read: where they lie, or copies on local scratch.
        self.inputs: Sequence[FileEntry] = task.inputs

    def stage(self) -> None:
        """Copy the inputs to local scratch if this process was told so (`antdask.settings.Settings.stage_in`).

        Raises
        ------
        InputChangedError, InputMissingError, InputUnreadableError
        """
        if settings.load().stage_in and not isinstance(self._archive, ArchivedParts):
            self.inputs = stage().fetch(self.task.inputs)

    def check(self) -> None:
        """Make sure that all inputs are those that were planned.

        Raises
        ------
        InputChangedError, InputMissingError, InputUnreadableError
        DamagedPartError
        """
        for entry in self.task.inputs:
            if isinstance(self._archive, ArchivedParts):
                self._archive.check(entry)
            else:
                check_unchanged(entry)

    def confirm(self, lost: list[Quarantined]) -> None:
        """Read what was found corrupt once more: a disk, a cable or another writer may have been to blame for a moment, and then nothing is lost.

        Raises
        ------
        InputUnreadableError
            It reads otherwise now: to be tried again, as a fault of the storage.
        """
        places = {entry.fingerprint: number for number, entry in enumerate(self.task.inputs)}
        for gap in lost:
            if not is_still_lost(self.task.inputs[places[gap.fingerprint]], gap):
                raise InputUnreadableError(
                    "What was corrupt reads otherwise a moment later",
                    where=f"{gap.name}:{gap.tree}, entries {gap.start} to {gap.stop}",
                    found=gap.reason,
                    hint="Nobody should write to an input; else look at the disk, the network and the memory of this host.",
                ) from OSError(errno.EIO, "The input does not read the same twice")

    def batches(self, lost: list[Quarantined]) -> Iterator[Batch]:
        """Batches of all ranges in source order; what is corrupt is added to `lost`.

        Raises
        ------
        AntdaskError
            Entries in and out differ, or the step breaks its promise: a bug.
        """
        rows = self._rows = 0
        for wanted in self.task.part.ranges:
            if self.step is not None and self.step.where and isinstance(self._archive, ArchivedParts):
                given = self._archive.read_where(self.task.inputs[wanted.input], wanted.tree, wanted.start, wanted.stop, self.step.where)
                rows += wanted.stop - wanted.start
            else:
                given = self._counted(intact_batches(self.inputs[wanted.input], wanted, lost))
            for batch in given:
                self._number(batch, wanted.input)
                yield batch if self.step is None else self.step.apply(batch)
                # Here and below: whoever holds a batch while the next one is made needs room for two.
                del batch
        rows += self._rows
        gone = sum(q.stop - q.start for q in lost)
        if rows + gone != self.task.part.entries:
            raise AntdaskError(
                "Entries in and out differ: a bug of the source",
                where=str(self.task.part.key),
                found=f"{rows} rows and {gone} quarantined",
                expected=f"{self.task.part.entries} entries",
            )

    def _counted(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in batches:
            self._rows += batch.rows
            yield batch
            del batch

    def _number(self, batch: Batch, number: int) -> None:
        """Let ``source_input`` count the inputs of this part."""
        columns = batch.tables[batch.schema.rows.name]
        if self._numbers:
            columns["source_input"] = self._numbers[number][columns["source_input"]]
        else:
            columns["source_input"] = np.full(batch.rows, number, np.uint16)


def trace(receipts: list[Receipt], superseding: bool) -> tuple[Provenance, list[np.ndarray]]:
    """What stands behind a part that is made from other parts, and the new number of each of their inputs.

    Parameters
    ----------
    superseding : bool
        Whether the new part stands for the others.
    """
    inputs: dict[str, dict[str, Any]] = {}
    for receipt in receipts:
        for identity in receipt.inputs:
            inputs.setdefault(identity["fingerprint"], identity)
    places = {fingerprint: number for number, fingerprint in enumerate(inputs)}
    numbers = [np.array([places[i["fingerprint"]] for i in r.inputs], np.uint16) for r in receipts]
    ranges = [{**own, "input": int(numbers[k][own["input"]])} for k, receipt in enumerate(receipts) for own in receipt.ranges]
    retired = list(itertools.chain(*([r.brief(), *r.supersedes] for r in receipts))) if superseding else []
    quarantined = [q for r in receipts for q in r.quarantined]
    behind = Provenance(
        list(inputs.values()), joined(ranges), quarantined, sum(r.dropped for r in receipts), [r.part for r in receipts], retired
    )
    return behind, numbers


def joined(ranges: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ranges with neighbours drawn together.

    Examples
    --------
    >>> joined([{"input": 0, "tree": "T", "start": 0, "stop": 4}, {"input": 0, "tree": "T", "start": 4, "stop": 9}])
    [{'input': 0, 'tree': 'T', 'start': 0, 'stop': 9}]
    """
    found: list[dict[str, Any]] = []
    for one in ranges:
        last = found[-1] if found else None
        if last is not None and (last["input"], last["tree"], last["stop"]) == (one["input"], one["tree"], one["start"]):
            last["stop"] = one["stop"]
        else:
            found.append(dict(one))
    return found


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
                del batch
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


def is_still_lost(entry: FileEntry, gap: Quarantined) -> bool:
    """Whether just these entries cannot be read, for the same cause, when they are read once more."""
    again: list[Quarantined] = []
    for _ in intact_batches(entry, Range(0, gap.tree, gap.start, gap.stop, 0), again):
        pass
    return [(g.start, g.stop, g.code) for g in again] == [(gap.start, gap.stop, gap.code)]


def _lost_range(error: CorruptFileError, start: int, stop: int) -> tuple[int, int]:
    """The lost entries inside ``start:stop``; all of them where the error does not say, so that each failure takes some."""
    first = max(start, error.start if error.start is not None else start)
    last = min(stop, error.stop if error.stop is not None else stop)
    return (first, last) if first < last else (start, stop)
