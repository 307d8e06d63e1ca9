"""Fits of a km3pipe file: every table below ``/reco``, row after row, to stream ``reco``.

What all fits have in common has columns; the rest, up to hundreds of numbers with names of their own, becomes parameters: CRC-32 of the name, and the value.
"""

from __future__ import annotations

import h5py
import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.model.ragged import Batch, Columns, concatenate, offsets_of
from antdask.model.tables import RECO
from antdask.sources.hdf5_table import damage
from antdask.sources.km3pipe_dataset import Dataset, keys_of
from antdask.sources.km3pipe_events import ORIGIN, Events
from antdask.sources.km3pipe_fields import demand, parameters, place, sources
from antdask.sources.layout_map import LayoutMap

RECO_GROUP, TREE = "reco", "reco"
_STAGES, _STAGED = "rec_stages", "tracks"
_NAME_BYTES = RECO.rows.field("fit_name").dims[0][1]


class Fits:
    """The fits of an open file; an entry is a row of a table, table after table in the order of their names.

    Raises
    ------
    UnknownLayoutError, CorruptFileError
    """

    def __init__(self, file: h5py.File, url: str, layout: LayoutMap, events: Events) -> None:
        self.url, self.layout, self.events = url, layout, events
        with damage(url, RECO_GROUP):
            names = sorted(file[RECO_GROUP]) if RECO_GROUP in file else []
            tables = [n for n in names if isinstance(file[f"{RECO_GROUP}/{n}"], h5py.Dataset)]
        self.data = {name: Dataset.find(file, f"{RECO_GROUP}/{name}", url) for name in tables}
        self.stages = self.data.pop(_STAGES, None)
        for name in self.data:
            if len(name.encode()) > _NAME_BYTES:
                raise UnknownLayoutError("The name of a fit is too long", where=url, found=name, expected=f"at most {_NAME_BYTES} bytes")
        self.edges = offsets_of(np.array([len(d) for d in self.data.values()], np.int64))
        self.event = {name: _events_of(data, events) for name, data in self.data.items()}

    def __len__(self) -> int:
        return int(self.edges[-1])

    def of_event(self) -> np.ndarray:
        """Event of every fit, -1 for none."""
        return np.concatenate([*self.event.values(), np.zeros(0, np.int64)])

    def weights(self) -> np.ndarray:
        """Bytes of every fit."""
        return np.repeat([12 * len(d.columns) + 200 for d in self.data.values()], np.diff(self.edges))

    def parameters(self, name: str) -> list[str]:
        """Columns of a table that have none of their own, in the order of the file."""
        data = self.data[name]
        used = set(self._sources(data).values())
        return [column for column in data.numeric() if column not in used]

    def texts(self) -> list[str]:
        """Columns that are no numbers; they are not archived."""
        return [f"{RECO_GROUP}/{name}/{c}" for name, data in self.data.items() for c in data.columns if c not in data.numeric()]

    def batch(self, start: int, stop: int) -> Batch:
        """Fits ``start:stop``.

        Raises
        ------
        CorruptFileError
            With the first fits that are lost.
        """
        pieces = []
        for number, name in enumerate(self.data):
            low, high = max(start, int(self.edges[number])), min(stop, int(self.edges[number + 1]))
            if low < high:
                pieces.append(self._batch(name, int(self.edges[number]), low, high))
        return concatenate(pieces)

    def _sources(self, data: Dataset) -> dict[str, str]:
        """Column of every field; an identifier that is a real number stays a parameter."""
        found = sources(self.layout.dataset(TREE), "tracks", data.columns, data.where)
        whole = ("track_id", "track_index")
        return {field: column for field, column in found.items() if field not in whole or data.dtype(column).kind in "iu"}

    def _batch(self, name: str, first: int, start: int, stop: int) -> Batch:
        data, low, high = self.data[name], start - first, stop - first
        names, own = self._sources(data), self.parameters(name)
        try:
            columns = data.read([*dict.fromkeys([*names.values(), *own])], np.array([low]), np.array([high]))
        except CorruptFileError as error:
            if error.start is None or error.stop is None:
                raise
            lost = max(error.start, low) + first, min(error.stop, high) + first
            raise CorruptFileError("Fits cannot be read", where=f"{self.url}, {TREE}", found=str(error), tree=TREE, start=lost[0], stop=lost[1]) from error  # fmt: skip
        event = self.event[name][low:high]
        self._demand(event >= 0, start, "A fit belongs to no event")
        derived = {"run", "frame_index", "trigger_counter", "algorithm", "exists", "fit_name", "source_input", "source_entry"}
        fields = {n: f for n, f in RECO.rows.columns(ORIGIN).items() if n not in derived}
        row, bad = place(fields, names, columns, stop - start)
        self._demand(~bad, start, "A value of a fit does not fit its column")
        row |= self.events.key_columns(event)
        n = stop - start
        row |= {
            "algorithm": np.zeros(n, np.uint16),
            "exists": np.ones(n, np.uint8),
            "fit_name": np.tile(np.frombuffer(name.encode().ljust(_NAME_BYTES, b"\0"), np.uint8), (n, 1)),
            "source_input": np.zeros(n, np.uint16),
            "source_entry": np.arange(start, stop, dtype=np.uint64),
        }
        stages, n_stages = self._stages_of(name, columns, start)
        values, bad = parameters(own, columns, n)
        self._demand(~bad, start, "A parameter of a fit does not fit a real number")
        tables: dict[str, Columns] = {
            "tracks": row,
            "stages": {"rec_stage": stages},
            "parameters": values,
        }
        counts = np.full(n, len(own))
        return Batch("reco", ORIGIN, tables, {"stages": offsets_of(n_stages), "parameters": offsets_of(counts)})

    def _demand(self, ok: np.ndarray, start: int, what: str) -> None:
        demand(ok, start, TREE, self.url, what)

    def _stages_of(self, name: str, columns: Columns, start: int) -> tuple[np.ndarray, np.ndarray]:
        """Stages of some fits, and how many each has; only table ``tracks`` has them."""
        count = len(columns[self.data[name].key])
        if name != _STAGED or self.stages is None:
            return np.zeros(0, np.int32), np.zeros(count, np.int64)
        try:
            place, stages = self._staged(self.stages, columns)
        except CorruptFileError as error:
            where = f"{self.url}, {TREE}"
            raise CorruptFileError("Stages of fits cannot be read", where=where, found=str(error), tree=TREE, start=start, stop=start + count) from error  # fmt: skip
        mine = np.flatnonzero(place >= 0)
        order = np.argsort(place[mine], kind="stable")
        return stages[mine][order], np.bincount(place[mine], minlength=count)

    def _staged(self, data: Dataset, columns: Columns) -> tuple[np.ndarray, np.ndarray]:
        """The fit of every stage, among those of which key and number are given, -1 for another; and the stages."""
        if not {"idx", "rec_stage"} <= data.columns.keys() or "idx" not in columns:
            raise UnknownLayoutError("Stages of fits cannot be joined to them", where=data.where, found=", ".join(data.columns), expected="idx, rec_stage")  # fmt: skip
        theirs = data.all_rows([data.key, "idx", "rec_stage"])
        keys = np.concatenate([np.stack([c[key], c["idx"]], axis=1).astype(np.int64) for c, key in ((columns, self.data[_STAGED].key), (theirs, data.key))])  # fmt: skip
        _, code = np.unique(keys, axis=0, return_inverse=True)
        own, code = code[: len(columns["idx"])], code[len(columns["idx"]) :]
        row = np.full(len(keys), -1)
        row[own[::-1]] = np.arange(len(own))[::-1]
        return row[code], theirs["rec_stage"].astype(np.int32)

    def lost_stages(self) -> int:
        """Stages that belong to no fit.

        Raises
        ------
        CorruptFileError
            They cannot be read, or the fits cannot.
        """
        if self.stages is None or _STAGED not in self.data:
            return len(self.stages) if self.stages is not None else 0
        tracks = self.data[_STAGED]
        return int((self._staged(self.stages, tracks.all_rows([tracks.key, *{"idx"} & tracks.columns.keys()]))[0] < 0).sum())


def _events_of(data: Dataset, events: Events) -> np.ndarray:
    """Event of every row of a table, -1 for none, and where it cannot be read."""
    keys, lost = keys_of(data)
    return np.where(lost, -1, events.join(keys))
