"""Particles of a CORSIKA shower: rows of seven or eight reals, into columns from which every real can be had again.

::

    registered     id x 1000 + generation x 10 + level | px py -pz GeV | x y cm | t ns | [weight]
    muon at birth  75, 76: id x 1000 + generation      | px py -pz GeV | x y z cm    | [weight]      options MUADDI, MUPROD …
    mother         -(id x 1000 + generation)           | px py -pz GeV | x y z cm    | [weight]      option EHISTORY, before the particle
    grandmother    -(id x 1000 + generation)           | px py -pz GeV | other words | [weight]      likewise, behind the mother

x points to the magnetic north, y to the west, and the file counts momenta along -z: downwards. Rows of zeros fill the last sub-block. What the last words of a grandmother mean was not to be had (0, a depth in g/cm2, the
height of the mother with the other sign, as values suggest); they, and those of ids that only say how something decayed, are kept as words.
"""

from __future__ import annotations

import numpy as np

from antdask.model.mc_fields import FURTHER_KINDS, PARTICLE_KINDS
from antdask.model.ragged import Columns

#: CORSIKA User's Guide, table of particle identifications. 4 is no particle; 71 to 74 say how an eta decayed; 75, 76, 85, 86, 95 and 96 are muons where they began, or decayed.
CORSIKA_TO_PDG = {
    1: 22, 2: -11, 3: 11, 5: -13, 6: 13, 7: 111, 8: 211, 9: -211, 10: 130, 11: 321, 12: -321, 13: 2112, 14: 2212, 15: -2212, 16: 310, 17: 221, 18: 3122,
    19: 3222, 20: 3212, 21: 3112, 22: 3322, 23: 3312, 24: 3334, 25: -2112, 26: -3122, 27: -3222, 28: -3212, 29: -3112, 30: -3322, 31: -3312, 32: -3334,
    48: 331, 49: 333, 50: 223, 51: 113, 52: 213, 53: -213, 54: 2224, 55: 2214, 56: 2114, 57: 1114, 58: -2224, 59: -2214, 60: -2114, 61: -1114,
    62: 313, 63: 323, 64: -323, 65: -313, 66: 12, 67: -12, 68: 14, 69: -14, 75: -13, 76: 13, 85: -13, 86: 13, 95: -13, 96: 13,
    116: 421, 117: 411, 118: -411, 119: -421, 120: 431, 121: -431, 122: 441, 123: 423, 124: 413, 125: -413, 126: -423, 127: 433, 128: -433, 130: 443,
    131: -15, 132: 15, 133: 16, 134: -16, 137: 4122, 138: 4232, 139: 4132, 140: 4222, 141: 4212, 142: 4112, 143: 4322, 144: 4312, 145: 4332,
    149: -4122, 150: -4232, 151: -4132, 152: -4222, 153: -4212, 154: -4112, 155: -4322, 156: -4312, 157: -4332,
    161: 4224, 162: 4214, 163: 4114, 171: -4224, 172: -4214, 173: -4114,
    176: 511, 177: 521, 178: -521, 179: -511, 180: 531, 181: -531, 182: 541, 183: -541, 184: 5122, 185: 5112, 186: 5222, 187: 5232, 188: 5132, 189: 5332,
    190: -5122, 191: -5112, 192: -5222, 193: -5232, 194: -5132, 195: -5332,
}  # fmt: skip
#: From here on an id is a nucleus: 100 x nucleons + protons.
_NUCLEI, _BEYOND = 200, 9900
#: Descriptions from here on are bunches of Cherenkov photons, whose words mean something else.
LARGEST = 1000 * _BEYOND
_AT_BIRTH = (75, 76)
#: Muons where they decayed, or began to: what their last words are, and how etas decayed.
_WORDS_ONLY = (71, 72, 73, 74, 85, 86, 95, 96)

PARTICLE = PARTICLE_KINDS.index("particle")
BIRTH, MOTHER, GRANDMOTHER = (len(PARTICLE_KINDS) + FURTHER_KINDS.index(k) for k in ("muon_at_birth", "mother", "grandmother"))
_CM_PER_M = 100.0


