"""Making a snapshot of the catalogue from receipts: only those that the last snapshot does not know are read."""

from __future__ import annotations

import dataclasses
import json
import time
import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from antdask.archive import catalog, choices, contents, folders, ledger, marker, plans
from antdask.archive import catalog_rows as row_of
from antdask.archive import layout as lay
from antdask.archive.catalog import BLOCKS, INPUTS, PARTS, PLANS, QUARANTINE, RUNS, SUPERSEDED, Catalog
from antdask.archive.ledger import Brief, Receipt
from antdask.archive.plans import PlanFile
from antdask.archive.store import Store
from antdask.archive.succession import Claim, collect, resolve
from antdask.errors import ArchiveError
from antdask.plan import ARCHIVED

# Snapshots that stay: the newest, and those that a reader may have opened today, as far as they are not too many.
_KEEP, _KEEP_TODAY = 3, 12
_DAY_NS = 86_400 * 10**9
#: So often at most is a snapshot made anew because somebody else made one at the same time.
_RIVALS = 3


def rebuild(store: Store, whole: bool = False) -> Catalog:
    """Make a new snapshot and switch to it.

    Parameters
    ----------
    whole : bool
        Read every receipt, not only the new ones: mends a damaged catalogue.

    Raises
    ------
    DestinationError
    ArchiveError
        A receipt cannot be read.
    """
    marker.check(store)
    for _ in range(_RIVALS):
        # The clock of the storage: those of the hosts that write to it may differ by days.
        now, before = int((store.now() or time.time()) * 1e9), _names(store)
        old = catalog.nothing() if whole else _readable(store)
        stamps = folders.times(store, now)
        new = merge(store, old, ledger.receipt_paths(store), list(plans.saved(store)), _name_after(_pointed(store), now))
        new = dataclasses.replace(new, folders=folders.table_of(stamps))
        catalog.save(store, new)
        store.write_small(lay.CURRENT, json.dumps({"snapshot": new.snapshot}).encode() + b"\n")
        # Another made one meanwhile, which may know more than ours, and whose pointer we may have replaced: what follows from both knows all.
        if _names(store) <= before | {new.snapshot}:
            break
    _forget_old(store, now)
    return new


def merge(store: Store, old: Catalog, paths: Sequence[str], files: Sequence[PlanFile], name: str) -> Catalog:
    """The snapshot that follows from the last one, and from the receipts that are there now; writes nothing."""
    there = set(paths)
    fresh, taken = _settle(store, old, there, files)
    parts = _joined(old.parts, there, [row_of.part_row(r) for r in fresh], PARTS, without=taken)
    done = _Done(pa.concat_arrays([pa.array(paths, pa.string()), pa.array(list(taken), pa.string())]))
    valid = [c for c in choices.read(store) if not c.plan or _is_complete(c.plan, files, done)]
    derived = {name for file in files for name, document in file.lineages.items() if "step" in document}
    current = choices.flags(parts, valid, derived)
    parts = parts.set_column(PARTS.get_field_index("current"), PARTS.field("current"), current)
    blocks = _joined(old.blocks, there, [{"part": r.part, **b} for r in fresh for b in r.blocks], BLOCKS, without=taken)
    parts, blocks = catalog.ordered(parts, blocks)
    known, inputs = set(old.plans["plan"].to_pylist()), {(r["fingerprint"], r["format"]): r for r in old.inputs.to_pylist()}
    new = [file for file in files if file.id not in known]
    inputs.update(((r["fingerprint"], r["format"]), r) for r in _input_rows(new))
    lost = [r for r in old.quarantine.to_pylist() if r["part"] is None or (r["part"] in there and r["part"] not in taken)]
    lost += row_of.lost_rows([r for r in fresh if r.part not in taken], {f: str(r["url"]) for (f, _), r in inputs.items()})
    rows = {
        "runs": (row_of.run_rows(parts), RUNS),
        "inputs": (sorted(inputs.values(), key=lambda r: (str(r["url"]), str(r["format"]))), INPUTS),
        "quarantine": (_healed([*lost, *(row_of.rejected_row(r) for file in new for r in file.rejected)], inputs.values()), QUARANTINE),
        "superseded": (_superseded(old, fresh, taken, there, _time_in(name)), SUPERSEDED),
        "plans": ([*old.plans.to_pylist(), *(_plan_row(file, _time_in(name)) for file in new)], PLANS),
    }
    return Catalog(name, parts, blocks, **{key: pa.Table.from_pylist(values, schema) for key, (values, schema) in rows.items()})


