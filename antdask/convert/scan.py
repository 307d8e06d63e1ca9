"""From file names to a frozen plan: describe every input, reject what cannot be read, cut the rest into parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from antdask.archive.store import Store
from antdask.convert.lineage import lineage_document, lineage_id
from antdask.errors import InputError, PlanError
from antdask.plan import FileEntry, Plan, Rejected, check_budget, make_parts
from antdask.settings import Settings, load
from antdask.sources import SOURCES, describe_all, layout_map, recognise
from antdask.sources.files import expand
from antdask.sources.map_draft import propose_map


def inspect(url: str) -> FileEntry:
    """Identity, layout and segments of one file.

    Raises
    ------
    InputError
        Missing, unreadable, of unknown format or layout, or damaged.
    """
    found = expand([url])
    if len(found) != 1:
        raise InputError("inspect looks at one file", found=f"{len(found)} files", where=url)
    return recognise(found[0]).describe(found[0])


def draft_map(url: str) -> str:
    """A draft layout map for a ROOT file that no source knows, as TOML to be edited.

    Raises
    ------
    InputError
        Missing, unreadable, or not ROOT.
    """
    (found,) = expand([url])
    return propose_map(found)


def make_plan(
    patterns: Iterable[str],
    archive_url: str,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
    *,
    strict: bool | None = None,
) -> Plan:
    """Describe all inputs and cut them into parts; nothing is written.

    An input that cannot be described is rejected with its reason, and the others are planned.

    Parameters
    ----------
    patterns : iterable of str
        Paths, URLs or globs.
    archive_url : str
        Where the parts will go.
    progress : callable, optional
        Called with the URL of each described input.
    strict : bool, optional
        Reject inputs whose layout maps rest on assumptions; as the settings say, if not given.

    Raises
    ------
    PlanError
        No input at all, or more parts or bytes than the budget allows.
    """
    settings = settings or load()
    entries, rejected = scan(patterns, progress, strict=settings.strict if strict is None else strict)
    if not entries and not rejected:
        raise PlanError("No inputs were given", hint="Name files, URLs or globs.")
    lineage_of: dict[tuple[str, str], str] = {}
    lineages = {}
    for entry in entries:
        for stream in {s.stream for s in entry.segments}:
            document = lineage_document(stream, entry, SOURCES.get(entry.format))
            lineage_of[stream, entry.kind] = lineage_id(document)
            lineages[lineage_id(document)] = document
    parts = make_parts(entries, lineage_of, settings.part_bytes)
    plan = Plan(Store(archive_url).url, tuple(entries), parts, lineages, tuple(rejected))
    check_budget(plan, settings.max_parts, settings.max_bytes)
    return plan


def scan(
    patterns: Iterable[str], progress: Callable[[str], None] | None = None, *, strict: bool = False
) -> tuple[list[FileEntry], list[Rejected]]:
    """Describe inputs, in the order given, once for each source that reads it; one that stands twice (by content) is described once."""
    entries: dict[tuple[str, str], FileEntry] = {}
    rejected: list[Rejected] = []
    for pattern in patterns:
        try:
            urls = expand([pattern])
        except InputError as error:
            rejected.append(Rejected(pattern, error.code, str(error)))
            continue
        for url in urls:
            try:
                for entry in describe_all(url):
                    if strict:
                        layout_map.refuse_assumed(entry)
                    entries.setdefault((entry.fingerprint, entry.format), entry)
            except InputError as error:
                rejected.append(Rejected(url, error.code, str(error)))
            if progress is not None:
                progress(url)
    return list(entries.values()), rejected
