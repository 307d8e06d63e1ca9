"""Source ``km3net_dst``: what KM3NeT's DSTs add to the events of tree ``E``: tree ``T`` with numbers of every event, and ``headerTree`` with those of a run.

Every production writes other branches, so a number stands beside the CRC-32 of its name (table ``summary`` of stream dst); the names, with what they hold, are a header of
their own (stream headers, first row). Entry n of ``T`` belongs to entry n of ``E``, which gives the key of the event. The events and the ``Head`` of the same file are read by
`antdask.sources.km3net_offline`.
"""

from __future__ import annotations

import dataclasses
import itertools
import zlib
from collections.abc import Iterator

import numpy as np

from antdask.errors import UnknownLayoutError
from antdask.model.keys import RunKey
from antdask.model.ragged import Batch, offsets_of, ranges
from antdask.plan import FileEntry, Segment
from antdask.sources import files
from antdask.sources.evt_header import header_batch
from antdask.sources.km3net_records import demand, native
from antdask.sources.offline_survey import EventSurvey
from antdask.sources.root import RootFile, Tree
from antdask.sources.root_branch import Branch
from antdask.sources.root_leaf import COLLECTION, Leaf, leaf_of
from antdask.sources.root_nested import NUMBER, STRING, VECTOR, NestedBranch, nested_of, read_nested
from antdask.sources.root_source import RootSource

ORIGIN = "km3net_dst"
EVENTS, SUMMARY, RUNS = "E", "T", "headerTree"
#: The names of the branches of T, then the entries of headerTree.
HEADERS = "headers"

#: Aim for the uncompressed bytes of one batch: a number of 4 bytes becomes one of 16 [byte].
BATCH_BYTES = 8 * 2**20

_Line = tuple[bytes, bytes, bytes]


