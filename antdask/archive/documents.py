"""Documents that are named by what they say, lineages and environments: whoever reads one knows that it is whole."""

from __future__ import annotations

import json
from typing import Any

from antdask.archive import layout as lay
from antdask.archive.store import Store
from antdask.errors import ArchiveError
from antdask.plan import digest


def lineage(store: Store, name: str) -> dict[str, Any]:
    """The document behind a lineage.

    Raises
    ------
    FileNotFoundError
        The archive does not keep it.
    ArchiveError
        It was altered.
    """
    return _checked(store, lay.lineage_file(name), name, "Run the conversion that made it once more: it writes the document again.")


def environment(store: Store, name: str) -> dict[str, Any]:
    """The description of an environment.

    Raises
    ------
    FileNotFoundError
        The archive does not keep it.
    ArchiveError
        It was altered.
    """
    return _checked(store, lay.environment_file(name), name, "Delete it: nothing but reports will miss it.")


def _checked(store: Store, path: str, name: str, hint: str) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(store.read(path))
    except ValueError as error:
        raise ArchiveError(f"The document is damaged: {error}", where=path, hint=hint) from error
    found = digest(document)[: len(name)]
    if found != name:
        raise ArchiveError(
            "The document was altered: its content is not that of its name", where=path, found=found, expected=name, hint=hint
        )
    return document
