"""The commands that keep an archive tidy: few large parts, and nothing that nobody needs."""

from __future__ import annotations

from typing import Any

import click

from antdask import settings
from antdask.cli.commands import left_out, main, parts_progress, unfinished
from antdask.cli.group import emit, leave
from antdask.cli.options import (
    on_cluster,
    parse_duration,
    parse_runs,
    with_detectors,
    with_dry_run,
    with_json,
    with_part_bytes,
    with_quiet,
    with_runs,
)


@main.command()
@click.argument("archive")
@click.option("--stream", "streams", multiple=True, help="Only this stream; may be repeated.")
@with_runs
@with_detectors
@with_part_bytes
@on_cluster
@with_dry_run
@with_quiet
@with_json
def compact(archive: str, streams: tuple[str, ...], runs: tuple[str, ...], detectors: tuple[str, ...], part_bytes: int | None, cluster: str, workers: int | None, profile: str | None, dry_run: bool, quiet: bool, as_json: bool) -> None:  # fmt: skip
    """Merge small parts into large ones.

    Of one run, with the same values, each merged part verified before it takes the place of the others. Who reads notices nothing; `antdask gc` makes room.
    """
    from antdask import report
    from antdask.cli import drawings
    from antdask.cluster import make_cluster
    from antdask.convert import campaign, compaction

    wanted = settings.load(part_bytes=part_bytes)
    found = compaction.plan_compaction(archive, streams, detectors, parse_runs(runs), wanted)
    if dry_run or not found.after:
        return emit(as_json, _told(found) | {"dry_run": dry_run}, drawings.compaction, found)
    with make_cluster(cluster, workers, profile) as place, parts_progress(quiet, found.plan) as progress:
        summary = campaign.convert(found.plan, place, wanted, progress)
    emit(as_json, _told(found) | summary.to_dict(), report.summary, summary)
    return leave(summary.exit_code, left_out(0), unfinished(summary.parts_total - summary.parts_done))


def _told(found: Any) -> dict[str, Any]:
    return {"plan": found.plan.id, "before": found.before, "after": found.after, "left_alone": found.left_alone, **found.plan.cost()}


@main.command()
@click.argument("archive")
@click.option(
    "--older",
    type=parse_duration,
    default="24h",
    show_default=True,
    metavar="TIME",
    help="Only what has been useless for so long: 30min, 24h, 7d, or 0.",
)
@click.option("--deep", is_flag=True, help="Read every part that stands for others before the others are listed.")
@click.option("--yes", is_flag=True, help="Delete what is listed.")
@with_dry_run
@with_json
def gc(archive: str, older: float, deep: bool, yes: bool, dry_run: bool, as_json: bool) -> None:
    """List what nobody needs any more, and delete it.

    Parts that others stand for, part files without receipt, old snapshots of the catalogue. Deletes nothing without --yes.
    """
    from antdask.cli import drawings
    from antdask.convert.garbage import collect_garbage, find_garbage

    found = find_garbage(archive, older, deep)
    if yes and not dry_run:
        found = collect_garbage(found)
    emit(as_json, found.to_dict(), drawings.garbage, found)
