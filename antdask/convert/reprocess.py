"""Reprocessing: an archive as a source. Its parts go through a step, on the same road, into another lineage beside the old one.

::

    parts of a stream ──► plan (one part for each) ──► condition, step ──► parts of another lineage ──► catalogue

A derived part goes back to the same legacy entries as the part that it was made from, so that what is done is known by these entries, however the archive was
merged in the meantime.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from antdask.archive import choices, contents, documents
from antdask.archive.catalog_reader import CatalogReader
from antdask.archive.choices import Choice
from antdask.archive.state import Account
from antdask.archive.store import Store
from antdask.cluster.run import Event
from antdask.convert.archived import SOURCE, entry_of, place_of
from antdask.convert.campaign import Summary, convert, open_campaign
from antdask.convert.lineage import lineage_document, lineage_id
from antdask.convert.step import Step
from antdask.errors import ConflictError, NotAnArchiveError, UnknownNameError, UsageError
from antdask.model.keys import PartKey, parse_part
from antdask.model.tables import schema
from antdask.plan import FileEntry, Part, Plan, Range, check_budget
from antdask.protocols import Cluster
from antdask.query.binding import Scope
from antdask.query.predicate import Predicate
from antdask.settings import Settings, load

_COLUMNS = ("part", "stream", "origin", "lineage", "detector", "run", "index", "content", "nbytes", "crc32c", "rows", "bytes_in", "current")


@dataclasses.dataclass(frozen=True)
class Wish:
    """What is to be reprocessed, and how.

    Parameters
    ----------
    stream : str
    step : str
        ``module:function``; empty where a condition is all.
    options : mapping
        Keyword arguments of the function.
    where : str
        Only rows for which this holds; empty for all.
    runs : sequence of int or range, or None
        Only these runs.
    detectors : tuple of str
        Only these, if any.
    lineage : str
        Of the source; empty for the current one of each run.
    to_stream, to_origin : str
        What the step gives, if not the stream and the origin that it got.
    """

    stream: str
    step: str = ""
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    where: str = ""
    runs: Sequence[int] | None = None
    detectors: tuple[str, ...] = ()
    lineage: str = ""
    to_stream: str = ""
    to_origin: str = ""


def plan_reprocessing(archive_url: str, wish: Wish, into: str | None = None, settings: Settings | None = None) -> Plan:
    """The plan of a reprocessing; nothing is written, and no part is read.

    Parameters
    ----------
    archive_url : str
        The source.
    wish : Wish
    into : str, optional
        Archive of the result, if not the same.

    Raises
    ------
    NotAnArchiveError
    UnknownNameError
        No such stream, lineage, detector, or step.
    UsageError
        Neither step nor condition; or nothing is selected.
    WhereError
        Not a condition.
    ConflictError
        Some of the entries are in the derived lineage already, cut in another way.
    PlanError
        More parts or bytes than the budget allows.
    """
    settings = settings or load()
    if not wish.step and not wish.where:
        raise UsageError("It is not said what to do with the rows", hint="Give --step module:function, or --where CONDITION, or both.")
    schema(wish.to_stream or wish.stream)
    store, target = Store(archive_url), Store(into or archive_url)
    rows = _chosen(store, CatalogReader.open(store), wish)
    lineages, names = _lineages(rows, wish)
    parts = [_part(number, row, names[row["lineage"], row["origin"]], wish) for number, row in enumerate(rows)]
    inputs = [entry_of(store, row) for row in rows]
    try:
        account: Account | None = Account.take(target, files=False)
    except NotAnArchiveError:
        account = None
    retires = _stale(account, parts) if account is not None else ()
    if account is not None:
        inputs, parts = _without_covered(Account.take(store, files=False), account, inputs, parts, retires)
    plan = Plan(target.url, tuple(inputs), tuple(parts), lineages, retires=tuple(retires))
    check_budget(plan, settings.max_parts, settings.max_bytes)
    return plan


def reprocess(
    plan: Plan,
    cluster: Cluster,
    settings: Settings | None = None,
    progress: Callable[[Event], None] | None = None,
    *,
    replace: bool = False,
) -> Summary:
    """Do what a plan of `plan_reprocessing` says; run it again to resume.

    Parameters
    ----------
    replace : bool
        Make the derived lineage the current one of its runs, in one switch, when all parts are there.

    Raises
    ------
    As `campaign.convert`.
    """
    if replace:
        store = Store(plan.archive)
        open_campaign(store, plan)
        wanted = replacements(plan)
        known = [dataclasses.replace(c, name="") for c in choices.read(store)]
        for choice in wanted:
            if choice not in known:
                choices.write(store, choice)
    return convert(plan, cluster, settings, progress)


def replacements(plan: Plan) -> list[Choice]:
    """The choices that make the lineages of a plan the current ones of its runs, once it is complete."""
    runs: dict[tuple[str, str], set[tuple[str, int]]] = {}
    for part in plan.parts:
        runs.setdefault((part.key.stream, part.key.lineage), set()).add((part.key.run.detector, part.key.run.run))
    return [Choice(stream, lineage, tuple(sorted(own)), plan.id) for (stream, lineage), own in sorted(runs.items())]


def _chosen(store: Store, reader: CatalogReader, wish: Wish) -> list[dict[str, Any]]:
    """Rows of the catalogue that are wanted, in its order."""
    if wish.stream not in reader.summaries["streams"]:
        raise UnknownNameError.of("stream", wish.stream, reader.summaries["streams"])
    table = contents.plain(reader.parts.table(_COLUMNS, *reader.rows_of(wish.stream)))
    for column, words in (("lineage", (wish.lineage,) if wish.lineage else ()), ("detector", wish.detectors)):
        if words:
            known = pc.unique(table[column]).to_pylist()
            for word in words:
                if word not in known:
                    raise UnknownNameError.of(column, word, known, where=f"stream '{wish.stream}'")
            table = table.filter(pc.is_in(table[column], pa.array(words)))
    if not wish.lineage:
        table = _current(store, table, wish)
        _refuse_several(table)
    if isinstance(wish.runs, range) and wish.runs.step == 1:
        table = table.filter(pc.and_(pc.greater_equal(table["run"], wish.runs.start), pc.less(table["run"], wish.runs.stop)))
    elif wish.runs is not None:
        table = table.filter(pc.is_in(table["run"], pa.array(list(wish.runs), pa.uint32())))
    if not table.num_rows:
        raise UsageError("Nothing is selected", where=f"stream '{wish.stream}'", hint="antdask info ARCHIVE says what is there.")
    return list(table.to_pylist())


def _current(store: Store, table: pa.Table, wish: Wish) -> pa.Table:
    """Of each run the current lineage; where that is what the same wish has made of another before, the other one."""
    names = table["lineage"]
    known = {n: _document(store, n) for n in pc.unique(names).to_pylist()}
    made = {n: d["from"]["lineage"] for n, d in known.items() if "step" in d and _same(d["step"], wish)}
    flags = pc.fill_null(table["current"], True)
    if made:
        runs = pc.binary_join_element_wise(table["detector"], table["run"].cast(pa.string()), names, "/")
        own = pc.and_(flags, pc.is_in(names, pa.array(list(made))))
        wanted = [f"{r.rpartition('/')[0]}/{made[r.rpartition('/')[2]]}" for r in pc.unique(runs.filter(own)).to_pylist()]
        flags = pc.or_(pc.and_(flags, pc.invert(own)), pc.is_in(runs, pa.array(wanted, pa.string())))
    return table.filter(flags)


def _document(store: Store, lineage: str) -> dict[str, Any]:
    try:
        return documents.lineage(store, lineage)
    except FileNotFoundError:
        return {}


def _same(step: Mapping[str, Any], wish: Wish) -> bool:
    return (step["name"], dict(step["options"]), step["where"]) == (wish.step, dict(wish.options), wish.where)


def _refuse_several(table: pa.Table) -> None:
    several = table.group_by(["detector", "run"]).aggregate([("lineage", "count_distinct")])
    several = several.filter(pc.greater(several["lineage_count_distinct"], 1)).to_pylist()
    if several:
        run = several[0]
        raise UsageError(
            f"Run {run['run']} of {run['detector']} is there in several lineages, and none is the current one",
            hint="Choose one: --lineage NAME, or for good: antdask lineage use.",
        )


def _lineages(rows: Iterable[Mapping[str, Any]], wish: Wish) -> tuple[dict[str, dict[str, Any]], dict[tuple[str, str], str]]:
    """Documents of the derived lineages by their ids, and these by lineage and origin of the source."""
    made, names = {}, {}
    for source, origin in sorted({(row["lineage"], row["origin"]) for row in rows}):
        stream = wish.to_stream or wish.stream
        if wish.where:
            declared = schema(wish.stream)
            Predicate.of(wish.where, Scope(declared, [f"{t.name}/{name}" for t in declared.given_by(origin) for name in t.columns(origin)]))
        step = Step.find(wish.step, wish.options, stream, wish.to_origin or origin, wish.where)
        entry = FileEntry("", SOURCE.name, "", step.origin, 0, 0, "", "", ())
        document = {**lineage_document(stream, entry, SOURCE), "step": step.to_dict(), "from": {"stream": wish.stream, "lineage": source}}
        names[source, origin] = lineage_id(document)
        made[lineage_id(document)] = document
    return made, names


def _part(number: int, row: Mapping[str, Any], lineage: str, wish: Wish) -> Part:
    source = parse_part(row["part"])
    key = PartKey(wish.to_stream or wish.stream, lineage, source.run, source.index, source.content, source.generation)
    return Part(number, key, (Range(number, schema(wish.stream).rows.name, 0, row["rows"], row["bytes_in"]),))


def _stale(account: Account, parts: Iterable[Part]) -> tuple[str, ...]:
    """Derived parts of former generations, which the new ones replace."""
    wanted = {contents.key_of(p.key): p.key.generation for p in parts if p.key.generation}
    if not wanted:
        return ()
    rows = account.rows.filter(pc.and_(pc.is_in(account.rows["key"], pa.array(list(wanted))), pc.is_null(account.rows["by"])))
    return tuple(sorted(r["part"] for r in rows.select(["part", "key", "generation"]).to_pylist() if r["generation"] < wanted[r["key"]]))


def _without_covered(
    source: Account, target: Account, inputs: list[FileEntry], parts: list[Part], retires: Sequence[str]
) -> tuple[list[FileEntry], list[Part]]:
    """Without the parts whose legacy entries are in the derived lineage already, in another cut: parts were merged since.

    Raises
    ------
    ConflictError
        Only some of the entries of a part are there.
    """
    lineages = pa.array(sorted({p.key.lineage for p in parts}))
    own = pa.array([contents.key_of(p.key) for p in parts])
    words = pc.list_element(pc.split_pattern(target.rows["part"], "/"), 2)
    strange = target.rows.filter(
        pc.and_(pc.and_(pc.is_in(words, lineages), pc.is_null(target.rows["by"])), pc.invert(pc.is_in(target.rows["key"], own)))
    )
    others = [name for name in strange["part"].to_pylist() if name not in set(retires)]
    if not others:
        return inputs, parts
    held = Coverage()
    for row in target.ranges(others):
        held.add(row["lineage"], row["inputs"], row["ranges"])
    behind = {row["part"]: row for row in source.ranges([place_of(inputs[p.ranges[0].input].url)[1] for p in parts])}
    kept = []
    for part in parts:
        row = behind[place_of(inputs[part.ranges[0].input].url)[1]]
        share = held.share(part.key.lineage, row["inputs"], row["ranges"])
        if 0 < share < 1:
            raise ConflictError(
                "Some of the entries are in the derived lineage already, cut in another way",
                where=part.key.path,
                found=f"{share:.0%} of them",
                hint="Merge the derived parts likewise (antdask compact), or reprocess into another archive.",
            )
        if share == 0:
            kept.append(part)
    return _renumbered(inputs, kept)


def _renumbered(inputs: Sequence[FileEntry], parts: Sequence[Part]) -> tuple[list[FileEntry], list[Part]]:
    left = [inputs[p.ranges[0].input] for p in parts]
    return left, [dataclasses.replace(p, index=n, ranges=(dataclasses.replace(p.ranges[0], input=n),)) for n, p in enumerate(parts)]


class Coverage:
    """Legacy entries that parts of some lineages hold."""

    def __init__(self) -> None:
        self._spans: dict[tuple[str, str, str], list[tuple[int, int]]] = {}

    def add(self, lineage: str, inputs: Sequence[str], ranges: Iterable[Mapping[str, Any]]) -> None:
        """The entries of a part."""
        for r in ranges:
            self._spans.setdefault((lineage, inputs[r["input"]], r["tree"]), []).append((r["start"], r["stop"]))

    def share(self, lineage: str, inputs: Sequence[str], ranges: Sequence[Mapping[str, Any]]) -> float:
        """Which share of these entries is held, from 0 to 1; that of no entries is 0."""
        total = held = 0
        for r in ranges:
            total += r["stop"] - r["start"]
            spans = np.array(self._spans.get((lineage, inputs[r["input"]], r["tree"]), ()), np.int64).reshape(-1, 2)
            held += int(np.clip(np.minimum(spans[:, 1], r["stop"]) - np.maximum(spans[:, 0], r["start"]), 0, None).sum())
        return held / total if total else 0.0
