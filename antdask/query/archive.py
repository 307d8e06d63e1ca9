"""Opening an archive: what is in it, and its streams."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from antdask.archive.catalog_reader import CatalogReader
from antdask.archive.store import Store
from antdask.errors import UnknownNameError
from antdask.model.tables import SCHEMAS
from antdask.protocols import Registry
from antdask.query.cards import archive_card
from antdask.query.explanation import Explanations
from antdask.query.select import Selection

#: What rooms above this one add to an archive: makers of objects, by the attribute under which each is found.
ACCESSORS: Registry[Callable[[Archive], Any]] = Registry(
    "accessor", "antdask.accessors", {"environment": "antdask.environment.access:Environment"}
)

# Imported late, by the forms that need them: pandas, xarray and DuckDB take 90 MB and a third of a second.
if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


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
    return Archive(store, CatalogReader.open(store))


class Archive:
    """An archive as it was when it was opened.

    Parameters
    ----------
    store : Store
    catalog : CatalogReader
        One snapshot: what is archived later is not seen.
    """

    def __init__(self, store: Store, catalog: CatalogReader) -> None:
        self.store, self.catalog = store, catalog
        self._streams: dict[str, Selection] = {}

    @property
    def url(self) -> str:
        """Where it lies."""
        return self.store.url

    @property
    def streams(self) -> list[str]:
        """Names of the streams that hold data, in the declared order."""
        there = self.catalog.summaries["streams"]
        return [name for name in SCHEMAS if name in there]

    @property
    def runs(self) -> pd.DataFrame:
        """One row per detector and run: first and last time (NaT where the sources give none) and frame, parts, rows, hits, streams."""
        import pandas as pd

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

    def headers(self, name: str = "*", **select: Any) -> pd.DataFrame:
        """What files say about themselves, one row per line: detector, run, origin, number of the header, name, value, note.

        Parameters
        ----------
        name : str
            Which lines: a pattern, e.g. ``META/*`` (programs and command lines) or ``*writeL1.prescale`` (a setting of the trigger).
        select : optional
            Arguments of `Selection.select`: ``run``, ``detector``, ``lineage``.

        Raises
        ------
        UnknownNameError, UsageError, DamagedPartError
        """
        import pandas as pd

        from antdask.query.headers import STREAM, HeaderLine, header_lines

        return pd.DataFrame(header_lines(self.stream(STREAM).select(**select), name), columns=list(HeaderLine._fields))

    def stream(self, name: str) -> Selection:
        """A stream of this archive.

        Raises
        ------
        UnknownNameError
            The archive holds no such stream.
        """
        if name not in self.streams:
            raise UnknownNameError.of("stream", name, self.streams, where=self.url)
        if name not in self._streams:
            self._streams[name] = Selection.whole(self.store, self.catalog, name)
        return self._streams[name]

    @property
    def _summary(self) -> dict[str, Any]:
        known = self.catalog.summaries
        return {
            "url": self.url,
            "snapshot": self.catalog.snapshot,
            "streams": {name: _told(known["streams"][name]) for name in self.streams},
            "total": dict(known["total"]),
            "inputs": self.catalog.n_inputs,
            "quarantine": dict(known["quarantine"]),
        }

    @functools.cached_property
    def environment(self) -> Any:
        """Rates on a regular grid, bioluminescence and slow control, see `antdask.environment.access.Environment`."""
        return ACCESSORS.get("environment")(self)

    def to_xarray(self, streams: Iterable[str] | Mapping[str, Any], *, max_bytes: int | None = None, **select: Any) -> xr.DataTree:
        """Several streams as one tree, a group each.

        Parameters
        ----------
        streams : names, or mapping of name to columns
        max_bytes : int, optional
            Decoded bytes that each stream may take [byte].
        select : optional
            Arguments of `Selection.select`, for all of them: ``run``, ``time``, ``frame`` …

        Raises
        ------
        UnknownNameError, UsageError, DamagedPartError
        """
        from antdask.query.dataset import tree

        columns = dict(streams) if isinstance(streams, Mapping) else dict.fromkeys(streams)
        found = {name: self.stream(name).select(**select).to_xarray(names, max_bytes=max_bytes) for name, names in columns.items()}
        return tree(found, self.url)

    def sql(self, query: str, *, max_bytes: int | None = None, on_missing: str = "raise", **tables: Any) -> pa.Table:
        """Answer of an SQL query (DuckDB); of the archive only what its columns and conditions leave is read.

        Parameters
        ----------
        query : str
            Tables: each stream (``events``), each ragged table of one (``events_hits``), ``runs``, and those given here.
        max_bytes : int, optional
            Decoded bytes that each stream may take [byte]; the setting ``query_bytes`` if not given.
        on_missing : {"raise", "skip"}
            ``"skip"``: leave out what is missing or damaged, with a warning that counts it.
        tables : Selection, pyarrow.Table or pandas.DataFrame
            More tables by name; a selection in the place of a stream of that name, or beside it.

        Raises
        ------
        UsageError
            DuckDB refuses the query; or it would read more than the budget.
        UnknownNameError, DamagedPartError
        """
        from antdask.query.sql import run_sql

        return pa.concat_tables(run_sql(self, query, tables, max_bytes, on_missing))

    def explain_sql(self, query: str, **tables: Any) -> Explanations:
        """What each stream that an SQL query scans would cost; reads the catalogue only; raises as `sql`."""
        from antdask.query.sql import explain_sql

        return explain_sql(self, query, tables)

    def info(self) -> dict[str, Any]:
        """What is in it, as plain data: for each stream and in total the parts, rows, hits, bytes, detectors, runs, times and lineages; inputs, quarantine."""
        return self._summary

    def __repr__(self) -> str:
        return archive_card(self._summary).text()

    def _repr_html_(self) -> str:
        return archive_card(self._summary).html()


def _told(summary: dict[str, Any]) -> dict[str, Any]:
    """A summary without the places in the catalogue."""
    return {key: value for key, value in summary.items() if key not in ("start", "stop")}
