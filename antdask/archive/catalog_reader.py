"""Reading the catalogue for queries: only the rows and columns that a question needs, whatever the archive weighs."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
import pyarrow as pa

from antdask.archive import catalog
from antdask.archive.catalog import Catalog
from antdask.archive.parquet_rows import ParquetRows
from antdask.archive.store import Store
from antdask.errors import ArchiveError

#: Columns of parts with few different words, read as codes.
WORDS = ("stream", "detector", "lineage", "origin")


class CatalogReader:
    """One snapshot; touches nothing until it is asked.

    Parameters
    ----------
    store : Store or None
        ``None`` where the snapshot lies in memory.
    snapshot : str
        Name of the snapshot.
    data : dict of str to bytes, optional
        Content of its files, where it lies in memory.
    """

    def __init__(self, store: Store | None, snapshot: str, data: dict[str, bytes] | None = None) -> None:
        self._store, self.snapshot, self._data = store, snapshot, data

    @classmethod
    def open(cls, store: Store) -> CatalogReader:
        """The current snapshot; an empty one where nothing was archived yet. Reads the pointer and one footer.

        Raises
        ------
        NotAnArchiveError, SchemaVersionError
        ArchiveError
            The snapshot is damaged.
        """
        snapshot = catalog.current_name(store)
        reader = cls(store, snapshot) if snapshot else cls.of(catalog.nothing())
        _ = reader.summaries
        return reader

    @classmethod
    def of(cls, whole: Catalog) -> CatalogReader:
        """A catalogue that lies in memory."""
        return cls(None, whole.snapshot, dict(catalog.files(whole)))

    def __reduce__(self) -> tuple[Any, ...]:
        return (CatalogReader, (None, self.snapshot, self._data)) if self._store is None else (_again, (self._store.url, self.snapshot))

    def _file(self, name: str) -> ParquetRows:
        words = WORDS if name == "parts" else ()
        if self._data is not None or self._store is None:
            return ParquetRows.of((self._data or {})[name], words)
        return ParquetRows.open(self._store, catalog.snapshot_file(self.snapshot, name), words)

    @functools.cached_property
    def parts(self) -> ParquetRows:
        """One row per part, without the columns of lists; ``first_block`` and ``n_blocks`` say where its blocks are."""
        return self._file("parts")

    @functools.cached_property
    def details(self) -> ParquetRows:
        """The columns of lists of the same rows."""
        return self._file("details")

    @functools.cached_property
    def blocks(self) -> ParquetRows:
        """Blocks of part after part."""
        return self._file("blocks")

    @functools.cached_property
    def runs(self) -> pa.Table:
        """One row per detector and run."""
        return self._file("runs").table()

    @functools.cached_property
    def inputs(self) -> pa.Table:
        """One row per input, with the plan that describes it."""
        return self._file("inputs").table()

    @functools.cached_property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return len(self._file("inputs"))

    @functools.cached_property
    def quarantine(self) -> pa.Table:
        """What was left out."""
        return self._file("quarantine").table()

    @functools.cached_property
    def superseded(self) -> pa.Table:
        """Parts that have left the catalogue, because others stand for them."""
        return self._file("superseded").table()

    @functools.cached_property
    def folders(self) -> pa.Table:
        """Folders of receipts that were quiet when they were listed."""
        return self._file("folders").table()

    @functools.cached_property
    def summaries(self) -> dict[str, Any]:
        """Sums and ranges of all parts and of each stream, see `summary.summaries`."""
        try:
            found: dict[str, Any] = json.loads(self.parts.metadata[b"summaries"])
        except (KeyError, ValueError) as error:
            raise ArchiveError(
                "The catalogue says nothing about the whole: it is damaged, or of an early trial version",
                where=f"catalogue/{self.snapshot}/parts.parquet",
                hint="Run: antdask status ARCHIVE --rebuild.",
            ) from error
        return found

    def rows_of(self, stream: str) -> tuple[int, int]:
        """Range of the rows of a stream's parts; empty where there is none."""
        own = self.summaries["streams"].get(stream, {"start": 0, "stop": 0})
        return own["start"], own["stop"]

    def row(self, number: int) -> dict[str, Any]:
        """What a reader needs of a part: ``part, nbytes, crc32c, detector, arrays``; plain data that travels."""
        place = np.array([number])
        one = self.parts.at(place, ["part", "nbytes", "crc32c", "detector"]).to_pylist()[0]
        return {**one, "arrays": self.details.at(place, ["arrays"])["arrays"][0].as_py()}


@functools.lru_cache(maxsize=8)
def _again(url: str, snapshot: str) -> CatalogReader:
    """A reader that came to another process, which keeps what it has read for the next one."""
    return CatalogReader(Store(url), snapshot)
