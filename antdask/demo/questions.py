"""Four example queries: each is shown with its code, so its body is what a user would write."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

import awkward as ak


def busy_events(archive: Any) -> Any:
    """Which events of all detectors hold more than 200 hits?"""
    return archive.stream("events").select(where="n_hits > 200").to_pandas(columns=["detector", "n_hits", "n_triggered"])


def bright_events(archive: Any) -> Any:
    """Which ANTARES events have a triggered hit of more than 10 photo-electrons, and what are its charges?"""
    events = archive.stream("events").select(detector="antares", where="any(hits.triggered == 1 and hits.charge_pe > 10)")
    return events.to_awkward(["n_hits", "hits.line", "hits.charge_pe"])


def ten_seconds(archive: Any) -> Any:
    """What were the rates in ten seconds of one night, as a labelled dataset?"""
    return (
        archive.stream("rates")
        .select(time="2017-12-13T06:01:00/2017-12-13T06:01:10")
        .to_xarray(["utc_ns", "frames.dom_id", "frames.rate_code"])
    )


def cost(archive: Any) -> Any:
    """What would a query read, before it reads anything?"""
    return archive.stream("timeslices_l1").select(run=25291, where="n_hits > 1000").explain(["hits.channel_id", "hits.tot"])


ALL = (busy_events, bright_events, ten_seconds, cost)


def code(question: Any) -> str:
    """The body of a question, as a user would write it."""
    lines, _ = inspect.getsourcelines(question)
    body = textwrap.dedent("".join(lines[2:])).strip()
    return body.replace("return ", "", 1) if body.startswith("return ") else body.replace("\nreturn ", "\n")


def answer(result: Any) -> str:
    """A few lines of a result."""
    if isinstance(result, ak.Array):
        records = [f"  {record}"[:150] for record in result[:4].to_list()]
        return "\n".join([f"{len(result):,} × {result.type.content}"[:150], *records])
    if hasattr(result, "head"):
        return (
            f"{result.head(6) if hasattr(result, 'columns') else result}\n{len(result):,} rows"
            if hasattr(result, "columns")
            else str(result)
        )
    return str(result)
