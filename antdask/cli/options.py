"""Options that several commands share, and the words in which their values are written."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Callable
from typing import IO, Any

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


def parse_duration(text: str) -> float:
    """Seconds from text.

    Examples
    --------
    >>> parse_duration("24h"), parse_duration("90"), parse_duration("1.5d")
    (86400.0, 90.0, 129600.0)
    """
    units = {"": 1, "s": 1, "min": 60, "h": 3600, "d": 86_400}
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|h|d|)", text.strip())
    if found is None:
        raise click.BadParameter(f"{text!r} is no time span. Examples: 24h, 30min, 7d, 0.")
    return float(found[1]) * units[found[2]]


def parse_options(texts: tuple[str, ...]) -> dict[str, Any]:
    """Keyword arguments from ``name=value``; a value that is JSON is what it says, any other is a word.

    Examples
    --------
    >>> parse_options(("min_hits=3", "name=bright", "shift=[1, 2.5]"))
    {'min_hits': 3, 'name': 'bright', 'shift': [1, 2.5]}
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError("An option of a step is name=value", found=repr(text), hint="Example: --option min_hits=100.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def parse_runs(texts: tuple[str, ...]) -> list[int] | range | None:
    """Run numbers from several ``N`` or ``FIRST:END``; ``None`` from none."""
    ranges = [parse_range("--run", text) for text in texts]
    return None if not ranges else ranges[0] if len(ranges) == 1 else list(itertools.chain(*ranges))


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


def parse_list(data: bytes) -> tuple[str, ...]:
    r"""Names of inputs, one on each line, or apart by NUL as ``find -print0`` writes them. Empty lines, and those that begin with ``#``, name none.

    Examples
    --------
    >>> parse_list(b"# good ones\n/data/run 1.root\r\n\ns3://bucket/*.root\n")
    ('/data/run 1.root', 's3://bucket/*.root')
    """
    if b"\0" in data:
        return tuple(os.fsdecode(name) for name in data.split(b"\0") if name)
    lines = (line.rstrip(b"\r") for line in data.split(b"\n"))
    return tuple(os.fsdecode(line) for line in lines if line.strip() and not line.startswith(b"#"))


def _read_list(_: click.Context, __: click.Parameter, file: IO[bytes] | None) -> tuple[str, ...]:
    return () if file is None else parse_list(file.read())


def _remember_json(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    ctx.meta[AS_JSON] = value
    return value


with_json = click.option(
    "--json", "as_json", is_flag=True, is_eager=True, callback=_remember_json, help="Print one JSON document for machines."
)
with_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
with_runs = click.option(
    "--run", "runs", multiple=True, metavar="N|FIRST:END", help="Only this run, or these (END is not included); may be repeated."
)
with_detectors = click.option("--detector", "detectors", multiple=True, help="Only this detector; may be repeated.")
with_quiet = click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
with_archive = click.option("--archive", metavar="URL", help="Where the archive is or will be: a path or an fsspec URL.")
with_part_bytes = click.option(
    "--part-bytes", type=parse_size, metavar="SIZE", help="Cut the input into parts of about this many uncompressed bytes, e.g. 512MB."
)


with_strict = click.option("--strict", is_flag=True, default=None, help="Leave out files whose layout maps rest on assumptions.")
with_profile = click.option(
    "--profile", metavar="NAME", help="Site profile of SLURM: generic, ccin2p3, localhost, or the path of a TOML file such as ./site.toml."
)


with_inputs_from = click.option(
    "--inputs-from",
    "listed",
    type=click.File("rb"),
    callback=_read_list,
    metavar="FILE",
    help="Take these inputs, too: a text file with one on each line, or - for standard input.",
)


with_scan_cache = click.option(
    "--scan-cache", metavar="URL", help="Keep here what was found out about each input, so that planning again looks only at what is new."
)


with_like = click.option(
    "--like",
    metavar="FILE",
    help="Take the layout of trees from this sound ROOT file of the same make, where a file was cut before they were written.",
)


def cluster_options(default: str) -> Callable[[Command], Command]:
    """Where the work runs, if nothing is said on this kind of cluster."""

    def add(command: Command) -> Command:
        names = click.option(
            "--cluster",
            default=default,
            show_default=True,
            metavar="NAME",
            help="Where to work: local (Dask), processes, serial, or slurm.",
        )
        workers = click.option("--workers", type=int, help="Number of workers; if not given, as many as fit, or as the profile says.")
        return names(workers(with_profile(command)))

    return add


on_cluster = cluster_options("local")
