"""Prints what the kills of ``make soak`` came to, as a table of Markdown."""

from __future__ import annotations

import json
from pathlib import Path

from tests.flow import kill_beds, killing

#: Where ``make soak`` keeps its results.
RESULTS = kill_beds.ROOT / ".cache" / "soak"
HEAD = "| killed with signal 9 | instants | of these surely in the middle of parts | identical bytes after the next run | parts done again, most (of at most) | temporary files left |"


def table(folder: Path = RESULTS) -> str:
    """One line for each kind of victim that was killed."""
    lines = [HEAD, "|---|---|---|---|---|---|"]
    for victim in kill_beds.BEDS:
        file = folder / f"{victim.replace(' ', '-')}.json"
        if file.exists():
            lines.append(_row(victim, json.loads(file.read_text())))
    return "\n".join(lines)


def _row(victim: str, document: dict) -> str:  # type: ignore[type-arg]
    found = [killing.Instant(**i) for i in document["instants"]]
    # What a kill met can be told afterwards where a part was lost by it, or where the campaign ended with some parts of all.
    working = sum(i.redone > 0 or 0 < i.signed < document["parts"] for i in found)
    sound = sum(not i.trouble for i in found)
    most = kill_beds.IN_FLIGHT.get(victim, kill_beds.WORKERS)
    redone = f"{max(i.redone for i in found)} of {most}"
    return f"| a {victim} | {len(found)} | {working} | {sound} of {len(found)} | {redone} | {sum(i.temporary for i in found)} |"


if __name__ == "__main__":
    print(table())
