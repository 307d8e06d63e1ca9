"""Events that real ROOT wrote, as leaf arrays and vectors of structures, with every codec and basket size, read back to the last value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from antdask.model.ragged import Batch, concatenate, cut
from antdask.model.time import ANTARES_FRAME_NS
from antdask.simulate.spec import run_start_ns
from antdask.sources import SOURCES, recognise
from tests.batches import same
from tests.realroot import environment
from tests.realroot.forms import FORMS, RUN, SHAPES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def read(path: Path, start: int = 0, stop: int | None = None) -> Batch:
    source = recognise(str(path))
    assert source.name == "antares_raw"
    entry = source.describe(str(path))
    (segment,) = entry.segments
    return concatenate(list(source.read(entry, segment.tree, start, segment.stop if stop is None else stop)))


@pytest.mark.parametrize("name", [str(f["name"]) for f in FORMS])
def test_every_value_is_what_root_was_given(name: str, files: dict[str, Path], content: dict[str, np.ndarray]) -> None:
    batch = read(files[name])
    assert batch.problems() == []
    events, hits = batch.tables["events"], batch.tables["hits"]
    assert (np.diff(batch.offsets["hits"]) == content["NHits"]).all()
    for table, pairs in (
        (
            events,
            {"run": "RunNumber", "frame_index": "FrameIndex", "trigger_counter": "TriggerCounter", "antares_trigger_mask": "TriggerMask"},
        ),
        (events, {"n_hits": "NHits"}),
        (
            hits,
            {
                "line": "Line",
                "floor": "Floor",
                "ars": "Ars",
                "timestamp": "TimeStamp",
                "tvc": "Tvc",
                "avc": "Avc",
                "triggered": "Triggered",
            },
        ),
    ):
        for field, branch in pairs.items():
            assert (table[field] == content[branch]).all(), field
    assert (events["utc_ns"] == run_start_ns(RUN) + content["FrameIndex"].astype(np.int64) * ANTARES_FRAME_NS).all()
    assert (hits["om"] == 3 * (content["Floor"].astype(int) - 1) + content["Ars"] // 2 + 1).all()
    ends = np.cumsum(content["NHits"])
    assert (np.cumsum(content["Triggered"])[ends - 1] == np.cumsum(events["n_triggered"])).all()


@pytest.mark.parametrize("name", ["leaf_zstd5_2000.root", "split0_lzma1_4000.root", "split99_zlib1_32000.root"])
def test_ranges_of_entries_are_pieces_of_the_whole(name: str, files: dict[str, Path]) -> None:
    whole = read(files[name])
    for start, stop in ((0, 1), (7, 7 + 64), (250, 300), (299, 300)):
        assert same(read(files[name], start, stop), cut(whole, start, stop))


def test_all_forms_give_the_same_bytes(files: dict[str, Path]) -> None:
    first, *others = (read(path) for path in files.values())
    assert all(same(first, other) for other in others)


def test_a_vector_that_is_whole_is_known_by_its_map(files: dict[str, Path]) -> None:
    entry = SOURCES.get("antares_raw").describe(str(files["split0_zlib1_32000.root"]))
    assert entry.layout == "antares_raw_struct_1"
    assert entry.segments[0].run.detector == "antares-simulated"
    assert any("assumptions" in note for note in entry.notes)


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory, content: dict[str, np.ndarray]) -> dict[str, Path]:
    """Every shape of the events, by name."""
    return {path.name: path for path in environment.write(tmp_path_factory.mktemp("shapes"), content, RUN, SHAPES)}


@pytest.mark.parametrize("name", [str(s["name"]) for s in SHAPES])
def test_other_shapes_of_the_same_events_are_declared_and_give_the_same_bytes(
    name: str, shapes: dict[str, Path], files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTDASK_MAPS", str(Path(__file__).parent / "maps"))
    shape = name.partition("_")[0]
    # Arrays that a class points to have the branches of plain ones, and their map.
    expected = "antares_raw_leaf_1" if shape == "pointers" else f"realroot_{shape}"
    assert SOURCES.get("antares_raw").describe(str(shapes[name])).layout == expected
    whole = read(files["leaf_zlib1_32000.root"])
    assert same(read(shapes[name]), whole)
    for start, stop in ((0, 1), (7, 71), (299, 300)):
        assert same(read(shapes[name], start, stop), cut(whole, start, stop))
