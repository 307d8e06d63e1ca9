"""The command line: one command per public verb, in the order of the work."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from antdask import __version__, settings
from antdask.errors import AntdaskError, NotAnArchiveError, PartsFailedError, UsageError, VerificationError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from antdask.cluster.progress import Progress
    from antdask.plan import Plan
    from antdask.protocols import Cluster
    from antdask.report import Counting

INTERRUPTED, BROKEN_PIPE = 130, 141  # as shells count: 128 + number of the signal
_JSON = "antdask.json"


class _Commands(click.Group):
    """Commands in the order in which they are written below; errors as one sentence and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = _warn
            try:
                super().invoke(ctx)
                sys.stdout.flush()
            except AntdaskError as error:
                _complain(ctx, error)
                ctx.exit(error.exit_code)
            except KeyboardInterrupt:
                click.echo("Interrupted. What is done stays done; the same command resumes.", err=True)
                ctx.exit(INTERRUPTED)
            except BrokenPipeError:
                _write_nowhere()
                ctx.exit(BROKEN_PIPE)


def _warn(message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None) -> None:  # fmt: skip
    click.echo(f"warning: {message}", err=True)


def _write_nowhere() -> None:
    # Whoever read has left; Python would complain about it once more when it flushes at its end.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _complain(ctx: click.Context, error: AntdaskError) -> None:
    click.echo(f"error: {error}", err=True)
    if ctx.meta.get(_JSON):
        document = {"code": error.code, "message": str(error), "where": error.where, "hint": error.hint}
        click.echo(json.dumps({"error": document, "exit_code": error.exit_code}, indent=1))


def _bytes(value: str) -> int:
    from dask.utils import parse_bytes

    try:
        return int(parse_bytes(value))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not a size. Examples: 512MB, 1GiB, 1000000.") from error


def _remember_json(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    ctx.meta[_JSON] = value
    return value


type _Command = Callable[..., Any]
_json = click.option(
    "--json", "as_json", is_flag=True, is_eager=True, callback=_remember_json, help="Print one JSON document for machines."
)
_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
_quiet = click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
_archive_option = click.option("--archive", metavar="URL", help="Where the archive is or will be: a path or an fsspec URL.")
_part_bytes = click.option(
    "--part-bytes", type=_bytes, metavar="SIZE", help="Cut the input into parts of about this many uncompressed bytes, e.g. 512MB."
)


def _on_cluster(command: _Command) -> _Command:
    """Where the work runs."""
    names = click.option(
        "--cluster", default="local", show_default=True, metavar="NAME", help="Where to work: local (Dask), processes, or serial."
    )
    return names(click.option("--workers", type=int, help="Number of workers; one per usable processor if not given.")(command))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="antdask")
def main() -> None:
    """Bring legacy files of the ANTARES neutrino telescope into a verified, queryable Zarr archive.

    The commands stand in the order of the work.
    """


@main.command()
@click.argument("file")
@_json
def inspect(file: str, as_json: bool) -> None:
    """Say what a file is.

    Its format, layout, runs and entries, and what in it would not be archived.
    """
    from antdask import report
    from antdask.convert.scan import inspect as look_at

    entry = look_at(file)
    _emit(as_json, {"name": entry.name, **dataclasses.asdict(entry)}, report.file_entry, entry)


@main.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@_archive_option
@click.option("-o", "--output", metavar="FILE", help="Keep the plan in this file, for convert and work.")
@_part_bytes
@_quiet
@_json
def plan(inputs: tuple[str, ...], archive: str | None, output: str | None, part_bytes: int | None, quiet: bool, as_json: bool) -> None:
    """Say what archiving inputs will take.

    Looks at every INPUT and cuts them into parts. An INPUT is a file, a URL, or a glob. Nothing is written but the FILE of -o.
    """
    from antdask import report

    made = _made(inputs, archive, settings.load(part_bytes=part_bytes), quiet)
    if output is not None:
        _keep(made, output)
    _emit(as_json, _preview(made) | {"written": output}, report.plan, made)
    _leave(3 if made.rejected else 0)


@main.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...|PLAN")
@_archive_option
@_on_cluster
@_part_bytes
@click.option("--attempts", type=int, help="How often a part is tried that fails for no fault of the data.")
@click.option("--max-bad-fraction", type=float, help="Stop when a larger fraction of all parts has failed.")
@_dry_run
@_quiet
@_json
def convert(inputs: tuple[str, ...], archive: str | None, cluster: str, workers: int | None, dry_run: bool, quiet: bool, as_json: bool, **wishes: Any) -> None:  # fmt: skip
    """Archive inputs, or what a plan says.

    Run it again to resume: what the archive holds already is not made again. A file that cannot be read is left out and named, damaged entries are quarantined, and all else is archived.
    """
    from antdask import report
    from antdask.convert import campaign

    wanted = settings.load(**wishes)
    made = _made(inputs, archive, wanted, quiet)
    if dry_run:
        done = _done(made)
        return _emit(as_json, _preview(made) | {"dry_run": True, "parts_done": done}, report.plan, made, done)
    with _place(cluster, workers) as place, _progress(quiet, made) as progress:
        found = campaign.convert(made, place, wanted, progress)
    _emit(as_json, found.to_dict(), report.summary, found)
    return _leave(found.exit_code, PartsFailedError("Some parts are not in the archive", found=f"{found.parts_done} of {found.parts_total} done", hint="Run the same command again to resume."))  # fmt: skip


