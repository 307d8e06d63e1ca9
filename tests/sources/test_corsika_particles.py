"""Rows of particles: what each is, its number of the Particle Data Group, and that no word is lost."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.sources.corsika_particles import BIRTH, CORSIKA_TO_PDG, GRANDMOTHER, MOTHER, columns_of, kinds_of, pdg_of
from tests.sources import corsika_samples as samples

NONE = np.zeros(1, np.int64)


def charge_of(pdg: int) -> float:
    """Charge by the digits of the number: quarks are its second to fourth digit from the right."""
    quark = {1: -1 / 3, 2: 2 / 3, 3: -1 / 3, 4: 2 / 3, 5: -1 / 3}
    size, sign = abs(pdg), 1 if pdg > 0 else -1
    leptons = {11: -1, 12: 0, 13: -1, 14: 0, 15: -1, 16: 0, 22: 0, 130: 0, 310: 0}
    if size in leptons:
        return sign * leptons[size]
    q1, q2, q3 = size // 1000 % 10, size // 100 % 10, size // 10 % 10
    if q1:
        return sign * round(quark[q1] + quark[q2] + quark[q3])
    # A meson: the heavier quark first, an up-like one as quark, a down-like one as antiquark.
    return sign * round(quark[q2] - quark[q3]) * (1 if q2 % 2 == 0 else -1)


#: Charges as the CORSIKA User's Guide prints them beside the names of its table.
CHARGES = {
    1: 0, 2: 1, 3: -1, 5: 1, 6: -1, 7: 0, 8: 1, 9: -1, 11: 1, 12: -1, 13: 0, 14: 1, 15: -1, 18: 0, 19: 1, 20: 0, 21: -1, 22: 0, 23: -1, 24: -1, 25: 0, 27: -1, 28: 0, 29: 1,
    31: 1, 32: 1, 51: 0, 52: 1, 53: -1, 54: 2, 55: 1, 56: 0, 57: -1, 58: -2, 59: -1, 60: 0, 61: 1, 62: 0, 63: 1, 64: -1, 65: 0, 75: 1, 76: -1, 116: 0, 117: 1, 118: -1, 119: 0,
    120: 1, 121: -1, 123: 0, 124: 1, 125: -1, 127: 1, 128: -1, 131: 1, 132: -1, 137: 1, 138: 1, 139: 0, 140: 2, 141: 1, 142: 0, 143: 1, 144: 0, 145: 0, 149: -1, 152: -2,
    161: 2, 162: 1, 163: 0, 171: -2, 176: 0, 177: 1, 178: -1, 180: 0, 182: 1, 183: -1, 184: 0, 185: -1, 186: 1, 187: 0, 188: -1, 189: -1, 190: 0, 191: 1, 192: -1, 194: 1,
}  # fmt: skip


@pytest.mark.parametrize(("code", "charge"), CHARGES.items())
def test_a_number_has_the_charge_of_the_particle(code: int, charge: int) -> None:
    assert charge_of(CORSIKA_TO_PDG[code]) == charge


def test_antiparticles_have_the_opposite_number() -> None:
    pairs = [
        (2, 3),
        (5, 6),
        (8, 9),
        (11, 12),
        (13, 25),
        (14, 15),
        *((n, n + 8) for n in range(18, 25)),
        *((n, n + 4) for n in range(54, 58)),
        (62, 65),
        (63, 64),
        (66, 67),
    ]
    pairs += [
        (52, 53),
        (68, 69),
        (116, 119),
        (117, 118),
        (120, 121),
        (123, 126),
        (124, 125),
        (127, 128),
        (131, 132),
        (133, 134),
        *((n, n + 12) for n in range(137, 146)),
    ]
    pairs += [
        *((n, n + 10) for n in range(161, 164)),
        (176, 179),
        (177, 178),
        (180, 181),
        (182, 183),
        *((n, n + 6) for n in range(184, 190)),
    ]
    assert [CORSIKA_TO_PDG[a] + CORSIKA_TO_PDG[b] for a, b in pairs] == [0] * len(pairs)


def test_nuclei_follow_from_nucleons_and_protons() -> None:
    assert pdg_of(np.array([201, 302, 402, 1206, 5626])).tolist() == [1000010020, 1000020030, 1000020040, 1000060120, 1000260560]


def test_what_the_table_does_not_know_is_not_guessed() -> None:
    assert pdg_of(np.array([0, 4, 33, 71, 199, 9900, 10_000, 250, -3])).tolist() == [0] * 9


def test_rows_before_a_muon_tell_its_origin() -> None:
    description = np.array([69031, 75007, -11006, -9000, 5071, 76004, 6041, -8000, -14000, -8000, -14000])
    expected = [0, BIRTH, MOTHER, GRANDMOTHER, 0, BIRTH, 0, MOTHER, GRANDMOTHER, MOTHER, GRANDMOTHER]
    assert kinds_of(description, NONE).tolist() == expected
    # A shower that begins with a mother begins anew.
    assert kinds_of(description[7:], np.array([0, 1])).tolist() == [MOTHER, MOTHER, GRANDMOTHER, MOTHER]
    assert kinds_of(description[:0], np.zeros(2, np.int64)).tolist() == []


def test_descriptions_are_taken_apart() -> None:
    words = np.zeros((6, 7), np.float32)
    words[:, 0] = [69031, 75007, -11006, -9000, 5071, 1407992]
    columns = columns_of(words, NONE)
    assert columns["particle_type"].tolist() == [69, 75, 11, 9, 5, 1407]
    assert columns["generation"].tolist() == [3, 7, 6, 0, 7, 99]
    assert columns["observation_level"].tolist() == [1, 0, 0, 0, 1, 2]
    assert columns["description"].tolist() == words[:, 0].tolist()


def test_words_go_where_they_mean_something() -> None:
    words = np.tile(np.array([0, 1, 2, 3, 400, 500, 600], np.float32), (5, 1))
    words[:, 0] = [5071, 75007, -11006, -9000, 95001]
    columns = columns_of(words, NONE)
    np.testing.assert_array_equal(columns["x"], [4, 4, 4, np.nan, np.nan])
    np.testing.assert_array_equal(columns["y"], [5, 5, 5, np.nan, np.nan])
    np.testing.assert_array_equal(columns["z"], [np.nan, 6, 6, np.nan, np.nan])
    np.testing.assert_array_equal(columns["time_ns"], [600, np.nan, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(columns["word_fifth"], [np.nan, np.nan, np.nan, 400, 400])
    np.testing.assert_array_equal(columns["word_seventh"], [np.nan, np.nan, np.nan, 600, 600])
    assert columns["pz"].tolist() == [-3] * 5
    assert np.isnan(columns["weight"]).all()


def test_metres_give_back_every_word_of_32_bits() -> None:
    # Any length that a real of 32 bits can hold, tiny and huge ones, of both signs.
    bits = np.random.default_rng(1).integers(0, 2**32, 200_000, np.uint32)
    words = bits.view(np.float32)
    words = words[np.isfinite(words)]
    rows = np.zeros((len(words), 7), np.float32)
    rows[:, 0], rows[:, 4] = 75007, words
    np.testing.assert_array_equal((columns_of(rows, NONE)["x"] * 100).astype(np.float32).view("u4"), words.view("u4"))


def test_mothers_of_the_real_file_have_the_charge_of_their_muon() -> None:
    particles = samples.read(samples.FILE).tables["particles"]
    birth = np.flatnonzero(particles["kind"] == BIRTH)
    assert set(particles["kind"][birth + 1]) == {MOTHER} and set(particles["kind"][birth + 2]) == {GRANDMOTHER}
    mothers = particles["particle_type"][birth + 1]
    charged = np.isin(mothers, (8, 9, 11, 12))
    sign = np.where(np.isin(mothers, (8, 11)), 1, -1)
    # Pions and kaons give a muon of their charge; that tells mothers from grandmothers.
    assert charged.sum() > 400
    assert (sign[charged] == np.where(particles["particle_type"][birth][charged] == 75, 1, -1)).all()
    # The muon that is registered is the one whose birth is told three rows before.
    np.testing.assert_array_equal(particles["particle_type"][birth + 3], particles["particle_type"][birth] - 70)
    # Its description has room for two digits of the generation.
    np.testing.assert_array_equal(particles["generation"][birth + 3], particles["generation"][birth] % 100)
    # The last word of a grandmother is the height of the mother, with the other sign.
    np.testing.assert_allclose(-particles["word_seventh"][birth + 2], particles["z"][birth + 1] * 100, rtol=1e-5)
