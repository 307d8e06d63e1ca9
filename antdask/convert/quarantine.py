"""The quarantine: what could not be read, by cause; and the way back for what can be read by now.

Re-admission makes a plan. Nothing that is archived is touched: damaged stretches are read again into parts of the next generation, under names of their own, and
the old parts retire when all parts of the plan are there::

    P (60 of 100 entries) ──► plan: P.r1, retires P ──► convert ──► the next snapshot of the catalogue has P.r1 instead of P
    X was replaced by another file ──► plan: parts of the new file, retires all parts of the old one
    Y could not be described, and can be now ──► plan: parts of Y
"""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from antdask.archive import ledger, plans, snapshot
from antdask.archive.catalog_reader import CatalogReader
from antdask.archive.ledger import Receipt
from antdask.archive.plans import PlanFile
from antdask.archive.state import Account
from antdask.archive.store import Store
from antdask.convert.campaign import open_campaign
from antdask.convert.legacy import LegacyInputs
from antdask.convert.scan import lineages_of
from antdask.errors import AntdaskError, InputChangedError, InputMissingError, UnknownNameError, UsageError
from antdask.model.keys import PartKey, parse_part
from antdask.plan import FileEntry, Part, Plan, Range, assign, content_of, make_parts
from antdask.settings import Settings, load
from antdask.sources import describe_all
from antdask.sources.files import check_unchanged


@dataclasses.dataclass(frozen=True)
class Case:
    """One thing in quarantine.

    Parameters
    ----------
    name, url : str
        The input.
    code, reason : str
    part : str
        The part that has a gap; empty for an input that could not be described at all.
    tree : str
    start, stop : int
        The entries that are lost; 0 for a whole input.
    fingerprint : str
    """

    name: str
    url: str
    code: str
    reason: str
    part: str = ""
    tree: str = ""
    start: int = 0
    stop: int = 0
    fingerprint: str = ""

    @property
    def entries(self) -> int:
        """Number of entries that are lost."""
        return self.stop - self.start

    def fits(self, words: Sequence[str]) -> bool:
        """Whether one of these names it: a part, or a name or URL of an input, perhaps as a glob. No words name all."""
        mine = (self.part, self.name, self.url)
        return not words or any(fnmatch.fnmatchcase(m, word) for word in words for m in mine if m)


def cases(archive_url: str, names: Sequence[str] = (), codes: Sequence[str] = ()) -> list[Case]:
    """What is in quarantine.

    Parameters
    ----------
    names : sequence of str
        Only these parts or inputs, globs allowed.
    codes : sequence of str
        Only these causes.

    Raises
    ------
    NotAnArchiveError
    UnknownNameError
        Nothing in quarantine is called so.
    """
    rows = CatalogReader.open(Store(archive_url)).quarantine.to_pylist()
    found = [Case(**{k: v for k, v in row.items() if v is not None}) for row in rows]
    for name in names:
        if not any(c.fits([name]) for c in found):
            raise UnknownNameError.of("input or part in quarantine", name, {c.name for c in found})
    for code in codes:
        if code not in (known := {c.code for c in found}):
            raise UnknownNameError.of("cause in quarantine", code, known)
    return [c for c in found if c.fits(names) and (not codes or c.code in codes)]


def causes(found: Iterable[Case]) -> list[dict[str, Any]]:
    """Numbers of inputs, parts, stretches and entries by cause, the greatest first."""
    groups: dict[str, list[Case]] = {}
    for case in found:
        groups.setdefault(case.code, []).append(case)
    rows = [
        {
            "code": code,
            "inputs": len({c.url for c in own}),
            "rejected": sum(not c.part for c in own),
            "parts": len({c.part for c in own if c.part}),
            "stretches": sum(bool(c.part) for c in own),
            "entries": sum(c.entries for c in own),
        }
        for code, own in groups.items()
    ]
    return sorted(rows, key=lambda r: (-r["entries"], -r["inputs"], r["code"]))


