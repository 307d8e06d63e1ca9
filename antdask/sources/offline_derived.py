"""Fields of KM3NeT offline files that are computed from members of the events: one function for each that the map lists as derived."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from antdask.errors import ConfigurationError
from antdask.model.ragged import Columns, offsets_of
from antdask.sources.layout_dataset import Dataset
from antdask.sources.object_columns import Parts
from antdask.sources.root_nested import Nested

#: Numbers of `w` that have a column of their own.
WEIGHTS = 4


def derive(dataset: Dataset, parts: Parts, start: int, stop: int) -> Columns:
    """The derived fields of a data set for the entries ``start:stop``, by ``table.field``.

    Raises
    ------
    ConfigurationError
        The map wants one that nobody knows how to compute.
    """
    made: Columns = {}
    tracks = parts["trks"].values.astype(np.int64) if "trks" in parts else None
    for derived in dataset.derived:
        name = derived.field if derived.table == dataset.table else f"{derived.table}.{derived.field}"
        found = [parts[s] for s in derived.sources if s in parts]
        if len(found) < len(derived.sources):
            continue  # a member that this version does not have: its table is empty
        if name in _TEXT:
            made[f"{derived.table}.{derived.field}"] = found[0].levels[-1].astype(np.uint32)
        elif tracks is not None:
            made[f"{derived.table}.{derived.field}"] = _of_track(name, found, tracks, start, stop)
        elif name in _KNOWN:
            made[f"{derived.table}.{derived.field}"] = _KNOWN[name](found, parts)
        else:
            raise ConfigurationError("The map wants a field derived that nobody knows how to", where=f"data set '{dataset.name}'", found=name, expected=", ".join(_KNOWN))  # fmt: skip
    return made


def run_of(run_id: np.ndarray, mc_run_id: np.ndarray) -> np.ndarray:
    """Run of every event, uint32: of the DAQ, or of the simulation before there is one; 0 where both are void.

    Examples
    --------
    >>> run_of(np.array([7, 0, 0]), np.array([1, 2, -1])).tolist()
    [7, 2, 0]
    """
    return np.asarray(np.maximum(np.where(run_id > 0, run_id, mc_run_id), 0), np.uint32)


def _of_track(name: str, found: list[Nested], tracks: np.ndarray, start: int, stop: int) -> np.ndarray:
    total = int(tracks.sum())
    if name == "run":
        return np.asarray(np.repeat(run_of(found[0].values, found[1].values), tracks))
    if name == "track_index":
        return np.asarray(np.arange(total) - np.repeat(offsets_of(tracks)[:-1], tracks), np.int64)
    if name == "event_entry":
        return np.repeat(np.arange(start, stop, dtype=np.uint64), tracks)
    if name in ("algorithm", "exists"):
        return np.full(total, int(name == "exists"), np.uint16 if name == "algorithm" else np.uint8)
    raise ConfigurationError("The map wants a field of tracks derived that nobody knows how to", found=name)


def _utc_ns(found: list[Nested], parts: Parts) -> np.ndarray:
    del parts
    seconds, nanoseconds = (part.values.astype(np.int64) for part in found)
    return np.asarray(seconds * 1_000_000_000 + nanoseconds)


def _n_triggered(found: list[Nested], parts: Parts) -> np.ndarray:
    del parts
    total = np.append(0, np.cumsum(found[0].values != 0))
    return np.asarray(np.diff(total[offsets_of(found[0].levels[0])]), np.uint32)


def _weight(place: int) -> Callable[[list[Nested], Parts], np.ndarray]:
    def weight(found: list[Nested], parts: Parts) -> np.ndarray:
        del parts
        (counts,) = found[0].levels
        made = np.full(len(counts), np.nan)
        there = counts > place
        made[there] = found[0].values[offsets_of(counts)[:-1][there] + place]
        return made

    return weight


def _constant(vector: str, value: int) -> Callable[[list[Nested], Parts], np.ndarray]:
    return lambda found, parts: np.full(int(parts[vector].values.sum(dtype=np.int64)), value, np.uint8)


_TEXT = {"usr_names.n_bytes", "particle_usr_names.n_bytes"}
_PDG = 2
_KNOWN: dict[str, Callable[[list[Nested], Parts], np.ndarray]] = {
    "run": lambda found, parts: run_of(found[0].values, found[1].values),
    "utc_ns": _utc_ns,
    "n_hits": lambda found, parts: parts["hits" if "hits" in parts else "mc_hits"].values.astype(np.uint32),
    "n_triggered": _n_triggered,
    "hits.triggered": lambda found, parts: (found[0].values != 0).astype(np.uint8),
    "n_particles": lambda found, parts: parts["mc_trks"].values.astype(np.uint32),
    "particles.kind": _constant("mc_trks", 0),
    "particles.numbering": _constant("mc_trks", _PDG),
    "particles.pdg_type": lambda found, parts: found[0].values.astype(np.int32),
    **{f"w{k + 1}": _weight(k) for k in range(WEIGHTS)},
}
