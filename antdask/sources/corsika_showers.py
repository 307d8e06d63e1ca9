"""Showers of a CORSIKA file as batches: primary particle, particles, and every word of header, end and profile."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from antdask.errors import CorruptFileError
from antdask.model.mc_fields import NO_NUMBER, PARTICLE_KINDS
from antdask.model.ragged import Batch, Columns, offsets_of, ranges
from antdask.model.tables import schema
from antdask.sources.blob import Blob
from antdask.sources.corsika_blocks import DATA, LONG, PARTICLES, Blocks, Showers
from antdask.sources.corsika_particles import LARGEST, columns_of, pdg_of
from antdask.sources.evt_header import CORSIKA
from antdask.sources.particle_slots import ParticleSlots

ORIGIN = "corsika"
SHOWERS = "showers"
_PRIMARY = PARTICLE_KINDS.index("track_primary")
#: Places of words in EVTH, from 0: number, primary, its energy, height of the first interaction, momentum.
_NUMBER, _TYPE, _ENERGY, _HEIGHT, _PX, _PY, _PZ = 1, 2, 3, 6, 7, 8, 9


@dataclasses.dataclass(frozen=True)
class Decoder:
    """Showers of an open file.

    Parameters
    ----------
    blob : Blob
    blocks : Blocks
    showers : Showers
    runs : ndarray of int64, shape (showers,)
        Number of the run of each.
    """

    blob: Blob
    blocks: Blocks
    showers: Showers
    runs: np.ndarray

    def intact(self, start: int, stop: int) -> Iterator[Batch]:
        """The batch of showers ``start:stop``, or what is whole before the first loss, and then the error.

        Raises
        ------
        CorruptFileError
            With the range of showers that is lost.
        """
        try:
            self._demand(~self.showers.lost[start:stop], start, "A stretch of the file holds no whole shower")
            # A word may be any pattern of bits, also a NaN that signals: the file has it, so the archive has one.
            with np.errstate(invalid="ignore"):
                batch = self._batch(start, stop)
        except CorruptFileError as error:
            if error.start is not None and error.start > start:
                yield from self.intact(start, error.start)
            raise
        yield batch

    def _demand(self, ok: np.ndarray, start: int, what: str, found: np.ndarray | None = None, expected: str | None = None) -> None:
        """Raise for the first run of neighbouring showers that are not in order."""
        if ok.all():
            return
        low = int(np.argmin(ok))
        high = low + (int(np.argmax(ok[low:])) or len(ok) - low)
        shown = None if found is None else found[low]
        raise CorruptFileError(what, where=f"{self.blob.url}, showers {start + low} to {start + high}", found=shown, expected=expected, tree=SHOWERS, start=start + low, stop=start + high)  # fmt: skip

    def _batch(self, start: int, stop: int) -> Batch:
        first, last = self.showers.starts[start:stop], self.showers.stops[start:stop]
        which = ranges(first, last - first)
        kinds, words = self.blocks.kinds[which], self.blocks.read(self.blob, which)
        edges = offsets_of(last - first)
        of = np.repeat(np.arange(stop - start), last - first)
        header, end = words[edges[:-1]], words[edges[1:] - 1]
        self._demand(_whole(header[:, _NUMBER]), start, "The header of a shower has no number", header[:, _NUMBER], "a whole number")
        self._demand(_whole(header[:, _TYPE]), start, "The primary particle of a shower is none", header[:, _TYPE], "a whole number")
        self._demand(header[:, _NUMBER] == end[:, _NUMBER], start, "A shower ends with the number of another", end[:, _NUMBER])
        rows, counts = self._rows(words[kinds == DATA], of[kinds == DATA], start, stop)
        profile = np.bincount(of[kinds == LONG], minlength=stop - start) * words.shape[1]
        particles, offsets = _particles(header, rows, counts)
        made: dict[str, Columns] = {
            "events": {
                "run": self.runs[start:stop].astype(np.uint32),
                "frame_index": np.zeros(stop - start, np.uint32),
                "trigger_counter": np.full(stop - start, -1, np.int64),
                "event_number": header[:, _NUMBER].astype(np.int64),
                "n_particles": (counts + 1).astype(np.uint32),
                "first_interaction_height": header[:, _HEIGHT].astype(np.float64) / 100,
                "source_input": np.zeros(stop - start, np.uint16),
                "source_entry": np.arange(start, stop, dtype=np.uint64),
            },
            "particles": particles,
            "evth": {"value": header.reshape(-1)},
            "evte": {"value": end.reshape(-1)},
            "longitudinal": {"value": words[kinds == LONG].reshape(-1)},
        }
        each = words.shape[1] * np.arange(stop - start + 1, dtype=np.int64)
        declared = schema("mc").by_name
        tables = {name: {f: columns[f] for f in declared[name].columns(ORIGIN)} for name, columns in made.items()}
        return Batch("mc", ORIGIN, tables, {"particles": offsets, "evth": each, "evte": each, "longitudinal": offsets_of(profile)})

    def _rows(self, words: np.ndarray, of: np.ndarray, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Words of the particles, one row each, and how many every shower has; rows of zeros at its end are none."""
        n, each = stop - start, len(words) * PARTICLES
        rows = words.reshape(each, -1) if len(words) else np.zeros((0, words.shape[1] // PARTICLES), np.float32)
        of = np.repeat(of, PARTICLES)
        filled = (rows != 0).any(axis=1)
        counts = np.bincount(of[filled], minlength=n)
        places = np.arange(each) - np.searchsorted(of, of)
        self._demand(_all_of(filled == (places < counts[of]), of, n), start, "Rows of zeros stand between the particles of a shower")
        rows, of = rows[filled], of[filled]
        description = rows[:, 0]
        good = (np.abs(description) < LARGEST) & (description == np.floor(description)) & (description != 0)
        self._demand(_all_of(good, of, n), start, "The first word of a particle describes none", _first_wrong(description, good, of, n), f"a whole number below {LARGEST}; bunches of Cherenkov photons, from there on, are not read")  # fmt: skip
        return rows, counts


def _whole(words: np.ndarray) -> np.ndarray:
    """Which words are whole numbers of 31 bits."""
    found: np.ndarray = (np.abs(words) < 2**31) & (words == np.floor(words))
    return found


def _all_of(ok: np.ndarray, of: np.ndarray, n: int) -> np.ndarray:
    """Which showers have no row that is not in order."""
    found: np.ndarray = np.bincount(of[~ok], minlength=n) == 0
    return found


def _first_wrong(values: np.ndarray, ok: np.ndarray, of: np.ndarray, n: int) -> np.ndarray:
    """Of each shower, a value that is not in order."""
    found = np.zeros(n, values.dtype)
    found[of[~ok]] = values[~ok]
    return found


def _particles(header: np.ndarray, rows: np.ndarray, counts: np.ndarray) -> tuple[Columns, np.ndarray]:
    """Columns of table ``particles`` and its offsets: the primary particle of each shower, then its rows."""
    slots = ParticleSlots(np.stack([np.ones(len(counts), np.int64), counts], axis=1))
    found, exact = columns_of(rows, offsets_of(counts)[:-1]), header.astype(np.float64)
    ids = header[:, _TYPE].astype(np.int32)
    primary: dict[str, np.ndarray | float] = {
        "kind": _PRIMARY,
        "particle_type": ids,
        "pdg_type": pdg_of(ids),
        "px": exact[:, _PX],
        "py": exact[:, _PY],
        "pz": -exact[:, _PZ],
    }
    columns = {
        name: slots.join([primary.get(name, np.nan if column.dtype.kind == "f" else NO_NUMBER), column]) for name, column in found.items()
    }
    columns["energy"] = slots.join([exact[:, _ENERGY], np.full(len(rows), np.nan)])
    columns["numbering"] = np.full(int(slots.offsets[-1]), CORSIKA, np.uint8)
    return columns, slots.offsets