@dataclasses.dataclass(frozen=True)
class Readmission:
    """What can be read again.

    Parameters
    ----------
    plan : str
        URL of the plan that the archive keeps now, to be converted; empty where there is nothing to do, or on a dry run.
    again, replaced, accepted : int
        Parts that are read again, parts of inputs that were replaced by other files, inputs that can be described now.
    parts : int
        Parts of the plan.
    refused : list of (str, str)
        Inputs that cannot be read yet, with the reason.
    derived : list of str
        Parts that a step made of such parts: reprocess again when the plan is done.
    pending : list of str
        URLs of plans that were made for some of them before, and are not done: convert these.
    """

    plan: str
    again: int
    replaced: int
    accepted: int
    parts: int
    refused: list[tuple[str, str]]
    derived: list[str]
    pending: list[str] = dataclasses.field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return dataclasses.asdict(self)


def readmit(
    archive_url: str, names: Sequence[str] = (), codes: Sequence[str] = (), settings: Settings | None = None, *, dry_run: bool = False
) -> Readmission:
    """Make a plan that reads what is in quarantine again; nothing is read before it is converted.

    Parameters
    ----------
    names, codes : sequence of str
        As `cases`.
    dry_run : bool
        Keep no plan.

    Raises
    ------
    NotAnArchiveError, UnknownNameError, DestinationError
    UsageError
        Nothing is in quarantine.
    """
    store = Store(archive_url)
    found = cases(archive_url, names, codes)
    if not found:
        raise UsageError("Nothing is in quarantine", where=store.url)
    draft = _Draft(store, settings or load())
    for part in sorted({c.part for c in found if c.part}):
        draft.read_again(part)
    for url in sorted({c.url for c in found if not c.part}):
        draft.accept(url)
    plan = draft.plan()
    kept: PlanFile | None = None
    if plan.parts and not dry_run:
        kept = open_campaign(store, plan)
        snapshot.rebuild(store)
    return Readmission(
        kept.url if kept else "",
        draft.again,
        draft.replaced,
        draft.accepted,
        len(plan.parts),
        sorted(draft.refused.items()),
        draft.derived,
        sorted(draft.pending),
    )


