"""The commands, in the order of the work; each body hands over to the library at once."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from antdask import __version__, settings
from antdask.cli.group import Commands, emit, leave
from antdask.cli.options import (
    cluster_options,
    on_cluster,
    with_archive,
    with_dry_run,
    with_inputs_from,
    with_json,
    with_like,
    with_part_bytes,
    with_profile,
    with_quiet,
    with_runs,
    with_scan_cache,
    with_strict,
)
from antdask.errors import ClusterError, InputError, PartsFailedError, VerificationError

if TYPE_CHECKING:
    from antdask.archive.plans import PlanFile
    from antdask.cluster.progress import Progress
    from antdask.convert.campaign import Summary
    from antdask.plan import Plan

# What a command needs is imported when it runs, so that --help and completion take no time.


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="antdask")
def main() -> None:
    """Bring legacy files of the ANTARES neutrino telescope into a verified, queryable Zarr archive.

    The commands stand in the order of the work.
    """


@main.command()
@click.argument("file")
@click.option("--propose-map", is_flag=True, help="Draft a layout map for a ROOT file instead: trees, branches, and what they may be.")
@with_like
@with_json
def inspect(file: str, propose_map: bool, like: str | None, as_json: bool) -> None:
    """Say what a file is.

    Its format, layout, runs and entries, and what in it would not be archived; of a file that several sources read, what each makes of it. Of a plan, what it
    would do.
    """
    from antdask.cli import inspection
    from antdask.convert.scan import draft_map

    if propose_map:
        return emit(as_json, {"map": (text := draft_map(file))}, str, text)
    found = inspection.look(file, like or "")
    emit(as_json, found.document, lambda: found.drawing)
    return leave(3 if found.damaged else 0, *found.damaged)


@main.command()
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@with_inputs_from
@with_archive
@click.option("-o", "--output", metavar="FILE", help="Keep the plan in this file, for convert and work.")
@click.option("--show", metavar="PLAN", help="Show a plan that was kept, instead of making one.")
@click.option("--diff", nargs=2, metavar="PLAN PLAN", help="Say what the second of two plans has more, less, or otherwise.")
@with_part_bytes
@with_strict
@with_like
@with_scan_cache
@cluster_options("serial")
@with_quiet
@with_json
def plan(inputs: tuple[str, ...], listed: tuple[str, ...], archive: str | None, output: str | None, show: str | None, diff: tuple[str, str] | None, cluster: str, workers: int | None, profile: str | None, quiet: bool, as_json: bool, **wishes: Any) -> None:  # fmt: skip
    """Say what archiving inputs will take.

    Looks at every INPUT and cuts them into parts. An INPUT is a file, a URL, or a glob. Nothing is written but the FILE of -o, and the cache if one is named.
    """
    from antdask import report
    from antdask.cli import drawings, plans

    if diff:
        found = plans.compare_files(*diff)
        return emit(as_json, found.to_dict(), drawings.difference, found)
    with plans.looking(cluster, workers, profile) as place:
        asked = (inputs + listed, archive, settings.load(**wishes), quiet, place)
        made = plans.read(show, archive) if show else plans.read_or_make(*asked)
    if output is not None:
        plans.keep(made, output)
    document = plans.preview(made) | {"written": output}
    emit(as_json, document, report.plan, made, 0, document["cpu_hours"])
    return leave(3 if made.rejected else 0, left_out(len(made.rejected)))


@main.group()
def cluster() -> None:
    """Look after the place where work runs."""


@cluster.command()
@with_profile
@click.option("--storage", required=True, metavar="URL", help="Where the archive will be; a small file is written there and removed.")
@click.option("--workers", type=int, default=2, show_default=True, help="Number of workers to start.")
@click.option("--timeout", type=float, default=600, show_default=True, metavar="SECONDS", help="So long may they wait in the queue.")
@with_json
def check(profile: str | None, storage: str, workers: int, timeout: float, as_json: bool) -> None:
    """Prove that a SLURM site can work.

    Workers start, versions and clocks agree, storage and scratch can be written: seen from workers that are started as a campaign would start them.
    """
    from antdask import report
    from antdask.cluster.check import check as look
    from antdask.cluster.check import is_well

    found = look(profile or "generic", storage, workers=workers, timeout=timeout)
    emit(as_json, {"ok": is_well(found), "findings": [f.to_dict() for f in found]}, report.findings, found)
    leave(0 if is_well(found) else 6, ClusterError("The cluster cannot work yet", hint="What is not well is named above."))


@main.command()
@click.argument("inputs", nargs=-1, metavar="INPUT...|PLAN")
@with_inputs_from
@with_archive
@on_cluster
@with_part_bytes
@with_strict
@with_like
@with_scan_cache
@click.option("--attempts", type=int, help="How often a part is tried that fails for no fault of the data.")
@click.option(
    "--max-bad-fraction", type=float, help="Stop when a larger fraction of all parts has failed, or lost entries that cannot be read."
)
@with_dry_run
@with_quiet
@with_json
def convert(inputs: tuple[str, ...], listed: tuple[str, ...], archive: str | None, cluster: str, workers: int | None, profile: str | None, dry_run: bool, quiet: bool, as_json: bool, **wishes: Any) -> None:  # fmt: skip
    """Archive inputs, or what a plan says.

    Run it again to resume: what the archive holds already is not made again. A file that cannot be read is left out and named, damaged entries are
    quarantined, and all else is archived.
    """
    from antdask import report
    from antdask.cli import plans
    from antdask.convert.campaign import foresee

    wanted = settings.load(**wishes)
    if dry_run:
        made = plans.read_or_make(inputs + listed, archive, wanted, quiet)
        done = foresee(made)
        emit(as_json, plans.preview(made) | {"dry_run": True, "parts_done": done}, report.plan, made, done)
        return leave(3 if made.rejected else 0, left_out(len(made.rejected)))
    found = _carry_out(inputs + listed, archive, wanted, quiet, (cluster, workers, profile))
    emit(as_json, found.to_dict(), report.summary, found)
    return leave(found.exit_code, left_out(found.rejected), unfinished(found.parts_total - found.parts_done))


def _carry_out(inputs: tuple[str, ...], archive: str | None, wanted: settings.Settings, quiet: bool, where: tuple[str, int | None, str | None]) -> Summary:  # fmt: skip
    """Plan and convert on one cluster: many inputs are looked at there, too."""
    from antdask.cli import plans
    from antdask.cluster import make_cluster
    from antdask.convert import campaign

    with make_cluster(*where) as place:
        made = plans.read_or_make(inputs, archive, wanted, quiet, place)
        with parts_progress(quiet, made) as progress:
            return campaign.convert(made, place, wanted, progress)


@main.command()
@click.argument("plan_file", metavar="PLAN")
@with_profile
@click.option("--array", is_flag=True, default=True, help="As job arrays of SLURM, the only way there is.")
@with_dry_run
@with_json
def submit(plan_file: str, profile: str | None, array: bool, dry_run: bool, as_json: bool) -> None:
    """Submit what is missing as job arrays.

    No driver has to stay alive: the tasks do their parts and end. Run it again to resubmit what has failed, and then `antdask finalise ARCHIVE`.
    """
    from antdask import report
    from antdask.convert import submission

    found = submission.submit(plan_file, profile or "generic", dry_run=dry_run)
    emit(as_json, dataclasses.asdict(found) | {"dry_run": dry_run}, report.submission, found, dry_run)


@main.command()
@click.argument("plan_file", metavar="PLAN")
@click.option("--part", "numbers", type=int, required=True, multiple=True, help="Number of the part in the plan, from 0; may be repeated.")
@with_dry_run
@with_json
def work(plan_file: str, numbers: tuple[int, ...], dry_run: bool, as_json: bool) -> None:
    """Do parts of a plan.

    For job arrays and shell loops, which need no scheduler. When all parts are done, `antdask finalise ARCHIVE` makes the catalogue.
    """
    from antdask import report
    from antdask.archive.plans import open_plan
    from antdask.convert import campaign, submission

    if dry_run:
        tasks = [open_plan(plan_file).assignment(number) for number in numbers]
        documents = [{"dry_run": True, **dataclasses.asdict(task)} for task in tasks]
        return emit(as_json, documents if len(documents) > 1 else documents[0], report.assignments, tasks)
    if len(numbers) == 1:
        found = campaign.finish_part(plan_file, numbers[0])
        return emit(as_json, dataclasses.asdict(found), report.brief, found)
    block = submission.finish_parts(plan_file, numbers)
    emit(as_json, block.to_dict(), report.block, block)
    return leave(block.exit_code, unfinished(block.wanted - len(block.done)))


@main.command()
@click.argument("archive")
@with_json
def finalise(archive: str, as_json: bool) -> None:
    """Close an archive that job arrays have filled.

    Makes its catalogue, if all parts of all its plans are there; else says which are missing.
    """
    from antdask import report
    from antdask.convert import submission

    found = submission.finalise(archive)
    emit(as_json, found.to_dict(), report.status, found)


@main.command()
@click.argument("archive")
@click.option("--rebuild", is_flag=True, help="Make the catalogue anew from the receipts first.")
@click.option(
    "--files", is_flag=True, help="Look at the part files too: is each there, with its size; and are there some that nobody signed."
)
@with_json
def status(archive: str, rebuild: bool, files: bool, as_json: bool) -> None:
    """Say what is done, what is missing, and what failed.

    Of every plan in the ARCHIVE, from the receipts; while a campaign runs also how fast it goes, and how long it will take.
    """
    from antdask import report
    from antdask.convert.status import status as look

    found = look(archive, rebuild, files)
    emit(as_json, found.to_dict(), report.status, found)
    leave(found.exit_code, unfinished(sum(c["parts_missing"] for c in found.campaigns), found.pace.running))


@main.command()
@click.argument("archive")
@click.option(
    "--fast", "mode", flag_value="fast", default="fast", help="Receipts, sizes and catalogue, conservation of entries (the default)."
)
@click.option("--deep", "mode", flag_value="deep", help="Also checksums, and every value decoded.")
@click.option("--source", "mode", flag_value="source", help="Also every value compared with its source.")
@on_cluster
@with_quiet
@with_json
def verify(archive: str, mode: str, cluster: str, workers: int | None, profile: str | None, quiet: bool, as_json: bool) -> None:
    """Check an archive, against its sources if wanted."""
    from antdask import report
    from antdask.cluster import make_cluster
    from antdask.convert import verify as verification

    where = ("serial", None, None) if mode == "fast" else (cluster, workers, profile)
    with make_cluster(*where) as place, parts_progress(quiet) as progress:
        found = verification.verify(archive, mode, place, progress)
    emit(as_json, found.to_dict(), report.verification, found)
    leave(found.exit_code, VerificationError("The archive is not as it should be", found=f"{len(found.problems)} problems"))


@main.command()
@click.argument("archive")
@click.option("--stream", help="Show one stream with its columns, their types and units.")
@with_json
def info(archive: str, stream: str | None, as_json: bool) -> None:
    """Say what is in an archive.

    Its streams, runs, times and sizes, from the catalogue alone.
    """
    from antdask.query.archive import open_archive

    found = open_archive(archive)
    if stream is None:
        return emit(as_json, found.info(), repr, found)
    one = found.stream(stream)
    return emit(as_json, {"stream": stream, **found.info()["streams"][stream], "columns": one.columns}, repr, one)


@main.command()
@click.argument("archive")
@click.option("--stream", help="Which stream; `antdask info ARCHIVE` names them.")
@click.option(
    "--sql", metavar="QUERY", help="An SQL query over streams (events, events_hits, …) and runs, instead of a stream and conditions."
)
@with_runs
@click.option(
    "--runs-from", metavar="FILE", help="Only the runs of this list: numbers, or CSV or Parquet with a column run, and maybe detector."
)
@click.option("--detector", multiple=True, help="Only this detector; may be repeated.")
@click.option("--lineage", help="Only this lineage, where runs are archived in several.")
@click.option(
    "--time",
    "interval",
    metavar="T0/T1",
    help="Only this interval of UTC: ISO 8601 or ns since 1970, T1 not included, one side may be empty.",
)
@click.option("--frame", metavar="N|FIRST:END", help="Only this frame, or these (END is not included).")
@click.option("--where", metavar="CONDITION", help="Only rows for which this holds, e.g. 'n_hits > 200 and any(hits.tot > 100)'.")
@click.option(
    "--columns", metavar="A,B", help="Columns, by commas; hits.tot is one of the hits, hits are all of them. Default: all of the rows."
)
@click.option("--limit", type=int, metavar="N", help="At most so many rows.")
@click.option(
    "--format", "style", default="table", show_default=True, metavar="FORMAT", help="table, csv, json (one object per line), or parquet."
)
@click.option("-o", "--output", metavar="FILE", help="Write the rows into this file.")
@click.option("--explain", is_flag=True, help="Say what would be read, and read nothing.")
@click.option("--count", is_flag=True, help="Say only how many rows and hits there are.")
@click.option("--skip-damaged", is_flag=True, help="Leave out parts that are missing or damaged, and say how many.")
@with_json
def query(archive: str, stream: str | None, sql: str | None, style: str, output: str | None, columns: str | None, limit: int | None, explain: bool, count: bool, as_json: bool, **which: Any) -> None:  # fmt: skip
    """Read rows back.

    Reads only what the conditions leave: whole parts and blocks are passed over where the catalogue shows that nothing in them can match.
    """
    from antdask.cli.selection import Question, refuse_mixture, selected

    refuse_mixture(stream, sql, columns=columns, count=count, **which)
    asked = Question(archive, stream, sql, columns.split(",") if columns else None, which)
    if explain:
        document, cost = asked.costs()
        return emit(as_json, document, str, cost)
    if count:
        number = selected(archive, str(stream), **which).count()
        return emit(as_json, number._asdict(), "{0.rows:,} rows, {0.hits:,} hits".format, number)
    written = asked.answer("json" if as_json else style, output, limit)
    return click.echo(f"{written:,} rows in {output}", err=True) if output else None


@main.command()
@click.argument("archive")
@with_runs
@click.option("--detector", multiple=True, help="Only this detector; may be repeated.")
@click.option("--lineage", help="Only this lineage.")
@click.option("--name", default="*", metavar="PATTERN", help="Only lines with such names, e.g. 'META/*' or '*writeL1.prescale'.")
@with_json
def headers(archive: str, name: str, as_json: bool, **which: Any) -> None:
    """Read what files say about themselves.

    Headers of simulations, versions and command lines of the programs that made a file, settings of the trigger: word for word as they stand in the file.
    """
    from antdask.cli.selection import selected
    from antdask.query.headers import STREAM, header_lines, header_text

    lines = header_lines(selected(archive, STREAM, **which), name)
    return emit(True, [line._asdict() for line in lines], repr) if as_json else click.echo(header_text(lines))


def parts_progress(quiet: bool, made: Plan | PlanFile | None = None) -> Progress:
    """A display of parts that are done, by their bytes where the plan is known."""
    from antdask.archive.plans import columns
    from antdask.cluster.progress import Progress, Style

    style = Style.NONE if quiet else Style.AUTO
    if made is None:
        return Progress("parts", style=style)
    sizes = columns(made)["nbytes"].to_numpy()
    return Progress("parts", weigh=lambda index, _: int(sizes[index]), style=style)


def left_out(number: int) -> InputError:
    """Why a command ends with 3."""
    return InputError("Some inputs cannot be archived and are left out", found=f"{number:,}", hint="Each is named above with its reason.")


def unfinished(number: int, at_work: bool = False) -> PartsFailedError:
    """Why a command ends with 4."""
    hint = "Somebody was at work a moment ago; if no campaign runs any more, run" if at_work else "Run"
    return PartsFailedError(
        "Some parts are not in the archive", found=f"{number:,} missing", hint=f"{hint} the same convert again to resume."
    )
