"""Files of results: there when they are whole, or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from antdask.archive.store import destination_errors


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A local file to write, which gets its name at the end; a pipe or device that is there is written as it is.

    Raises
    ------
    DestinationError
        It cannot be written.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        with destination_errors(str(path)), target.open("wb") as file:
            yield file
    else:
        with whole_path(path) as draft, draft.open("wb") as file:
            yield file


@contextlib.contextmanager
def whole_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Where to write a local file, for libraries that open it by themselves; it gets its name at the end.

    Raises
    ------
    DestinationError
        It cannot be written.
    """
    target = Path(path)
    draft = target.with_name(f".{target.name}.{os.getpid()}.draft")
    with destination_errors(str(target)):
        try:
            yield draft
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
