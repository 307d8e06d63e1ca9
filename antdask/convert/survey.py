"""A survey of an archive without reading a part: do plans, receipts, files and catalogue agree, is every entry there, and none twice?"""

from __future__ import annotations

import array
import itertools
from collections.abc import Iterator

import numpy as np

from antdask.archive import layout as lay
from antdask.archive import ledger, plans
from antdask.archive.ledger import Receipt
from antdask.archive.snapshot import current
from antdask.archive.state import Account
from antdask.archive.store import Store

_CONVERT = "convert again"
_REBUILD = "run: antdask status ARCHIVE --rebuild"


class Survey:
    """What shows at once.

    Attributes
    ----------
    live : dict of str to int
        Paths of the parts that the catalogue should have, and the bytes of their files.
    rows, hits, lost : int
        Their sums.
    problems : list of (str, str)
        Part, and what is wrong with it.
    """

    def __init__(self) -> None:
        self.live: dict[str, int] = {}
        self.rows = self.hits = self.lost = 0
        self.problems: list[tuple[str, str]] = []
        self._ranges = _Ranges()

    @classmethod
    def take(cls, store: Store) -> Survey:
        """Read what the archive says about itself.

        Raises
        ------
        NotAnArchiveError, SchemaVersionError, ArchiveError
        """
        found = cls()
        found._look(store)
        return found

    def _look(self, store: Store) -> None:
        self._plans = {file.id: file for file in plans.saved(store)}
        self._sizes = store.sizes("parts")
        snapshot = current(store)
        listed = set(snapshot.parts["part"].to_pylist())
        left = dict(zip(*(snapshot.superseded[n].to_pylist() for n in ("part", "by")), strict=True))
        derived = {name for file in self._plans.values() for name, document in file.lineages.items() if "step" in document}
        there = set()
        for receipt in ledger.receipts(store):
            there.add(receipt.part)
            self.problems += [(receipt.part, text) for text in self._receipt_problems(receipt, receipt.lineage in derived)]
            if receipt.part not in left:
                self._count(receipt)
        self.problems += [(part, f"catalogue and receipts disagree; {_REBUILD}") for part in sorted(listed ^ (there - left.keys()))]
        gone = (part for part, by in left.items() if part not in there and "/" in by and by not in there and by not in left)
        self.problems += [(part, f"it was cleared away, and {left[part]}, which stands for it, is not there; {_CONVERT}") for part in gone]
        self.problems += self._ranges.doubled()
        self.problems += self._missing(Account.take(store))

    def _count(self, receipt: Receipt) -> None:
        self.live[receipt.part] = receipt.nbytes
        self.rows, self.hits, self.lost = self.rows + receipt.rows, self.hits + receipt.hits, self.lost + receipt.lost
        self._ranges.add(receipt)

    def _receipt_problems(self, receipt: Receipt, derived: bool) -> Iterator[str]:
        size = self._sizes.get(lay.part_file(receipt.part))
        if receipt.nbytes and size is None:
            yield f"the part file is missing; {_CONVERT}"
        elif receipt.nbytes and size != receipt.nbytes:
            yield f"the part file has {size} bytes, the receipt says {receipt.nbytes}; {_CONVERT}"
        if receipt.rows + receipt.lost + receipt.dropped != receipt.entries or (receipt.dropped and not derived):
            yield f"{receipt.rows} rows, {receipt.lost} quarantined and {receipt.dropped} dropped entries, but {receipt.entries} entries came in"
        if receipt.plan not in self._plans:
            yield f"its plan {receipt.plan} is not in the archive"

    def _missing(self, account: Account) -> Iterator[tuple[str, str]]:
        for file in self._plans.values():
            standing = account.standing(file)
            for index in sorted(standing.missing()):
                yield standing.path(index), f"part {index} of plan {file.id} is not done; run: antdask convert again"


class _Ranges:
    """Entries that parts hold, in columns."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str, str, str], int] = {}
        self._parts: list[str] = []
        self._code, self._start, self._stop, self._part = (array.array("q") for _ in range(4))

    def add(self, receipt: Receipt) -> None:
        """The ranges of a part."""
        self._parts.append(receipt.part)
        for r in receipt.ranges:
            key = (receipt.stream, receipt.lineage, receipt.inputs[r["input"]]["fingerprint"], r["tree"])
            self._code.append(self._codes.setdefault(key, len(self._codes)))
            self._start.append(r["start"])
            self._stop.append(r["stop"])
            self._part.append(len(self._parts) - 1)

    def doubled(self) -> list[tuple[str, str]]:
        """Parts that hold entries which another part of the same stream and lineage holds too.

        ::

            part 1   |-------|
            part 2       |-------|      begins before everything earlier has ended
        """
        code, start, stop, part = (
            np.frombuffer(a, np.int64) if len(a) else np.zeros(0, np.int64) for a in (self._code, self._start, self._stop, self._part)
        )
        order = np.lexsort((start, code))
        code, start, stop, part = (a[order] for a in (code, start, stop, part))
        found = []
        edges = [0, *(np.flatnonzero(np.diff(code)) + 1).tolist(), len(code)] if len(code) else []
        for first, last in itertools.pairwise(edges):
            reach = np.maximum.accumulate(stop[first:last])
            again = np.flatnonzero(start[first + 1 : last] < reach[:-1])
            for i in (again + first).tolist():
                entries = f"{start[i + 1]} to {min(stop[i + 1], reach[i - first])}"
                found.append((self._parts[part[i + 1]], f"entries {entries} stand in {self._parts[part[i]]} too"))
        return found
