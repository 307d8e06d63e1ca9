"""The plan behind a command: read from its file or made anew, previewed, kept."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from antdask.archive.plans import PlanFile, is_plan, to_bytes
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert.replan import Difference, Grown, compare, replan
from antdask.convert.scan import make_plan
from antdask.convert.status import measured_speed
from antdask.errors import UnknownFormatError, UsageError
from antdask.plan import Plan
from antdask.protocols import Cluster
from antdask.report import Counting
from antdask.settings import Settings

#: Uncompressed input for each second of CPU time, where the archive does not tell of its own: raw data with zlib-1 [MB/s].
SPEED = 150.0


def read_or_make(
    inputs: tuple[str, ...], archive: str | None, wanted: Settings, quiet: bool, place: Cluster | None = None
) -> Plan | PlanFile:
    """The plan in the file that is given, or a new one for these inputs.

    Parameters
    ----------
    place : Cluster, optional
        Where to look at inputs.

    Raises
    ------
    PlanError
    UsageError
        Neither a plan nor an archive is given.
    """
    if not inputs:
        raise UsageError("No inputs are given", hint="Name files, URLs or globs; or a list of them by --inputs-from FILE.")
    if len(inputs) == 1 and is_plan(inputs[0]):
        return read(inputs[0], archive)
    if archive is None:
        raise UsageError("It is not said where the archive is", hint="Add --archive URL.")
    with Counting("files looked at", quiet) as count:
        made = make_plan(inputs, archive, wanted, count, cluster=place)
    for r in made.rejected:
        if r.code == UnknownFormatError.code and is_plan(r.url):
            raise UsageError("A plan stands alone", where=r.url, hint="Add inputs to it: antdask replan PLAN --add INPUT -o FILE.")
    return made


def read(plan: str, archive: str | None = None) -> PlanFile:
    """The plan in a file, for another archive if one is named.

    Raises
    ------
    PlanError
        It is not there, or no plan.
    """
    kept = PlanFile(plan)
    return kept.into(archive) if archive else kept


def compare_files(first: str, second: str) -> Difference:
    """What differs between two plans that were kept.

    Raises
    ------
    PlanError
    """
    return compare(PlanFile(first), PlanFile(second))


def grow(plan: str, add: tuple[str, ...], wanted: Settings, quiet: bool, place: Cluster | None = None) -> Grown:
    """A plan with more inputs.

    Raises
    ------
    PlanError, InputChangedError
    UsageError
        No inputs.
    """
    if not add:
        raise UsageError("No inputs are given", hint="Name files, URLs or globs by --add INPUT; or a list of them by --inputs-from FILE.")
    with Counting("files looked at", quiet) as count:
        return replan(PlanFile(plan), add, wanted, count, cluster=place)


@contextlib.contextmanager
def looking(cluster: str, workers: int | None, profile: str | None) -> Iterator[Cluster | None]:
    """Where to look at inputs: nowhere else, if the cluster is serial."""
    if cluster == "serial":
        yield None
        return
    with make_cluster(cluster, workers, profile) as place:
        yield place


def keep(made: Plan | PlanFile, output: str) -> None:
    """Write a plan into a file.

    Raises
    ------
    DestinationError
    """
    place = Path(output)
    Store(str(place.parent)).write_small(place.name, to_bytes(made))


def preview(made: Plan | PlanFile) -> dict[str, Any]:
    """What a plan will take, as plain data."""
    rejections = [dataclasses.asdict(r) for r in made.rejected]
    cost = made.cost()
    hours = cost["bytes_uncompressed"] / 1e6 / (measured_speed(made.archive) or SPEED) / 3600
    return {"plan": made.id, "archive": made.archive, **cost, "cpu_hours": round(hours, 3), "rejections": rejections}