def _settle(store: Store, old: Catalog, there: set[str], files: Sequence[PlanFile]) -> tuple[list[Receipt], dict[str, str]]:
    """Receipts that the last snapshot does not tell about, and the parts that have left with who stands for them.

    A part that had left comes back when nobody stands for it any more; then its receipt is new again.
    """
    known = {*old.parts["part"].to_pylist(), *old.superseded["part"].to_pylist()}
    wanted = sorted(there - known)
    fresh: dict[str, Receipt] = {}
    before = old.superseded.select(["part", "by"]).to_pylist()
    while True:
        fresh.update((r.part, r) for r in ledger.receipts(store, wanted))
        merged = [Claim(r.part, (r.part,), frozenset(b.part for b in r.supersedes)) for r in fresh.values() if r.supersedes]
        named = {c.name for c in merged}
        former = [c for c in collect(before) if c.name not in named and "/" in c.name]
        taken = resolve([*merged, *former, *_plan_claims(files, there, before)], there, {r["by"] for r in before})
        wanted = sorted(r["part"] for r in before if r["part"] in there and r["part"] not in taken and r["part"] not in fresh)
        if not wanted:
            return list(fresh.values()), taken


def _plan_claims(files: Iterable[PlanFile], there: set[str], before: list[dict[str, Any]]) -> list[Claim]:
    """What plans retire whose parts are all there, or have been: merged, and perhaps cleared away."""
    retiring = [file for file in files if file.retires]
    if not retiring:
        return []
    names = pa.array([*there, *(r["part"] for r in before)], pa.string())
    done = _Done(names)
    return [Claim(file.id, done.members(file, there), frozenset(file.retires)) for file in retiring if done.covers(file)]


class _Done:
    """Contents that are there, or that others stand for, each with its latest generation."""

    def __init__(self, paths: pa.Array) -> None:
        words, generation = contents.of_paths(paths)
        rows = contents.latest(words, generation)
        self._paths, self._words, self._generation = paths.take(pa.array(rows)), words.take(pa.array(rows)), generation[rows]

    def _find(self, file: PlanFile) -> tuple[Any, Any]:
        table = file.table()
        place = pc.index_in(contents.keys(table), value_set=self._words)
        return place, table["generation"].to_numpy()

    def covers(self, file: PlanFile) -> bool:
        """Whether all parts of a plan are among them."""
        place, wanted = self._find(file)
        if place.null_count:
            return False
        return bool((self._generation[place.to_numpy()] >= wanted).all())

    def members(self, file: PlanFile, there: Collection[str]) -> tuple[str, ...]:
        """Paths of the parts of a plan, as far as they are still there."""
        place, _ = self._find(file)
        return tuple(p for p in self._paths.take(pa.array(place.to_numpy())).to_pylist() if p in there)


def _is_complete(plan: str, files: Iterable[PlanFile], done: _Done) -> bool:
    return any(file.id == plan and done.covers(file) for file in files)


def _joined(old: pa.Table, there: set[str], rows: list[dict[str, Any]], schema: pa.Schema, without: Collection[str]) -> pa.Table:
    """Rows of the old table whose part still has a receipt, and the new rows; without those that have left."""
    kept = old.filter(pc.is_in(old["part"], pa.array(sorted(there.difference(without)), pa.string())))
    return pa.concat_tables([kept, pa.Table.from_pylist([r for r in rows if r["part"] not in without], schema)])


