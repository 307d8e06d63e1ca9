"""What the commands around campaigns and archives found, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from antdask.report import facts, size, table

if TYPE_CHECKING:
    from antdask.convert.compaction import Compaction
    from antdask.convert.garbage import Garbage
    from antdask.convert.quarantine import Case, Readmission
    from antdask.convert.replan import Difference, Grown


def difference(found: Difference) -> RenderableType:
    """What differs between two plans."""
    if not found:
        return Text("The plans say the same.")
    lists = (
        ("Inputs only in the first", "input", found.inputs_removed),
        ("Inputs only in the second", "input", found.inputs_added),
        ("Inputs with another content", "input", found.inputs_changed),
        ("Parts only in the first", "part", found.parts_removed),
        ("Parts only in the second", "part", found.parts_added),
        ("Lineages only in the first", "lineage", found.lineages_removed),
        ("Lineages only in the second", "lineage", found.lineages_added),
    )
    drawn = [table(f"{title} ({len(items):,})", (column,), (), ((item,) for item in items)) for title, column, items in lists if items]
    if found.inputs_moved:
        drawn.append(table(f"The same inputs elsewhere ({len(found.inputs_moved):,})", ("first", "second"), (), found.inputs_moved))
    return Group(facts({"archive": " → ".join(found.archive) if found.archive else ""}), *drawn)


def grown(found: Grown, output: str) -> RenderableType:
    """What was added to a plan."""
    about = {
        "plan": f"{found.plan.id}, in {output}",
        "inputs": f"{found.added:,} new, {found.known:,} in the plan already",
        "parts": f"{len(found.plan.parts):,}",
        "missing": f"{len(found.missing):,} inputs of the plan are not where they were; what of them is archived stays"
        if found.missing
        else "",
    }
    return facts(about)


def causes(rows: Sequence[Mapping[str, Any]], cases: Sequence[Case]) -> RenderableType:
    """What is in quarantine, by cause, and each stretch."""
    if not rows:
        return Text("Nothing is in quarantine.")
    counted = table(
        "Quarantine by cause",
        ("cause",),
        ("inputs", "rejected", "parts", "stretches", "entries"),
        [(r["code"], *(r[n] for n in ("inputs", "rejected", "parts", "stretches", "entries"))) for r in rows],
    )
    each = [(c.name, c.code, c.part or "whole input", c.tree, c.start if c.part else None, c.stop if c.part else None) for c in cases]
    return Group(counted, table("Each", ("input", "cause", "part", "tree"), ("first entry", "end"), each))


def cases(found: Sequence[Case]) -> RenderableType:
    """Cases in full."""
    blocks: list[RenderableType] = []
    for case in found:
        about = {
            "input": case.url,
            "cause": case.code,
            "reason": case.reason,
            "part": case.part,
            "entries": f"{case.start:,} to {case.stop:,} of {case.tree}" if case.part else "all: it could not be described",
        }
        blocks += [facts(about), Text("")]
    return Group(*blocks[:-1])


def readmission(found: Readmission, dry_run: bool) -> RenderableType:
    """What can be read again, and the next step."""
    about = {
        "read again": f"{found.again:,} parts" if found.again else "",
        "replaced": f"{found.replaced:,} parts, of inputs that are other files now" if found.replaced else "",
        "taken up": f"{found.accepted:,} inputs that could not be described" if found.accepted else "",
        "plan": f"{found.parts:,} parts" + (f", in {found.plan}" if found.plan else ""),
        "next": "; ".join(f"antdask convert {p}" for p in (found.plan, *found.pending) if p)
        or ("a dry run keeps no plan" if dry_run and found.parts else ""),
    }
    refused = [table("Cannot be read yet", ("input", "reason"), (), found.refused)] if found.refused else []
    derived = (
        [table("Derived from them: reprocess when the plan is done", ("part",), (), ((p,) for p in found.derived))] if found.derived else []
    )
    return Group(facts(about), *refused, *derived)


def lineages(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    """The lineages of an archive."""
    drawn = [
        (
            r["stream"],
            r["lineage"],
            r["step"] or r["reader"],
            r["where"],
            r["source"],
            r["parts"],
            r["runs"],
            r["runs_current"],
            r["rows"],
            size(r["nbytes"]),
        )
        for r in rows
    ]
    return table("Lineages", ("stream", "lineage", "made by", "where", "from"), ("parts", "runs", "current", "rows", "archived"), drawn)


def choice(found: Mapping[str, Any], dry_run: bool) -> RenderableType:
    """What a choice of a lineage changes."""
    verb = "would become" if dry_run else "is"
    return Text(
        f"Lineage {found['lineage']} {verb} the current one of {found['runs']:,} runs of stream '{found['stream']}'; {found['changed']:,} had another."
    )


def compaction(found: Compaction) -> RenderableType:
    """What merging would do."""
    about = {
        "plan": found.plan.id,
        "would merge": f"{found.before:,} parts into {found.after:,}",
        "volume": f"{size(sum(f.nbytes for f in found.plan.inputs))}, {size(found.plan.cost()['bytes_uncompressed'])} uncompressed",
    }
    alone = [table("Left alone", ("lineage", "reason"), (), found.left_alone.items())] if found.left_alone else []
    return Group(facts(about), *alone)


def garbage(found: Garbage) -> RenderableType:
    """What can go, or is gone."""
    about = {
        "superseded": f"{len(found.superseded):,} parts, {size(sum(found.superseded.values()))}" if found.superseded else "",
        "orphans": f"{len(found.orphans):,} part files without receipt, {size(sum(found.orphans.values()))}" if found.orphans else "",
        "snapshots": f"{len(found.snapshots):,} of the catalogue" if found.snapshots else "",
        "failures": f"{len(found.failures):,} records of parts that are done" if found.failures else "",
        "too young": f"{found.young:,} things stay: see --older" if found.young else "",
        "in all": size(found.nbytes) + (" deleted" if found.deleted else " could be deleted: say --yes"),
    }
    names = [(part, "superseded", size(n)) for part, n in found.superseded.items()] + [
        (part, "orphan", size(n)) for part, n in found.orphans.items()
    ]
    lists = [table("Parts", ("part", "why"), ("size",), names)] if names else []
    kept = [table("Superseded, but they stay", ("part", "reason"), (), found.kept.items())] if found.kept else []
    return Group(*lists, *kept, facts(about))


def files(written: Sequence[str]) -> RenderableType:
    """Files that were written."""
    return Text("\n".join(written))
