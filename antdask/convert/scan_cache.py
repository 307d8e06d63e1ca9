"""What was found out about input files before, so that planning again looks only at files that are new or changed.

A file is known by its URL, size and modification time, and by the versions of all readers. A file without a modification time is looked at each time. Only what
could be described is kept; a plan checks every input by its fingerprint before it is read, so that a wrong memory costs a failed part, and no wrong data.
"""

from __future__ import annotations

import functools
import gzip
import json
import time
import uuid
from collections.abc import Sequence
from typing import Any

from antdask import __version__
from antdask.archive.store import Store
from antdask.errors import InputError
from antdask.plan import FileEntry, digest, entry_from_dict, entry_to_dict
from antdask.sources import SOURCES, layout_map
from antdask.sources.files import stamp

#: So many files of a cache are drawn together into one.
_FILES = 8
_SUFFIX = ".jsonl.gz"


class ScanCache:
    """A folder of descriptions.

    Parameters
    ----------
    url : str
        Local path or URL; made when something is kept.

    Examples
    --------
    >>> cache = ScanCache("memory://scans")
    >>> cache.find("/no/such/file.root") is None
    True
    """

    def __init__(self, url: str) -> None:
        self._store = Store(url)
        self._known: dict[str, bytes] | None = None
        self._fresh: dict[str, bytes] = {}
        self.hits = 0

    def find(self, url: str) -> list[FileEntry] | None:
        """What is known about a file as it is now; ``None`` if nothing."""
        key = _key(url)
        line = self._lines().get(key) if key is not None else None
        if line is None:
            return None
        self.hits += 1
        return [entry_from_dict(item) for item in json.loads(line)["entries"]]

    def keep(self, entries: Sequence[FileEntry]) -> None:
        """Remember what all sources say about one file; written with `save`."""
        if not entries or not entries[0].mtime_ns:
            return
        first = entries[0]
        key = _key_of(first.url, first.nbytes, first.mtime_ns)
        document: dict[str, Any] = {"key": key, "entries": [entry_to_dict(e) for e in entries]}
        self._fresh[key] = json.dumps(document, separators=(",", ":")).encode()

    def save(self) -> int:
        """Write what is new; the number of files that were described.

        Raises
        ------
        DestinationError
        """
        fresh, self._fresh = self._fresh, {}
        if not fresh:
            return 0
        names = self._names()
        known = self._lines()
        known.update(fresh)
        whole = len(names) >= _FILES
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}{_SUFFIX}"
        self._store.write_small(name, gzip.compress(b"\n".join((known if whole else fresh).values()) + b"\n", 6, mtime=0))
        for old in names if whole else ():
            self._store.remove(old)
        return len(fresh)

    def _names(self) -> list[str]:
        return [name for name in self._store.list() if name.endswith(_SUFFIX)]

    def _lines(self) -> dict[str, bytes]:
        if self._known is None:
            self._known = {}
            for name in self._names():
                for line in _read(self._store, name):
                    # The key stands first: most lines are never taken apart.
                    self._known[line[8:72].decode("ascii", "replace")] = line
        return self._known


def _read(store: Store, name: str) -> list[bytes]:
    """Lines of a file; none where it is torn: what it knew is found out again."""
    try:
        return [line for line in gzip.decompress(store.read(name)).split(b"\n") if line.startswith(b'{"key":"')]
    except (OSError, EOFError):
        return []


def _key(url: str) -> str | None:
    try:
        nbytes, mtime_ns = stamp(url)
    except InputError:
        return None
    return _key_of(url, nbytes, mtime_ns) if mtime_ns else None


def _key_of(url: str, nbytes: int, mtime_ns: int) -> str:
    return digest([url, nbytes, mtime_ns, _readers()])


@functools.cache
def _readers() -> str:
    """All that decides what is said about a file: versions of the sources, and layout maps."""
    versions = {name: SOURCES.get(name).version for name in SOURCES.names()}
    maps = {name: layout_map.load(name).hash for name in layout_map.names()}
    return digest([__version__, versions, maps])
