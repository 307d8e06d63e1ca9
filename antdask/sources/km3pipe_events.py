"""Events of a km3pipe file: the rows of ``event_info``, and what hangs on them, to streams ``mc`` and ``events``."""

from __future__ import annotations

from collections.abc import Iterable

import h5py
import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.model.keys import RunKey, km3net_label
from antdask.model.mc_fields import NO_NUMBER
from antdask.model.ragged import Batch, Columns, offsets_of
from antdask.model.tables import schema
from antdask.sources.evt_header import NOT_STATED, PDG
from antdask.sources.hdf5_table import Table, dataset_names
from antdask.sources.km3pipe_dataset import Dataset, Ownership, nobody, owners
from antdask.sources.km3pipe_fields import demand, known, place, sources
from antdask.sources.layout_map import LayoutMap

ORIGIN = "km3pipe_hdf5"
INFO, TRACKS, MC_HITS, HITS = "event_info", "mc_tracks", "mc_hits", "hits"
_CALIBRATED = {"pos_x", "dir_x", "t0"}
#: Bytes of an event beside its hits and particles, for the size of batches [byte].
_EVENT_BYTES = 200


class Events:
    """The events of an open file.

    Raises
    ------
    UnknownLayoutError
        No ``event_info``, or a column that every version has is missing.
    CorruptFileError
        What says which rows belong to whom cannot be read.
    """

    def __init__(self, file: h5py.File, url: str, layout: LayoutMap) -> None:
        self.url, self.layout = url, layout
        self.info = Dataset.find(file, INFO, url)
        self.keys = self._column("group_id", "event_id", absent=0)
        if len(np.unique(self.keys)) < len(self.keys):
            raise CorruptFileError(f"Two rows of {INFO} have the same {self.info.key}", where=self.info.where, tree=INFO)
        groups = Table.find(file, "group_info", f"{url}, group_info").rows(0, None)["group_id"] if "group_info" in file else self.keys
        self.groups = groups.astype(np.int64) if len(groups) else self.keys
        self.data: dict[str, Dataset] = {}
        self.owned: dict[str, Ownership] = {}
        for name in (TRACKS, MC_HITS, HITS):
            if name in file:
                self.data[name] = Dataset.find(file, name, url)
                self.owned[name] = owners(self.data[name], self.keys, self.groups)
            else:
                self.owned[name] = nobody(len(self.keys))
        for name, data in {INFO: self.info, **self.data}.items():
            mapped = layout.dataset(name)
            for table in {c.table for c in mapped.columns if c.field}:
                sources(mapped, table, data.columns, data.where)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def simulated(self) -> bool:
        """Whether the file holds particles or hits of a simulation."""
        return TRACKS in self.data or MC_HITS in self.data

    def runs(self, simulated: bool = False) -> list[RunKey]:
        """Detector and run of every event; the detector as that of a simulation where the file holds one, or its header says so (`simulated`)."""
        detectors, runs = self._column("det_id", absent=NO_NUMBER), self._column("run_id", absent=0)
        if len(runs) and not 0 <= int(runs.min()) <= int(runs.max()) < 2**32:
            raise CorruptFileError(
                "A run number does not fit 32 bits", where=self.info.where, found=f"{runs.min()} to {runs.max()}", tree=INFO
            )
        simulated |= self.simulated
        labels = {d: km3net_label(d, simulated) for d in np.unique(detectors).tolist() if d != NO_NUMBER}
        labels[NO_NUMBER] = "km3net-simulated" if simulated else "km3net"
        return [RunKey(labels[d], r) for d, r in zip(detectors.tolist(), runs.tolist(), strict=True)]

    def join(self, keys: np.ndarray) -> np.ndarray:
        """Event of each key, -1 for none."""
        order = np.argsort(self.keys, kind="stable")
        if not len(order):
            return np.full(len(keys), -1)
        at = order[np.minimum(np.searchsorted(self.keys[order], keys), len(order) - 1)]
        return np.where(self.keys[at] == keys, at, -1)

    def weights(self, names: Iterable[str]) -> np.ndarray:
        """Bytes that each event brings into memory with these data sets."""
        held = [self.owned[n].counts * self.data[n].row_bytes() for n in names if n in self.data]
        return _EVENT_BYTES + np.sum(held or [np.zeros(len(self), np.int64)], axis=0)

    def notes(self) -> list[str]:
        """Rows that belong to no event, and columns that no map declares."""
        found = [f"{o.strays} rows of '{name}' belong to no event, and are not archived" for name, o in self.owned.items() if o.strays]
        for name, data in {INFO: self.info, **self.data}.items():
            for column in data.columns:
                if column not in known(self.layout.dataset(name)):
                    found.append(f"column '{column}' of '{name}' is not archived: no map declares it")
        if not self.simulated:
            found.append(f"weights and numbers of simulation in '{INFO}' are not archived: the file holds no simulation")
        return found

    def mc_batch(self, start: int, stop: int) -> Batch:
        """Simulated events ``start:stop``.

        Raises
        ------
        CorruptFileError
            With the first events that are lost.
        """
        self._demand(
            ~(self.owned[TRACKS].bad | self.owned[MC_HITS].bad)[start:stop], start, INFO, "It is not known which rows belong to an event"
        )
        row = self._row("mc", start, stop, INFO)
        tracks, hits = (self._rows(name, start, stop, INFO) for name in (TRACKS, MC_HITS))
        n_tracks, n_hits = ((o.stops - o.starts)[start:stop] for o in (self.owned[TRACKS], self.owned[MC_HITS]))
        row |= {"n_particles": n_tracks.astype(np.uint32), "n_hits": n_hits.astype(np.uint32)}
        particles = self._table("mc", TRACKS, "particles", tracks, n_tracks, start, INFO)
        numbering = PDG if TRACKS in self.data and "pdgid" in self.data[TRACKS].columns else NOT_STATED
        particles |= {name: np.full(int(n_tracks.sum()), value, np.uint8) for name, value in (("kind", 0), ("numbering", numbering))}
        calibrations, n_calibrated = self._calibrations("mc", MC_HITS, hits, n_hits, start, INFO)
        tables = {
            "events": row,
            "particles": particles,
            "hits": self._table("mc", MC_HITS, "hits", hits, n_hits, start, INFO),
            "calibrations": calibrations,
        }
        offsets = {"particles": offsets_of(n_tracks), "hits": offsets_of(n_hits), "calibrations": offsets_of(n_calibrated)}
        return Batch("mc", ORIGIN, tables, offsets)

    def hits_batch(self, start: int, stop: int) -> Batch:
        """Events ``start:stop`` with their hits.

        Raises
        ------
        CorruptFileError
            With the first events that are lost.
        """
        self._demand(~self.owned[HITS].bad[start:stop], start, HITS, "It is not known which rows belong to an event")
        columns, n_hits = self._rows(HITS, start, stop, HITS), (self.owned[HITS].stops - self.owned[HITS].starts)[start:stop]
        hits = self._table("events", HITS, "hits", columns, n_hits, start, HITS, leave=("triggered",))
        hits["triggered"] = (hits["trigger_mask"] != 0).astype(np.uint8)
        first = offsets_of(n_hits)
        row = self._row("events", start, stop, HITS)
        row["n_hits"] = n_hits.astype(np.uint32)
        row["n_triggered"] = np.diff(np.append(0, np.cumsum(hits["triggered"], dtype=np.int64))[first]).astype(np.uint32)
        calibrations, n_calibrated = self._calibrations("events", HITS, columns, n_hits, start, HITS)
        return Batch("events", ORIGIN, {"events": row, "hits": hits, "calibrations": calibrations}, {"hits": first, "calibrations": offsets_of(n_calibrated)})  # fmt: skip

    def key_columns(self, of: np.ndarray) -> Columns:
        """Run, frame and trigger counter of the events with these numbers."""
        row = self._row("mc", 0, len(self), INFO)
        return {name: row[name][of] for name in ("run", "frame_index", "trigger_counter")}

    def _column(self, *names: str, absent: int) -> np.ndarray:
        found = next((n for n in names if n in self.info.columns), None)
        if found is None:
            return np.full(len(self.info), absent, np.int64)
        column = self.info.all_rows([found])[found]
        if column.dtype.kind not in "iu":
            raise UnknownLayoutError(f"Column '{found}' of {INFO} is no whole number", where=self.info.where, found=str(column.dtype))
        return column.astype(np.int64)

    def _demand(self, ok: np.ndarray, start: int, tree: str, what: str) -> None:
        demand(ok, start, tree, self.url, what)

    def _row(self, stream: str, start: int, stop: int, tree: str) -> Columns:
        """Columns of the row table that ``event_info`` gives; entries of every tree are its rows."""
        mapped = self.layout.dataset(INFO)
        names = sources(mapped, mapped.table, self.info.columns, self.info.where)
        columns = self._read(self.info, set(names.values()), np.array([start]), np.array([stop]), np.arange(start, stop + 1), start, tree)
        counted = {"n_particles", "n_hits", "n_triggered", "source_input", "source_entry", "utc_ns"}
        fields = {n: f for n, f in schema(stream).rows.columns(ORIGIN).items() if n not in counted}
        row, bad = place(fields, names, columns, stop - start)
        self._demand(~bad, start, tree, f"A value of {INFO} does not fit its column")
        row["source_input"], row["source_entry"] = np.zeros(stop - start, np.uint16), np.arange(start, stop, dtype=np.uint64)
        if stream == "events":
            row["utc_ns"] = self._utc(columns, names, start, tree)
        return row

    def _utc(self, columns: Columns, names: dict[str, str], start: int, tree: str) -> np.ndarray:
        if not {"timestamp_s", "nanoseconds"} <= names.keys():
            raise UnknownLayoutError("Events with hits have no time", where=self.info.where, found=", ".join(self.info.columns), expected="timestamp and nanoseconds")  # fmt: skip
        seconds, rest = (columns[names[name]].astype(np.int64) for name in ("timestamp_s", "nanoseconds"))
        good = (seconds >= 0) & (seconds < 2**33) & (rest >= 0) & (rest < 10**9)
        self._demand(good, start, tree, "A time is none that an event can have")
        return seconds * 10**9 + rest

    def _rows(self, name: str, start: int, stop: int, tree: str) -> Columns:
        """All mapped columns of a data set, of the rows of some events, each checked to be of its event."""
        if name not in self.data:
            return {}
        data, owned = self.data[name], self.owned[name]
        starts, stops = owned.starts[start:stop], owned.stops[start:stop]
        wanted = (known(self.layout.dataset(name)) & set(data.numeric())) | {data.key}
        first = offsets_of(stops - starts)
        columns = self._read(data, wanted, starts, stops, first, start, tree)
        wrong = columns[data.key].astype(np.int64) != np.repeat(self.keys[start:stop], stops - starts)
        self._demand(self._whole(~wrong, first), start, tree, f"A row of '{name}' is of another event")
        return columns

    def _read(
        self, data: Dataset, wanted: set[str], starts: np.ndarray, stops: np.ndarray, first: np.ndarray, start: int, tree: str
    ) -> Columns:
        """Rows of a data set; those that are lost become the events that own some of them."""
        try:
            return data.read(wanted, starts, stops)
        except CorruptFileError as error:
            if error.start is None or error.stop is None:
                raise
            if data is self.info:
                low, high = max(error.start, int(starts[0])), min(error.stop, int(stops[0]))
            else:
                touched = np.flatnonzero((starts < error.stop) & (stops > error.start) & (stops > starts))
                low = start + int(touched[0])
                # The events that follow without a gap.
                high = low + int(np.argmin(np.append(np.diff(touched) == 1, False))) + 1
            raise CorruptFileError(
                "Rows cannot be read", where=f"{self.url}, {tree}", found=str(error), tree=tree, start=low, stop=high
            ) from error

    @staticmethod
    def _whole(rows: np.ndarray, first: np.ndarray) -> np.ndarray:
        """Events of which all rows are in order."""
        flaws = np.append(0, np.cumsum(~rows))
        good: np.ndarray = flaws[first[1:]] == flaws[first[:-1]]
        return good

    def _table(self, stream: str, name: str, table: str, columns: Columns, counts: np.ndarray, start: int, tree: str, leave: tuple[str, ...] = ()) -> Columns:  # fmt: skip
        """One table of the model from the columns of a data set."""
        derived = {"kind", "numbering", *leave}
        fields = {n: f for n, f in schema(stream).table(table).columns(ORIGIN).items() if n not in derived}
        names = sources(self.layout.dataset(name), table, columns, self.data[name].where) if name in self.data else {}
        found, bad = place(fields, names, columns, int(counts.sum()))
        self._demand(self._whole(~bad, offsets_of(counts)), start, tree, f"A value of '{name}' does not fit its column")
        return found

    def _calibrations(
        self, stream: str, name: str, columns: Columns, counts: np.ndarray, start: int, tree: str
    ) -> tuple[Columns, np.ndarray]:
        """What km3pipe adds to hits: a row for each, or none where the file has no such columns."""
        if not _CALIBRATED & columns.keys():
            fields = schema(stream).table("calibrations").columns(ORIGIN)
            return place(fields, {}, {}, 0)[0], np.zeros(len(counts), np.int64)
        found = self._table(stream, name, "calibrations", columns, counts, start, tree)
        if stream == "mc":
            found["pmt_id"] = columns["pmt_id"].astype(np.int64)
        return found, counts


def find(file: h5py.File, url: str, layout: LayoutMap) -> Events | None:
    """The events of a file; ``None`` where it has none.

    Raises
    ------
    UnknownLayoutError, CorruptFileError
    """
    if INFO in file:
        return Events(file, url, layout)
    orphans = [name for name in dataset_names(file) if name.split("/")[0] in (TRACKS, MC_HITS, HITS, "reco")]
    if orphans:
        raise UnknownLayoutError(f"Data sets without '{INFO}' belong to no event", where=url, found=", ".join(orphans))
    return None