def _input_rows(files: Iterable[PlanFile]) -> Iterable[dict[str, Any]]:
    """Legacy inputs of plans; of equal ones the last is kept by whoever collects them."""
    return (row_of.input_row(f, file.id, n) for file in files for n, f in enumerate(file.entries()) if f.format != ARCHIVED)


def _healed(lost: list[dict[str, Any]], inputs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the inputs that no plan could take until a later one did; each of the others once, as the last plan found it."""
    accepted = {r["url"] for r in inputs}
    rejected = {r["url"]: r for r in lost if r.get("part") is None and r["url"] not in accepted}
    return [*(r for r in lost if r.get("part") is not None), *rejected.values()]


def _superseded(old: Catalog, fresh: list[Receipt], taken: dict[str, str], there: set[str], now: int) -> list[dict[str, Any]]:
    """A row for each part that has left, with what it came to as far as anything tells."""
    before = {r["part"]: r for r in old.superseded.to_pylist()}
    told: dict[str, Brief | dict[str, Any]] = {b.part: b for r in fresh for b in (r.brief(), *r.supersedes)}
    leaving = old.parts.select(["part", *row_of.VOLUMES]).filter(pc.is_in(old.parts["part"], pa.array(list(taken), pa.string())))
    told.update((r["part"], r) for r in leaving.to_pylist())
    told.update((part, r) for part, r in before.items() if part not in told)
    rows = []
    for part, by in sorted(taken.items()):
        since = before[part]["since_ns"] if part in before else now
        rows.append(row_of.superseded_row(told.get(part, {"part": part}), by, part in there, since))
    return rows


def _plan_row(file: PlanFile, now: int) -> dict[str, Any]:
    cost = file.cost()
    numbers = {n: cost.get(n) for n in ("parts", "inputs", "rejected", "bytes_in", "bytes_uncompressed", "entries")}
    return {"plan": file.id, "since_ns": now, **numbers}


def _name_after(name: str, now: int) -> str:
    """A new name that sorts behind this one, whatever a clock shows."""
    return f"{max(now, _time_in(name) + 1):020d}-{uuid.uuid4().hex[:8]}"


def _time_in(name: str) -> int:
    """The time that leads the name of a snapshot [ns]; 0 if there is none."""
    return int(name.partition("-")[0] or 0)


def _names(store: Store) -> set[str]:
    """All snapshots that lie there."""
    return {p.split("/")[1] for p in store.list("catalogue") if p.count("/") == 2}


def _pointed(store: Store) -> str:
    """Name of the snapshot that readers take now; empty where there is none, or nobody can tell."""
    try:
        return catalog.current_name(store)
    except ArchiveError:
        return ""


def _forget_old(store: Store, now: int) -> None:
    """Keep the newest snapshots, and those of today: who opened one reads on in it."""
    names = sorted(_names(store))
    today = f"{now - _DAY_NS:020d}"
    for name in names[:-_KEEP]:
        if name >= today and name in names[-_KEEP_TODAY:]:
            continue
        forget(store, name)


def forget(store: Store, name: str) -> None:
    """Remove a snapshot that no reader holds.

    Raises
    ------
    DestinationError
    """
    for table in catalog.FILES:
        store.remove(catalog.snapshot_file(name, table))
    store.prune(f"catalogue/{name}")


def current(store: Store) -> Catalog:
    """The current snapshot, or what the receipts say where it cannot be read.

    Raises
    ------
    NotAnArchiveError, SchemaVersionError
    """
    marker.check(store)
    found = _readable(store)
    if found.snapshot:
        return found
    return merge(store, found, ledger.receipt_paths(store), list(plans.saved(store)), _name_after("", time.time_ns()))


def _readable(store: Store) -> Catalog:
    """The current snapshot; none where it is damaged, since the receipts can replace it."""
    try:
        return catalog.load(store)
    except ArchiveError:
        return catalog.nothing()
