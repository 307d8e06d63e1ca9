"""Files of results: there when they are whole, or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from antdask.archive.store import destination_errors


@contextlib.contextmanager
def whole_file(path: str) -> Iterator[IO[bytes]]:
    """A local file to write, which gets its name at the end; a pipe or device that is there is written as it is.

    Raises
    ------
    DestinationError
        It cannot be written.
    """
    target = Path(path)
    draft = target.with_name(f".{target.name}.{os.getpid()}.draft")
    with destination_errors(path):
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
            return
        try:
            with draft.open("wb") as file:
                yield file
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
