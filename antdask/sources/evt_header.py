"""The header of an ``.evt`` file: its lines as they are, their words as numbers, and what they say about the generator.

The same name may stand several times (``physics``, ``simul``, ``seed``), a value may be empty, hold colons, tabs, or the blanks of a fixed column: lines are kept
byte by byte, in their order. Beside them stand the words of each value as numbers, where they are any.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

import numpy as np

from antdask.model.ragged import Batch, offsets_of
from antdask.sources.evt_text import NUMBER, OVERFLOW, TEXT, number

NOT_STATED, GEANT3, PDG, CORSIKA = range(4)

#: Generators by the first word of a line ``simul`` or ``physics``, the one that made the particles first.
GENERATORS = ("mupage", "gseagen", "genhen", "corant")

#: Standard particles of GEANT3 (manual, CONS 300) in the numbering of the Particle Data Group. 4 is a neutrino of any kind and has no number there.
GEANT3_TO_PDG = {
    1: 22, 2: -11, 3: 11, 5: -13, 6: 13, 7: 111, 8: 211, 9: -211, 10: 130, 11: 321, 12: -321, 13: 2112, 14: 2212, 15: -2212, 16: 310, 17: 221, 18: 3122,
    19: 3222, 20: 3212, 21: 3112, 22: 3322, 23: 3312, 24: 3334, 25: -2112, 26: -3122, 27: -3222, 28: -3212, 29: -3112, 30: -3322, 31: -3312, 32: -3334,
}  # fmt: skip
#: CORSIKA counts like GEANT3, and has neutrinos.
CORSIKA_TO_PDG = {**GEANT3_TO_PDG, 66: 12, 67: -12, 68: 14, 69: -14}

#: Lines that only headers of simulations have: a generator, a program that made light; repeated ones are numbered by some programs.
_PROGRAM = re.compile(rb"(physics|simul)(_\d+)?")
_WORD = re.compile(rb"\S+")
#: Two reals that Fortran wrote without a blank between them; ``7.1-120213`` is a version and a date, and no such thing.
_GLUED = re.compile(rb"(?<=[\d.])(?=[+-])")
_STARS = re.compile(rb"(\*+)")


@dataclasses.dataclass(frozen=True)
class Header:
    """A header.

    Parameters
    ----------
    lines : list of (bytes, bytes)
        Name and value of each line, without colon and line end; the name is empty where a line has no colon.
    """

    lines: list[tuple[bytes, bytes]]

    @property
    def run(self) -> int:
        """The number behind ``start_run:``.

        Raises
        ------
        ValueError
            It is no run number.
        """
        words = self.lines[0][1].split()
        run = int(words[0]) if len(words) == 1 and words[0].isdigit() else -1
        if not 0 <= run < 2**32:
            raise ValueError(f"start_run:{self.lines[0][1].decode('ascii', 'replace')[:40]}")
        return run

    @property
    def generator(self) -> str:
        """One of `GENERATORS`, ``"evt"`` where none is named."""
        words = self._programs()
        return next((g for g in GENERATORS if g in words), "evt")

    @property
    def numbering(self) -> int:
        """How particles are numbered, but for neutrinos, whose lines follow rules of their own."""
        generator = self.generator
        if generator == "corant":
            version = re.search(r"\d+", self._programs()["corant"])
            return PDG if version and int(version[0]) >= 5 else CORSIKA
        return NOT_STATED if generator == "evt" else GEANT3

    def _programs(self) -> dict[str, str]:
        """Programs with what follows their name."""
        values = [value.decode("ascii", "replace").split(None, 1) for name, value in self.lines if name in (b"physics", b"simul")]
        return {words[0].lower(): words[1] if len(words) > 1 else "" for words in values if words}


def program_of(lines: Iterable[tuple[bytes, ...]]) -> str:
    """The first line of a header that names a program of a simulation, as text; empty if there is none: the header of measured data.

    Parameters
    ----------
    lines : iterable of tuples
        Name and value first.

    Examples
    --------
    >>> program_of([(b"DAQ", b" 394"), (b"physics_1", b" GENIE 3.0.2")])
    'physics_1: GENIE 3.0.2'
    """
    found = ((name, value) for name, value, *_ in lines if _PROGRAM.fullmatch(name))
    return next((f"{name.decode()}: {value.decode('ascii', 'replace').strip()}" for name, value in found), "")


def parse(text: bytes) -> Header:
    """The header in a block, its ``end_event:`` included or not."""
    lines = [line.removesuffix(b"\r") for line in text.split(b"\n")]
    if lines[-1].startswith(b"end_event:"):
        del lines[-1]
    pairs = [line.partition(b":") for line in lines]
    return Header([(name, value) if colon else (b"", name) for name, colon, value in pairs])


def numbers(value: bytes) -> list[tuple[float, int]]:
    """Words of a value, each with what it is; a word that is glued from several numbers counts as so many.

    Examples
    --------
    >>> numbers(b" 0.100E+03 0.100E+09-0.100E+01 922.000 *********")
    [(100.0, 1), (100000000.0, 1), (-1.0, 1), (922.0, 1), (nan, 2)]
    >>> numbers(b" GENHEN  7.1-120213")
    [(nan, 0), (nan, 0)]
    """
    return [pair for word in _WORD.findall(value) for pair in _word(word)]


def _word(word: bytes) -> list[tuple[float, int]]:
    value = number(word)
    if value is not None:
        return [(value, NUMBER)]
    parts = [part for piece in _STARS.split(word) for part in (_GLUED.split(piece) if piece else ())]
    values = [number(part) for part in parts]
    reals = all(v is not None and b"." in part for v, part in zip(values, parts, strict=True) if part.strip(b"*"))
    if not reals:
        return [(np.nan, TEXT)]
    return [(np.nan, OVERFLOW) if v is None else (v, NUMBER) for v in values]


def header_batch(headers: list[tuple[int, list[tuple[bytes, bytes, bytes]]]], first: int, origin: str) -> Batch:
    """Rows of stream ``headers``.

    Parameters
    ----------
    headers : list of (run, lines)
        A line is name, value and note.
    first : int
        Entry number of the first.
    """
    lines = [line for _, found in headers for line in found]
    words = [numbers(value) for _, value, _ in lines]
    states = np.array([state for found in words for _, state in found], np.uint8)
    n_lines, n_words = (np.array([len(x) for x in group], np.int64) for group in ([found for _, found in headers], words))
    sizes = np.array([[len(part) for part in line] for line in lines], np.uint32).reshape(-1, 3)
    line_offsets, word_offsets = offsets_of(n_lines), offsets_of(n_words)
    stars = np.append(0, np.cumsum(states == OVERFLOW))[word_offsets[line_offsets]]
    tables = {
        "headers": {
            "run": np.array([run for run, _ in headers], np.uint32),
            "n_lines": n_lines.astype(np.uint32),
            "n_overflow": np.diff(stars).astype(np.uint32),
            "source_input": np.zeros(len(headers), np.uint16),
            "source_entry": np.arange(first, first + len(headers), dtype=np.uint64),
        },
        "lines": {name: np.ascontiguousarray(sizes[:, n]) for n, name in enumerate(("name_bytes", "value_bytes", "note_bytes"))},
        "line_bytes": {"byte": np.frombuffer(b"".join(part for line in lines for part in line), np.uint8)},
        "numbers": {"value": np.array([value for found in words for value, _ in found], np.float64), "word": states},
    }
    offsets = {"lines": line_offsets, "line_bytes": offsets_of(sizes.sum(axis=1, dtype=np.int64)), "numbers": word_offsets}
    return Batch("headers", origin, tables, offsets)
