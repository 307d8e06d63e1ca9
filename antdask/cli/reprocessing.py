"""The commands that make other lineages of an archive, and choose among them."""

from __future__ import annotations

from typing import Any

import click

from antdask import settings
from antdask.cli.commands import left_out, main, parts_progress, unfinished
from antdask.cli.group import emit, leave
from antdask.cli.options import (
    on_cluster,
    parse_options,
    parse_runs,
    with_detectors,
    with_dry_run,
    with_json,
    with_quiet,
    with_runs,
)


@main.command()
@click.argument("archive")
@click.option("--stream", required=True, help="Which stream; `antdask info ARCHIVE` names them.")
@click.option(
    "--step",
    default="",
    metavar="MODULE:FUNCTION",
    help="What each batch goes through; the module must be importable where the workers run.",
)
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="A keyword argument of the step; may be repeated.")
@click.option(
    "--where", default="", metavar="CONDITION", help="Only rows for which this holds, as in query; in front of the step, or in its place."
)
@with_runs
@with_detectors
@click.option("--lineage", default="", help="Of which lineage; the current one of each run if not given.")
@click.option("--to-stream", default="", metavar="STREAM", help="The stream that the step gives, if it is another one.")
@click.option("--to-origin", default="", metavar="ORIGIN", help="The origin of the columns that the step gives, if it is another one.")
@click.option("--into", metavar="URL", help="Archive of the result, if it is another one.")
@click.option("--replace", is_flag=True, help="Make the result the current lineage of its runs, in one switch, when all parts are there.")
@on_cluster
@with_dry_run
@with_quiet
@with_json
def reprocess(archive: str, options: tuple[str, ...], runs: tuple[str, ...], into: str | None, replace: bool, cluster: str, workers: int | None, profile: str | None, dry_run: bool, quiet: bool, as_json: bool, **wish: Any) -> None:  # fmt: skip
    """Send parts of an archive through a step.

    Makes another lineage beside the old one, on the same road as a conversion: planned, killed, resumed, verified like that. Queries take the old one until it
    is replaced, and any by its name.
    """
    from antdask import report
    from antdask.cli import plans
    from antdask.cluster import make_cluster
    from antdask.convert import reprocess as verb
    from antdask.convert.campaign import foresee

    wanted = verb.Wish(**wish, options=parse_options(options), runs=parse_runs(runs))
    made = verb.plan_reprocessing(archive, wanted, into, settings.load())
    if dry_run:
        done = foresee(made)
        return emit(as_json, plans.preview(made) | {"dry_run": True, "lineages": dict(made.lineages)}, report.plan, made, done)
    with make_cluster(cluster, workers, profile) as place, parts_progress(quiet, made) as progress:
        found = verb.reprocess(made, place, settings.load(), progress, replace=replace)
    emit(as_json, found.to_dict() | {"lineages": sorted(made.lineages)}, report.summary, found)
    return leave(found.exit_code, left_out(found.rejected), unfinished(found.parts_total - found.parts_done))


@main.group()
def lineage() -> None:
    """Look after the lineages of an archive."""


@lineage.command(name="list")
@click.argument("archive")
@with_json
def list_lineages(archive: str, as_json: bool) -> None:
    """Say which lineages there are.

    What made each of them, and for how many of its runs it is the current one.
    """
    from antdask.cli import drawings
    from antdask.convert.lineages import lineages

    found = lineages(archive)
    emit(as_json, found, drawings.lineages, found)


@lineage.command()
@click.argument("archive")
@click.argument("name", metavar="LINEAGE")
@click.option("--stream", required=True, help="Of which stream.")
@with_runs
@with_detectors
@with_dry_run
@with_json
def use(archive: str, name: str, stream: str, runs: tuple[str, ...], detectors: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Make a lineage the current one of its runs.

    In one switch; queries that are opened afterwards take it if none is named. What is archived stays, and any other lineage can be used again.
    """
    from antdask.cli import drawings
    from antdask.convert.lineages import use_lineage

    found = use_lineage(archive, stream, name, parse_runs(runs), detectors, dry_run=dry_run)
    emit(as_json, found | {"dry_run": dry_run}, drawings.choice, found, dry_run)
