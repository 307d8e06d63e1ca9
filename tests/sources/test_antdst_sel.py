"""The flat tree of the DST: every branch arrives under its name, and numbers stay what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import uproot

from antdask.model.ragged import Batch, concatenate, cut
from antdask.simulate import SimulationSpec, simulate
from antdask.sources import layout_map, recognise
from tests.batches import same


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(SimulationSpec(events=400, slow_control=False, basket_bytes=600), tmp_path_factory.mktemp("dst"))[1]


def read(path: Path, start: int = 0, stop: int | None = None) -> Batch:
    source = recognise(str(path))
    entry = source.describe(str(path))
    assert (source.name, entry.layout, entry.origin) == ("antdst_sel", "antdst_sel_1", "antdst")
    (segment,) = entry.segments
    assert (segment.stream, segment.run.path) == ("dst", "antares-simulated/00045001")
    return concatenate(list(source.read(entry, "sel", start, segment.stop if stop is None else stop)))


def test_every_branch_arrives_with_its_values(path: Path) -> None:
    batch = read(path)
    assert batch.problems() == []
    events = batch.tables["events"]
    with uproot.open(path) as file:
        branches = file["sel"].arrays(library="np")
    targets = layout_map.load("antdst_sel_1").dataset("sel").targets("events")
    assert {targets[name] for name in ("run", "trigger_counter", "run_of_file")} == {"run_id", "event_counter_trigger", "run"}
    assert set(targets.values()) == set(branches)
    for field, branch in targets.items():
        assert (events[field] == branches[branch]).all(), field


def test_rows_join_to_the_events_of_the_raw_file(path: Path) -> None:
    events = read(path).tables["events"]
    with uproot.open(path.with_name(path.name.replace("_dst", "_raw"))) as file:
        raw = file["PhysicsEvent"].arrays(["FrameIndex", "TriggerCounter"], library="np")
    keys = set(zip(raw["FrameIndex"].tolist(), raw["TriggerCounter"].tolist(), strict=True))
    assert set(zip(events["frame_index"].tolist(), events["trigger_counter"].tolist(), strict=True)) < keys
    assert events["frame_index"].dtype == np.uint32


def test_ranges_of_entries_are_pieces_of_the_whole(path: Path) -> None:
    whole = read(path)
    for start, stop in ((0, 1), (17, 80), (whole.rows - 1, whole.rows)):
        assert same(read(path, start, stop), cut(whole, start, stop))
