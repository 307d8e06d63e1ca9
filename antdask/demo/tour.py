"""The steps of the tour: plan, convert on a local Dask cluster, verify every value, show what was archived, ask, draw."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import antdask
from antdask.archive.layout import MARKER
from antdask.cluster import make_cluster
from antdask.cluster.progress import Progress
from antdask.convert.campaign import Summary, convert
from antdask.convert.scan import make_plan
from antdask.convert.verify import verify
from antdask.demo import pictures, questions
from antdask.errors import DestinationError, InputMissingError, PartsFailedError, VerificationError
from antdask.protocols import Cluster

WORKERS = 2


def inputs() -> list[str]:
    """Globs of the real files: all KM3NeT online files, and the one public file with data of the ANTARES detector.

    Raises
    ------
    InputMissingError
        The package with the sample files is not installed.
    """
    try:
        from km3net_testdata import data_path
    except ImportError as error:
        raise InputMissingError(
            "The real sample files are not installed", hint="Install the package km3net-testdata, or use `make demo`."
        ) from error
    return [str(Path(data_path("online/km3net_online.root")).parent / "*.root"), str(data_path("seatray/antares.h5"))]


def run(folder: Path, console: Console) -> None:
    """The whole tour; leaves ``archive`` and ``plots`` in `folder`.

    Raises
    ------
    PartsFailedError, VerificationError
        The conversion lost something, or archive and source differ.
    DestinationError
        `folder` holds something else where the archive should go.
    """
    began = time.perf_counter()
    place = clean(folder / "archive")
    cluster = make_cluster("local", WORKERS)
    try:
        summary = fill(str(place), cluster, console)
        check(str(place), cluster, console)
    finally:
        cluster.close()
    console.print(contents(summary))
    archive = antdask.open_archive(str(place))
    step(console, 4, "Ask: four queries")
    for question in questions.ALL:
        # Code holds brackets, which Rich would take for markup.
        console.print(f"\n{question.__doc__}", style="bold", markup=False, highlight=False, soft_wrap=True)
        console.print(questions.code(question), style="cyan", markup=False, highlight=False, soft_wrap=True)
        console.print(questions.answer(question(archive)), markup=False, highlight=False, soft_wrap=True)
    step(console, 5, "Look: four pictures")
    for path in pictures.draw(archive, folder / "plots"):
        console.print(f"  {path}", highlight=False)
    console.print(f"\nDone in {time.perf_counter() - began:.0f} s.", highlight=False)
    opening = f'import antdask; archive = antdask.open_archive("{place.resolve()}")'
    console.print(f"The archive is in {place}. In a notebook of {sys.executable}: {opening}", markup=False, highlight=False, soft_wrap=True)


def clean(place: Path) -> Path:
    """Make room for a new archive: removes an old one, and nothing else.

    Raises
    ------
    DestinationError
        The place holds something that is not an archive.
    """
    if place.exists() and not (place / MARKER).is_file() and not (place.is_dir() and not any(place.iterdir())):
        raise DestinationError(
            "The place for the archive holds something else", where=str(place), hint="Remove it, or give another folder."
        )
    if place.exists():
        shutil.rmtree(place)
    return place


def step(console: Console, number: int, words: str) -> None:
    """A heading."""
    console.print(f"\n[bold green]{number}  {words}[/bold green]", highlight=False)


def fill(place: str, cluster: Cluster, console: Console) -> Summary:
    """Plan and convert all inputs.

    Raises
    ------
    PartsFailedError
    """
    step(console, 1, "Plan: look at every file, decide what becomes which part")
    plan = make_plan(inputs(), place)
    cost = plan.cost()
    console.print(
        f"  {cost['inputs']} files, {cost['bytes_in'] / 1e6:.1f} MB ({cost['bytes_uncompressed'] / 1e6:.1f} MB uncompressed), "
        f"{cost['entries']:,} entries → {cost['parts']} parts", highlight=False,
    )  # fmt: skip
    step(console, 2, f"Convert: on a local Dask cluster of {cluster.capacity} workers")
    with Progress(
        "parts", weigh=lambda index, _: plan.parts[index].nbytes, total_bytes=cost["bytes_uncompressed"], console=console
    ) as progress:
        summary = convert(plan, cluster, progress=progress)
    if summary.exit_code or summary.quarantined:
        raise PartsFailedError("The conversion is not complete", found=f"{summary.parts_failed} failed parts, {summary.quarantined} quarantined entries, {summary.rejected} rejected files")  # fmt: skip
    return summary


def check(place: str, cluster: Cluster, console: Console) -> None:
    """Read the sources again and compare every value with the archive.

    Raises
    ------
    VerificationError
    """
    step(console, 3, "Verify: read the sources again, compare every value, bit for bit")
    with Progress("parts", console=console) as progress:
        report = verify(place, "source", cluster, progress=progress)
    if report.problems:
        raise VerificationError("Archive and sources differ", where=report.problems[0]["part"], found=report.problems[0]["problem"])
    console.print(
        f"  {report.values:,} values of {report.parts} parts are equal to their sources ({report.seconds:.1f} s)", highlight=False
    )


def contents(summary: Summary) -> Table:
    """What was archived, by stream and run."""
    table = Table(title="\nWhat was archived", title_justify="left", title_style="bold", header_style="bold", box=SIMPLE_HEAD)
    table.caption = (
        "MB: uncompressed in the source → in the archive. Small parts mostly pay for imports and opening files: see `make bench`."
    )
    table.caption_justify = "left"
    table.add_column("stream", no_wrap=True)
    table.add_column("detector", no_wrap=True)
    for name in ("run", "parts", "rows", "hits", "MB in → out", "ratio", "CPU s", "MB/s/core"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in summary.streams:
        table.add_row(row["stream"], row["detector"], str(row["run"]), *_numbers(row))
    sums = {
        name: sum(row[name] for row in summary.streams)
        for name in ("parts", "rows", "hits", "bytes_uncompressed", "bytes_out", "cpu_seconds")
    }
    table.add_section()
    table.add_row("all", "", "", *_numbers(sums), style="bold")
    return table


def _numbers(row: dict[str, Any]) -> list[str]:
    size_in, size_out, seconds = row["bytes_uncompressed"] / 1e6, row["bytes_out"] / 1e6, row["cpu_seconds"]
    counts = [f"{row[name]:,}" for name in ("parts", "rows", "hits")]
    return [*counts, f"{size_in:.2f} → {size_out:.2f}", f"{size_in / size_out:.2f}", f"{seconds:.2f}", f"{size_in / seconds:.1f}"]
