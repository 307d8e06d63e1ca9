"""What programs left in a ROOT file about how it was made: their versions, command lines and inputs, the settings of the trigger; as rows of stream headers.

A row is one of these, a line has name, value and note::

    texts in a directory   META/JConvert;1 = the text                   class, and when it was written into the file, by the clock of that machine
    texts at the top       history;1 = the text                         likewise
    an object              JTRIGGER::JTriggerParameters.L2Min = 2       type, and the comment of the program, which has the unit

All cycles are taken: ``META/JMeta;n``, of Jpp, names the n-th last program, and the text of that name is what it wrote. ``dst_history`` is that of a DST.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.model.keys import RunKey
from antdask.model.ragged import Batch
from antdask.plan import FileEntry, Segment
from antdask.sources import files
from antdask.sources.evt_header import header_batch
from antdask.sources.root import RootFile
from antdask.sources.root_directory import Directory
from antdask.sources.root_header import HEAD, MULTI_HEAD
from antdask.sources.root_keys import Key
from antdask.sources.root_object import Line, members_of
from antdask.sources.root_text import KINDS, text_of

#: What plans call it; no tree of the file.
TREE = "provenance"
_FOLDER = "TDirectory"
#: Classes of ROOT itself: trees, histograms, graphs. None is the settings of a program.
_OF_ROOT = re.compile(r"T[A-Z]\w*")

_Row = list[Line] | CorruptFileError


class Provenance:
    """What programs left in a file.

    Parameters
    ----------
    file : RootFile

    Attributes
    ----------
    told : set of str
        Names in the top directory that stand in a row, or in a note.
    """

    def __init__(self, file: RootFile) -> None:
        self._file = file
        self._notes: list[str] = []
        kinds = {name: kind for name, kind in file.objects.items() if kind not in (HEAD, MULTI_HEAD)}
        self._folders = [name for name, kind in kinds.items() if kind == _FOLDER]
        self._texts = [name for name, kind in kinds.items() if kind in KINDS]
        self._settings = [name for name, kind in kinds.items() if kind not in KINDS and not _OF_ROOT.fullmatch(kind)]
        self.told = {*self._folders, *self._texts, *self._settings}

    @cached_property
    def rows(self) -> list[_Row]:
        """Lines of each row; of one that is damaged, the error."""
        texts = [self._row_of_texts(name) for name in [*self._folders, *[""] * bool(self._texts)]]
        return [row for row in [*texts, *(self._row_of_settings(name) for name in self._settings)] if row]

    def notes(self) -> list[str]:
        """What of this is not archived, and why."""
        _ = self.rows
        return self._notes

    def segments(self, key: RunKey) -> list[Segment]:
        """All rows, under one run."""
        nbytes = sum(len(part) for lines in self.rows if isinstance(lines, list) for line in lines for part in line)
        return [Segment("headers", TREE, key, 0, len(self.rows), max(1, nbytes))] if self.rows else []

    def batches(self, entry: FileEntry, start: int, stop: int) -> Iterator[Batch]:
        """The rows ``start:stop``, under the run of their segment.

        Raises
        ------
        InputChangedError
            The file holds fewer of them.
        CorruptFileError
            With the first row that is lost.
        """
        files.demand_entries(start, stop, len(self.rows), entry.url, "rows of provenance")
        run = next((s.run.run for s in entry.segments if s.tree == TREE), 0)
        for number, lines in enumerate(self.rows[start:stop], start):
            if isinstance(lines, CorruptFileError):
                raise CorruptFileError(lines.what, where=lines.where, found=lines.found, expected=lines.expected, tree=TREE, start=number, stop=number + 1) from lines  # fmt: skip
            yield header_batch([(run, lines)], number, entry.origin)

    def _row_of_texts(self, directory: str) -> _Row:
        prefix = f"{directory}/" if directory else ""
        lines: list[Line] = []
        try:
            found = self._file.directory(directory)
            for key, text in texts_of(found):
                if isinstance(text, CorruptFileError):
                    return text
                lines.append((f"{prefix}{key.name};{key.cycle}".encode(), text, f"{key.kind}\n{key.written}".encode()))
            if directory:
                self._notes += [f"'{prefix}{k.name}' ({k.kind}) is not archived" for k in found.keys if k.kind not in KINDS]
        except CorruptFileError as error:
            return error
        return lines

    def _row_of_settings(self, name: str) -> _Row:
        kind = self._file.objects[name]
        try:
            return members_of(self._file.object(name).tobytes(), kind, self._file.members, f"{name}.")
        except CorruptFileError as error:
            where = error.where or f"{self._file.url}, object '{name}'"
            return CorruptFileError(error.what, where=where, found=error.found, expected=error.expected)
        except UnknownLayoutError as error:
            self._notes.append(f"'{name}' ({kind}) is not archived: {error.what}")
            return []


def texts_of(directory: Directory) -> list[tuple[Key, bytes | CorruptFileError]]:
    """Texts in a directory, with their keys, by name, of one name the highest cycle first; of one that is damaged, the error."""
    # Not as listed: the list of a file that was recovered is made anew.
    keys = sorted((key for key in directory.keys if key.kind in KINDS), key=lambda key: (key.name, -key.cycle))
    return [(key, _text(key, data)) for key, data in zip(keys, directory.contents(keys), strict=True)]


def _text(key: Key, data: bytes | CorruptFileError) -> bytes | CorruptFileError:
    if isinstance(data, CorruptFileError):
        return data
    try:
        return text_of(key, data)
    except CorruptFileError as error:
        return CorruptFileError(error.what, where=f"object '{key.name}'", found=error.found, expected=error.expected)
