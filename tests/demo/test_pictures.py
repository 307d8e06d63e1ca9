"""The pictures are made of the archive's values: the dense grid of rates holds what the ragged slices say."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np

import antdask
from antdask.calibration.rates import rate_hz
from antdask.demo import figures, pictures

PNG = b"\x89PNG\r\n\x1a\n"


def slices() -> ak.Array:
    """Two slices, one frame apart by a gap, the second without module 7."""
    codes, flags = np.zeros((3, 31), np.uint8), np.zeros((3, 31), np.uint8)
    codes[:, 0] = 46, 85, 0
    flags[:, 0] = 0, 1, 4
    flags[1, 1] = 3
    frames = ak.zip({"dom_id": [7, 3, 3], "rate_code": codes, "flags": flags}, depth_limit=1)
    return ak.zip({"frame_index": np.array([12, 10], np.uint32), "frames": ak.unflatten(frames, [2, 1])}, depth_limit=1)


def test_a_grid_has_gaps_where_nothing_was_sent() -> None:
    seconds, modules, rate, state = pictures.rate_grid(slices())
    assert seconds.tolist() == [0.0, 0.1, 0.2] and modules == [3, 7]
    assert rate.shape == state.shape == (62, 3)
    assert (state[:, 1] == figures.NO_DATA).all()
    assert (state[31:, 0] == figures.NO_DATA).all()
    assert rate[31, 2] == rate_hz(np.array([46], np.uint8))[0] and state[31, 2] == 0


def test_a_grid_tells_veto_and_missing_rate_apart_from_measurements() -> None:
    _, _, _, state = pictures.rate_grid(slices())
    assert state[0, 2] == figures.VETO
    assert state[1, 2] == figures.FIFO
    assert state[0, 0] == figures.NO_RATE
    assert state[2, 2] == 0


def test_the_run_of_the_rate_map_is_dense_enough_to_look_at(archive: str) -> None:
    detector, run = pictures.RATE_RUN
    found = antdask.open_archive(archive).stream("rates").select(detector=detector, run=run).to_awkward(["frames"])
    _, modules, rate, state = pictures.rate_grid(found)
    assert len(found) == 1000 and len(modules) == 18
    good = state == 0
    assert 0.85 < good.mean() < 0.95
    assert rate[good].min() > 4e3 and np.median(rate[good]) < 1e4


def test_four_pictures_are_drawn_as_png(archive: str, tmp_path: Path) -> None:
    paths = list(pictures.draw(antdask.open_archive(archive), tmp_path / "plots"))
    assert [p.name for p in paths] == ["rate-map.png", "hits-per-event.png", "event.png", "charges.png"]
    assert all(p.read_bytes().startswith(PNG) and p.stat().st_size > 30_000 for p in paths)
