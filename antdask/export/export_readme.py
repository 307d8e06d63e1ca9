"""The README of an export: what it is, what is missing and why, how to cite it, and what is still to be assigned before it is published."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from antdask.environment.quality import FLAGS
from antdask.export.citation import LATITUDE, LONGITUDE, NOT_ASSIGNED, REFERENCES, Citation
from antdask.export.laptop import COLUMNS
from antdask.export.netcdf import RATE_VARIABLES


def readme(environment: Any, levels: Iterable[str], citation: Citation) -> str:
    """The text.

    Parameters
    ----------
    environment : Environment
        With a product of rates.
    levels : iterable of str
        That were written.
    """
    product, days = environment.product, environment.days
    first, last = days.index.min().strftime("%Y-%m-%d"), days.index.max().strftime("%Y-%m-%d")
    names = "\n".join(f"| `{code}` | `{name}` | {COLUMNS.get(name, 's-1')} |" for name, (code, _) in RATE_VARIABLES.items())
    doi = citation.doi if citation.doi != NOT_ASSIGNED else "DOI not yet assigned"
    open_points = f"\n## Before it is published\nNot yet assigned: {', '.join(citation.missing)}.\n" if citation.missing else ""
    notice = "**These data are simulated.** They look like those of the sea, and are no measurement.\n\n" if citation.simulated else ""
    return f"""# Rates of the optical modules of {product.document["detector"]}

{notice}Light in the deep Mediterranean Sea ({LATITUDE:.4f} N, {LONGITUDE:.4f} E, 2000 to 2400 m), counted by photomultipliers in frames of {product.quantity.measure.frame_ns / 1e6:.7g} ms,
from {first} to {last}, in bins of {", ".join(levels)} of UTC (leap seconds are not counted). Product {product.id}.

## What is in it
| NetCDF | table | unit |
|---|---|---|
{names}
| `BURST_FRACTION` | `burst_fraction` | 1 |
| `BLUM_N`, `BLUM_SAT` | `n_valid`, `n_saturated` | 1 |

Saturated frames (high-rate veto, XOFF) are counted in `BLUM_SAT` and are in no mean. In blooms they are the brightest ones, so means are low there;
`BLUM_LOW` takes them with the lower bound that was recorded. Baseline: {product.document["baseline"]}. Flashes: {product.document["flashes"]}.
A rate of counts is no photon flux: efficiency and age of the modules are not corrected.
{_sensors(environment)}
Flags (`*_QC`, OceanSITES): {", ".join(f"{n} {text.replace('_', ' ')}" for n, text in FLAGS.items())}. A bin of rates is 2 where some of its frames were saturated, 4 where all were, 9 where there is none.

## Known gaps
{_gaps(days, first, last)}

{_lines(environment)}

Why a bin holds nothing stands in `GAP`: 1 no run, 2 frames missing, 3 no data of the module, 4 module silent all day. Bins without measurement hold no value; nothing was interpolated.

## How to cite
{citation.creator} ({citation.created[:4]}): Rates of the optical modules of {product.document["detector"]}, product {product.id}. {doi}. Licence: {citation.licence}.

About these data: {REFERENCES}.
{open_points}"""


def _sensors(environment: Any) -> str:
    known = environment.sensors
    known = known[known["code"] != ""]
    if known.empty:
        return ""
    rows = "\n".join(f"| {name} | `{r.code}` | {r.unit} | {'' if np.isnan(r.depth or np.nan) else f'{r.depth:g} m'} | {r.n} | {r.first:%Y-%m-%d} to {r.last:%Y-%m-%d} |" for name, r in known.iterrows())  # fmt: skip
    return f"\n| sensor | variable | unit | depth | readings | |\n|---|---|---|---|---|---|\n{rows}\n"


def _gaps(days: Any, first: str, last: str) -> str:
    calendar = np.arange(np.datetime64(first), np.datetime64(last) + np.timedelta64(1, "D"))
    there = np.isin([str(d).replace("-", "") for d in calendar], list(days["day"]))
    edges = np.flatnonzero(np.diff(~there, prepend=False, append=False))
    spans = sorted(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True), key=lambda s: s[0] - s[1])
    shown = ", ".join(str(calendar[a]) if b - a == 1 else f"{calendar[a]} to {calendar[b - 1]}" for a, b in sorted(spans[:40]))
    more = f"; the {40} longest of {len(spans)}" if len(spans) > 40 else ""
    missing = 1 - days["frames"].sum() / max(1, days["expected"].sum())
    left = {n: int(days[n].sum()) for n in ("duplicate", "clock", "overlap")}
    return f"""- {int((~there).sum())} of {len(calendar)} days hold no data{f": {shown}{more}" if shown else ""}.
- {missing:.2%} of the frames of runs are missing.
- Left out: {left["duplicate"]} duplicated frames, {left["clock"]} frames of clocks that went back, {left["overlap"]} frames of overlapping runs."""


def _lines(environment: Any) -> str:
    """A table of lines: when they gave data, and how much."""
    whole = environment.open(level="1d")
    valid, lines = whole["n_valid"].values > 0, whole["line"].values
    rows = []
    for line in np.unique(lines):
        own = valid[lines == line]
        when = np.flatnonzero(own.any(axis=0))
        if len(when):
            dates = whole.time.values[when].astype("datetime64[D]")
            rows.append(f"| {line} | {dates[0]} | {dates[-1]} | {len(when)} | {int(own.any(axis=1).sum())} of {len(own)} |")
        else:
            rows.append(f"| {line} | | | 0 | 0 of {len(own)} |")
    return "| line | first day | last day | days with data | modules that ever gave data |\n|---|---|---|---|---|\n" + "\n".join(rows)
