"""CORSIKA files for tests: the real one, and variants of it in forms that no public file has; an independent reader is the package corsikaio."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import corsikaio
import numpy as np
from km3net_testdata import data_path

from antdask.model.ragged import Batch, concatenate
from antdask.sources.corsika import SOURCE

FILE = str(data_path("corsika/DAT000001"))
STRIDE, PAYLOAD, WORDS = 22_940, 22_932, 273


def blocks(path: str = FILE) -> np.ndarray:
    """Words of all sub-blocks of the real file, records joined."""
    return np.fromfile(path, "u1").reshape(-1, STRIDE)[:, 4:-4].copy().view("<f4").reshape(-1, WORDS)


def write(path: Path, words: np.ndarray, order: str = "<") -> str:
    """Sub-blocks as a file; their number is a multiple of 21."""
    payload = words.astype(f"{order}f4").reshape(-1, 21 * words.shape[1])
    # Names are text, and no numbers.
    named = np.isin(words.view("S4")[:, 0], [b"RUNH", b"EVTH", b"EVTE", b"RUNE", b"LONG"])
    payload.reshape(-1, words.shape[1])[named, 0] = words[named, 0].view(f"{order}f4") if order == "<" else words[named, 0].view(">f4")
    marker = np.array(4 * payload.shape[1], f"{order}u4").tobytes()
    path.write_bytes(b"".join(marker + record.tobytes() + marker for record in payload))
    return str(path)


def thinned(weight: float = 2.5) -> np.ndarray:
    """Sub-blocks of 312 words: the real ones, each particle with a weight."""
    found = []
    for block in blocks():
        if block[:1].tobytes() in (b"RUNH", b"EVTH", b"EVTE", b"RUNE"):
            found.append(np.concatenate([block, np.zeros(39, np.float32)]))
        else:
            rows = block.reshape(39, 7)
            found.append(np.concatenate([rows, np.where(rows[:, :1] != 0, np.float32(weight), np.float32(0))], axis=1).reshape(-1))
    return np.array(found, np.float32)


def events(path: str = FILE, thinning: bool = False) -> list[corsikaio.file.ParticleEvent]:
    """Showers by corsikaio."""
    with corsikaio.CorsikaParticleFile(path, thinning=thinning) as file:
        return list(file)


def read(path: str, stream: str = "mc") -> Batch:
    """All of a stream of a sound file."""
    entry = SOURCE.describe(path)
    return concatenate([b for s in entry.segments if s.stream == stream for b in SOURCE.read(entry, s.tree, s.start, s.stop)])


def words_of(batch: Batch, width: int = 7) -> np.ndarray:
    """The words behind the particles of a batch, without the primary ones."""
    return words_behind(batch.tables["particles"], width)


def words_behind(particles: Mapping[str, np.ndarray], width: int = 7) -> np.ndarray:
    """The words behind columns of particles, without the primary ones: the way back, as the page on the format tells it."""
    columns = {name: column[particles["kind"] != 5] for name, column in particles.items()}
    words = np.empty((len(columns["kind"]), width), np.float32)
    words[:, 0], words[:, 1], words[:, 2], words[:, 3] = columns["description"], columns["px"], columns["py"], -columns["pz"]
    other = (columns["kind"] == 15) | np.isin(columns["particle_type"], (71, 72, 73, 74, 85, 86, 95, 96))
    in_time = (columns["kind"] == 0) & ~other
    for place, word, column in ((4, "fifth", "x"), (5, "sixth", "y"), (6, "seventh", "z")):
        words[:, place] = np.where(other, columns[f"word_{word}"], columns[column] * 100)
    words[:, 6] = np.where(in_time, columns["time_ns"], words[:, 6])
    if width == 8:
        words[:, 7] = columns["weight"]
    return words
