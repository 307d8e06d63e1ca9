"""The selection behind ``antdask query``, and where its rows go."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Iterator
from typing import IO, Any

from antdask.cli.options import parse_range
from antdask.query.archive import open_archive
from antdask.query.files import whole_file
from antdask.query.select import Selection


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
    )  # fmt: skip


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
