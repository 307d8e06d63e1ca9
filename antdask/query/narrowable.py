"""Narrowing step by step: which rows of a stream are wanted, said in words, and read only when a result is asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from antdask.archive.catalog_reader import CatalogReader
from antdask.archive.store import Store
from antdask.errors import UsageError
from antdask.query import narrowing
from antdask.query.cards import Card, html_lines, stream_card
from antdask.query.columns import Names
from antdask.query.explanation import Step, counted
from antdask.query.index import Index
from antdask.query.predicate import Condition, Predicate
from antdask.query.results import Results
from antdask.query.run_lists import RunList, UnlistedRunsWarning, is_list
from antdask.query.warned import warn

# Imported late: who does not look at tables does without the 40 MB of pandas.
if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class Narrowable(Results):
    """Rows of one stream, to which each step adds a condition; immutable; parameters are those of `results.Results`."""

    @classmethod
    def whole(cls, store: Store, catalog: CatalogReader, stream: str) -> Self:
        """All rows of a stream, which nothing has narrowed yet."""
        index = Index(catalog, stream)
        return cls(store, index, np.arange(len(index)))

    @property
    def name(self) -> str:
        """Name of the stream."""
        return self.index.schema.name

    def select(
        self,
        *,
        run: int | range | Iterable[int] | str | pd.DataFrame | pa.Table | None = None,
        detector: str | Iterable[str] | None = None,
        time: str | tuple[Any, Any] | None = None,
        frame: int | tuple[int, int] | None = None,
        key: tuple[int, ...] | None = None,
        where: str | None = None,
        lineage: str | Iterable[str] | None = None,
        on_missing: str | None = None,
    ) -> Self:
        """A narrower selection; every argument must hold.

        Parameters
        ----------
        run : int, range, iterable of int, or a run list: path or URL of a file, or a table
            A run that is not in the archive selects nothing; of run lists a warning says how many are not. See `query.run_lists` for their form.
        detector, lineage : str or iterable of str
        time : (T0, T1) or "T0/T1"
            Half-open interval of UTC: ISO 8601, datetimes, or ns since 1970. Rows from sources without UTC are left out, with a warning.
        frame : int or (first, end)
            Half-open range of frames.
        key : (run, frame_index, trigger_counter)
            One integer for each key column of the stream.
        where : str
            A condition on columns, see `query.predicate`. It sees what earlier selections left.
        on_missing : str, optional
            ``"skip"``: leave out what is missing or damaged, with a warning that counts it, instead of an error (``"raise"``).

        Raises
        ------
        UsageError
            An argument that cannot be understood; a time where nothing carries UTC.
        UnknownNameError
            A detector, lineage or column that the data do not have.
        WhereError
            A `where` that is not a comparison expression.
        """
        if self.chosen is not None:
            raise UsageError("Rows that were taken by number cannot be narrowed", hint="First select, then take.")
        found = self if on_missing is None else self._with(on_missing=narrowing.missing_mode(on_missing))
        for name, words in (("detector", detector), ("lineage", lineage)):
            if words is not None:
                labels = narrowing.labels(name, words)
                found = found._keep(f"{name} {_words(labels)}", narrowing.parts_with_words(self.index, name, labels))
        if run is not None and is_list(run):
            found = found._listed(RunList.of(run))
        elif run is not None:
            runs = run if isinstance(run, range) else narrowing.run_numbers(run)
            absent = "" if isinstance(runs, range) or len(runs) < 2 else _absent(runs, self.index, found.parts)
            found = found._keep(f"run {_words(runs)}{absent}", narrowing.parts_of_runs(self.index, runs))
        if key is not None:
            number, condition = narrowing.key_condition(self.index, key)
            found = found._keep(f"run {number}", narrowing.parts_of_runs(self.index, [number]))._where(condition)
        if time is not None:
            found = found._timed()._where(narrowing.time_condition(time))
        if frame is not None:
            found = found._where(narrowing.frame_condition(frame))
        return found if where is None else found._where(where)

    def take(self, numbers: Any) -> Self:
        """Single rows by their numbers in the order of reading, each once and in that order.

        Parameters
        ----------
        numbers : array of int, shape (rows,)
            From 0 to one less than the selection has rows.

        Raises
        ------
        UsageError
            Not numbers of rows; or there is a condition that the catalogue cannot decide, so that rows have no numbers before they are read.
        """
        wanted = np.unique(np.asarray(numbers))
        if not self.scan.exact:
            raise UsageError(
                "Rows are numbered only where the catalogue alone decides which there are", hint="Take first, or use to_awkward()[…]."
            )
        rows = int((self.scan.row_stop - self.scan.row_start).sum())
        if (wanted.dtype.kind not in "iu" and len(wanted)) or (len(wanted) and not 0 <= int(wanted[0]) <= int(wanted[-1]) < rows):
            raise UsageError("Not numbers of rows", found=repr(numbers)[:80], expected=f"integers from 0 to {rows - 1}")
        step = Step(f"{len(wanted):,} rows by number", len(self.parts))
        return self._with(chosen=wanted.astype(np.int64), steps=(*self.steps, step))

    def head(self, rows: int = 5, columns: Names = None) -> pd.DataFrame:
        """The first rows, as pandas; reads no block more than they need.

        Raises
        ------
        UnknownNameError, UsageError, DamagedPartError
        """
        import pandas as pd

        from antdask.query.dataframe import data_frame

        table = self.index.schema.rows.name
        names = self._flat(table, columns)
        frames = [data_frame(self.no_rows(names), table)]
        for block in self.iter_rows(names, prefetch=0) if rows > 0 else ():
            frames.append(data_frame(block, table))
            if sum(map(len, frames)) >= rows:
                break
        # The empty one would lend its types to the others.
        found: pd.DataFrame = pd.concat(frames[1:] or frames, ignore_index=True)
        return found.head(max(0, rows))

    def narrowed_to(self, condition: Condition) -> Self:
        """With one more condition."""
        if self.chosen is not None:
            raise UsageError("Rows that were taken by number cannot be narrowed", hint="First select, then take.")
        return self._with(predicates=(*self.predicates, condition), steps=(*self.steps, Step(condition.text, len(self.parts))))

    def _with(self, **changes: Any) -> Self:
        return dataclasses.replace(self, **changes)

    def _keep(self, what: str, mask: np.ndarray) -> Self:
        parts = self.parts[mask[self.parts]]
        return self._with(parts=parts, steps=(*self.steps, Step(what, len(parts))))

    def _listed(self, runs: RunList) -> Self:
        """Of the runs of a list, which says aloud how many are not there."""
        mask, missing = runs.mask(self.index, self.parts)
        absent = runs.absent(missing)
        if absent:
            warn(UnlistedRunsWarning(f"{absent}: {runs.name}"))
        return self._keep(f"{len(runs):,} runs of {runs.name}" + (f"; {absent}" if absent else ""), mask)

    def _where(self, text: str) -> Self:
        predicate = Predicate.of(text, self._scope())
        return self._with(predicates=(*self.predicates, predicate), steps=(*self.steps, Step(text, len(self.parts))))

    def _timed(self) -> Self:
        """Without the parts that carry no UTC: left out aloud, since nobody would miss them."""
        timed = self.index.with_column(f"{self.index.schema.rows.name}/utc_ns")
        without = self.parts[~timed[self.parts]]
        if not len(without):
            return self
        detector, names = self.index.words["detector"]
        label = ", ".join(names[i] for i in np.unique(detector[without]).tolist())
        rows = int(self.index.part("rows")[without].sum())
        if len(without) == len(self.parts):
            raise UsageError(
                "Nothing selected carries UTC, so it cannot be selected by time",
                where=f"stream '{self.index.schema.name}' of {label}",
                hint="Select by run or frame.",
            )
        text = f"{rows:,} rows of {label} carry no UTC and are left out of a selection by time; select them by run or frame"
        warn(UserWarning(text))
        return self._keep("parts that carry UTC", timed)._with(rows_untimed=self.rows_untimed + rows)

    def __repr__(self) -> str:
        return "\n".join(self._lines()) if self.steps else self._card().text()

    def _repr_html_(self) -> str:
        return html_lines(self._lines()) if self.steps else self._card().html()

    def _card(self) -> Card:
        """What a stream holds that nothing has narrowed yet."""
        facts = self.index.catalog.summaries["streams"][self.name]
        return stream_card(self.index.schema, self.index.columns(self.parts), facts)

    def _lines(self) -> list[str]:
        parts = self.current_parts
        rows, hits = self.index.part("rows")[parts].sum(), self.index.part("hits")[parts].sum()
        lines = [
            f"Selection of stream '{self.index.schema.name}': {counted(len(parts), 'part')} with {counted(rows, 'row')} and {counted(hits, 'hit')}"
        ]
        lines += [f"  {step.what}" for step in self.steps]
        if self.rows_untimed:
            lines.append(f"  without {self.rows_untimed:,} rows that carry no UTC")
        return [
            *lines,
            "Next: .explain()  .count()  .head()  .to_awkward(columns)  .to_xarray()  .to_pandas()  .to_dask()  .iter_batches()",
        ]


def _absent(runs: list[int], index: Index, parts: np.ndarray) -> str:
    """Which of several runs are not there, in words."""
    listed = RunList("", np.unique(np.array(runs, np.int64)))
    words = listed.absent(listed.mask(index, parts)[1])
    return f"; {words}" if words else ""


def _words(values: range | list[int] | list[str]) -> str:
    if isinstance(values, range) and len(values) > 1:
        return f"{values.start} to {values.stop - 1}" + (f" in steps of {values.step}" if values.step != 1 else "")
    words = [str(v) for v in values]
    return (", ".join(words[:6]) or "none") + (f" and {len(words) - 6} more" if len(words) > 6 else "")
