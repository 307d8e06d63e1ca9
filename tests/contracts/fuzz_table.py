"""Prints what the damages of ``make soak`` came to, as a table of Markdown: ``python -m tests.contracts.fuzz_table``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

#: Where ``make soak`` keeps its results.
RESULTS = Path(__file__).parents[2] / ".cache" / "soak" / "fuzz"
HEAD = "| source | file | damages | refused | salvaged | sound | other values, nothing could notice | wrong | slowest [s] | memory [MiB] |"


def table(folder: Path = RESULTS) -> str:
    """One line for each file that was damaged."""
    return "\n".join([HEAD, "|---" * 10 + "|", *(_row(json.loads(p.read_text())) for p in sorted(folder.glob("*.json")))])


def _row(found: dict[str, Any]) -> str:
    outcomes = found["outcomes"]
    told = [outcomes.get(name, 0) for name in ("refused", "salvaged", "sound", "other")]
    cells = [
        found["source"],
        Path(found["file"]).name,
        sum(outcomes.values()),
        *told,
        len(found["wrong"]),
        f"{found['slowest']:.1f}",
        found["memory"] >> 20,
    ]
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    print(table())
