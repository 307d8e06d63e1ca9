"""What of a plan is done: plan, receipts and files reconciled; no marker is believed.

The catalogue only saves reading: a part counts as done when its receipt is there now, and its file has the size that the receipt states.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from antdask.archive import layout as lay
from antdask.archive import ledger, snapshot
from antdask.archive.ledger import Brief
from antdask.archive.store import Store
from antdask.errors import ConflictError
from antdask.plan import Plan

_BRIEF = ("part", "rows", "hits", "lost", "bytes_in", "nbytes", "cpu_seconds")


def briefs(store: Store) -> dict[str, Brief]:
    """What is said about each part that has a receipt, by key path.

    Raises
    ------
    ArchiveError
        A receipt cannot be read.
    """
    paths = ledger.receipt_paths(store)
    rows = snapshot.current(store).parts.select(list(_BRIEF)).to_pylist()
    known = {r["part"]: Brief(**{**r, "cpu_seconds": r["cpu_seconds"] or 0.0}) for r in rows}
    for receipt in ledger.receipts(store, [p for p in paths if p not in known]):
        known[receipt.part] = receipt.brief()
    return {p: known[p] for p in paths}


def done_parts(store: Store, plan: Plan) -> dict[int, Brief]:
    """Finished parts of a plan by index.

    A part whose entries were archived by an earlier plan under another number counts as done.
    """
    by_content = {content_key(path): brief for path, brief in briefs(store).items()}
    sizes = store.sizes("parts")
    done: dict[int, Brief] = {}
    for part in plan.parts:
        brief = by_content.get((part.key.run.detector, part.key.stream, part.key.lineage, part.key.content))
        if brief is not None and (brief.nbytes == 0 or sizes.get(lay.part_file(brief.part)) == brief.nbytes):
            done[part.index] = brief
    return done


def content_key(path: str) -> tuple[str, str, str, str]:
    """Detector, stream, lineage and content of a key path.

    Examples
    --------
    >>> content_key("antares/events/0a1b2c3d/00045978/0000-deadbeef")
    ('antares', 'events', '0a1b2c3d', 'deadbeef')
    """
    detector, stream, lineage, _, name = path.split("/")
    return detector, stream, lineage, name.rpartition("-")[2]


def refuse_overlap(store: Store, plan: Plan) -> None:
    """Refuse to archive entries twice that stand in the archive already, in another cut and the same lineage.

    Raises
    ------
    ConflictError
    """
    wanted = {f.fingerprint for f in plan.inputs}
    taken: dict[tuple[str, str, str], list[tuple[int, int, str]]] = {}
    for row in _ranges(store):
        for r in row["ranges"]:
            fingerprint = row["inputs"][r["input"]]
            if fingerprint in wanted:
                taken.setdefault((row["lineage"], fingerprint, r["tree"]), []).append((r["start"], r["stop"], row["part"]))
    for part in plan.parts:
        for r in part.ranges:
            entry = plan.inputs[r.input]
            for start, stop, other in taken.get((part.key.lineage, entry.fingerprint, r.tree), ()):
                if start < r.stop and r.start < stop and content_key(other)[3] != part.key.content:
                    raise ConflictError(
                        f"Entries {max(start, r.start)} to {min(stop, r.stop)} of {r.tree} are archived already, cut in another way",
                        where=f"{entry.name}, part {other}",
                        hint="Plan with the same --part-bytes as before, or convert into another archive.",
                    )


def _ranges(store: Store) -> Iterator[dict[str, Any]]:
    """Input ranges of each part with a receipt."""
    paths = set(ledger.receipt_paths(store))
    for row in snapshot.current(store).parts.select(["part", "lineage", "inputs", "ranges"]).to_pylist():
        if row["part"] in paths:
            paths.remove(row["part"])
            yield row
    for r in ledger.receipts(store, sorted(paths)):
        yield {"part": r.part, "lineage": r.lineage, "inputs": [i["fingerprint"] for i in r.inputs], "ranges": r.ranges}
