"""The commands around a campaign: a plan that grows, its report, and what could not be read."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from antdask import settings
from antdask.cli.commands import left_out, main
from antdask.cli.group import emit, leave
from antdask.cli.options import (
    cluster_options,
    with_dry_run,
    with_inputs_from,
    with_json,
    with_like,
    with_part_bytes,
    with_quiet,
    with_scan_cache,
)


@main.command(name="replan")
@click.argument("plan_file", metavar="PLAN")
@click.option("--add", "inputs", multiple=True, metavar="INPUT", help="Take up this file, URL or glob; may be repeated.")
@with_inputs_from
@click.option("-o", "--output", required=True, metavar="FILE", help="Keep the new plan in this file.")
@with_part_bytes
@with_like
@with_scan_cache
@cluster_options("serial")
@with_quiet
@with_json
def grow(plan_file: str, inputs: tuple[str, ...], listed: tuple[str, ...], output: str, cluster: str, workers: int | None, profile: str | None, quiet: bool, as_json: bool, **wishes: Any) -> None:  # fmt: skip
    """Add inputs to a plan.

    The new plan holds all of the old one, so that what was done for that counts for this. An input of the old plan that is another file now is refused by name.
    """
    from antdask.cli import drawings, plans

    with plans.looking(cluster, workers, profile) as place:
        found = plans.grow(plan_file, inputs + listed, settings.load(**wishes), quiet, place)
    plans.keep(found.plan, output)
    document = plans.preview(found.plan) | {"written": output, "added": found.added, "known": found.known, "missing": found.missing}
    emit(as_json, document, drawings.grown, found, output)
    leave(3 if found.plan.rejected else 0, left_out(len(found.plan.rejected)))


@main.command()
@click.argument("archive")
@click.option("--plan", metavar="ID", help="Only this plan: its id, or the beginning of it.")
@click.option("-o", "--output", metavar="DIR", help="Write into this folder; into ARCHIVE/reports if not given.")
@with_json
def report(archive: str, plan: str | None, output: str | None, as_json: bool) -> None:
    """Write the report of a campaign.

    A page in Markdown, the numbers in JSON, and pictures of throughput, parts, failures and speed. While it runs, and afterwards.
    """
    from antdask.cli import drawings
    from antdask.convert.chronicle_page import write_report

    written = write_report(archive, plan, output)
    emit(as_json, {"files": written}, drawings.files, written)


@main.group()
def quarantine() -> None:
    """Look after what could not be read."""


with_names = click.argument("names", nargs=-1, metavar="[NAME]...")
with_codes = click.option("--cause", "codes", multiple=True, metavar="CODE", help="Only this cause, e.g. corrupt; may be repeated.")


@quarantine.command(name="list")
@click.argument("archive")
@with_names
@with_codes
@with_json
def list_cases(archive: str, names: tuple[str, ...], codes: tuple[str, ...], as_json: bool) -> None:
    """Count what is in quarantine, by cause.

    A NAME is a part, or an input or a glob of inputs; without one, everything is listed.
    """
    from antdask.cli import drawings
    from antdask.convert import quarantine as room

    found = room.cases(archive, names, codes)
    rows = room.causes(found)
    emit(as_json, {"causes": rows, "cases": [dataclasses.asdict(c) for c in found]}, drawings.causes, rows, found)


@quarantine.command()
@click.argument("archive")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@with_codes
@with_json
def show(archive: str, names: tuple[str, ...], codes: tuple[str, ...], as_json: bool) -> None:
    """Show why something is in quarantine.

    A NAME is a part, or an input or a glob of inputs.
    """
    from antdask.cli import drawings
    from antdask.convert import quarantine as room

    found = room.cases(archive, names, codes)
    emit(as_json, [dataclasses.asdict(c) for c in found], drawings.cases, found)


@quarantine.command()
@click.argument("archive")
@with_names
@with_codes
@with_part_bytes
@with_dry_run
@with_json
def readmit(archive: str, names: tuple[str, ...], codes: tuple[str, ...], dry_run: bool, as_json: bool, **wishes: Any) -> None:
    """Plan to read again what is in quarantine.

    Makes a plan of all that can be read by now, and keeps it in the archive; convert it, and its parts take the place of those that have gaps. Nothing that is
    archived is touched before.
    """
    from antdask.cli import drawings
    from antdask.convert import quarantine as room

    found = room.readmit(archive, names, codes, settings.load(**wishes), dry_run=dry_run)
    emit(as_json, found.to_dict() | {"dry_run": dry_run}, drawings.readmission, found, dry_run)
    leave(3 if found.refused else 0, left_out(len(found.refused)))
