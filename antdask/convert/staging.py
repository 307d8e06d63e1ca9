"""Stage-in: inputs are copied to the local disk of a node before they are read, checked there, and kept while there is room, for the parts that follow.

::

    tape, shared disk, server ──one pass, in large pieces──► scratch ──many small reads──► parts

It pays where small reads are slow or counted (caches in front of tapes, busy shared file systems), and where a worker makes most parts of a file; it costs where a
part needs a small piece of a large file, which is then copied whole.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import multiprocessing.util
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psutil

from antdask.errors import InputChangedError
from antdask.plan import FileEntry
from antdask.sources.blob import open_blob
from antdask.sources.files import identify

#: Bytes that are copied at once.
PIECE = 16 * 2**20
#: So much of the scratch space is left to others: drafts of parts, and other jobs of the node [byte].
RESERVE = 2 * 2**30
_PREFIX = "antdask-stage-"


class Stage:
    """Copies of inputs in a folder of this process, which goes with it.

    Parameters
    ----------
    scratch : str, optional
        Where the folder is made; where temporary files lie if not given.
    reserve : int
        Bytes that are left free there [byte].
    """

    def __init__(self, scratch: str | None = None, reserve: int = RESERVE) -> None:
        self._scratch, self._reserve = Path(scratch or tempfile.gettempdir()), reserve
        _clear(self._scratch)
        self.folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=self._scratch))
        # Unlike atexit, this is also done by worker processes that are started from here.
        multiprocessing.util.Finalize(None, shutil.rmtree, args=(self.folder,), kwargs={"ignore_errors": True}, exitpriority=10)
        self._held: dict[str, FileEntry] = {}  # by fingerprint, the one that was used longest ago first

    def fetch(self, entries: Sequence[FileEntry]) -> list[FileEntry]:
        """Entries that are read from here; those for which there is no room stay where they lie.

        Parameters
        ----------
        entries : sequence of FileEntry
            All inputs of a part: none of them leaves while it is made.

        Raises
        ------
        InputChangedError
            What was copied is not what was planned.
        InputMissingError, InputUnreadableError
        """
        for entry in entries:
            if entry.fingerprint in self._held:
                self._held[entry.fingerprint] = self._held.pop(entry.fingerprint)
        needed = {entry.fingerprint for entry in entries}
        for entry in entries:
            if entry.fingerprint not in self._held and self._make_room(entry.nbytes, needed):
                self._copy(entry)
        return [dataclasses.replace(e, url=self._held[e.fingerprint].url) if e.fingerprint in self._held else e for e in entries]

    def _make_room(self, nbytes: int, needed: set[str]) -> bool:
        """Let copies go that no input of this part is, as long as the new one does not fit."""
        idle = [name for name in self._held if name not in needed]
        while shutil.disk_usage(self.folder).free - self._reserve < nbytes:
            if not idle:
                return False
            self._drop(self._held.pop(idle.pop(0)))
        return True

    def _copy(self, entry: FileEntry) -> None:
        target = self.folder / entry.fingerprint[:16] / entry.name
        target.parent.mkdir(exist_ok=True)
        copy = dataclasses.replace(entry, url=str(target))
        try:
            with open_blob(entry.url) as blob, target.open("wb") as file:
                for start in range(0, blob.nbytes, PIECE):
                    file.write(blob.read(start, min(blob.nbytes, start + PIECE)))
            if identify(copy.url).fingerprint != entry.fingerprint:
                raise InputChangedError(
                    "The input is not the one that was planned", where=entry.name, hint="Plan again, or put the file back."
                )
        except BaseException as error:
            self._drop(copy)
            # Others were quicker to fill the disk: what does not fit is read where it lies.
            if getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
                return
            raise
        self._held[entry.fingerprint] = copy

    def _drop(self, copy: FileEntry) -> None:
        file = Path(copy.url)
        file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            file.parent.rmdir()


@functools.cache
def stage() -> Stage:
    """The stage of this process."""
    return Stage()


def _clear(scratch: Path) -> None:
    """Remove what killed processes of this host left."""
    for folder in scratch.glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
