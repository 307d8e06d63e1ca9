"""The table of truncated files counts those that give rows, and every row is looked at."""

from __future__ import annotations

from pathlib import Path

from antdask.simulate import SimulationSpec, simulate
from tests.contracts.cut_table import table


def test_a_file_that_was_saved_on_the_way_gives_rows_wherever_it_is_cut_but_at_its_beginning(tmp_path: Path) -> None:
    raw = simulate(SimulationSpec(events=60, dst=False, slow_control=False), tmp_path / "sound")[0]
    *_, line = table([str(raw)], tmp_path, cuts=15).splitlines()
    name, _, alone, lent = (cell.strip() for cell in line.strip("|").split("|"))
    assert name == raw.name
    # Seven of the cuts leave a hundred bytes or less.
    assert 5 <= int(alone) <= int(lent) <= 8
