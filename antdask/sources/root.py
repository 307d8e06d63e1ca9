"""ROOT files: uproot opens the file and reads what trees and branches say of themselves; the baskets are read here.

::

    with open_root(url) as file:
        tree = file.tree("KM3NET_EVENT")             highest cycle of that name
        branch = tree.branch("snapshotHits")
        for basket in branch.baskets(0, 100): ...    payload and offsets of entries 0 to 100, basket by basket
        branch.read(0, 100)                          the same as one basket

Memory is bounded by what is asked: one group of compressed baskets, the last basket of each branch, and the range that `Branch.read` returns.
What contradicts itself raises `CorruptFileError` with tree, branch, basket and the entries that are lost with it, so that the rest can be read.
A bit that flips in an uncompressed basket, outside of headers and counts, cannot be noticed: ROOT keeps no checksum there (zlib, lz4 and lzma blocks have one).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import numpy as np
import uproot

from antdask.errors import CorruptFileError, UnknownFormatError, UnknownLayoutError, UnknownNameError
from antdask.plan import Lender
from antdask.sources import root_codecs
from antdask.sources.blob import Blob, BlobFile, open_blob
from antdask.sources.held_files import Refused, held
from antdask.sources.root_branch import Branch, Home, windows
from antdask.sources.root_classes import classes_of
from antdask.sources.root_directory import Directory, trees_below
from antdask.sources.root_entries import entries_of
from antdask.sources.root_extents import extents_of
from antdask.sources.root_keys import TREE_CLASSES, parse_key
from antdask.sources.root_metadata import HINT, Metadata
from antdask.sources.root_object import Member
from antdask.sources.root_records import Found, begins
from antdask.sources.root_recovery import Disagreement, Recovery, recover

MAGIC = b"root"
_BIG_FILE = 1_000_000  # versions from here on state 64-bit sizes


class Tree:
    """A tree: entries, and branches over them.

    Attributes
    ----------
    url, name : str
    entries : int
    far : bool
        Whether the file is (`blob.Blob`).
    branches : tuple of Branch
        Those of the top level.
    """

    def __init__(self, metadata: Metadata, name: str, model: Any, found: Mapping[str, Found] | None = None, *, lent: bool = False) -> None:
        self._metadata = metadata
        self.url, self.name = metadata.blob.url, name
        extents = extents_of(model, found, lent=lent) if found else {}
        if lent and not extents:
            raise CorruptFileError("The baskets of the tree cannot be put in order", where=self.where, hint=HINT, tree=name)
        self.entries = max(0 if lent else int(model.member("fEntries")), *(int(e.edges[-1]) for e in extents.values()), 0)
        self.far = metadata.blob.far
        home = Home(metadata, name, self.entries, extents)
        self.branches = tuple(Branch(home, branch) for branch in model.member("fBranches"))

    @property
    def where(self) -> str:
        """File and tree, for messages."""
        return f"{self.url}, tree '{self.name}'"

    def walk(self) -> Iterator[Branch]:
        """All branches, depth first."""
        for branch in self.branches:
            yield from branch.walk()

    def find(self, name: str) -> Branch | None:
        """The first branch of this name, depth first; ``None`` if there is none."""
        return next((branch for branch in self.walk() if branch.name == name), None)

    def branch(self, name: str) -> Branch:
        """The first branch of this name, depth first.

        Raises
        ------
        UnknownLayoutError
            The tree has none.
        """
        found = self.find(name)
        if found is None:
            known = ", ".join(b.name for b in self.walk())
            raise UnknownLayoutError(f"The tree has no branch '{name}'", where=self.where, found=known or "no branch at all", expected=name)
        return found

    def hold(self, branches: Sequence[Branch], start: int, stop: int) -> None:
        """Say that this thread will read the entries ``start:stop`` of all these branches next: their baskets stand beside each other."""
        seeks, sizes = np.concatenate([branch.spans(start, stop) for branch in branches]).T
        self._metadata.blob.hold(seeks, seeks + sizes)

    def windows(self, branches: Sequence[Branch], start: int, stop: int, nbytes: int) -> Iterator[tuple[int, int]]:
        """Cut ``start:stop`` into ranges of about `nbytes` uncompressed bytes in all these branches, at the baskets of the heaviest one where possible.

        The file is told what comes next, one window ahead: baskets of all branches come in few requests, and while others are decoded.
        """
        heaviest = max(branches, key=lambda b: b.nbytes)
        share = sum(b.nbytes for b in branches) / max(1, heaviest.nbytes)
        cuts = windows(heaviest.edges, heaviest.weights() * share, start, stop, nbytes)
        blob, told, last = self._metadata.blob, 0, set[tuple[int, int]]()
        for number, window in enumerate(cuts):
            for low, high in cuts[told : number + 2] if blob.far else ():
                wanted = {r for branch in branches for r in branch.ranges(low, high)}
                # A basket that reaches into the next window is kept by its branch.
                blob.expect(sorted(wanted - last))
                last = wanted
            told = number + 2
            yield window


class RootFile:
    """An open ROOT file; use as a context manager. `open_root` makes one.

    Attributes
    ----------
    url : str
    nbytes : int
        Size of the file [byte].
    uuid : str
        UUID that ROOT gave the file, hexadecimal.
    objects : dict of str to str
        Class of everything in the top directory, by name without cycle.
    notes : tuple of str
        Oddities that lose nothing.
    loss : CorruptFileError or None
        What is missing of a file that was recovered: what it is, and how much, as far as that can be told.
    lent : frozenset of str
        Trees whose layout is that of another file.
    """

    def __init__(self, blob: Blob, recovery: Recovery | None = None) -> None:
        self._metadata = Metadata(blob, BlobFile(blob if recovery is None else recovery.view))
        self._recovery, self.loss = recovery, None if recovery is None else recovery.loss
        self.lent: frozenset[str] = frozenset() if recovery is None else recovery.lent
        #: Trees by name, of a file that others look at next; `None` if nobody does.
        self._trees: dict[str, Tree] | None = None
        self.url, self.nbytes = blob.url, blob.nbytes
        self._cycles: dict[str, int] = {}
        self.objects: dict[str, str] = {}
        with self._metadata.reading("directory"):
            # No caches: uproot keys them by UUID, and a damaged copy has the UUID of the sound file.
            self._directory: Any = uproot.open(self._metadata.file, object_cache=None, array_cache=None, use_threads=False, num_workers=1)
            self.uuid: str = self._directory.file.uuid.hex
            # Not by their names: uproot takes a slash in one for a path.
            self._keys: dict[tuple[str, int], Any] = {(str(k.fName), int(k.fCycle)): k for k in self._directory._keys}
            for (name, cycle), key in self._keys.items():
                if cycle >= self._cycles.get(name, 0):
                    self._cycles[name], self.objects[name] = cycle, str(key.fClassName)
            end = int(self._directory.file.fEND)
            classes = int(self._directory.file.fSeekInfo) + int(self._directory.file.fNbytesInfo)
        if recovery is not None:
            self.notes: tuple[str, ...] = recovery.notes
            return
        # That of a file that was never closed is empty, or lacks what was written since it was saved; that of one that is cut may stand in a gap before its objects.
        last = max((int(k.fSeekKey) + int(k.fNbytes) for k in self._keys.values()), default=0)
        last = max(last, classes)
        if end != self.nbytes and (not self._keys or last > self.nbytes or begins(blob, end)):
            raise CorruptFileError(
                "The directory of the file is not its last",
                where=self.url,
                found=f"{self.nbytes} bytes",
                expected=f"{end} bytes",
                hint=HINT,
            )
        try:
            self._check_keys()
        except CorruptFileError as error:
            raise Disagreement(error, self.url, self._listed()) from error
        self.notes = (f"the file has {self.nbytes} bytes, its header says {end}",) if end != self.nbytes else ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._trees is None:
            self.close()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._directory.close()
        self._metadata.blob.close()

    def keep(self) -> None:
        """Stay open at the end of a ``with``, and remember trees, until `close` is called."""
        self._trees = {}

    @cached_property
    def trees(self) -> dict[str, str]:
        """Class of every tree, by name; of one in a directory by its path (``directory/tree``).

        Raises
        ------
        CorruptFileError
            A directory cannot be read.
        """
        return {name: kind for name, kind in self.objects.items() if kind in TREE_CLASSES} | {
            n: str(k.fClassName) for n, k in self._below.items()
        }

    def has_tree(self, name: str) -> bool:
        """Whether there is a tree of this name; directories are looked into for a path alone."""
        return self.objects.get(name) in TREE_CLASSES or ("/" in name and name in self.trees)

    @cached_property
    def _below(self) -> dict[str, Any]:
        """Keys of trees in directories, by path, of the highest cycle."""
        found: dict[str, Any] = {}
        for name, kind in self.objects.items():
            if kind == "TDirectory":
                found |= trees_below(self._metadata, name, self._keys[name, self._cycles[name]])
        return found

    def tree(self, name: str) -> Tree:
        """The tree of this name or path, of its highest cycle.

        Raises
        ------
        UnknownNameError
            No such tree.
        CorruptFileError
            It cannot be read.
        """
        if self._trees is not None and name in self._trees:
            return self._trees[name]
        self._tree_object(name)  # bounded, before uproot believes the sizes of its blocks
        with self._metadata.reading(f"tree '{name}'", name):
            found = None if self._recovery is None else self._recovery.baskets.get(name)
            tree = Tree(self._metadata, name, self._key(name).get(), found, lent=name in self.lent)
        if self._trees is not None:
            self._trees[name] = tree
        return tree

    def _check_keys(self) -> None:
        """Compare the list of the directory with the keys that stand before the objects: a damaged name or class would hide an object."""
        with self._metadata.reading("directory"):
            ours = [(int(k.fSeekKey), int(k.fKeylen), k.fClassName, k.fName, int(k.fCycle)) for k in self._keys.values()]
        for (seek, keylen, *expected), data in zip(ours, self._metadata.blob.read_many([(s, s + n) for s, n, *_ in ours]), strict=True):
            key, _ = parse_key(data)
            # ROOT 4 lists a folder under the name of its base class.
            found, listed = ("TDirectory" if kind == "TDirectoryFile" else kind for kind in (key.kind, str(expected[0])))
            if [found, key.name, key.cycle] != [listed, *expected[1:]] or (key.seek, key.keylen) != (seek, keylen):
                raise CorruptFileError(
                    "Directory and object disagree on what the object is",
                    found=f"{key.kind} '{key.name}'",
                    expected="{} '{}'".format(*expected),
                )

    def _listed(self) -> dict[int, tuple[str, str]]:
        """Class and name of everything in the top directory, by place, as the directory has them."""
        with self._metadata.reading("directory"):
            return {int(k.fSeekKey): (str(k.fClassName), str(k.fName)) for k in self._keys.values()}

    def entries(self, name: str) -> int:
        """Entries of a tree, without the time it takes to parse its branches. Errors as for `tree`."""
        if self._recovery is not None:
            return self.tree(name).entries
        try:
            found = entries_of(self._tree_object(name))
        except CorruptFileError as error:
            raise self._damaged(name, error) from error
        return self.tree(name).entries if found is None else found

    def _tree_object(self, name: str) -> np.ndarray:
        if not self.has_tree(name):
            # Whether a file that was cut ever had it, nobody knows.
            raise self._damaged(name, self.loss) if self.loss is not None else UnknownNameError.of("tree", name, self.trees, where=self.url)
        return self.object(name)

    def _key(self, name: str) -> Any:
        """The key of an object of the top directory, or of a tree in another."""
        return self._keys[name, self._cycles[name]] if name in self.objects else self._below[name]

    def object(self, name: str) -> np.ndarray:
        """Bytes of an object of the top directory, or of a tree in another, of its highest cycle, not compressed: uint8.

        Raises
        ------
        UnknownNameError
            No such object.
        CorruptFileError
        """
        if name not in self.objects and not self.has_tree(name):
            raise UnknownNameError.of("object", name, self.objects, where=self.url)
        with self._metadata.reading(f"key of '{name}'", name):
            key = self._key(name)
            nbytes, keylen, objlen, seek = int(key.fNbytes), int(key.fKeylen), int(key.fObjlen), int(key.fSeekKey)
        try:
            # What is lent stands where uproot sees it.
            data = self._metadata.file.blob.read(seek + keylen, seek + nbytes)
            return np.frombuffer(data, np.uint8) if len(data) == objlen else root_codecs.decompress(data, objlen)
        except CorruptFileError as error:
            raise self._damaged(name, error) from error

    def directory(self, name: str = "") -> Directory:
        """The top directory, or one below it, of its highest cycle.

        Raises
        ------
        UnknownNameError
            No such directory.
        CorruptFileError
        """
        if name and self.objects.get(name) != "TDirectory":
            raise UnknownNameError.of(
                "directory", name, [key for key, kind in self.objects.items() if kind == "TDirectory"], where=self.url
            )
        with self._metadata.reading(f"directory '{name}'", name):
            model = self._keys[name, self._cycles[name]].get() if name else self._directory
        return Directory(self._metadata, name, model)

    def members(self, kind: str, version: int) -> tuple[Member, ...]:
        """What the file says of the members of a class in this version, in their order.

        Raises
        ------
        UnknownLayoutError
            It says nothing.
        CorruptFileError
        """
        found = classes_of(self._metadata, self._directory.file).get((kind, version))
        if found is not None:
            return found
        raise UnknownLayoutError(f"The file does not describe version {version} of class {kind}", where=self.url)

    def _damaged(self, name: str, error: CorruptFileError) -> CorruptFileError:
        where = f"{self.url}, object '{name}'"
        return CorruptFileError(error.what, where=where, found=error.found, expected=error.expected, hint=HINT, tree=name)


def open_root(url: str, like: Lender | None = None) -> RootFile:
    """Open a ROOT file.

    Parameters
    ----------
    like : Lender, optional
        Whose layout is taken for trees of which only baskets are left.

    Raises
    ------
    UnknownFormatError
        It does not begin with "root".
    CorruptFileError
        Its header or directory cannot be read.
    InputMissingError, InputUnreadableError, InputError
    """
    files = held()
    if files is None:
        return _open(url, like)
    file = files.get(url)
    if isinstance(file, RootFile):
        return file
    if isinstance(file, Refused):
        raise file.loss
    try:
        opened = files[url] = _open(url, like)
    except CorruptFileError as error:
        # To find out that nothing is left takes a walk through the file.
        files[url] = Refused(error)
        raise
    opened.keep()
    return opened


def _open(url: str, like: Lender | None = None) -> RootFile:
    blob = open_blob(url)
    try:
        magic = bytes(blob.read(0, min(len(MAGIC), blob.nbytes)))
        if magic != MAGIC:
            raise UnknownFormatError(
                "Not a ROOT file",
                where=url,
                found=f"first bytes {magic!r}",
                expected=repr(MAGIC),
                hint="Give a ROOT file, or leave it out.",
            )
        try:
            return RootFile(blob)
        except CorruptFileError as error:
            return RootFile(blob, recover(blob, error, like))
    except BaseException:
        blob.close()
        raise