class _Draft:
    """A plan in the making."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._legacy, self._account = LegacyInputs(store), Account.take(store, files=False)
        self._inputs: dict[FileEntry, int] = {}  # with the number of each in the plan
        self._parts: list[Part] = []
        self._retires: set[str] = set()
        self._lineages: dict[str, Mapping[str, Any]] = {}
        self._news: dict[str, str] = {}  # fingerprint of a former file → URL of the one in its place
        self.again = self.replaced = self.accepted = 0
        self.refused: dict[str, str] = {}
        self.derived: list[str] = []
        undone = [f for f in plans.saved(store) if f.retires and len(self._account.standing(f)) < f.parts]
        self._planned = {part: file.url for file in undone for part in file.retires}
        self.pending: set[str] = set()

    def plan(self) -> Plan:
        return Plan(self._store.url, tuple(self._inputs), tuple(self._parts), self._lineages, retires=tuple(sorted(self._retires)))

    def read_again(self, part: str) -> None:
        """Take up a part with a gap."""
        if part in self._planned:
            self.pending.add(self._planned[part])
        if part in self._planned or part in self._retires:
            return
        (receipt,) = ledger.receipts(self._store, [part])
        if self._is_derived(receipt):
            return
        state = {i["fingerprint"]: self._state(i["fingerprint"], receipt) for i in receipt.inputs}
        missing = {f: e for f, e in state.items() if e is not None and not isinstance(e, InputChangedError)}
        if missing:
            self.refused.update((self._url(f, receipt), str(e)) for f, e in missing.items())
        elif changed := [f for f, e in state.items() if e is not None]:
            for fingerprint in changed:
                self._replace(fingerprint, receipt)
        else:
            self._again(receipt)

    def accept(self, url: str) -> None:
        """Take up an input that could not be described, if it can be now."""
        try:
            entries = describe_all(url)
        except AntdaskError as error:
            self.refused[url] = str(error)
            return
        self.accepted += 1
        self._add(entries)

    def _state(self, fingerprint: str, receipt: Receipt) -> AntdaskError | None:
        try:
            check_unchanged(self._entry(fingerprint, receipt))
        except AntdaskError as error:
            return error
        return None

    def _entry(self, fingerprint: str, receipt: Receipt) -> FileEntry:
        return self._legacy.find(fingerprint, self._legacy.format_of(receipt.lineage))

    def _url(self, fingerprint: str, receipt: Receipt) -> str:
        try:
            return self._entry(fingerprint, receipt).url
        except InputMissingError:
            return fingerprint

    def _again(self, receipt: Receipt) -> None:
        """The same entries once more, as the next generation."""
        key = parse_part(receipt.part)
        task = self._legacy.task(receipt, dataclasses.replace(key, generation=self._account.generation(key) + 1))
        self._append(task.part, task.inputs, task.lineage)
        self._retires.add(receipt.part)
        self.again += 1

    def _replace(self, fingerprint: str, receipt: Receipt) -> None:
        """All that was archived of a file that is another one now goes, and all of the new one comes."""
        if fingerprint in self._news:
            return
        url = self._entry(fingerprint, receipt).url
        self._news[fingerprint] = url
        try:
            entries = describe_all(url)
        except AntdaskError as error:
            self.refused[url] = str(error)
            return
        for old in self._parts_of(fingerprint):
            self._retires.add(old.part)
            self.replaced += 1
            self._keep_others(old, fingerprint)
        self._add(entries)

    def _parts_of(self, fingerprint: str) -> Iterator[Receipt]:
        """Receipts of the parts that hold entries of a legacy file, but for those that steps made."""
        holding = [row["part"] for row in self._account.ranges(self._account.live()) if fingerprint in row["inputs"]]
        for receipt in ledger.receipts(self._store, sorted(holding)):
            if not self._is_derived(receipt):
                yield receipt

    def _is_derived(self, receipt: Receipt) -> bool:
        """Whether a step made it: it follows its source, when that is reprocessed."""
        derived = "step" in self._legacy.lineage(receipt.lineage)
        if derived:
            self.derived.append(receipt.part)
        return derived

    def _keep_others(self, old: Receipt, gone: str) -> None:
        """What a merged part holds of other files comes back as a part of its own."""
        numbers = [n for n, i in enumerate(old.inputs) if i["fingerprint"] != gone]
        ranges = [{**r, "input": numbers.index(r["input"])} for r in old.ranges if r["input"] in numbers]
        if not ranges:
            return
        inputs = [old.inputs[n] for n in numbers]
        content = content_of(inputs, [(r["input"], r["tree"], r["start"], r["stop"]) for r in ranges])
        key = self._free(dataclasses.replace(parse_part(old.part), content=content, generation=0))
        task = self._legacy.task(dataclasses.replace(old, inputs=inputs, ranges=ranges), key)
        self._append(task.part, task.inputs, task.lineage)

    def _free(self, key: PartKey) -> PartKey:
        """The key, of the next generation where this content has left the catalogue: what has left does not come back under its name."""
        return dataclasses.replace(key, generation=self._account.generation(key) + self._account.has_left(key))

    def _add(self, entries: Sequence[FileEntry]) -> None:
        """All parts of new inputs."""
        lineage_of, documents = lineages_of(entries)
        self._lineages.update(documents)
        for part in make_parts(entries, lineage_of, self._settings.part_bytes):
            numbers = sorted({r.input for r in part.ranges})
            task = assign("", "", dataclasses.replace(part, key=self._free(part.key)), {n: entries[n] for n in numbers}, {})
            self._append(task.part, task.inputs, self._lineages[part.key.lineage])

    def _append(self, part: Part, inputs: Sequence[FileEntry], lineage: Mapping[str, Any]) -> None:
        places = [self._inputs.setdefault(entry, len(self._inputs)) for entry in inputs]
        ranges: tuple[Range, ...] = tuple(dataclasses.replace(r, input=places[r.input]) for r in part.ranges)
        self._parts.append(Part(len(self._parts), part.key, ranges))
        self._lineages[part.key.lineage] = lineage
