"""Files of results: there when they are whole, or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from antdask.archive.store import destination_errors


@contextlib.contextmanager
def whole_file(path: str) -> Iterator[IO[bytes]]:
    """A local file to write, which gets its name at the end.

    Raises
    ------
    DestinationError
        It cannot be written.
    """
    target = Path(path)
    draft = target.with_name(f".{target.name}.draft")
    with destination_errors(path):
        try:
            with draft.open("wb") as file:
                yield file
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
