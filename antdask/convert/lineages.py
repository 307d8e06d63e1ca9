"""The lineages of an archive: what each is, and which is the current one of its runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from antdask.archive import choices, contents, documents, snapshot
from antdask.archive.catalog_reader import CatalogReader
from antdask.archive.choices import Choice
from antdask.archive.store import Store
from antdask.errors import UnknownNameError, UsageError

_COLUMNS = ("stream", "lineage", "detector", "run", "rows", "hits", "nbytes", "current")


def lineages(archive_url: str) -> list[dict[str, Any]]:
    """Every lineage of every stream.

    Returns
    -------
    list of dict
        ``stream, lineage, reader, step, where, source`` (the lineage that a step derived it from, else empty), ``parts, runs, runs_current, rows, hits, nbytes``.

    Raises
    ------
    NotAnArchiveError
    """
    store = Store(archive_url)
    table = contents.plain(CatalogReader.open(store).parts.table(_COLUMNS))
    table = table.set_column(table.schema.get_field_index("current"), "current", pc.fill_null(table["current"], True))
    # A run counts once, whatever the number of its parts.
    runs = table.group_by(["stream", "lineage", "detector", "run"]).aggregate([("current", "max")])
    counted = runs.group_by(["stream", "lineage"]).aggregate([("run", "count"), ("current_max", "sum")])
    sums = table.group_by(["stream", "lineage"]).aggregate([("rows", "sum"), ("hits", "sum"), ("nbytes", "sum"), ("run", "count")])
    both = {(r["stream"], r["lineage"]): r for r in counted.to_pylist()}
    rows = []
    for r in sums.sort_by([("stream", "ascending"), ("lineage", "ascending")]).to_pylist():
        own = both[r["stream"], r["lineage"]]
        rows.append(
            {
                "stream": r["stream"],
                "lineage": r["lineage"],
                **_about(store, r["lineage"]),
                "parts": r["run_count"],
                "runs": own["run_count"],
                "runs_current": int(own["current_max_sum"]),
                **{n: r[f"{n}_sum"] for n in ("rows", "hits", "nbytes")},
            }
        )
    return rows


def _about(store: Store, lineage: str) -> dict[str, str]:
    try:
        document = documents.lineage(store, lineage)
    except FileNotFoundError:
        document = {}
    reader, step = document.get("reader", {}), document.get("step", {})
    options = ", ".join(f"{k}={v}" for k, v in step.get("options", {}).items())
    return {
        "reader": f"{reader.get('name', 'unknown')} {reader.get('version', '')}".strip(),
        "step": step.get("name", "") + (f" ({options})" if options else ""),
        "where": step.get("where", ""),
        "source": document.get("from", {}).get("lineage", ""),
    }


def use_lineage(
    archive_url: str, stream: str, lineage: str, runs: Sequence[int] | None = None, detectors: Sequence[str] = (), *, dry_run: bool = False
) -> dict[str, Any]:
    """Make a lineage the current one of its runs, in one switch; queries that are opened afterwards take it.

    Parameters
    ----------
    runs : sequence of int, optional
        Only these; all that the lineage has if not given.
    detectors : sequence of str
        Only runs of these, if any.
    dry_run : bool
        Only say what would change.

    Returns
    -------
    dict
        ``stream, lineage, runs`` (that it has, of those asked for), ``changed`` (of these, how many had another current one).

    Raises
    ------
    NotAnArchiveError
    UnknownNameError
        The stream has no such lineage.
    UsageError
        The lineage has none of these runs.
    DestinationError
    """
    store = Store(archive_url)
    table = contents.plain(CatalogReader.open(store).parts.table(_COLUMNS))
    table = table.filter(pc.equal(table["stream"], stream))
    known = pc.unique(table["lineage"]).to_pylist()
    if lineage not in known:
        raise UnknownNameError.of("lineage", lineage, known, where=f"stream '{stream}'")
    table = table.filter(pc.equal(table["lineage"], lineage))
    has = {(r["detector"], r["run"]): r["current_min"] is not False for r in _flags(table)}
    wanted = {run: flag for run, flag in has.items() if (runs is None or run[1] in runs) and (not detectors or run[0] in detectors)}
    if not wanted:
        raise UsageError("The lineage has none of these runs", where=f"lineage {lineage} of stream '{stream}'")
    if not dry_run:
        everything = runs is None and not detectors
        choices.write(store, Choice(stream, lineage, None if everything else tuple(sorted(wanted))))
        snapshot.rebuild(store)
    return {"stream": stream, "lineage": lineage, "runs": len(wanted), "changed": sum(not current for current in wanted.values())}


def _flags(table: pa.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.group_by(["detector", "run"]).aggregate([("current", "min")]).to_pylist()
    return found
