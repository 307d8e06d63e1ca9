"""Options that several commands share, and the words in which their values are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from antdask.cli.group import AS_JSON
from antdask.errors import UsageError

type Command = Callable[..., Any]


def parse_size(value: str) -> int:
    """Bytes from text.

    Examples
    --------
    >>> parse_size("512MB"), parse_size("1GiB")
    (512000000, 1073741824)
    """
    from dask.utils import parse_bytes

    try:
        if not value[:1].isdigit():
            raise ValueError("no number")  # dask takes the unit alone for one of it
        return int(parse_bytes(value))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not a size. Examples: 512MB, 1GiB, 1000000.") from error


def parse_range(option: str, text: str) -> range:
    """The integers of ``N`` or ``FIRST:END``.

    Examples
    --------
    >>> parse_range("--run", "45978"), parse_range("--run", "100:200")
    (range(45978, 45979), range(100, 200))
    """
    first, colon, end = text.partition(":")
    try:
        return range(int(first), int(end) if colon else int(first) + 1)
    except ValueError as error:
        raise UsageError(f"{option} is a number, or FIRST:END", found=repr(text), hint="Example: 45978, or 45000:46000.") from error


def _remember_json(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    ctx.meta[AS_JSON] = value
    return value


with_json = click.option(
    "--json", "as_json", is_flag=True, is_eager=True, callback=_remember_json, help="Print one JSON document for machines."
)
with_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
with_quiet = click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
with_archive = click.option("--archive", metavar="URL", help="Where the archive is or will be: a path or an fsspec URL.")
with_part_bytes = click.option(
    "--part-bytes", type=parse_size, metavar="SIZE", help="Cut the input into parts of about this many uncompressed bytes, e.g. 512MB."
)


with_strict = click.option("--strict", is_flag=True, default=None, help="Leave out files whose layout maps rest on assumptions.")
with_profile = click.option(
    "--profile", metavar="NAME", help="Site profile of SLURM: generic, ccin2p3, localhost, or the path of a TOML file such as ./site.toml."
)


def on_cluster(command: Command) -> Command:
    """Where the work runs."""
    names = click.option(
        "--cluster", default="local", show_default=True, metavar="NAME", help="Where to work: local (Dask), processes, serial, or slurm."
    )
    workers = click.option("--workers", type=int, help="Number of workers; if not given, as many as fit, or as the profile says.")
    return names(workers(with_profile(command)))
