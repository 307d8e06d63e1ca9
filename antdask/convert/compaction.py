"""Compaction: many small parts of a run become few large ones, with the same values, on the same road.

::

    P1 P2 P3 P4 P5 ──► plan ──► M1 = P1 P2 P3    M2 = P4 P5          each verified value by value before it is signed
    receipt of M1: stands for P1 P2 P3                               the next snapshot of the catalogue has M1 instead of them

A merged part is, to the byte, what a conversion with larger parts would have made. The old ones stay until `antdask gc`, so that nobody who reads notices anything.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from antdask.archive import contents, documents, ledger, plans
from antdask.archive import layout as lay
from antdask.archive.catalog_reader import CatalogReader
from antdask.archive.state import Account
from antdask.archive.store import Store
from antdask.convert.archived import entry_of
from antdask.convert.lineage import writes_alike
from antdask.convert.material import joined
from antdask.errors import ArchiveError, UnknownNameError
from antdask.model.keys import PartKey, RunKey, parse_part
from antdask.model.tables import schema
from antdask.plan import FileEntry, Part, Plan, Range, check_budget, content_of
from antdask.settings import Settings, load

_COLUMNS = ("part", "stream", "origin", "lineage", "detector", "run", "index", "content", "nbytes", "crc32c", "rows", "bytes_in")


@dataclasses.dataclass(frozen=True)
class Compaction:
    """What merging would do.

    Parameters
    ----------
    plan : Plan
        One part for each merged one; convert it.
    before, after : int
        Number of parts that would be merged, and of those that they would become.
    left_alone : dict of str to str
        Lineages that cannot be merged, with the reason.
    """

    plan: Plan
    before: int
    after: int
    left_alone: dict[str, str]


def plan_compaction(
    archive_url: str,
    streams: Sequence[str] = (),
    detectors: Sequence[str] = (),
    runs: Sequence[int] | None = None,
    settings: Settings | None = None,
) -> Compaction:
    """Which parts to merge, so that merged ones come to at most ``part_bytes`` of uncompressed input; nothing is written, and no part is read.

    Parameters
    ----------
    streams, detectors : sequence of str
        Only these, if any.
    runs : sequence of int, optional
        Only these.

    Raises
    ------
    NotAnArchiveError
    UnknownNameError
        No such stream or detector.
    PlanError
        More parts or bytes than the budget allows.
    """
    settings = settings or load()
    store = Store(archive_url)
    reader = CatalogReader.open(store)
    table = contents.plain(reader.parts.table(_COLUMNS)).append_column("place", pa.array(np.arange(len(reader.parts))))
    for column, words in (("stream", streams), ("detector", detectors)):
        for word in words:
            known = pc.unique(table[column]).to_pylist()
            if word not in known:
                raise UnknownNameError.of(column, word, known)
        if words:
            table = table.filter(pc.is_in(table[column], pa.array(words)))
    if runs is not None:
        table = table.filter(pc.is_in(table["run"], pa.array(list(runs), pa.uint32())))
    reserved = pa.array(sorted(_reserved(store)), pa.string())
    table = table.filter(pc.invert(pc.is_in(table["part"], reserved)))
    lineages, left_alone = _lineages(store, reader, table)
    groups = [g for g in groups_of(table, settings.part_bytes) if g[0]["lineage"] not in left_alone]
    plan = _plan(store, reader, groups, lineages)
    check_budget(plan, settings.max_parts, settings.max_bytes)
    return Compaction(plan, sum(map(len, groups)), len(groups), left_alone)


def groups_of(table: pa.Table, part_bytes: int) -> Iterator[list[dict[str, Any]]]:
    """Neighbouring parts of one run, stream and lineage, as many as fit together; those that stay alone are left out.

    Examples
    --------
    >>> sizes = pa.table({"part": list("abcd"), "bytes_in": [4, 5, 9, 1], "index": [0, 1, 2, 3], **{n: [0] * 4 for n in ("detector", "stream", "lineage", "run")}})
    >>> [[row["part"] for row in group] for group in groups_of(sizes, 10)]
    [['a', 'b'], ['c', 'd']]
    """
    order = [(n, "ascending") for n in ("detector", "stream", "lineage", "run", "index", "part")]
    group: list[dict[str, Any]] = []
    nbytes = 0
    for row in table.sort_by(order).to_pylist():
        together = bool(group) and all(row[n] == group[0][n] for n in ("detector", "stream", "lineage", "run"))
        if not together or nbytes + row["bytes_in"] > part_bytes:
            if len(group) > 1:
                yield group
            group, nbytes = [], 0
        group.append(row)
        nbytes += row["bytes_in"]
    if len(group) > 1:
        yield group


def _plan(
    store: Store, reader: CatalogReader, groups: Sequence[Sequence[dict[str, Any]]], lineages: Mapping[str, Mapping[str, Any]]
) -> Plan:
    identities = {r["fingerprint"]: {n: r[n] for n in ("nbytes", "uuid", "fingerprint")} for r in reader.inputs.to_pylist()}
    rows = [row for group in groups for row in group]
    behind = _behind(store, reader, rows, identities)
    inputs: list[FileEntry] = []
    parts: list[Part] = []
    for group in groups:
        ranges = []
        for row in group:
            ranges.append(Range(len(inputs), schema(row["stream"]).rows.name, 0, row["rows"], row["bytes_in"]))
            inputs.append(entry_of(store, row))
        parts.append(Part(len(parts), _key(group, behind), tuple(ranges)))
    used = {p.key.lineage for p in parts}
    return Plan(store.url, tuple(inputs), tuple(parts), {name: document for name, document in lineages.items() if name in used})


def _key(group: Sequence[Mapping[str, Any]], behind: Mapping[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]]) -> PartKey:
    """The address of a merged part: that of the part which a plan with larger parts would have had."""
    inputs: dict[str, dict[str, Any]] = {}
    ranges: list[dict[str, Any]] = []
    for row in group:
        own, spans = behind[row["part"]]
        for identity in own:
            inputs.setdefault(identity["fingerprint"], identity)
        places = {fingerprint: number for number, fingerprint in enumerate(inputs)}
        ranges += [{**r, "input": places[own[r["input"]]["fingerprint"]]} for r in spans]
    cuts = [(r["input"], r["tree"], r["start"], r["stop"]) for r in joined(ranges)]
    first = group[0]
    # Read anew, the same entries make another file.
    generation = max(parse_part(row["part"]).generation for row in group)
    run = RunKey(first["detector"], first["run"])
    return PartKey(first["stream"], first["lineage"], run, first["index"], content_of(inputs.values(), cuts), generation)


def _behind(
    store: Store, reader: CatalogReader, rows: Iterable[Mapping[str, Any]], identities: Mapping[str, dict[str, Any]]
) -> dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """Identities of the legacy inputs of each part, and its ranges; from the catalogue, and where that does not tell from its receipt."""
    rows = sorted(rows, key=lambda r: int(r["place"]))
    details = reader.details.at(np.array([r["place"] for r in rows], np.int64), ["inputs", "ranges"]).to_pylist()
    found, lacking = {}, []
    for row, detail in zip(rows, details, strict=True):
        if all(f in identities for f in detail["inputs"]):
            found[row["part"]] = ([identities[f] for f in detail["inputs"]], detail["ranges"])
        else:
            lacking.append(row["part"])
    for receipt in ledger.receipts(store, lacking):
        found[receipt.part] = ([{n: i[n] for n in ("nbytes", "uuid", "fingerprint")} for i in receipt.inputs], receipt.ranges)
    return found


def _lineages(store: Store, reader: CatalogReader, table: pa.Table) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Documents of the lineages, and those that cannot be merged, with the reason."""
    found, left_alone = {}, {}
    first = table.group_by(["lineage", "stream", "origin"]).aggregate([("place", "min")])
    for row in first.sort_by("place_min").to_pylist():
        try:
            found[row["lineage"]] = documents.lineage(store, row["lineage"])
        except FileNotFoundError as error:
            raise ArchiveError("The lineage of parts is not kept", where=lay.lineage_file(row["lineage"])) from error
        declared = {f"{t.name}/{name}" for t in schema(row["stream"]).given_by(row["origin"]) for name in t.columns(row["origin"])}
        columns = set(reader.details.at(np.array([row["place_min"]]), ["columns"])["columns"][0].as_py())
        if not writes_alike(found[row["lineage"]]):
            left_alone[row["lineage"]] = "they were written by another version of the writer; reprocess or convert again"
        elif columns and columns != declared:
            left_alone[row["lineage"]] = f"its parts have other columns than stream '{row['stream']}' has now; reprocess or convert again"
    return found, left_alone


def _reserved(store: Store) -> set[str]:
    """Parts that a plan will retire which is not done yet: they must stay as they are until then."""
    files = [file for file in plans.saved(store) if file.retires]
    if not files:
        return set()
    account = Account.take(store, files=False)
    return {part for file in files if len(account.standing(file)) < file.parts for part in file.retires}
