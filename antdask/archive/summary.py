"""Summaries of the catalogue: sums and ranges of every stream, made once for each snapshot, so that opening an archive reads nothing else."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from antdask.model.time import format_utc

_SUMS = ("rows", "hits", "entries", "lost", "nbytes", "bytes_in")


def summaries(parts: pa.Table, quarantine: pa.Table) -> dict[str, Any]:
    """Of all parts together, and of each stream with the range of its rows in the table.

    Parameters
    ----------
    parts : pyarrow.Table
        In the order of the catalogue, so that a stream is a range of rows.
    quarantine : pyarrow.Table
    """
    streams, start = {}, 0
    for count in pc.value_counts(parts["stream"]).to_pylist():
        stop = start + count["counts"]
        streams[count["values"]] = {"start": start, "stop": stop, **summary(parts.slice(start, stop - start))}
        start = stop
    lost = {c["values"]: c["counts"] for c in pc.value_counts(quarantine["code"]).to_pylist()}
    return {"total": summary(parts), "streams": streams, "quarantine": lost}


def summary(parts: pa.Table) -> dict[str, Any]:
    """Sums and ranges over rows of the catalogue's table of parts: those of the current lineages, so that no event counts twice."""
    lineages = sorted(pc.unique(parts["lineage"]).to_pylist())
    parts = parts.filter(pc.fill_null(parts["current"], True))
    times = pc.min_max(parts["utc_min"]).as_py()["min"], pc.min_max(parts["utc_max"]).as_py()["max"]
    runs = pc.min_max(parts["run"]).as_py()
    return {
        "parts": parts.num_rows,
        **{name: pc.sum(parts[name]).as_py() or 0 for name in _SUMS},
        "detectors": sorted(pc.unique(parts["detector"]).to_pylist()),
        "runs": parts.group_by(["detector", "run"]).aggregate([]).num_rows,
        "first_run": runs["min"],
        "last_run": runs["max"],
        "first_utc": format_utc(times[0]),
        "last_utc": format_utc(times[1]),
        "lineages": lineages,
    }