def pdg_of(ids: np.ndarray) -> np.ndarray:
    """Numbers of the Particle Data Group of particles of CORSIKA, int32; 0 where the table has none.

    Examples
    --------
    >>> pdg_of(np.array([5, 14, 1407, 201, 4, 75])).tolist()
    [-13, 2212, 1000070140, 1000010020, 0, -13]
    """
    table = np.zeros(_NUCLEI, np.int32)
    table[list(CORSIKA_TO_PDG)] = list(CORSIKA_TO_PDG.values())
    nucleons, protons = ids // 100, ids % 100
    nucleus = (ids >= _NUCLEI) & (ids < _BEYOND) & (protons <= nucleons)
    single = np.where((ids >= 0) & (ids < _NUCLEI), ids, 0)
    return np.where(nucleus, 1_000_000_000 + 10_000 * protons + 10 * nucleons, table[single]).astype(np.int32)


def kinds_of(description: np.ndarray, showers: np.ndarray) -> np.ndarray:
    """What each row is, as in column ``kind``, uint8.

    The first of negative rows is a mother, the next a grandmother, and so on.

    Parameters
    ----------
    description : ndarray of int64
    showers : ndarray of int64
        Numbers of the rows with which showers begin.

    Examples
    --------
    >>> kinds_of(np.array([75007, -8005, -9000, 5071]), np.array([0])).tolist()
    [13, 14, 15, 0]
    """
    negative = description < 0
    place = np.arange(len(description))
    # Where the run of negative rows began that a row belongs to.
    marks = np.where(negative, 0, place + 1)
    heads = showers[showers < len(place)]
    marks[heads] = np.maximum(marks[heads], heads)
    odd = (place - np.maximum.accumulate(marks)) % 2 == 1
    kinds = np.where(negative, np.where(odd, GRANDMOTHER, MOTHER), PARTICLE)
    return np.where(~negative & np.isin(description // 1000, _AT_BIRTH), BIRTH, kinds).astype(np.uint8)


def columns_of(words: np.ndarray, showers: np.ndarray) -> Columns:
    """Columns of table ``particles``, all but ``numbering`` and ``energy``.

    Parameters
    ----------
    words : ndarray of float32, shape (particles, 7 or 8)
        Their descriptions are whole numbers below `LARGEST`, and none is 0.
    showers : ndarray of int64
        Numbers of the rows with which showers begin.
    """
    description = words[:, 0].astype(np.int64)
    kinds, size = kinds_of(description, showers), np.abs(description)
    ids = size // 1000
    plain = (kinds == PARTICLE) & ~np.isin(ids, _WORDS_ONLY)
    placed = plain | (kinds == BIRTH) | (kinds == MOTHER)
    exact = words.astype(np.float64)
    weight = exact[:, 7] if words.shape[1] == 8 else np.full(len(words), np.nan)
    raw = np.where(placed[:, None], np.float32(np.nan), words[:, 4:7])
    return {
        "kind": kinds,
        "particle_type": ids.astype(np.int32),
        "pdg_type": pdg_of(ids),
        "x": np.where(placed, exact[:, 4] / _CM_PER_M, np.nan),
        "y": np.where(placed, exact[:, 5] / _CM_PER_M, np.nan),
        "z": np.where(placed & ~plain, exact[:, 6] / _CM_PER_M, np.nan),
        "time_ns": np.where(plain, exact[:, 6], np.nan),
        "px": exact[:, 1],
        "py": exact[:, 2],
        "pz": -exact[:, 3],
        "description": description.astype(np.int32),
        "generation": np.where(plain, size % 1000 // 10, size % 1000).astype(np.int32),
        "observation_level": np.where(plain, size % 10, 0).astype(np.int32),
        "weight": weight,
        "word_fifth": np.ascontiguousarray(raw[:, 0]),
        "word_sixth": np.ascontiguousarray(raw[:, 1]),
        "word_seventh": np.ascontiguousarray(raw[:, 2]),
    }
