"""Addresses are safe path segments and sort like what they address."""

from __future__ import annotations

import pytest

from antdask.errors import UsageError
from antdask.model.keys import PartKey, RunKey


@pytest.mark.parametrize("detector", ["", "..", "a/b", "A", "km3net 44", ".hidden", "x" * 65, "é"])
def test_a_detector_label_cannot_leave_its_directory(detector: str) -> None:
    with pytest.raises(UsageError, match="detector label"):
        RunKey(detector, 1)


@pytest.mark.parametrize("run", [-1, 2**32])
def test_a_run_number_has_32_bits(run: int) -> None:
    with pytest.raises(UsageError, match="32-bit"):
        RunKey("antares", run)


def test_runs_sort_by_detector_then_number() -> None:
    runs = [RunKey("km3net-44", 2), RunKey("antares", 10), RunKey("antares", 9)]
    assert [r.path for r in sorted(runs)] == ["antares/00000009", "antares/00000010", "km3net-44/00000002"]


def test_the_path_of_a_part_names_all_that_keeps_parts_apart() -> None:
    key = PartKey("rates", "0a1b2c3d", RunKey("km3net-267", 25291), 3, "deadbeef")
    assert str(key) == key.path == "km3net-267/rates/0a1b2c3d/00025291/0003-deadbeef"
