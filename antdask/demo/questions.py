"""Four example queries: each is shown with its code, so its body is what a user would write."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

import awkward as ak
import pandas as pd

ROWS_SHOWN = 6


def busy_events(archive: Any) -> Any:
    """Which events of all detectors hold more than 200 hits?"""
    return archive.stream("events").select(where="n_hits > 200").to_pandas(columns=["detector", "n_hits", "n_triggered"])


def bright_events(archive: Any) -> Any:
    """How bright is the brightest triggered hit of each triggered ANTARES event, in photo-electrons?"""
    events = archive.stream("events").select(detector="antares", where="n_triggered > 0").to_awkward(["n_triggered", "hits"])
    charges = events.hits.charge_pe[events.hits.triggered == 1]
    return ak.zip({"frame": events.frame_index, "n_triggered": events.n_triggered, "brightest": ak.max(charges, axis=1)})


def ten_seconds(archive: Any) -> Any:
    """What were the rates in ten seconds of one night, as a labelled dataset?"""
    ten = archive.stream("rates").select(time="2017-12-13T06:01:00/2017-12-13T06:01:10")
    return ten.to_xarray(["frames.dom_id", "frames.rate_code"])


def cost(archive: Any) -> Any:
    """What would a query read, before it reads anything?"""
    return archive.stream("timeslices_l1").select(run=25291, where="n_hits > 1000").explain(["hits.channel_id", "hits.tot"])


ALL = (busy_events, bright_events, ten_seconds, cost)


def code(question: Any) -> str:
    """The body of a question, as a user would write it."""
    lines, _ = inspect.getsourcelines(question)
    return textwrap.dedent("".join(lines[2:])).strip().replace("return ", "")


def answer(result: Any) -> str:
    """A result, in a few lines."""
    if isinstance(result, ak.Array):
        result = ak.to_dataframe(result)
    if isinstance(result, pd.DataFrame):
        more = f"\n… {len(result):,} rows in all" if len(result) > ROWS_SHOWN else ""
        return result.head(ROWS_SHOWN).to_string() + more
    return str(result)
