"""Damages that the soak found to be met wrongly, each as it was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contracts.fuzzing import Damage, Sound
from tests.contracts.test_source_contract import path_of

pytestmark = pytest.mark.filterwarnings("error")

FOUND = [
    # Counts of tracks are lost: without them nothing tells that the events are empty, and they are archived.
    ("mupage/mcv8.1.mupage_tuned_100G.sirene.jterbr00013288.10.root", Damage("flip", 8318, seed=1907845921), "salvaged"),
]


@pytest.mark.parametrize(("file", "damage", "outcome"), FOUND)
def test_what_was_wrong_once_is_met(file: str, damage: Damage, outcome: str, tmp_path: Path) -> None:
    sound = Sound(path_of(file))
    found = sound.judge(damage, sound.place(tmp_path))
    assert (found.outcome, found.why) == (outcome, "")
