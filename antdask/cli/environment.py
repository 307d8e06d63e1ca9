"""The commands for marine science: build rates on a regular grid, look at them, export them."""

from __future__ import annotations

from typing import Any

import click

from antdask.cli.commands import main
from antdask.cli.group import emit, leave
from antdask.cli.options import on_cluster, with_dry_run, with_json, with_quiet
from antdask.errors import PartsFailedError


@main.group()
def environment() -> None:
    """Make environmental series of an archive, and hand them on."""


@environment.command()
@click.argument("archive")
@on_cluster
@click.option("--detector", help="Only the rates of this detector, where there are several.")
@click.option("--lineage", help="Only the rates of this lineage, where there are several.")
@click.option("--origin", metavar="DATE", help="First day of the grid; 1 January of the year of the first frame if not given.")
@click.option("--factor", type=float, default=1.2, show_default=True, help="A frame is in a burst from this many baselines on.")
@click.option("--sigma", type=float, default=5.0, show_default=True, help="A flash begins so many standard deviations above the baseline.")
@with_dry_run
@with_quiet
@with_json
def build(archive: str, cluster: str, workers: int | None, profile: str | None, factor: float, sigma: float, dry_run: bool, quiet: bool, as_json: bool, **which: Any) -> None:  # fmt: skip
    """Make rates on a regular grid of UTC.

    Levels from a second to a day, baselines, bursts and flashes, from the stream rates. Run it again after new runs were archived: only what is new is made.
    """
    from antdask import report
    from antdask.cluster import make_cluster
    from antdask.cluster.progress import Progress, Style
    from antdask.environment.build import BuildSpec
    from antdask.environment.build import build as make

    spec = BuildSpec.of(factor=factor, sigma=sigma, **which)
    with make_cluster(cluster, workers, profile) as place, Progress("days", style=Style.NONE if quiet else Style.AUTO) as progress:
        found = make(archive, place, spec, progress, dry_run)
    emit(as_json, found.to_dict() | {"dry_run": dry_run}, report.facts, found.to_dict())
    leave(found.exit_code, PartsFailedError("Some days were not made", found=len(found.failures), hint="Run the same command again."))


@environment.command(name="open")
@click.argument("archive")
@click.option(
    "--level", default="auto", show_default=True, help="1s, 10s, 1min, 15min, 1h, 1d, or auto: the finest with few enough points."
)
@click.option("--time", metavar="T0/T1", help="Only this interval of UTC; all that holds data if not given.")
@click.option("--line", type=int, multiple=True, help="Only this line; may be repeated.")
@click.option("--floor", type=int, multiple=True, help="Only this floor, 1 at the bottom; may be repeated.")
@click.option("--max-points", type=int, default=2000, show_default=True, help="Bins that --level auto may give.")
@click.option("-o", "--output", metavar="FILE", help="Write the bins that hold a measurement as .csv or .parquet.")
@with_json
def open_series(archive: str, level: str, time: str | None, line: tuple[int, ...], floor: tuple[int, ...], max_points: int, output: str | None, as_json: bool) -> None:  # fmt: skip
    """Look at rates of an archive.

    Says which level and how many channels and bins there are, and writes them to a file if wanted.
    """
    from antdask import report
    from antdask.environment.access import describe
    from antdask.export.laptop import rates_table
    from antdask.query.archive import open_archive

    found = open_archive(archive).environment.open(level=level, time=time, line=line or None, floor=floor or None, max_points=max_points)
    facts = describe(found) | ({"written": output, "rows": rates_table(found, output)} if output else {})
    emit(as_json, facts, report.facts, facts)


