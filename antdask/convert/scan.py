"""From file names to a frozen plan: describe every input, reject what cannot be read, cut the rest into parts."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from antdask.archive.store import Store
from antdask.cluster.failures import Failure
from antdask.cluster.run import run
from antdask.convert.lineage import lineage_document, lineage_id
from antdask.convert.scan_cache import ScanCache
from antdask.errors import AntdaskError, ConfigurationError, CorruptFileError, InputError, InputUnreadableError, PlanError
from antdask.plan import ARCHIVED, FileEntry, Lender, Plan, Rejected, check_budget, make_parts
from antdask.protocols import Cluster
from antdask.settings import Settings, load
from antdask.sources import SOURCES, describe_each, layout_map
from antdask.sources.files import absolute, expand, lender
from antdask.sources.local_names import closed_folders, printable
from antdask.sources.map_draft import propose_map

#: Files that a worker looks at in one go: a look takes some ten milliseconds.
GROUP = 16
#: So many copies are named in a warning.
_NAMED = 5


def inspect(url: str) -> FileEntry:
    """Identity, layout and segments of one file, as the first source says that reads it. Errors as for `inspect_each`."""
    return inspect_each(url)[0][0]


def inspect_each(url: str, like: str = "") -> tuple[list[FileEntry], list[CorruptFileError]]:
    """Identity, layout and segments of one file, as each source says that reads it; and why others cannot, because it is damaged.

    Parameters
    ----------
    like : str
        A ROOT file that lends its layout to one that was cut; empty for none.

    Raises
    ------
    InputError
        Missing, unreadable, of unknown format or layout, or damaged for all.
    """
    found = expand([url])
    if len(found) != 1:
        raise InputError("inspect looks at one file", found=f"{len(found)} files", where=url)
    return describe_each(found[0], lender(like) if like else None)


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
    cluster: Cluster | None = None,
) -> Plan:
    """Describe all inputs and cut them into parts; nothing is written but the cache, if the settings name one.

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
    cluster : Cluster, optional
        Where to look at many inputs at once; here, one after the other, if not given.

    Raises
    ------
    PlanError
        No input at all, or more parts or bytes than the budget allows.
    """
    settings = settings or load()
    entries, rejected = scan(
        patterns,
        progress,
        strict=settings.strict if strict is None else strict,
        cluster=cluster,
        cache=settings.scan_cache,
        like=settings.like,
    )
    if not entries and not rejected:
        raise PlanError("No inputs were given", hint="Name files, URLs or globs.")
    lineage_of, lineages = lineages_of(entries)
    parts = make_parts(entries, lineage_of, settings.part_bytes)
    plan = Plan(Store(archive_url).url, tuple(entries), parts, lineages, tuple(rejected))
    check_budget(plan, settings.max_parts, settings.max_bytes)
    return plan


def lineages_of(entries: Iterable[FileEntry]) -> tuple[dict[tuple[str, str], str], dict[str, dict[str, Any]]]:
    """Lineage ids by stream and kind of the input, and the documents behind them by id."""
    names: dict[tuple[str, str], str] = {}
    documents: dict[str, dict[str, Any]] = {}
    for entry in entries:
        for stream in {s.stream for s in entry.segments}:
            if (stream, entry.kind) not in names:
                document = lineage_document(stream, entry, SOURCES.get(entry.format))
                names[stream, entry.kind] = lineage_id(document)
                documents[lineage_id(document)] = document
    return names, documents


def scan(
    patterns: Iterable[str],
    progress: Callable[[str], None] | None = None,
    *,
    strict: bool = False,
    cluster: Cluster | None = None,
    cache: str = "",
    like: str = "",
) -> tuple[list[FileEntry], list[Rejected]]:
    """Describe inputs, in the order given, once for each source that reads it; one that stands twice (by content) is described once.

    Parameters
    ----------
    cluster : Cluster, optional
        Where to work; here if not given.
    cache : str
        Folder or URL of a `ScanCache`; empty for none.
    like : str
        A ROOT file that lends its layout to those that were cut; empty for none.

    Raises
    ------
    ClusterError
        The cluster is gone.
    AntdaskError
        Five looks failed in the same way, for no fault of the files: a bug.
    """
    urls, rejected = _expand(patterns)
    memory = ScanCache(cache) if cache else None
    known = {url: found for url in urls if memory is not None and (found := memory.find(url)) is not None}
    todo = [url for url in urls if url not in known]
    if progress is not None:
        for url in known:
            progress(url)
    looks = {look.url: look for look in _look_at_all(todo, lender(like) if like else None, cluster, progress)}
    entries: dict[tuple[str, str], FileEntry] = {}
    copies: dict[str, str] = {}
    for url in urls:
        look = Look(url, known[url]) if url in known else looks[url]
        # What is damaged is looked at again next time, when it may have been fetched anew.
        if memory is not None and url not in known and look.rejected is None:
            memory.keep(look.entries)
        try:
            if look.rejected is not None:
                rejected.append(look.rejected)
            for entry in look.entries:
                if strict:
                    layout_map.refuse_assumed(entry)
                    _refuse_lent(entry)
                first = entries.setdefault((entry.fingerprint, entry.format), entry)
                if first.url != url:
                    copies[url] = first.url
        except InputError as error:
            rejected.append(Rejected(url, error.code, str(error)))
    if memory is not None:
        memory.save()
    if copies:
        warnings.warn(_in_words(copies), CopiesWarning, stacklevel=2)
    return list(entries.values()), rejected


class CopiesWarning(UserWarning):
    """Inputs were left out because they hold the same as others."""


def _in_words(copies: dict[str, str]) -> str:
    """What is said of copies, by their originals."""
    named = "; ".join(f"{copy} is {first}" for copy, first in list(copies.items())[:_NAMED])
    more = f"; and {len(copies) - _NAMED:,} more" if len(copies) > _NAMED else ""
    return f"{len(copies):,} of the inputs hold the same as others, by size and both ends, and are archived once: {named}{more}"


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """What was found out about one file: what each source says of it, and why it cannot be described, or something in it."""

    url: str
    entries: list[FileEntry]
    rejected: Rejected | None = None


def look_at(urls: tuple[str, ...], like: Lender | None = None) -> list[Look]:
    """Describe some files; for workers.

    Raises
    ------
    OSError
        The file system or the network is to blame.
    """
    return [_look(url, like) for url in urls]


def _look(url: str, like: Lender | None) -> Look:
    try:
        entries, damaged = describe_each(url, like)
        if any(entry.format == ARCHIVED for entry in entries):
            raise InputError(
                "A part of an archive is no legacy file", where=url, hint="See antdask reprocess, which takes an archive as its source."
            )
    except InputError as error:
        return Look(url, [], _rejection(url, error))
    return Look(url, entries, next((Rejected(url, e.code, f"{e} What can be read of the file is archived.") for e in damaged), None))


def _refuse_lent(entry: FileEntry) -> None:
    """Whether the layout is the file's own: that another has the same nothing proves."""
    if entry.like is not None:
        raise ConfigurationError("The layout of the file is lent by another", where=entry.url, found=entry.like.url, hint="Plan without --strict to take it.")  # fmt: skip


