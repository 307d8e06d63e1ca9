"""The checker of ioos, offline: what a file has to say for itself."""

from __future__ import annotations

import json
from pathlib import Path

from compliance_checker.runner import CheckSuite, ComplianceChecker


def remarks(path: Path, suite: str, folder: Path) -> list[str]:
    """Every remark of a suite (``cf:1.11``, ``acdd:1.3``) about a file."""
    if not CheckSuite.checkers:
        CheckSuite.load_all_available_checkers()
    output = folder / f"{path.name}.{suite.replace(':', '')}.json"
    ComplianceChecker.run_checker(str(path), [suite], 0, "strict", output_filename=str(output), output_format="json")
    found = json.loads(output.read_text())[suite]
    return [
        f"{item['name']}: {message}"
        for level in ("high_priorities", "medium_priorities", "low_priorities")
        for item in found[level]
        for message in item["msgs"]
    ]
