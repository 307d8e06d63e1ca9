"""The selection behind ``antdask query``, and where its rows go."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Iterator
from typing import IO, Any

from antdask.cli.options import parse_range
from antdask.errors import UsageError
from antdask.query.archive import open_archive
from antdask.query.display import write_tables
from antdask.query.files import whole_file
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
) -> Selection:
    """The selection that the options describe.

    Raises
    ------
    NotAnArchiveError, UnknownNameError, UsageError, WhereError
    """
    numbers = [parse_range("--run", text) for text in runs]
    frames = parse_range("--frame", frame) if frame else None
    several = list(itertools.chain(*numbers)) if numbers else None
    return open_archive(archive).stream(stream).select(
        run=numbers[0] if len(numbers) == 1 else several,
        frame=(frames.start, frames.stop) if frames is not None else None,
        detector=detector or None,
        lineage=lineage,
        time=interval,
        where=where,
        on_missing="skip" if skip_damaged else None,
    )  # fmt: skip


def answer(archive: str, query: str, style: str, output: str | None, limit: int | None) -> int:
    """Write the answer of an SQL query as it comes; the number of rows.

    Raises
    ------
    NotAnArchiveError, UnknownNameError, UsageError, DamagedPartError, DestinationError
    """
    found = open_archive(archive)
    with sink(output) as out:
        return write_tables(run_sql(found, query, {}), style, out, limit)


def refuse_mixture(stream: str | None, query: str | None, **others: Any) -> None:
    """Demand a stream or an SQL query, and nothing beside the query that it says itself.

    Raises
    ------
    UsageError
    """
    if (stream is None) == (query is None):
        raise UsageError("What is asked for is a stream or an SQL query", hint="Give --stream NAME or --sql QUERY.")
    given = [name for name, value in others.items() if value]
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
        The file cannot be written.
    """
    if output is None:
        yield sys.stdout
        return
    with whole_file(output) as file:
        yield file
