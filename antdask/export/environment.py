"""The verb: write the environmental products of an archive into a folder that people open without antdask.

::

    FOLDER/
      README.md                               what it is, how to cite it, known gaps
      netcdf/rates-L01-15min.nc               one file per line and level
      tables/rates-1d.parquet                 all optical modules, for a laptop
      tables/flashes.parquet
      erddap/datasets.xml                     a fragment
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from antdask.archive.store import destination_errors
from antdask.environment.grid import level_named
from antdask.errors import UsageError
from antdask.export.citation import Citation
from antdask.export.erddap import dataset_fragment
from antdask.export.laptop import COLUMNS, rates_table
from antdask.export.netcdf import RATE_VARIABLES, rates_file


@dataclasses.dataclass
class Exported:
    """What was written.

    Parameters
    ----------
    folder : str
    files : dict of relative path to bytes
    rows : int
        Of the tables of rates.
    """

    folder: str
    files: dict[str, int]
    rows: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return dataclasses.asdict(self)


def export_environment(
    archive: Any,
    folder: str | os.PathLike[str],
    *,
    levels: Iterable[str] = ("15min", "1d"),
    lines: Iterable[int] | None = None,
    time: str | None = None,
    citation: Citation | None = None,
    csv: bool = False,
) -> Exported:
    """Write NetCDF files per line and level, tables, a fragment for ERDDAP, and a README; the same input gives the same bytes.

    Parameters
    ----------
    archive : Archive
        With a product of rates.
    folder : path
        New or empty.
    levels, lines
        All lines with data if not given.
    time : "T0/T1", optional
    csv : bool
        Tables as CSV, not Parquet.

    Raises
    ------
    UsageError
        Nothing was built, or the folder holds something.
    UnknownNameError
        No such level.
    DestinationError
    """
    target, about, names = Path(folder), citation or Citation(), [level_named(n).name for n in levels]
    environment = archive.environment
    known = environment.product.quantity.labels
    if "line" not in known:
        raise UsageError("These data have no lines; only rates of ANTARES are exported")
    if target.exists() and any(target.iterdir()):
        raise UsageError("The folder is not empty", where=str(target), hint="Name a new one.")
    with destination_errors(str(target)):
        for name in ("netcdf", "tables", "erddap"):
            (target / name).mkdir(parents=True, exist_ok=True)
    wanted = sorted(set(lines)) if lines is not None else np.unique(known["line"]).tolist()
    fragments, rows = [], 0
    for level in names:
        written = []
        for line in wanted:
            found = environment.open(level=level, time=time, line=line)
            if bool((found["n_valid"].sum() + found["n_saturated"].sum()) > 0):
                written.append(rates_file(found, line, about, target / "netcdf" / f"rates-L{line:02d}-{level}.nc"))
        if written:
            fragments.append(dataset_fragment(written, f"antares_rates_{level}"))
        ending = "csv" if csv else "parquet"
        rows += rates_table(environment.open(level=level, time=time, line=wanted), target / "tables" / f"rates-{level}.{ending}")
    with destination_errors(str(target)):
        pq.write_table(environment.flashes(time), target / "tables" / "flashes.parquet", compression="zstd")
        (target / "erddap" / "datasets.xml").write_text("".join(fragments), encoding="utf-8")
        (target / "README.md").write_text(readme(environment, names, about), encoding="utf-8")
    files = {str(p.relative_to(target)): p.stat().st_size for p in sorted(target.rglob("*")) if p.is_file()}
    return Exported(str(target), files, rows)


def readme(environment: Any, levels: Iterable[str], citation: Citation) -> str:
    """What stands in the README of an export."""
    product, days = environment.product, environment.days
    first, last = days.index.min().strftime("%Y-%m-%d"), days.index.max().strftime("%Y-%m-%d")
    calendar = np.arange(np.datetime64(first), np.datetime64(last) + np.timedelta64(1, "D"))
    there = set(days["day"])
    gone = [str(d) for d in calendar if str(d).replace("-", "") not in there]
    missing = 1 - days["frames"].sum() / max(1, days["expected"].sum())
    left = {n: int(days[n].sum()) for n in ("duplicate", "clock", "overlap")}
    names = "\n".join(f"| `{code}` | `{name}` | {COLUMNS.get(name, 's-1')} |" for name, (code, _) in RATE_VARIABLES.items())
    return f"""# Rates of the optical modules of {product.document["detector"]}

Light in the deep Mediterranean Sea (42.8 N, 6.0 E, 2000 to 2400 m), counted by photomultipliers in frames of {product.quantity.measure.frame_ns / 1e6:g} ms,
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

## Known gaps
- {len(gone)} of {len(calendar)} days hold no data{": " + ", ".join(gone[:40]) + (" ..." if len(gone) > 40 else "") if gone else ""}.
- {missing:.2%} of the frames of runs are missing.
- Left out: {left["duplicate"]} duplicated frames, {left["clock"]} frames of clocks that went back, {left["overlap"]} frames of overlapping runs.
- Why a bin holds nothing stands in `GAP`: 1 no run, 2 frames missing, 3 no data of the module, 4 module silent all day.

## How to cite
{citation.creator}: Rates of the optical modules of {product.document["detector"]}, product {product.id}. {citation.doi or "DOI: to be assigned"}. Licence: {citation.licence}.
"""