class Km3netDst(RootSource):
    """KM3NeT DSTs: files with trees ``E`` and ``T`` of as many entries, of which ``T`` sums up the hits."""

    name, version = ORIGIN, "1"
    known, needs = (SUMMARY, HEADERS), "trees E and T of as many entries"

    def claims(self, file: RootFile) -> bool:
        """Whether both trees are there, with as many entries, and what they have to have."""
        if any(file.objects.get(name) != "TTree" for name in (EVENTS, SUMMARY)):
            return False
        if not file.entries(SUMMARY) or file.entries(EVENTS) != file.entries(SUMMARY):
            return False
        return file.tree(SUMMARY).find("sum_hits") is not None and file.tree(EVENTS).find("mc_trks") is not None

    def survey(self, file: RootFile, notes: list[str]) -> tuple[list[Segment], str, str]:
        """Summaries by run, from the keys of tree ``E``, and the headers."""
        survey, tree = EventSurvey(file, notes), file.tree(SUMMARY)
        members = _members(tree, notes)
        keys = [RunKey(label, run) for label, run in zip(survey.labels, survey.runs.tolist(), strict=True)]
        cuts = [0, *(k for k in range(1, len(keys)) if keys[k] != keys[k - 1]), tree.entries]
        segments = [
            Segment("dst", SUMMARY, keys[a], a, b, max(1, sum(m.branch.nbytes_of(a, b) for m in members)), survey.ordered(a, b))
            for a, b in itertools.pairwise(cuts)
        ]
        heads = _headers(file, members, notes)
        nbytes = sum(len(text) for lines in heads for line in lines for text in line)
        segments.append(Segment("headers", HEADERS, keys[0], 0, len(heads), max(1, nbytes)))
        notes += [f"'{name}' ({kind}) is not archived here" for name, kind in file.objects.items() if name not in (SUMMARY, RUNS)]
        return segments, ORIGIN, self.name

    def batches(self, file: RootFile, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Summaries or headers ``start:stop``."""
        data = file.tree(SUMMARY)
        members = _members(data, [])
        heads = _headers(file, members, []) if tree == HEADERS else []
        count = len(heads) if tree == HEADERS else data.entries
        files.demand_entries(start, stop, count, data.where)
        if start < stop and tree == HEADERS:
            run = next(s.run.run for s in entry.segments if s.tree == tree)
            yield header_batch([(run, found) for found in heads[start:stop]], start, ORIGIN)
        elif start < stop:
            yield from _summaries(EventSurvey(file, []), data, members, start, stop)


@dataclasses.dataclass(frozen=True, slots=True)
class _Member:
    """A branch with numbers: the names above it and its own, and what it holds."""

    name: str
    branch: Branch
    what: Leaf | NestedBranch
    counter: Branch | None

    @property
    def id(self) -> int:
        return zlib.crc32(self.name.encode())

    def read(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the entries ``start:stop``, and how many each has."""
        leaf = self.what
        if isinstance(leaf, NestedBranch):
            found = read_nested(self.branch, leaf, start, stop)
            return found.values, found.levels[0]
        counts = np.ones(stop - start, np.int64)
        if self.counter is not None:
            counted = self.counter.read(start, stop)
            demand(counted.sizes == 4, self.counter, start, "An entry does not count its elements in four bytes", found=counted.sizes)
            counts = counted.payload.view(">i4").astype(np.int64)
            demand(counts >= 0, self.counter, start, "A number of elements is negative", found=counts)
        counts = counts * leaf.width
        basket = self.branch.read(start, stop)
        demand(basket.sizes == counts * leaf.big.itemsize, self.branch, start, "An entry does not have as many elements as it should")
        return native(basket.payload.view(leaf.big)), counts


def _members(tree: Tree, notes: list[str]) -> list[_Member]:
    """Branches with numbers; the others are named in `notes`."""
    found: list[_Member] = []
    for name, branch in _paths(tree.branches, ""):
        try:
            found.append(_member(tree, name, branch))
        except UnknownLayoutError as error:
            notes.append(f"branch '{name}' of tree '{tree.name}' is not archived: {error.what}")
    if len({m.id for m in found}) != len(found):
        raise UnknownLayoutError("Two names of branches have the same CRC-32, or are the same", where=tree.where)
    return found


def _paths(branches: tuple[Branch, ...], above: str) -> Iterator[tuple[str, Branch]]:
    """Branches with data, each with the names of those above it."""
    for branch in branches:
        if branch.children:
            yield from _paths(branch.children, f"{above}{branch.name}/")
        else:
            yield above + branch.name, branch


def _member(tree: Tree, name: str, branch: Branch) -> _Member:
    what = _holding(branch)
    if isinstance(what, NestedBranch):
        inner = what.form.inner
        if what.count or what.form.kind != VECTOR or inner is None or inner.kind != NUMBER:
            raise UnknownLayoutError("it holds no numbers, or vectors of vectors")
    if np.dtype(what.dtype).itemsize == 8 and np.dtype(what.dtype).kind in "iu":
        raise UnknownLayoutError("whole numbers of 64 bits do not fit into real ones")
    counter = tree.branch(what.count) if what.count else None
    if counter is not None and leaf_of(counter).kind != COLLECTION:
        raise UnknownLayoutError("its elements are counted by no vector")
    return _Member(name, branch, what, counter)


def _holding(branch: Branch) -> Leaf | NestedBranch:
    try:
        leaf = leaf_of(branch)
    except UnknownLayoutError:
        return nested_of(branch)
    return leaf if leaf.dtype != "V" else nested_of(branch)


def _summaries(survey: EventSurvey, tree: Tree, members: list[_Member], start: int, stop: int) -> Iterator[Batch]:
    leaves = [m.branch for m in members] + [m.counter for m in members if m.counter is not None]
    for low, high in tree.windows(leaves, start, stop, BATCH_BYTES):
        survey.demand(low, high)
        found = [m.read(low, high) for m in members]
        counts = np.stack([c for _, c in found], axis=1)
        # Where the numbers of each branch begin, entry by entry: behind those of all branches before it.
        first = offsets_of(counts.reshape(-1))
        value = np.zeros(int(first[-1]))
        for k, (numbers, each) in enumerate(found):
            value[ranges(first[:-1].reshape(counts.shape)[:, k], each)] = numbers
        names = np.repeat(np.tile(np.array([m.id for m in members], np.uint32), high - low), counts.reshape(-1))
        place = (np.arange(len(value)) - np.repeat(first[:-1], counts.reshape(-1))).astype(np.uint32)
        frame, counter = survey.keys(low, high)
        rows = {
            "run": survey.runs[low:high].astype(np.uint32),
            "frame_index": frame.astype(np.uint32),
            "trigger_counter": counter,
            "source_input": np.zeros(high - low, np.uint16),
            "source_entry": np.arange(low, high, dtype=np.uint64),
        }
        yield Batch(
            "dst",
            ORIGIN,
            {"events": rows, "summary": {"name_id": names, "place": place, "value": value}},
            {"summary": offsets_of(counts.sum(axis=1))},
        )


def _headers(file: RootFile, members: list[_Member], notes: list[str]) -> list[list[_Line]]:
    """Lines of the header of names, then of each entry of ``headerTree``; what of that cannot be read is named in `notes`."""
    names = [(m.name.encode(), str(m.id).encode(), m.what.dtype.encode()) for m in members]
    if file.objects.get(RUNS) != "TTree" or not file.entries(RUNS):
        return [names]
    return [names, *_run_lines(file.tree(RUNS), notes)]


def _run_lines(tree: Tree, notes: list[str]) -> list[list[_Line]]:
    """Lines of each entry of ``headerTree``: names and values of its branches, then the header in it."""
    start, stop = 0, tree.entries
    lines: list[list[_Line]] = [[] for _ in range(start, stop)]
    pairs: dict[str, list[list[bytes]]] = {}
    for name, branch in _paths(tree.branches, ""):
        try:
            texts, dtype = _texts(tree, branch, start, stop)
        except UnknownLayoutError as error:
            notes.append(f"branch '{name}' of tree '{tree.name}' is not archived: {error.what}")
            continue
        last = name.rpartition(".")[2]
        if last in ("first", "second"):
            pairs[last] = texts
        else:
            for found, row in zip(lines, texts, strict=True):
                found.append((name.encode(), b" ".join(row), dtype.encode()))
    if len(pairs) == 2:
        for found, names, values in zip(lines, pairs["first"], pairs["second"], strict=True):
            found += [(key, value, b"Head") for key, value in zip(names, values, strict=True)]
    return lines


def _texts(tree: Tree, branch: Branch, start: int, stop: int) -> tuple[list[list[bytes]], str]:
    """Values of a branch as texts, entry by entry, and their type."""
    try:
        nested = nested_of(branch)
    except UnknownLayoutError:
        member = _member(tree, branch.name, branch)
        values, counts = member.read(start, stop)
        texts, dtype = [str(v).encode() for v in values.tolist()], member.what.dtype
    else:
        if nested.form.kind != STRING:
            raise UnknownLayoutError("it holds neither numbers nor texts") from None
        counts = np.ones(stop - start, np.int64)
        if nested.count:
            counts = tree.branch(nested.count).read(start, stop).payload.view(">i4").astype(np.int64)
        found = read_nested(branch, nested, start, stop, counts if nested.count else None)
        edges, data = offsets_of(found.levels[-1]), found.values.tobytes()
        texts, dtype = [data[a:b] for a, b in itertools.pairwise(edges.tolist())], "string"
    first = offsets_of(counts).tolist()
    return [texts[a:b] for a, b in itertools.pairwise(first)], dtype


SOURCE = Km3netDst()