@environment.command()
@click.argument("archive")
@click.argument("folder", type=click.Path(file_okay=False))
@click.option("--level", "levels", multiple=True, default=("15min", "1d"), show_default=True, help="Levels to write; may be repeated.")
@click.option("--line", "lines", type=int, multiple=True, help="Only this line; may be repeated. All with data if not given.")
@click.option("--time", metavar="T0/T1", help="Only this interval of UTC.")
@click.option("--sensor", "sensors", multiple=True, help="Only this sensor; may be repeated. Those that tell of the sea if not given.")
@click.option("--native", metavar="DATE", help="Write the frames of this day too, 0.1 GB a line.")
@click.option(
    "--citation", metavar="TOML", help="Who publishes: creator, email, institution, ror, edmo, doi …; what is not said is not yet assigned."
)
@click.option("--csv", is_flag=True, help="Tables as CSV, not Parquet.")
@with_json
def export(
    archive: str, folder: str, lines: tuple[int, ...], sensors: tuple[str, ...], citation: str | None, as_json: bool, **which: Any
) -> None:
    """Write rates as NetCDF and tables.

    CF and ACDD NetCDF-4 per line, sensor and level, tables for a laptop, a fragment for ERDDAP, and a README with known gaps.
    """
    from antdask import report
    from antdask.export.citation import read_citation
    from antdask.export.environment import export_environment
    from antdask.query.archive import open_archive

    about = read_citation(citation) if citation else None
    found = export_environment(open_archive(archive), folder, lines=lines or None, sensors=sensors or None, citation=about, **which)
    emit(as_json, found.to_dict(), report.facts, {"folder": found.folder, "rows": found.rows, **found.files})


@environment.command()
@click.argument("source")
@click.argument("table", type=click.Path(dir_okay=False))
@click.option("--query", metavar="SELECT", help="SOURCE is a URL of SQLAlchemy, and this is what to ask; else SOURCE is CSV.")
@click.option("--site", required=True, help="Where the sensors are, e.g. antares: a part of the label under which readings are archived.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="WHAT=NAME",
    help="Which column is time, sensor, value, unit or quality; may be repeated. 'sensor=', 'unit=' and 'quality=' if there is none.",
)
@click.option("--name", default="", help="Name of the sensor, if the source is of one.")
@click.option("--unit", default="1", show_default=True, help="Unit, if no column tells it.")
@click.option("--separator", default=",", show_default=True, help="Of a CSV source.")
@with_json
def extract(source: str, table: str, columns: tuple[str, ...], as_json: bool, **how: Any) -> None:  # fmt: skip
    """Bring readings of a data base or another table into shape.

    Writes a table that convert archives. Rows that are no readings are left out and counted, and the first of them told.
    """
    from antdask import report
    from antdask.environment.readings import extract as bring

    found = bring(source, table, columns, **how)
    emit(as_json, found.to_dict(), report.facts, found.to_dict())


@environment.command()
@click.argument("archive")
@on_cluster
@click.option("--about", metavar="TOML", help="What is known of the sensors: depth, serial numbers, calibration, limits of tests.")
@with_quiet
@with_json
def sensors(archive: str, cluster: str, workers: int | None, profile: str | None, about: str | None, quiet: bool, as_json: bool) -> None:
    """Make series of sensors with units and flags.

    From the stream slow_control: units of the vocabulary, flags of OceanSITES. Run it again after new readings were archived: only what is new is made.
    """
    from antdask import report
    from antdask.cluster import make_cluster
    from antdask.cluster.progress import Progress, Style
    from antdask.environment.sensor_build import build_sensors
    from antdask.environment.sensor_info import read_descriptions

    described = read_descriptions(about) if about else None
    with make_cluster(cluster, workers, profile) as place, Progress("months", style=Style.NONE if quiet else Style.AUTO) as progress:
        found = build_sensors(archive, place, described, progress)
    emit(as_json, found.to_dict(), report.facts, found.to_dict())
    leave(found.exit_code, PartsFailedError("Some months were not made", found=len(found.failures), hint="Run the same command again."))


@main.command()
@click.argument("archive")
@click.option("--slow-control", metavar="CSV", help="Readings of sensors beside those of the archive.")
@click.option("--port", type=int, default=8765, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; others than the loopback show the archive to everyone."
)
def explore(archive: str, slow_control: str | None, port: int, host: str) -> None:
    """Show rates of an archive in a browser.

    From all years down to single frames, with gaps and their reasons; what is shown can be saved as CSV or NetCDF.
    """
    from antdask.environment.readings import read_csv
    from antdask.environment.series import all_series
    from antdask.export.explorer import Explorer, serve
    from antdask.query.archive import open_archive

    sensors = all_series(read_csv(slow_control)) if slow_control else {}
    with serve(Explorer(open_archive(archive), sensors), port, host) as server:
        click.echo(f"Open http://{host}:{server.server_port}/ in a browser; Ctrl-C ends.")
        server.serve_forever()
