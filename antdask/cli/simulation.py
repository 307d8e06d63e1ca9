"""The commands that make what is not public: simulated runs, and damaged copies of files for tests."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from antdask.cli.commands import main
from antdask.cli.group import emit
from antdask.cli.options import with_json

_KINDS = ("truncate", "bitflip", "badbasket", "schema", "empty")


@main.command()
@click.argument("directory", type=click.Path(file_okay=False))
@click.option("--runs", type=int, default=1, show_default=True, help="Number of runs; one raw file each.")
@click.option("--first-run", type=int, default=45_001, show_default=True, help="Number of the first run.")
@click.option("--events", type=int, default=1000, show_default=True, help="Events per run.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same bytes.")
@click.option("--rate", "event_rate_hz", type=float, default=50.0, show_default=True, metavar="HZ", help="Events per second.")
@click.option("--timeslices", type=int, default=0, show_default=True, help="Frames per run with all their hits, some 25 MB each.")
@click.option(
    "--layout",
    type=click.Choice(["leaf", "packed"]),
    default="leaf",
    show_default=True,
    help="A column per quantity, or records of 6 bytes.",
)
@click.option("--codec", type=click.Choice(["zlib", "lzma", "lz4", "zstd", "none"]), default="zlib", show_default=True, help="Compression.")
@click.option("--level", type=int, help="Level of the compression, 1 to 9.")
@click.option("--basket-bytes", type=int, default=32_000, show_default=True, metavar="BYTES", help="Buffer size of each branch.")
@click.option(
    "--spring", is_flag=True, help="Dense water comes by from March to June, with currents and blooms; run 43428 starts on 10 March 2011."
)
@click.option("--corrupt", type=click.Choice(_KINDS), help="Add a copy of every raw file that is damaged in this way.")
@with_json
def simulate(directory: str, corrupt: str | None, as_json: bool, **wishes: Any) -> None:
    """Write files that imitate ANTARES runs.

    Raw data, a DST and sensor readings per run. Everything is SIMULATED, and the layout is not that of ANTARES files, which is not public.
    """
    from antdask import report, simulate

    spec = simulate.SimulationSpec(**wishes)
    files = simulate.simulate(spec, directory)
    if corrupt is not None:
        files += [simulate.corrupt(f, corrupt, directory, spec.seed) for f in files if f.name.endswith("_raw.root")]
    sizes = {str(f): Path(f).stat().st_size for f in files}
    emit(as_json, {"simulated": True, "spec": dataclasses.asdict(spec), "files": sizes}, report.simulation, sizes)