@main.command()
@click.argument("plan_file", metavar="PLAN")
@click.option("--part", "number", type=int, required=True, help="Number of the part in the plan, from 0.")
@_dry_run
@_json
def work(plan_file: str, number: int, dry_run: bool, as_json: bool) -> None:
    """Do one part of a plan.

    For job arrays and shell loops, which need no scheduler. When all parts are done, `antdask status ARCHIVE --rebuild` renews the catalogue.
    """
    from antdask import report
    from antdask.archive.plans import open_plan
    from antdask.convert.campaign import finish_part

    if dry_run:
        task = open_plan(plan_file).assignment(number)
        return _emit(as_json, {"dry_run": True, **dataclasses.asdict(task)}, report.assignment, task)
    found = finish_part(plan_file, number)
    return _emit(as_json, dataclasses.asdict(found), report.brief, found)


@main.command()
@click.argument("archive")
@click.option("--rebuild", is_flag=True, help="Make the catalogue anew from the receipts first.")
@_json
def status(archive: str, rebuild: bool, as_json: bool) -> None:
    """Say what is done and what is missing.

    Of every plan in the ARCHIVE, from receipts and files themselves.
    """
    from antdask import report
    from antdask.convert import campaign

    found = campaign.status(archive, rebuild)
    _emit(as_json, found.to_dict(), report.status, found)
    _leave(found.exit_code, PartsFailedError("Parts are missing", hint="Run the same convert again to resume."))


@main.command()
@click.argument("archive")
@click.option(
    "--fast", "mode", flag_value="fast", default="fast", help="Receipts, sizes and catalogue, conservation of entries (the default)."
)
@click.option("--deep", "mode", flag_value="deep", help="Also checksums, and every value decoded.")
@click.option("--source", "mode", flag_value="source", help="Also every value compared with its source.")
@_on_cluster
@_quiet
@_json
def verify(archive: str, mode: str, cluster: str, workers: int | None, quiet: bool, as_json: bool) -> None:
    """Check an archive, against its sources if wanted."""
    from antdask import report
    from antdask.convert import verify as verification

    with _place("serial" if mode == "fast" else cluster, None if mode == "fast" else workers) as place, _progress(quiet) as progress:
        found = verification.verify(archive, mode, place, progress)
    _emit(as_json, found.to_dict(), report.verification, found)
    _leave(found.exit_code, VerificationError("The archive is not as it should be", found=f"{len(found.problems)} problems"))


def _emit(as_json: bool, document: Any, draw: Callable[..., RenderableType], *things: Any) -> None:
    """Print what was found: for machines or for people."""
    from antdask import report

    if as_json:
        click.echo(json.dumps(document, indent=1))
    else:
        report.show(draw(*things))


def _leave(exit_code: int, error: AntdaskError | None = None) -> None:
    """End with an exit code, and the sentence that belongs to it."""
    if exit_code and error is not None and error.exit_code == exit_code:
        click.echo(f"error: {error}", err=True)
    click.get_current_context().exit(exit_code)


def _made(inputs: tuple[str, ...], archive: str | None, wanted: settings.Settings, quiet: bool) -> Plan:
    """The plan in the file that is given, or a new one for these inputs."""
    from antdask.archive.plans import PlanFile, is_plan
    from antdask.archive.store import Store
    from antdask.convert.scan import make_plan

    if len(inputs) == 1 and is_plan(inputs[0]):
        kept = PlanFile(inputs[0]).whole()
        return dataclasses.replace(kept, archive=Store(archive).url) if archive else kept
    if archive is None:
        raise UsageError("It is not said where the archive is", hint="Add --archive URL.")
    with _counting(quiet) as count:
        return make_plan(inputs, archive, wanted, count)


def _counting(quiet: bool) -> Counting:
    from antdask.report import Counting

    return Counting("files looked at", quiet)


def _keep(made: Plan, output: str) -> None:
    from antdask.archive.plans import to_bytes
    from antdask.archive.store import Store

    place = Path(output)
    Store(str(place.parent)).write_small(place.name, to_bytes(made))


def _preview(made: Plan) -> dict[str, Any]:
    rejections = [dataclasses.asdict(r) for r in made.rejected]
    return {"plan": made.id, "archive": made.archive, **made.cost(), "rejections": rejections}


def _done(made: Plan) -> int:
    """How many parts of a plan are in the archive already."""
    from antdask.archive.state import done_parts
    from antdask.archive.store import Store

    try:
        return len(done_parts(Store(made.archive), made))
    except NotAnArchiveError:
        return 0


def _place(name: str, workers: int | None) -> Cluster:
    from antdask.cluster import make_cluster

    return make_cluster(name, workers)


def _progress(quiet: bool, made: Plan | None = None) -> Progress:
    from antdask.cluster.progress import Progress, Style

    style = Style.NONE if quiet else Style.AUTO
    if made is None:
        return Progress("parts", style=style)
    return Progress("parts", weigh=lambda index, _: made.parts[index].nbytes, style=style)
