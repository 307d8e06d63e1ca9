"""Local names of inputs: whether they are there, which folders a glob could not look into, and how a name can be written."""

from __future__ import annotations

import glob
import os
from pathlib import Path


def printable(name: str) -> str:
    r"""A name that can be written anywhere: bytes of a path that are not UTF-8 become escapes.

    Examples
    --------
    >>> print(printable(os.fsdecode(b"caf\xe9.root")))
    caf\xe9.root
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_there(path: str) -> bool:
    """Whether a name exists, be it a broken link.

    Raises
    ------
    PermissionError
        A folder on the way may not be entered: `os.path.lexists` would say that there is nothing.
    """
    try:
        os.lstat(path)
    except PermissionError:
        raise
    except (OSError, ValueError):  # not there, or no name that could be: too long, with a NUL in it
        return False
    return True


def closed_folders(pattern: str) -> list[str]:
    """Folders that an absolute glob leads through but that may not be read: what they hold is not among its matches. None, if it is the name of a file."""
    if os.path.lexists(pattern):
        return []
    effective = os.access in os.supports_effective_ids
    return sorted(f for f in _on_the_way(pattern) if not os.access(f, os.R_OK | os.X_OK, effective_ids=effective))


def _on_the_way(pattern: str) -> set[str]:
    """Folders that a glob lists or goes through."""
    found: set[str] = set()
    # pathlib globs only below a given directory and takes no absolute pattern.
    while glob.has_magic(pattern):
        pattern = os.path.dirname(pattern)  # noqa: PTH120
        matches = glob.glob(pattern, recursive=True) if glob.has_magic(pattern) else [pattern]  # noqa: PTH207
        found.update(m for m in matches if Path(m).is_dir())
    return found
