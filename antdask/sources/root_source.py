"""Sources that read ROOT files: what each does alike, so that one of them says only which files are its own, what they hold, and how rows are made of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from antdask.errors import CorruptFileError, UnknownLayoutError, UnknownNameError
from antdask.model.ragged import Batch
from antdask.plan import FileEntry, Segment
from antdask.sources import files
from antdask.sources.root import MAGIC, RootFile, open_root


class RootSource:
    """A source of ROOT files; holds nothing, so it pickles.

    Attributes
    ----------
    name, version : str
        The version enters the lineage of every part.
    known : sequence of str
        Trees that can be read, where they are the same for all files.
    needs : str
        What a file must have, in words; empty where `survey` looks itself.
    """

    name: str
    version: str
    known: Sequence[str] = ()
    needs = ""

    def sniff(self, url: str, head: bytes) -> bool:
        """Whether this is a ROOT file that the source `claims`."""
        if not head.startswith(MAGIC):
            return False
        try:
            with open_root(url) as file:
                return self._claims(file)
        except CorruptFileError:
            # Nobody can tell what it was; the source that takes every ROOT file says what is wrong with it.
            return False

    def describe(self, url: str) -> FileEntry:
        """Identity and segments; reads metadata and what `survey` says.

        Raises
        ------
        InputMissingError, InputUnreadableError
        CorruptFileError
            The directory or a tree cannot be read, or nothing of it can be filed.
        UnknownLayoutError
            The file has other trees, or other branches than are known.
        """
        url = files.absolute(url)
        identity = files.identify(url)
        with open_root(url) as file:
            if self.needs and not self._claims(file):
                raise UnknownLayoutError(f"The file is none for source '{self.name}'", where=url, found=", ".join(file.objects), expected=self.needs)  # fmt: skip
            notes = list(file.notes)
            segments, origin, layout = self.survey(file, notes)
            return identity.entry(url, self.name, origin, segments, notes, layout=layout, uuid=file.uuid)

    def read(self, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Batches of the entries ``start:stop`` of a tree, each of bounded size, in the order of the file.

        Raises
        ------
        UnknownNameError
            No such tree, or one that is not archived.
        InputChangedError
            The tree has fewer entries than asked for.
        CorruptFileError
            With the range of entries that is lost, if it is known; batches before it are sound.
        UnknownLayoutError
            Branches are missing or unknown.
        """
        if tree not in self.trees(entry):
            raise UnknownNameError.of("tree", tree, self.trees(entry), where=entry.url)
        with open_root(entry.url, entry.like) as file:
            yield from self.batches(file, entry, tree, start, stop)

    def _claims(self, file: RootFile) -> bool:
        try:
            return self.claims(file)
        except CorruptFileError:
            # What is asked for is there, and damaged: to be told by `describe`, so that it is not lost without a word beside other trees.
            return True

    def claims(self, file: RootFile) -> bool:
        """Whether the file is one of this source.

        Raises
        ------
        CorruptFileError
            It has trees of this name, which cannot be read.
        """
        raise NotImplementedError

    def survey(self, file: RootFile, notes: list[str]) -> tuple[list[Segment], str, str]:
        """Segments, origin and layout of a file; what is not archived is added to `notes`. Errors as for `describe`."""
        raise NotImplementedError

    def trees(self, entry: FileEntry) -> Sequence[str]:
        """Names of trees that can be read."""
        return self.known

    def batches(self, file: RootFile, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Batches of the entries ``start:stop`` of one of the `trees`. Errors as for `read`."""
        raise NotImplementedError
