"""Files of simulated runs: their names, their bytes, their trees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import uproot

from antdask.errors import DestinationError
from antdask.simulate import SimulationSpec, simulate


def test_each_run_has_its_files(tmp_path: Path) -> None:
    paths = simulate(SimulationSpec(runs=2, events=20), tmp_path / "new" / "folder")
    assert [p.name for p in paths] == [
        f"antares_sim_0{run}_{end}" for run in (45001, 45002) for end in ("raw.root", "dst.root", "slow.csv")
    ]
    assert {p.name for p in (tmp_path / "new" / "folder").iterdir()} == {p.name for p in paths}


def test_the_same_specification_gives_the_same_bytes_alone_or_among_others(tmp_path: Path) -> None:
    first = simulate(SimulationSpec(runs=2, events=30), tmp_path / "a")
    alone = simulate(SimulationSpec(first_run=45_002, events=30), tmp_path / "b")
    assert [p.read_bytes() for p in first[3:]] == [p.read_bytes() for p in alone]
    other = simulate(SimulationSpec(first_run=45_002, events=30, seed=2), tmp_path / "c")
    assert all(a.read_bytes() != b.read_bytes() for a, b in zip(alone, other, strict=True))


def test_progress_is_told_run_by_run(tmp_path: Path) -> None:
    seen: list[list[Path]] = []
    paths = simulate(SimulationSpec(runs=2, events=5), tmp_path, seen.append)
    assert [p for files in seen for p in files] == paths
    assert [len(files) for files in seen] == [3, 3]


def test_what_is_not_asked_for_is_not_made(tmp_path: Path) -> None:
    (path,) = simulate(SimulationSpec(events=20, rates=False, mc=False, dst=False, slow_control=False), tmp_path)
    with uproot.open(path) as file:
        assert {name: file[name].num_entries for name in ("PhysicsEvent", "SummarySlice", "McTruth", "TimeSlice")} == {
            "PhysicsEvent": 20, "SummarySlice": 0, "McTruth": 0, "TimeSlice": 0,
        }  # fmt: skip
        notice = json.loads(file["SIMULATED"].member("fTitle"))
    assert notice["notice"].startswith("SIMULATED")
    assert notice["specification"]["events"] == 20


@pytest.mark.parametrize("basket_bytes", [1000, 8000, 32_000])
def test_baskets_have_the_size_asked_for(basket_bytes: int, tmp_path: Path) -> None:
    (path,) = simulate(SimulationSpec(events=400, basket_bytes=basket_bytes, dst=False, slow_control=False), tmp_path)
    with uproot.open(path) as file:
        branch = file["PhysicsEvent/TimeStamp"]
        sizes = [branch.basket(i).member("fLast") for i in range(branch.num_baskets)]
        edges = {name: branch.entry_offsets for name, branch in file["PhysicsEvent"].items()}
    assert max(sizes) <= basket_bytes
    # But for those that were closed with the baskets of all branches: at 25 entries, 50, 100, 200 and 400, and the last.
    assert sum(size <= basket_bytes - 1200 for size in sizes) <= 6 or basket_bytes < 2000
    assert edges["Tvc"] != edges["TimeStamp"]


def test_a_file_that_exists_is_not_replaced(tmp_path: Path) -> None:
    spec = SimulationSpec(events=5, dst=False)
    simulate(spec, tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(DestinationError, match="exists"):
        simulate(spec, tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DestinationError, match="directory cannot be made"):
        simulate(SimulationSpec(events=1), tmp_path / "file" / "below")
