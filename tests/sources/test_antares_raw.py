"""Simulated raw files: what is read equals what was put in, for every layout, codec and basket size, and packed records come back to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from antdask.model.ragged import Batch, concatenate, cut
from antdask.model.time import ANTARES_FRAME_NS
from antdask.plan import FileEntry
from antdask.simulate import SimulationSpec, layouts, simulate
from antdask.simulate.detector import make_detector
from antdask.simulate.events import Events
from antdask.simulate.sea import Counts
from antdask.simulate.simulation import run_content
from antdask.simulate.spec import run_start_ns
from antdask.simulate.timeline import Frames
from antdask.simulate.timeslices import Timeslice, make_timeslice
from antdask.sources import SOURCES, layout_map, recognise
from antdask.sources.packed_records import encode_fields
from antdask.sources.root import open_root
from tests.batches import same

RUN = 45_001
SPEC = SimulationSpec(events=150, seed=6, dst=False, slow_control=False)
SOURCE = SOURCES.get("antares_raw")


@pytest.fixture(scope="module")
def content() -> list[tuple[Frames, Counts, Events]]:
    return list(run_content(SPEC, RUN, make_detector(SPEC)))


def write(folder: Path, **changes: object) -> str:
    import dataclasses

    (path,) = simulate(dataclasses.replace(SPEC, **changes), folder)
    return str(path)


def read(path: str, tree: str, start: int = 0, stop: int | None = None) -> tuple[FileEntry, Batch]:
    source = recognise(path)
    entry = source.describe(path)
    (segment,) = [s for s in entry.segments if s.tree == tree]
    batch = concatenate(list(source.read(entry, tree, start, segment.stop if stop is None else stop)))
    assert batch.problems() == []
    return entry, batch


def check_events(batch: Batch, content: list[tuple[Frames, Counts, Events]]) -> None:
    made = [e for _, _, e in content]
    events, hits = batch.tables["events"], batch.tables["hits"]
    assert (events["run"] == RUN).all()
    assert (events["frame_index"] == np.concatenate([e.frame_index for e in made])).all()
    assert (events["trigger_counter"] == np.concatenate([e.trigger_counter for e in made])).all()
    assert (events["antares_trigger_mask"] == np.concatenate([e.trigger_mask for e in made])).all()
    assert (events["utc_ns"] == run_start_ns(RUN) + events["frame_index"].astype(np.int64) * ANTARES_FRAME_NS).all()
    counts = np.concatenate([e.counts for e in made])
    assert (events["n_hits"] == counts).all()
    assert (np.diff(batch.offsets["hits"]) == counts).all()
    slot = np.concatenate([e.hits.slot for e in made])
    assert (hits["line"] == slot // 75 + 1).all()
    assert (hits["om"] == slot % 75 + 1).all()
    assert (hits["floor"] == slot % 75 // 3 + 1).all()
    assert (hits["ars"] == np.concatenate([e.hits.chip for e in made]) % 6).all()
    for name in ("timestamp", "tvc", "avc", "triggered"):
        assert (hits[name] == np.concatenate([getattr(e.hits, name) for e in made])).all(), name
    triggered = np.add.reduceat(hits["triggered"].astype(int), batch.offsets["hits"][:-1])
    assert (events["n_triggered"] == triggered).all()


@pytest.mark.parametrize("layout", ["leaf", "packed"])
@pytest.mark.parametrize(
    ("codec", "basket_bytes"), [("zlib", 32_000), ("zlib", 700), ("lzma", 5000), ("lz4", 32_000), ("zstd", 1_000_000), ("none", 2000)]
)
def test_what_is_read_is_what_was_put_in(layout: str, codec: str, basket_bytes: int, content: list, tmp_path: Path) -> None:
    path = write(tmp_path, layout=layout, codec=codec, basket_bytes=basket_bytes)
    entry, batch = read(path, "PhysicsEvent")
    assert (entry.layout, entry.origin, entry.segments[0].run.path) == (
        f"antares_raw_{layout}_1",
        "antares_raw",
        f"antares-simulated/{RUN:08d}",
    )
    check_events(batch, content)
    _, counts = read(path, "SummarySlice")
    for name in ("count", "flags"):
        column = counts.tables["slices"]["count" if name == "count" else "count_flags"]
        assert (column == np.concatenate([getattr(c, name) for _, c, _ in content])).all()
    _, truth = read(path, "McTruth")
    made = [e for _, _, e in content]
    assert (truth.tables["particles"]["energy"] == np.concatenate([e.muons.energy for e in made])).all()
    assert (truth.tables["particles"]["dz"] == np.concatenate([e.muons.direction[:, 2] for e in made])).all()
    assert (truth.tables["events"]["n_particles"] == 1).all()


@pytest.mark.parametrize("layout", ["leaf", "packed"])
def test_all_hit_frames_come_back_storey_by_storey(layout: str, content: list, tmp_path: Path) -> None:
    (path,) = simulate(
        SPEC.__class__(events=2, seed=6, dst=False, slow_control=False, timeslices=1, layout=layout, codec="lz4", event_rate_hz=10),
        tmp_path,
    )
    spec = SimulationSpec(events=2, seed=6, event_rate_hz=10)
    detector = make_detector(spec)
    frames, light, _ = next(run_content(spec, RUN, detector))
    piece = make_timeslice(spec.random(RUN, 8), int(frames.index[0]), light.count[0], detector)
    _, batch = read(str(path), "TimeSlice")
    check_slice(batch, piece)


def check_slice(batch: Batch, piece: Timeslice) -> None:
    assert batch.stream == "timeslices_l0"
    assert batch.tables["slices"]["n_hits"].tolist() == [len(piece.hits.slot)]
    assert batch.tables["slices"]["n_frames"].tolist() == [len(piece.storey)]
    assert (batch.tables["frames"]["line"] == piece.storey // 25 + 1).all()
    assert (batch.tables["frames"]["floor"] == piece.storey % 25 + 1).all()
    assert (np.diff(batch.offsets["hits"]) == piece.counts).all()
    for name in ("ars", "timestamp", "tvc", "avc"):
        assert (batch.tables["hits"][name] == getattr(piece.hits, name)).all(), name


def test_both_layouts_give_the_same_rows(tmp_path: Path) -> None:
    first, second = (read(write(tmp_path / layout, layout=layout), "PhysicsEvent")[1] for layout in ("leaf", "packed"))
    assert same(first, second)


@pytest.mark.parametrize("layout", ["leaf", "packed"])
def test_ranges_of_entries_are_pieces_of_the_whole(layout: str, tmp_path: Path) -> None:
    path = write(tmp_path, layout=layout, basket_bytes=900)
    for tree in ("PhysicsEvent", "SummarySlice", "McTruth"):
        _, whole = read(path, tree)
        n = whole.rows
        for start, stop in ((0, 1), (n // 3, 2 * n // 3), (n - 1, n)):
            assert same(read(path, tree, start, stop)[1], cut(whole, start, stop))


def test_packed_records_are_made_again_from_the_columns_to_the_last_bit(tmp_path: Path) -> None:
    path = write(tmp_path, layout="packed")
    _, batch = read(path, "PhysicsEvent")
    records = layout_map.load("antares_raw_packed_1").dataset("PhysicsEvent").records
    fields = {f"hits.{name}": column for name, column in batch.tables["hits"].items()}
    with open_root(path) as file:
        tree = file.tree("PhysicsEvent")
        original = {name: tree.branch(name).read(0, tree.entries).payload.tobytes() for name in ("Records", "Storey")}
    assert encode_fields(fields, records["spe_hit"]).tobytes() == original["Records"]
    assert encode_fields(fields, records["hit_storey"]).tobytes() == original["Storey"]


def test_hits_that_the_detector_does_not_have_are_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from antdask.errors import CorruptFileError

    true = layouts.event_columns

    def wrong(layout: str, run: int, events: Events) -> dict[str, np.ndarray]:
        columns = true(layout, run, events)
        columns["Line"][events.offsets[41]] = 13
        return columns

    monkeypatch.setattr(layouts, "event_columns", wrong)
    path = write(tmp_path)
    with pytest.raises(CorruptFileError, match=r"'Line' holds a value that cannot be.*expected 1 to 12") as caught:
        read(path, "PhysicsEvent")
    assert (caught.value.start, caught.value.stop, caught.value.branch) == (41, 42, "Line")
    assert read(path, "PhysicsEvent", 42)[1].rows == 108
