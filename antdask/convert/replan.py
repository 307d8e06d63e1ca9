"""A plan that grows, and two plans compared.

A plan is never changed. Adding inputs makes another one that holds all of the first, so that what was done for the first counts for the second.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from antdask.archive import contents
from antdask.archive.plans import PlanFile
from antdask.convert.scan import lineages_of, scan
from antdask.errors import InputChangedError, InputError, InputMissingError
from antdask.plan import FileEntry, Part, Plan, check_budget, make_parts
from antdask.protocols import Cluster
from antdask.settings import Settings, load
from antdask.sources.files import identify, stamp

#: Inputs that a message names.
_NAMED = 20


@dataclasses.dataclass(frozen=True)
class Grown:
    """A plan with more inputs.

    Parameters
    ----------
    plan : Plan
    added, known : int
        Inputs that are new; inputs that were to be added and are in the plan already.
    missing : tuple of str
        Inputs of the first plan that are not where they were: what of them is archived stays.
    """

    plan: Plan
    added: int
    known: int
    missing: tuple[str, ...]


def replan(
    plan: Plan | PlanFile,
    add: Iterable[str],
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
    *,
    cluster: Cluster | None = None,
) -> Grown:
    """The plan with more inputs.

    Parameters
    ----------
    plan : Plan or PlanFile
    add : iterable of str
        Paths, URLs or globs.
    progress, cluster :
        As `scan.make_plan`.

    Raises
    ------
    InputChangedError
        An input of the plan is another file now; the message lists all of them.
    PlanError
        The plan breaks the budget.
    """
    settings = settings or load()
    old = plan.whole() if isinstance(plan, PlanFile) else plan
    entries, rejected = scan(add, progress, strict=settings.strict, cluster=cluster, cache=settings.scan_cache, like=settings.like)
    by_content = {(f.fingerprint, f.format) for f in old.inputs}
    fresh = [e for e in entries if (e.fingerprint, e.format) not in by_content]
    drifted, missing = _drift(old.inputs, {e.url: e for e in fresh})
    if drifted:
        raise InputChangedError(
            f"Inputs changed since they were planned: {_list(drifted)}",
            found=f"{len(drifted):,} other files",
            hint="Put the files back; or plan without them, and let antdask quarantine readmit replace what is archived of them.",
        )
    lineage_of, documents = lineages_of(fresh)
    parts = (*old.parts, *make_parts(fresh, lineage_of, settings.part_bytes, after=old.parts, first_input=len(old.inputs)))
    # A file may be read by one source and rejected by another, for a part that is damaged.
    accepted = {f.url for f in (*old.inputs, *fresh)}
    left_out = {r.url: r for r in old.rejected if r.url not in accepted} | {r.url: r for r in rejected}
    made = Plan(old.archive, (*old.inputs, *fresh), parts, {**old.lineages, **documents}, tuple(left_out.values()), old.retires)
    check_budget(made, settings.max_parts, settings.max_bytes)
    return Grown(made, len(fresh), len(entries) - len(fresh), tuple(missing))


def _drift(inputs: Iterable[FileEntry], fresh: dict[str, FileEntry]) -> tuple[list[str], list[str]]:
    """Inputs that are other files now, and inputs that are not there; only what has another size or time is read."""
    drifted, missing = [], []
    for entry in inputs:
        if entry.url in fresh:
            drifted.append(entry.url)
            continue
        try:
            if stamp(entry.url) != (entry.nbytes, entry.mtime_ns) and identify(entry.url).fingerprint != entry.fingerprint:
                drifted.append(entry.url)
        except InputMissingError:
            missing.append(entry.url)
        except InputError:
            drifted.append(entry.url)
    return list(dict.fromkeys(drifted)), list(dict.fromkeys(missing))


def _list(urls: list[str]) -> str:
    more = f" and {len(urls) - _NAMED:,} more" if len(urls) > _NAMED else ""
    return ", ".join(urls[:_NAMED]) + more


@dataclasses.dataclass(frozen=True)
class Difference:
    """What differs between two plans.

    Parameters
    ----------
    inputs_removed, inputs_added : tuple of str
        URLs of inputs whose content is in one plan only.
    inputs_changed : tuple of str
        URLs that name one content in one plan, and another in the other.
    inputs_moved : tuple of (str, str)
        The same content at two places.
    parts_removed, parts_added : tuple of str
        Paths of parts whose entries, in this cut and lineage, are in one plan only.
    lineages_removed, lineages_added : tuple of str
    archive : tuple of (str, str) or None
        Their destinations, where these differ.
    """

    inputs_removed: tuple[str, ...] = ()
    inputs_added: tuple[str, ...] = ()
    inputs_changed: tuple[str, ...] = ()
    inputs_moved: tuple[tuple[str, str], ...] = ()
    parts_removed: tuple[str, ...] = ()
    parts_added: tuple[str, ...] = ()
    lineages_removed: tuple[str, ...] = ()
    lineages_added: tuple[str, ...] = ()
    archive: tuple[str, str] | None = None

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return any(dataclasses.astuple(self))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return dataclasses.asdict(self)


def compare(first: Plan | PlanFile, second: Plan | PlanFile) -> Difference:
    """What the second plan has more, less, or otherwise.

    Raises
    ------
    PlanError
        A plan is damaged.
    """
    inputs = [{(e.fingerprint, e.format): e.url for e in _inputs(p)} for p in (first, second)]
    removed, added = (sorted({a[k] for k in a.keys() - b.keys()}) for a, b in (inputs, inputs[::-1]))
    changed = sorted(set(removed) & set(added))
    moved = sorted({(inputs[0][k], inputs[1][k]) for k in inputs[0].keys() & inputs[1].keys() if inputs[0][k] != inputs[1][k]})
    parts = [{(contents.key_of(p.key), p.key.generation): p.key.path for p in _parts(plan)} for plan in (first, second)]
    parts_removed, parts_added = (tuple(sorted(a[k] for k in a.keys() - b.keys())) for a, b in (parts, parts[::-1]))
    return Difference(
        tuple(u for u in removed if u not in changed),
        tuple(u for u in added if u not in changed),
        tuple(changed),
        tuple(moved),
        parts_removed,
        parts_added,
        tuple(sorted(first.lineages.keys() - second.lineages.keys())),
        tuple(sorted(second.lineages.keys() - first.lineages.keys())),
        (first.archive, second.archive) if first.archive != second.archive else None,
    )


def _inputs(plan: Plan | PlanFile) -> Iterator[FileEntry]:
    return plan.entries() if isinstance(plan, PlanFile) else iter(plan.inputs)


def _parts(plan: Plan | PlanFile) -> Iterator[Part]:
    return plan.each_part() if isinstance(plan, PlanFile) else iter(plan.parts)
