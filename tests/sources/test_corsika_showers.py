"""Showers as batches: every number of the real file against an independent reader, thinned ones too, and what contradicts itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from antdask.errors import CorruptFileError
from antdask.model.mc_fields import NO_NUMBER
from antdask.model.ragged import Batch, concatenate
from antdask.sources.blob import open_blob
from antdask.sources.corsika_blocks import scan, showers_of
from antdask.sources.corsika_showers import Decoder
from tests.sources import corsika_samples as samples


@pytest.fixture(scope="module")
def mc() -> Batch:
    return samples.read(samples.FILE)


def decoder(path: str) -> Decoder:
    with open_blob(path) as blob:
        blocks = scan(blob)
    showers = showers_of(blocks)
    return Decoder(open_blob(path), blocks, showers, np.ones(len(showers.starts), np.int64))


def primary(mc: Batch, column: str) -> np.ndarray:
    found: np.ndarray = mc.tables["particles"][column][mc.offsets["particles"][:-1]]
    return found


def test_every_word_of_every_particle_comes_back(mc: Batch) -> None:
    theirs = [event.particles.view("f4").reshape(-1, 7) for event in samples.events()]
    assert (mc.rows, sum(map(len, theirs))) == (10, 3406)
    np.testing.assert_array_equal(samples.words_of(mc).view("u4"), np.concatenate(theirs).view("u4"))
    assert (
        (np.diff(mc.offsets["particles"]) - 1).tolist()
        == [len(rows) for rows in theirs]
        == (mc.tables["events"]["n_particles"] - 1.0).tolist()
    )


def test_every_word_of_header_and_end_comes_back(mc: Batch) -> None:
    events = samples.events()
    for table, theirs in (("evth", [e.header for e in events]), ("evte", [e.end for e in events])):
        assert mc.tables[table]["value"].tobytes() == b"".join(t.tobytes() for t in theirs)
        assert mc.offsets[table].tolist() == list(range(0, 2731, 273))
    assert len(mc.tables["longitudinal"]["value"]) == 0


def test_columns_have_the_units_that_they_state(mc: Batch) -> None:
    particles = np.concatenate([event.particles for event in samples.events()])
    rows = mc.tables["particles"]["kind"] != 5
    mine = {name: column[rows] for name, column in mc.tables["particles"].items()}
    registered = (mine["kind"] == 0) & (mine["observation_level"] == 1)
    np.testing.assert_allclose(mine["x"][registered], particles["x"][registered] / 100.0, rtol=1e-7)
    np.testing.assert_array_equal(mine["time_ns"][registered], particles["t"][registered])
    np.testing.assert_array_equal(mine["pz"], -particles["pz"].astype(float))
    assert np.isnan(mine["z"][registered]).all() and np.isnan(mine["energy"]).all()
    # Muons that began 1 to 43 km up, and reach the sea.
    birth = mine["kind"] == 13
    assert 1e3 < mine["z"][birth].min() < mine["z"][birth].max() < 45e3
    assert (mine["pz"][registered] < 0).all()


def test_as_many_particles_reach_the_sea_as_the_shower_states(mc: Batch) -> None:
    particles, of = mc.tables["particles"], np.repeat(np.arange(10), np.diff(mc.offsets["particles"]))
    registered = (particles["kind"] == 0) & (particles["observation_level"] == 1)
    end = mc.tables["evte"]["value"].reshape(10, 273)
    assert np.bincount(of[registered]).tolist() == end[:, 6].tolist()
    assert np.bincount(of[registered & np.isin(particles["pdg_type"], (13, -13))]).tolist() == end[:, 5].tolist()


def test_the_primary_particle_comes_first(mc: Batch) -> None:
    headers = [event.header for event in samples.events()]
    assert set(primary(mc, "kind")) == {5}
    assert (mc.tables["particles"]["kind"] == 5).sum() == 10
    assert (
        set(primary(mc, "pdg_type")) == {2212}
        and set(primary(mc, "particle_type")) == {14}
        and set(mc.tables["particles"]["numbering"]) == {3}
    )
    for column, name in {"energy": "total_energy", "px": "momentum_x", "py": "momentum_y"}.items():
        assert primary(mc, column).tolist() == [float(h[name]) for h in headers]
    assert primary(mc, "pz").tolist() == [-float(h["momentum_minus_z"]) for h in headers]
    assert mc.tables["events"]["event_number"].tolist() == list(range(1, 11))
    np.testing.assert_allclose(
        mc.tables["events"]["first_interaction_height"], [h["first_interaction_height"] / 100 for h in headers], rtol=1e-7
    )
    # Its momentum points where the angles of the header say, and has the size of its energy.
    size = np.sqrt(sum(primary(mc, c) ** 2 for c in ("px", "py", "pz")))
    np.testing.assert_allclose(size, primary(mc, "energy"), rtol=1e-6)
    np.testing.assert_allclose(-primary(mc, "pz") / size, np.cos([h["zenith"] for h in headers]), rtol=1e-5)
    np.testing.assert_allclose(np.arctan2(primary(mc, "py"), primary(mc, "px")), [h["azimuth"] for h in headers], rtol=1e-5)
    assert set(primary(mc, "description")) == {NO_NUMBER} and np.isnan(primary(mc, "x")).all()


def test_thinned_showers_have_weights(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "x", samples.thinned())
    mc, events = samples.read(path), samples.events(path, thinning=True)
    theirs = np.concatenate([event.particles.view("f4").reshape(-1, 8) for event in events])
    np.testing.assert_array_equal(samples.words_of(mc, 8).view("u4"), theirs.view("u4"))
    assert set(mc.tables["particles"]["weight"][mc.tables["particles"]["kind"] != 5]) == {2.5}
    assert mc.tables["evth"]["value"].tobytes() == b"".join(e.header.tobytes() for e in events)
    assert mc.offsets["evte"].tolist() == list(range(0, 3121, 312))


def test_the_order_of_bytes_makes_no_difference(mc: Batch, tmp_path: Path) -> None:
    other = samples.read(samples.write(tmp_path / "x", samples.blocks(), ">"))
    for table, columns in mc.tables.items():
        for name, column in columns.items():
            assert column.tobytes() == other.tables[table][name].tobytes(), f"{table}/{name}"


def test_profiles_are_kept_word_by_word(tmp_path: Path) -> None:
    words = samples.blocks()
    profile = np.arange(2 * 273, dtype=np.float32).reshape(2, 273)
    profile[:, :1] = np.frombuffer(b"LONG", "f4")
    # Before the end of the second shower, and two of the zeros at the end of the file less.
    mc = samples.read(samples.write(tmp_path / "x", np.concatenate([words[:19], profile, words[19:-2]])))
    assert mc.offsets["longitudinal"].tolist() == [0, 0, *[2 * 273] * 9]
    np.testing.assert_array_equal(mc.tables["longitudinal"]["value"].view("u4"), profile.reshape(-1).view("u4"))
    np.testing.assert_array_equal(samples.words_of(mc), samples.words_of(samples.read(samples.FILE)))


@pytest.mark.parametrize(
    ("block", "word", "value", "why"),
    [
        (21, 0, 58003.5, "describes none"),
        (21, 7, np.nan, "describes none"),
        (21, 0, 9_900_001.0, "Cherenkov"),
        (21, 0, 0.0, "describes none"),
        (20, 1, 0.25, "no number"),
        (20, 2, np.inf, "primary particle"),
        (31, 1, 4.0, "number of another"),
    ],
)  # fmt: skip
def test_a_word_that_cannot_be_costs_its_shower(block: int, word: int, value: float, why: str, tmp_path: Path) -> None:
    words = samples.blocks()
    words[block, word] = value
    found = decoder(samples.write(tmp_path / "x", words))
    with pytest.raises(CorruptFileError, match=why) as caught:
        list(found.intact(0, 10))
    assert (caught.value.tree, caught.value.start, caught.value.stop) == ("showers", 2, 3)
    assert str(tmp_path / "x") in str(caught.value)
    before = list(_until_the_error(found, 0, 10))
    assert [b.rows for b in before] == [2]
    assert concatenate([*before, *found.intact(3, 10)]).rows == 9


def _until_the_error(found: Decoder, start: int, stop: int) -> list[Batch]:
    kept: list[Batch] = []
    try:
        for batch in found.intact(start, stop):
            kept.append(batch)
    except CorruptFileError:
        return kept
    return []


def test_rows_of_zeros_between_particles_are_damage(tmp_path: Path) -> None:
    words = samples.blocks()
    words[14, 70:77] = 0
    with pytest.raises(CorruptFileError, match="Rows of zeros") as caught:
        list(decoder(samples.write(tmp_path / "x", words)).intact(0, 10))
    assert (caught.value.start, caught.value.stop) == (1, 2)


def test_a_momentum_that_is_none_is_kept_as_it_is(tmp_path: Path) -> None:
    words = samples.blocks()
    words.view("u4")[21, 1] = 0x7F800001  # a NaN that signals
    mc = samples.read(samples.write(tmp_path / "x", words))
    assert np.isnan(mc.tables["particles"]["px"][mc.offsets["particles"][2] + 1])
