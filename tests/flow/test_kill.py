"""Workers, nannies, drivers and schedulers are killed at instants drawn by a seed; the next run ends with the bytes of an undisturbed one. ``make soak`` does fifty of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from antdask.cluster import make_cluster
from antdask.convert.verify import verify
from tests.flow import kill_beds, killing

INSTANTS = 3


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with kill_beds.memory_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def wanted(folder: Path) -> dict[str, str]:
    found = killing.undisturbed(folder)
    with make_cluster("serial") as cluster:
        assert verify(str(folder / "undisturbed"), "deep", cluster).problems == []
    return found


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.filterwarnings("ignore:.*:ResourceWarning")
@pytest.mark.parametrize("victim", kill_beds.BEDS)
def test_after_a_kill_the_archive_is_that_of_an_undisturbed_run(victim: str, folder: Path, wanted: dict[str, str]) -> None:
    place = folder / victim.replace(" ", "-")
    place.mkdir()
    found = list(killing.kills(victim, INSTANTS, place, wanted))
    assert [f.trouble for f in found] == [""] * INSTANTS
    assert [f.temporary for f in found] == [0] * INSTANTS
    assert max(f.redone for f in found) <= kill_beds.IN_FLIGHT.get(victim, kill_beds.WORKERS), found
    # Some instants must have met a campaign at work.
    assert any(0 < f.signed < len(wanted) or f.redone for f in found), found
