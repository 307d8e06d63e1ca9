"""The plan behind a command: read from its file or made anew, previewed, kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from antdask.archive.plans import PlanFile, is_plan, to_bytes
from antdask.archive.state import Account
from antdask.archive.store import Store
from antdask.convert.scan import make_plan
from antdask.errors import NotAnArchiveError, UsageError
from antdask.plan import Plan
from antdask.report import Counting
from antdask.settings import Settings


def read_or_make(inputs: tuple[str, ...], archive: str | None, wanted: Settings, quiet: bool) -> Plan | PlanFile:
    """The plan in the file that is given, or a new one for these inputs.

    Raises
    ------
    PlanError
    UsageError
        Neither a plan nor an archive is given.
    """
    if len(inputs) == 1 and is_plan(inputs[0]):
        kept = PlanFile(inputs[0])
        return kept.into(archive) if archive else kept
    if archive is None:
        raise UsageError("It is not said where the archive is", hint="Add --archive URL.")
    with Counting("files looked at", quiet) as count:
        return make_plan(inputs, archive, wanted, count)


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
    return {"plan": made.id, "archive": made.archive, **made.cost(), "rejections": rejections}


def count_done(made: Plan | PlanFile) -> int:
    """How many parts of a plan are in the archive already."""
    try:
        return len(Account.take(Store(made.archive)).standing(made))
    except NotAnArchiveError:
        return 0
