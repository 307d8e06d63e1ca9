"""The explorer on fifteen years: how long the server needs for a view, from all years to twenty days, the first time and for views beside it.

``python -m tests.benchmarks exploring`` prints one table; the archive takes 20 GB for a while (``ANTDASK_BENCH_YEARS``). What a browser adds is seen by the reader: the page
says it above the picture.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

import antdask
from antdask.export.explorer import Explorer
from antdask.export.explorer_view import View
from antdask.model.time import parse_utc
from tests.benchmarks import environment_data as data
from tests.benchmarks.environment import YEARS, apart

DAY_NS = 86_400 * 10**9
LENGTHS = {"all years": 0, "a year": 365, "two months": 60, "twelve days": 12}


def measure(url: str, days: int, depth: bool) -> list[float]:
    """Times of six views of a length, one after the other in another year [s]."""
    explorer, times = Explorer(antdask.open_archive(url)), []
    whole = explorer.about()["whole"]
    for number in range(6):
        start = parse_utc(f"{2011 + number}-03-01")
        span = (start, start + days * DAY_NS) if days else tuple(whole)
        began = time.perf_counter()
        # As the page does: another line each time where the view is the same.
        json.dumps(explorer.series(View((1 + number,) if not days else (3,), None, "median", (), *span, depth)))
        times.append(time.perf_counter() - began)
    return times


def main() -> None:
    """Make the data, measure, print."""
    table, folder = (
        Table(title=f"The explorer on {YEARS} years", title_justify="left"),
        Path(tempfile.mkdtemp(prefix="antdask-bench-exploring-")),
    )
    for name in ("view of a line: median, spread, bursts, gaps", "first [s]", "then [s]", "wanted [s]"):
        table.add_column(name)
    try:
        url = str(folder / "full")
        apart(data.years_of_levels, url, YEARS)
        for name, days in LENGTHS.items():
            for depth in (False, True):
                first, *others = apart(measure, url, days, depth)
                table.add_row(f"{name}{', with depths' if depth else ''}", f"{first:.3f}", f"{statistics.median(others):.3f}", "0.3")
    finally:
        shutil.rmtree(folder)
        Console(width=140).print(table, f"load of the machine {os.getloadavg()[1]:.1f}")
