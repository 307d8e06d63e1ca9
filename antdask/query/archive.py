"""Opening an archive: what is in it, and its streams."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from antdask.archive import catalog as catalogue
from antdask.archive.catalog import Catalog
from antdask.archive.store import Store
from antdask.errors import UnknownNameError
from antdask.model.tables import SCHEMAS
from antdask.model.time import format_utc
from antdask.query.cards import Card, archive_card, stream_card
from antdask.query.index import Index, light
from antdask.query.select import Selection


def open_archive(url: str) -> Archive:
    """Open an archive; reads its catalogue and no part.

    Parameters
    ----------
    url : str
        Local path or fsspec URL.

    Raises
    ------
    NotAnArchiveError
        There is no archive.
    SchemaVersionError
        It was written by a newer antdask.
    ArchiveError
        Its catalogue is damaged.
    """
    store = Store(str(url))
    return Archive(store, catalogue.load(store))


class Archive:
    """An archive as it was when it was opened.

    Parameters
    ----------
    store : Store
    catalog : Catalog
        One snapshot: what is archived later is not seen.
    """

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self.store, self.catalog = store, catalog
        self._streams: dict[str, Stream] = {}

    @property
    def url(self) -> str:
        """Where it lies."""
        return self.store.url

    @property
    def streams(self) -> list[str]:
        """Names of the streams that hold data, in the declared order."""
        there = set(pc.unique(self.catalog.parts["stream"]).to_pylist())
        return [name for name in SCHEMAS if name in there]

    @property
    def runs(self) -> pd.DataFrame:
        """One row per detector and run: first and last time (NaT where the sources give none) and frame, parts, rows, hits, streams."""
        frame: pd.DataFrame = self.catalog.runs.to_pandas(integer_object_nulls=True)
        for name in ("first_utc_ns", "last_utc_ns"):
            frame[name.removesuffix("_ns")] = pd.to_datetime(frame[name].astype("Int64"), unit="ns", utc=True)
        for name in frame.columns:
            if frame[name].dtype == object and name.rpartition("_")[2] in ("ns", "frame", "frames"):
                frame[name] = frame[name].astype("Int64")
        return frame

    @property
    def quarantine(self) -> pd.DataFrame:
        """Inputs and entries that were left out, each with its reason."""
        frame: pd.DataFrame = self.catalog.quarantine.to_pandas()
        return frame

    def stream(self, name: str) -> Stream:
        """A stream of this archive.

        Raises
        ------
        UnknownNameError
            The archive holds no such stream.
        """
        if name not in self.streams:
            raise UnknownNameError.of("stream", name, self.streams, where=self.url)
        if name not in self._streams:
            self._streams[name] = Stream(self, Index.of(self.catalog, name))
        return self._streams[name]

    @functools.cached_property
    def _summary(self) -> dict[str, Any]:
        parts, quarantine = light(self.catalog.parts), self.catalog.quarantine
        return {
            "url": self.url,
            "snapshot": self.catalog.snapshot,
            "streams": {name: summary(parts.filter(pc.equal(parts["stream"], name))) for name in self.streams},
            "total": summary(parts),
            "inputs": self.catalog.inputs.num_rows,
            "quarantine": {c["values"]: c["counts"] for c in pc.value_counts(quarantine["code"]).to_pylist()},
        }

    def info(self) -> dict[str, Any]:
        """What is in it, as plain data: for each stream and in total the parts, rows, hits, bytes, detectors, runs, times and lineages; inputs, quarantine."""
        return dict(self._summary)

    def __repr__(self) -> str:
        return archive_card(self._summary).text()

    def _repr_html_(self) -> str:
        return archive_card(self._summary).html()


class Stream(Selection):
    """All rows of one stream of an archive: a selection that nothing has narrowed yet."""

    def __init__(self, archive: Archive, index: Index) -> None:
        super().__init__(archive.store, archive.catalog.snapshot, index, np.arange(len(index)))

    @property
    def name(self) -> str:
        """Name of the stream."""
        return self.index.schema.name

    def __repr__(self) -> str:
        return self._card().text()

    def _repr_html_(self) -> str:
        return self._card().html()

    def _card(self) -> Card:
        return stream_card(self.index.schema, self.index.columns(self.parts), summary(self.index.parts))


def summary(parts: Any) -> dict[str, Any]:
    """Sums and ranges over rows of the catalogue's table of parts."""
    times = pc.min_max(parts["utc_min"]).as_py()["min"], pc.min_max(parts["utc_max"]).as_py()["max"]
    runs = pc.min_max(parts["run"]).as_py()
    sums = {name: pc.sum(parts[name]).as_py() or 0 for name in ("rows", "hits", "entries", "lost", "nbytes", "bytes_in")}
    return {
        "parts": parts.num_rows,
        **sums,
        "detectors": sorted(pc.unique(parts["detector"]).to_pylist()),
        "runs": parts.group_by(["detector", "run"]).aggregate([]).num_rows,
        "first_run": runs["min"],
        "last_run": runs["max"],
        "first_utc": format_utc(times[0]),
        "last_utc": format_utc(times[1]),
        "lineages": sorted(pc.unique(parts["lineage"]).to_pylist()),
    }
