"""What ``antdask inspect`` says: of a legacy file what is in it, of a plan what it would do."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group

from antdask import report
from antdask.archive import layout as lay
from antdask.archive.plans import PlanFile, is_plan
from antdask.cli.plans import preview
from antdask.convert.scan import inspect_each
from antdask.errors import CorruptFileError, InputError

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What was found: for machines, for people, and what is damaged."""

    document: dict[str, Any]
    drawing: RenderableType
    damaged: Sequence[CorruptFileError] = ()


def look(file: str, like: str) -> Inspection:
    """Say what a file is.

    Raises
    ------
    InputError
        As `scan.inspect_each`; or it is an archive.
    PlanError
        A damaged plan.
    """
    if is_plan(file):
        plan = PlanFile(file)
        what = f"{file} is a plan of antdask. Carry it out: antdask convert {file}"
        return Inspection({"format": "plan", **preview(plan)}, Group(what, report.plan(plan)))
    if (Path(file) / lay.MARKER).is_file():
        raise InputError("This is an archive", where=file, hint=f"Say what is in it: antdask info {file}.")
    found, damaged = inspect_each(file, like)
    first, *others = (dataclasses.asdict(entry) for entry in found)
    document = {"name": found[0].name, **first, "others": others, "damaged": [str(e) for e in damaged]}
    return Inspection(document, report.file_entries(found), damaged)
