"""The doors: what a source and a cluster must offer; and the registry of named things.

Third parties add to a registry by an entry point of the same group, e.g. ``[project.entry-points."antdask.sources"]``.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

from antdask.errors import UnknownNameError
from antdask.model.ragged import Batch
from antdask.plan import FileEntry


@runtime_checkable
class Source(Protocol):
    """Legacy bytes to batches.

    Not responsible for: choosing parts, retrying, sorting, writing, or swallowing errors.

    Attributes
    ----------
    name, version : str
        The version enters the lineage: raise it whenever the values of a batch would change.
    """

    name: str
    version: str

    def sniff(self, url: str, head: bytes) -> bool:
        """Whether this source reads the file; `head` holds its first bytes (at least 64, fewer if the file is shorter)."""
        ...

    def describe(self, url: str) -> FileEntry:
        """Identity, layout and segments of a file; reads metadata and key columns only.

        Raises
        ------
        InputMissingError, InputUnreadableError, CorruptFileError, UnknownLayoutError
        """
        ...

    def read(self, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Batches of the entries ``start:stop`` of a tree, in source order, of bounded size.

        Raises
        ------
        CorruptFileError
            With the entry range that is lost, if it is known.
        """
        ...


@runtime_checkable
class OrderedSource(Protocol):
    """A source that can tell the order of its entries before it reads them, so that a part needs little memory to be sorted."""

    def keys(self, entry: FileEntry, tree: str, start: int, stop: int) -> list[np.ndarray]:
        """The columns by which rows of the stream are ordered (`Schema.order`), of the entries ``start:stop``.

        Raises
        ------
        CorruptFileError
            A key cannot be read: the part is then gathered and sorted as a whole.
        """
        ...


class Cluster(Protocol):
    """A place to run tasks; a context manager that closes it."""

    name: str

    @property
    def capacity(self) -> int:
        """How many tasks run at the same time."""
        ...

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Start one call; its result must be small."""
        ...

    def close(self) -> None:
        """Give the place back, if this object owns it; a second call does nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Registry[T]:
    """Named things: built-in ones as ``module:attribute``, third-party ones by entry points.

    Parameters
    ----------
    kind : str
        For messages, e.g. ``"source"``.
    group : str
        Entry-point group.
    builtin : mapping of name to ``module:attribute``
        Loaded when first asked for, so that listing imports nothing.
    """

    def __init__(self, kind: str, group: str, builtin: Mapping[str, str]) -> None:
        self.kind, self.group, self._builtin = kind, group, dict(builtin)
        self._loaded: dict[str, T] = {}

    def names(self) -> list[str]:
        """All names, built-in ones first."""
        return [*self._builtin, *sorted(e.name for e in self._entries if e.name not in self._builtin)]

    @functools.cached_property
    def _entries(self) -> importlib.metadata.EntryPoints:
        # What is installed is looked at once: it takes some 20 ms, and every input is shown to every source.
        return importlib.metadata.entry_points(group=self.group)

    def get(self, name: str) -> T:
        """The thing of this name.

        Raises
        ------
        UnknownNameError
            No such name.
        """
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> T:
        if name in self._builtin:
            module, _, attribute = self._builtin[name].partition(":")
            thing: T = getattr(importlib.import_module(module), attribute)
            return thing
        for entry in self._entries.select(name=name):
            loaded: T = entry.load()
            return loaded
        raise UnknownNameError.of(self.kind, name, self.names())
