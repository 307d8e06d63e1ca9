"""Fifty kills of each kind, which take half an hour; their results are kept, and ``python -m tests.flow.soak_table`` prints them as the table of the documentation."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tests.flow import kill_beds, killing
from tests.flow.soak_table import RESULTS

INSTANTS = 50


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore:.*:ResourceWarning")
@pytest.mark.parametrize("victim", kill_beds.BEDS)
def test_fifty_kills_harm_nothing(victim: str) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    with kill_beds.memory_folder() as folder:
        wanted = killing.undisturbed(folder)
        found = []
        for instant in killing.kills(victim, INSTANTS, folder, wanted):
            found.append(instant)
            document = {"parts": len(wanted), "instants": [dataclasses.asdict(i) for i in found]}
            (RESULTS / f"{victim.replace(' ', '-')}.json").write_text(json.dumps(document, indent=1))
    bad = [i for i in found if i.trouble or i.temporary or i.redone > kill_beds.IN_FLIGHT.get(victim, kill_beds.WORKERS)]
    assert bad == []


def test_the_table_says_what_was_found(tmp_path: Path) -> None:
    from tests.flow.soak_table import table

    instants = [killing.Instant("worker of Dask", n, 0.5, 32, "complete", n, 0, "") for n in range(2)]
    (tmp_path / "worker-of-Dask.json").write_text(json.dumps({"parts": 32, "instants": [dataclasses.asdict(i) for i in instants]}))
    assert table(tmp_path).splitlines()[-1] == "| a worker of Dask | 2 | 1 | 2 of 2 | 1 of 1 | 0 |"
