"""Run headers and run ends: every word with its exact value, named where the format names it, and runs without an end."""

from __future__ import annotations

from pathlib import Path

import corsikaio
import numpy as np
import pytest

from antdask.errors import CorruptFileError
from antdask.sources.blob import open_blob
from antdask.sources.corsika_blocks import RUNE, RUNH, scan
from antdask.sources.corsika_runs import HEADER_WORDS, Line, Runs, runs_of
from tests.sources import corsika_samples as samples


def runs(path: str) -> tuple[Runs, list[list[Line]]]:
    with open_blob(path) as blob:
        blocks = scan(blob)
        found = runs_of(blob, blocks)
        return found, [found.lines(blob, blocks, n) if found.headers[n] >= 0 else [] for n in range(len(found.headers))]


def words_of(lines: list[Line]) -> np.ndarray:
    return np.array([float(value) for _, value, _ in lines[1:]]).astype(np.float32)


def test_every_word_of_header_and_end_is_a_line() -> None:
    found, (header, end) = runs(samples.FILE)
    words = samples.blocks()
    np.testing.assert_array_equal(words_of(header), words[0, 1:])
    np.testing.assert_array_equal(words_of(end), words[112, 1:])
    assert (header[0], end[0]) == ((b"block", b"RUNH", b"RUNH 1"), (b"block", b"RUNE", b"RUNE 1"))
    assert [note for _, _, note in header] == [f"RUNH {n}".encode() for n in range(1, 274)]
    assert (found.numbers.tolist(), found.stated) == ([1], 10)


def test_values_are_exact() -> None:
    _, (header, _) = runs(samples.FILE)
    # 7.741 as a real of 32 bits.
    assert {name: value for name, value, _ in header}[b"version"] == b"7.741000175476074"


def test_names_are_those_of_an_independent_reader() -> None:
    with corsikaio.CorsikaParticleFile(samples.FILE) as file:
        fields = file.run_header.dtype.fields
    theirs = {
        "n_observation_levels": "observation_levels", "observation_height": "observation_height_cm_1", "energy_spectrum_slope": "energy_slope", "energy_min": "energy_min_gev",
        "energy_max": "energy_max_gev", "energy_cutoff_hadrons": "cut_hadrons_gev", "energy_cutoff_muons": "cut_muons_gev", "energy_cutoff_electrons": "cut_electrons_gev",
        "energy_cutoff_photons": "cut_photons_gev", "n_showers": "showers", "x_scatter": "x_scatter_cm", "y_scatter": "y_scatter_cm", "aatm": "atmosphere_a_1", "batm": "atmosphere_b_1",
        "catm": "atmosphere_c_1", "nfdif": "nfldif", "nflpi0_100nflpif": "nflpi0_nflpif", "nflche_100nfragm": "nflche_nfragm", "inclined_observation_plane_x": "plane_x_cm",
        "inclined_observation_plane_phi": "plane_phi_deg",
    }  # fmt: skip
    for name in (*theirs, "run_number", "date", "version", "egs4_flag", "nkg_flag", "nflain"):
        assert HEADER_WORDS[fields[name][1] // 4 + 1] == theirs.get(name, name)


def test_a_run_without_end_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(Path(samples.FILE).read_bytes()[: 5 * samples.STRIDE])
    found, lines = runs(str(tmp_path / "x"))
    assert (found.headers.tolist(), found.header_runs.tolist(), found.stated, lines[1]) == ([0, -1], [1, 1], None, [])


def test_runs_of_files_that_were_joined_are_told_apart(tmp_path: Path) -> None:
    words = samples.blocks()
    other = words.copy()
    other[[0, 112], 1] = 7
    path = samples.write(tmp_path / "x", np.concatenate([words[:105], other, words]))  # the first has no end
    found, lines = runs(path)
    assert (found.numbers.tolist(), found.header_runs.tolist()) == ([1, 7, 1], [1, 1, 7, 7, 1, 1])
    assert found.headers.tolist() == [0, -1, 105, 217, 231, 343]
    assert lines[2][1] == (b"run_number", b"7.0", b"RUNH 2")
    assert found.numbers_of(np.array([-1, 0, 105, 231])).tolist() == [1, 1, 7, 1]


@pytest.mark.parametrize("number", [-1.0, 0.5, 2.0**32, np.nan])
def test_a_header_without_the_number_of_a_run_is_damage(number: float, tmp_path: Path) -> None:
    words = samples.blocks()
    words[0, 1] = number
    with pytest.raises(CorruptFileError, match="no number of a run"):
        runs(samples.write(tmp_path / "x", words))


def test_a_file_without_run_header_is_damage(tmp_path: Path) -> None:
    words = samples.blocks()
    words[0, 0] = 1.0
    with pytest.raises(CorruptFileError, match="no run header"):
        runs(samples.write(tmp_path / "x", words))
    assert (RUNH, RUNE) == (1, 4)
