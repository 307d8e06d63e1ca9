"""Runs in a CORSIKA file: their headers and ends, word by word as lines of text."""

from __future__ import annotations

import dataclasses

import numpy as np

from antdask.errors import CorruptFileError
from antdask.sources.blob import Blob
from antdask.sources.corsika_blocks import NAMES, RUNE, RUNH, Blocks

#: Name, value, note.
Line = tuple[bytes, bytes, bytes]


def _repeated(first: int, count: int, name: str) -> dict[int, str]:
    return {first + n: f"{name}_{n + 1}" for n in range(count)}


#: Words of the run header by their place, from 1 (CORSIKA User's Guide, table of the run header); the others are constants of the program.
HEADER_WORDS = {
    2: "run_number", 3: "date", 4: "version", 5: "observation_levels", **_repeated(6, 10, "observation_height_cm"), 16: "energy_slope", 17: "energy_min_gev",
    18: "energy_max_gev", 19: "egs4_flag", 20: "nkg_flag", 21: "cut_hadrons_gev", 22: "cut_muons_gev", 23: "cut_electrons_gev", 24: "cut_photons_gev",
    75: "plane_x_cm", 76: "plane_y_cm", 77: "plane_z_cm", 78: "plane_theta_deg", 79: "plane_phi_deg", 93: "showers", 248: "x_scatter_cm", 249: "y_scatter_cm",
    **_repeated(250, 5, "atmosphere_layer_cm"), **_repeated(255, 5, "atmosphere_a"), **_repeated(260, 5, "atmosphere_b"), **_repeated(265, 5, "atmosphere_c"),
    270: "nflain", 271: "nfldif", 272: "nflpi0_nflpif", 273: "nflche_nfragm",
}  # fmt: skip
#: Likewise of the run end.
END_WORDS = {2: "run_number", 3: "showers"}
_WORDS = {RUNH: HEADER_WORDS, RUNE: END_WORDS}


@dataclasses.dataclass(frozen=True)
class Runs:
    """Runs of a file.

    Parameters
    ----------
    blocks : ndarray of int64, shape (runs,)
        Number of the block with the header of each run.
    numbers : ndarray of int64, shape (runs,)
        Number of each run.
    headers : ndarray of int64, shape (headers,)
        Number of the block with each run header and run end, in their order; -1 where a run has no end.
    header_runs : ndarray of int64, shape (headers,)
        Number of the run of each.
    stated : int or None
        Showers that all run ends state together; ``None`` if one is missing, or they state no whole number.
    """

    blocks: np.ndarray
    numbers: np.ndarray
    headers: np.ndarray
    header_runs: np.ndarray
    stated: int | None

    def numbers_of(self, blocks: np.ndarray) -> np.ndarray:
        """Number of the run of each header block; what stands before the first belongs to the first."""
        found: np.ndarray = self.numbers[np.maximum(np.searchsorted(self.blocks, blocks, "right") - 1, 0)]
        return found

    def lines(self, blob: Blob, blocks: Blocks, number: int) -> list[Line]:
        """Lines of a run header or run end: a name, its exact value, and block and place of each word."""
        block = int(self.headers[number])
        name, known = NAMES[int(blocks.kinds[block])], _WORDS[int(blocks.kinds[block])]
        words = blocks.read(blob, np.array([block]))[0].tolist()
        numbered = ((n, repr(word).encode()) for n, word in enumerate(words[1:], 2))
        return [
            (b"block", name, name + b" 1"),
            *((known.get(n, f"word_{n}").encode(), text, name + f" {n}".encode()) for n, text in numbered),
        ]


def runs_of(blob: Blob, blocks: Blocks) -> Runs:
    """The runs of a file.

    Raises
    ------
    CorruptFileError
        No run header, or one without the number of a run.
    """
    begins, ends = (np.flatnonzero(blocks.kinds == kind) for kind in (RUNH, RUNE))
    if not len(begins):
        raise CorruptFileError("The file has no run header", where=blob.url, expected="a block RUNH", hint="It is cut short or damaged.")
    numbers = np.array([blocks.read(blob, np.array([b]))[0, 1] for b in begins.tolist()], np.float64)
    wrong = ~((numbers >= 0) & (numbers < 2**32) & (numbers == np.floor(numbers)))
    if wrong.any():
        raise CorruptFileError("The run header has no number of a run", where=blob.url, found=numbers[wrong][0], expected="a whole number below 2^32")  # fmt: skip
    headers: list[int] = []
    for block in sorted([*begins.tolist(), *ends.tolist()]):
        if blocks.kinds[block] == RUNH and headers and blocks.kinds[headers[-1]] == RUNH:
            headers.append(-1)
        headers.append(block)
    if blocks.kinds[headers[-1]] == RUNH:
        headers.append(-1)
    known = np.array(headers)
    before = np.searchsorted(begins, np.maximum.accumulate(known), "right") - 1
    stated = [float(blocks.read(blob, np.array([b]))[0, 2]) for b in ends.tolist()]
    whole = -1 not in headers and all(s >= 0 and s.is_integer() for s in stated)
    return Runs(
        begins, numbers.astype(np.int64), known, numbers[np.maximum(before, 0)].astype(np.int64), int(sum(stated)) if whole else None
    )
