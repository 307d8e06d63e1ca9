"""The selection behind ``antdask query``, and where its rows go."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from antdask.cli.group import write_nowhere
from antdask.cli.options import parse_range, parse_runs
from antdask.errors import DestinationError, UsageError
from antdask.query.archive import open_archive
from antdask.query.display import write_rows
from antdask.query.explanation import Explanation, Explanations
from antdask.query.files import whole_file
from antdask.query.formats import write_tables
from antdask.query.progress import shown
from antdask.query.select import Selection
from antdask.query.sql import run_sql


def selected(
    archive: str,
    stream: str,
    *,
    runs: tuple[str, ...] = (),
    detector: tuple[str, ...] = (),
    lineage: str | None = None,
    interval: str | None = None,
    frame: str | None = None,
    where: str | None = None,
    skip_damaged: bool = False,
    runs_from: str | None = None,
) -> Selection:
    """The selection that the options describe.

    Raises
    ------
    NotAnArchiveError, UnknownNameError, UsageError, WhereError
    """
    frames = parse_range("--frame", frame) if frame else None
    whole = open_archive(archive).stream(stream).select(detector=detector or None, lineage=lineage)
    return (whole if runs_from is None else whole.select(run=runs_from)).select(
        run=parse_runs(runs),
        frame=(frames.start, frames.stop) if frames is not None else None,
        time=interval,
        where=where,
        on_missing="skip" if skip_damaged else None,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Question:
    """What ``antdask query`` is asked: rows of a stream, or an SQL query.

    Parameters
    ----------
    archive : str
    stream, sql : str or None
        One of them.
    columns : list of str or None
        Of the stream.
    which : mapping
        Options that choose rows, see `selected`.
    """

    archive: str
    stream: str | None
    sql: str | None
    columns: list[str] | None
    which: Mapping[str, Any]

    def costs(self) -> tuple[Any, Explanation | Explanations]:
        """What it would read, for machines and for people.

        Raises
        ------
        NotAnArchiveError, UnknownNameError, UsageError, WhereError
        """
        if self.stream is not None:
            one = selected(self.archive, self.stream, **self.which).explain(self.columns)
            return dataclasses.asdict(one), one
        several = open_archive(self.archive).explain_sql(str(self.sql))
        return [dataclasses.asdict(cost) for cost in several], several

    def answer(self, style: str, output: str | None, limit: int | None) -> int:
        """Write the rows as they come; their number.

        Raises
        ------
        NotAnArchiveError, UnknownNameError, UsageError, WhereError, DamagedPartError, DestinationError
        """
        # Where rows scroll by there is no need of a bar, and no room for it.
        bar = "terminal" if sys.stderr.isatty() and (output is not None or not sys.stdout.isatty()) else "none"
        if self.stream is None:
            found = run_sql(open_archive(self.archive), str(self.sql), {}, on_missing="skip" if self.which.get("skip_damaged") else "raise")
            with sink(output) as out, shown("rows", 0, bar) as tell:
                return write_tables(_told(found, tell), style, out, limit)
        chosen = selected(self.archive, self.stream, **self.which)
        with sink(output) as out, shown("rows looked at", chosen.scan.rows, bar):
            return write_rows(chosen, style, out, limit, self.columns)


def _told(tables: Iterator[Any], tell: Callable[[int], None]) -> Iterator[Any]:
    for table in tables:
        yield table
        tell(table.num_rows)


def refuse_mixture(stream: str | None, query: str | None, **others: Any) -> None:
    """Demand a stream or an SQL query, and nothing beside the query that it says itself.

    Raises
    ------
    UsageError
    """
    if (stream is None) == (query is None):
        raise UsageError("What is asked for is a stream or an SQL query", hint="Give --stream NAME or --sql QUERY.")
    given = [name for name, value in others.items() if value and name != "skip_damaged"]
    if query is not None and given:
        raise UsageError(
            "An SQL query says itself which rows and columns it wants", found=", ".join(given), hint="Write it into the query."
        )


@contextlib.contextmanager
def sink(output: str | None) -> Iterator[IO[Any]]:
    """Standard output, or a file that appears when it is whole.

    Raises
    ------
    DestinationError
        It cannot be written.
    """
    if output is None:
        if sys.stdout is None or sys.stdout.closed:
            raise DestinationError("Standard output is closed", hint="Write into a file: -o FILE.")
        try:
            yield sys.stdout
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            # What is still in its buffer would be tried, and complained about, once more at the end.
            write_nowhere()
            raise DestinationError(f"Standard output cannot be written: {error.strerror}") from error
        return
    with whole_file(output) as file:
        yield file