def _expand(patterns: Iterable[str]) -> tuple[list[str], list[Rejected]]:
    """All files, each once, in the order given; and what names none."""
    urls: dict[str, None] = {}
    rejected = []
    for pattern in patterns:
        try:
            urls.update(dict.fromkeys(expand([pattern])))
            rejected += [_closed(folder) for folder in closed_folders(absolute(pattern))]
        except InputError as error:
            rejected.append(_rejection(pattern, error))
    return list(urls), rejected


def _rejection(url: str, error: InputError) -> Rejected:
    return Rejected(printable(url), error.code, str(error))


def _closed(folder: str) -> Rejected:
    return _rejection(
        folder, InputUnreadableError("The folder may not be read", where=folder, hint="Ask for permission, or leave it out of the glob.")
    )


def _look_at_all(urls: list[str], like: Lender | None, cluster: Cluster | None, progress: Callable[[str], None] | None) -> Iterator[Look]:
    """Looks at all files, in any order; on a cluster some files at a time, and those of a group that failed one by one."""
    if cluster is None or len(urls) <= GROUP:
        for url in urls:
            yield _look(url, like)
            if progress is not None:
                progress(url)
        return
    looks: list[Look] = []
    lost: list[tuple[str, ...]] = []

    def keep(_: tuple[str, ...], found: list[Look]) -> None:
        looks.extend(found)
        if progress is not None:
            for look in found:
                progress(look.url)

    def give_up(group: tuple[str, ...], failure: Failure) -> None:
        if len(group) > 1:
            lost.extend((url,) for url in group)
        else:
            looks.append(Look(group[0], [], Rejected(group[0], failure.code, failure.message)))

    groups = [tuple(urls[start : start + GROUP]) for start in range(0, len(urls), GROUP)]
    while groups:
        stats = run(cluster, functools.partial(look_at, like=like), groups, on_result=keep, on_failure=give_up, total=len(groups))
        if stats.stopped:
            raise AntdaskError(f"Inputs cannot be looked at: {stats.stopped}", hint="Look at one of them: antdask inspect FILE.")
        groups, lost = lost, []
    yield from looks
