"""Prints how many of 200 truncations of a ROOT file still give a row, alone and by the layout of the sound file, as a table of Markdown: ``python -m tests.contracts.cut_table FILE...``."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from antdask.errors import InputError
from antdask.plan import Lender
from antdask.sources.files import lender
from tests.contracts import fuzzing

CUTS = 200
#: What a file says of itself stands at its beginning, and is no row of data.
_ABOUT = ("provenance", "header", "headers")


def giving(sound: fuzzing.Sound, cuts: int, like: Lender | None, path: Path) -> int:
    """How many truncations give a row of data; every row that they give must be one of the sound file."""
    number = 0
    for damage in fuzzing.cuts(len(sound.data), cuts, 1):
        verdict = fuzzing.judge(sound, damage, path, like)
        assert verdict.outcome != "wrong", f"{sound.path}, {damage}: {verdict.why}"
        try:
            found, _, _ = fuzzing.read(str(path), like)
        except InputError:
            continue
        number += any(batch.rows for (_, tree), batch in found.items() if tree not in _ABOUT)
    return number


def table(paths: Iterable[str], folder: Path, cuts: int = CUTS) -> str:
    """One line for each file."""
    lines = [f"| file | rows | of {cuts} cuts give rows | with `--like` |", "|---" * 4 + "|"]
    for path in paths:
        sound = fuzzing.Sound(path)
        rows = sum(batch.rows for (_, tree), batch in sound.batches.items() if tree not in _ABOUT)
        numbers = [giving(sound, cuts, like, folder / "cut.root") for like in (None, lender(path))]
        lines.append(f"| {Path(path).name} | {rows:,} | {numbers[0]} | {numbers[1]} |")
    return "\n".join(lines)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        print(table(sys.argv[1:], Path(scratch)))
