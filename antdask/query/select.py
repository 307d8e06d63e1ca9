"""Selections: which rows of a stream, and what else is known of the same events, frames and runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from antdask.query.columns import Names
from antdask.query.keys import KeyCondition
from antdask.query.narrowable import Narrowable

# Imported late, as what joins is: pandas and Awkward take 60 MB and a quarter of a second.
if TYPE_CHECKING:
    from antdask.query.joins import Joined


class Selection(Narrowable):
    """Rows of one stream; immutable, reads nothing until a result is asked for; parameters are those of `results.Results`."""

    def matching(self, other: Any) -> Selection:
        """The rows of the same events, frames or runs as those of another selection or a table; its keys are read now.

        Parameters
        ----------
        other : str, Selection, pandas.DataFrame or pyarrow.Table
            A table has some of the key columns of this stream, and may have ``detector``.

        Raises
        ------
        UsageError
            Nothing in common; or the keys would take more than the budget; or the other rows are of files that give no trigger counter.
        DamagedPartError

        Examples
        --------
        ::

            tracks = archive.stream("reco").select(where="lik > 100")
            archive.stream("events").matching(tracks).to_awkward(["hits.charge_pe"])
        """
        from antdask.query.sides import counterpart, keys_of

        keys, words = keys_of(self, counterpart(self, other))
        found = self.narrowed_to(KeyCondition(words, self.index.schema, keys))
        return found if "" in keys else found._keep("the same detectors", self.index.has_word("detector", list(keys)))

    def join(self, other: Any, columns: Names = None, *, name: str | None = None, one: bool | None = None) -> Joined:
        """With what another stream or table says about the same event, frame or run.

        Parameters
        ----------
        other : str, Selection, pandas.DataFrame or pyarrow.Table
            A stream by name or narrowed (``"rates"``, ``archive.stream("reco").select(…)``), ``"runs"`` for the run table, or a table with some of the
            key columns. The key is what both have of ``run, frame_index, trigger_counter``; detectors are never mixed.
        columns : optional
            Of the other; all if not given.
        name : str, optional
            Of the field in the result; the name of the stream if not given, ``table`` for a table.
        one : bool, optional
            Whether at most one row may belong to each, which gives a record or nothing; else a list of records. Tracks (``reco``) are lists if not given.

        Raises
        ------
        UsageError
            No common key; or, when read, rows of files that give no trigger counter: one key would stand for all their events.
        UnknownNameError

        Examples
        --------
        ::

            joined = events.join("reco", ["lik", "zenith"]).join("rates", ["n_frames"])
            joined.to_awkward(["n_hits"]).reco.lik
        """
        from antdask.query.joins import Joined

        return Joined(self).join(other, columns, name=name, one=one)

    def asof(self, series: Any, columns: Names = None, *, name: str = "series", tolerance: Any = None) -> Joined:
        """With the last row of a series up to the time of each row: of the environment, of slow control, of your own.

        Parameters
        ----------
        series : pandas.DataFrame or Series, xarray.Dataset or DataArray, pyarrow.Table, Selection
            With an index, dimension or column of times.
        columns, name : optional
            As in `join`.
        tolerance : str, timedelta or int [ns], optional
            Older rows do not count: ``"10 min"``.

        Raises
        ------
        UsageError
            Nothing selected carries UTC, or it is no series.
        UnknownNameError
        """
        from antdask.query.joins import Joined

        return Joined(self).asof(series, columns, name=name, tolerance=tolerance)
