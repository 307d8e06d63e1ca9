"""ROOT files read by declared layouts alone: which map fits, what the file holds, and batches of it.

A map gives the fields of each table (`layout_map`); what it lists as *derived* is computed here from the columns it names:

=================  ==============================================================================
``utc_ns``         start of the run [ns] + frame_ns x (frame index - first_frame)
``hits.om``        3 x (floor - 1) + ars // 2 + 1
``n_triggered``    number of hits whose flag is not 0
``n_hits``         number of rows of table ``hits``
=================  ==============================================================================
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from antdask.errors import ConfigurationError, CorruptFileError, UnknownLayoutError
from antdask.model.keys import RunKey
from antdask.model.ragged import Batch, Columns, offsets_of
from antdask.model.tables import schema
from antdask.plan import FileEntry, Segment
from antdask.settings import load as load_settings
from antdask.sources import files, layout_map
from antdask.sources.ahead import in_order
from antdask.sources.layout_dataset import Dataset, Derived
from antdask.sources.layout_map import LayoutMap
from antdask.sources.root import RootFile
from antdask.sources.root_columns import TreeColumns, Values
from antdask.sources.root_source import RootSource

#: Aim for the uncompressed bytes of one batch [byte].
BATCH_BYTES = 16 * 2**20

#: An object of this name says that the file is simulated, and its detector is labelled so, whatever the map says.
SIMULATED = "SIMULATED"


class MappedRoot(RootSource):
    """Source of ROOT files whose layouts are declared in maps of one format. A batch is about 16 MiB uncompressed.

    Parameters
    ----------
    name, version : str
        The name is that of the format in the maps. The version enters the lineage of every part, as does the hash of the map.
    """

    def __init__(self, name: str, version: str) -> None:
        self.name, self.version = name, version

    def claims(self, file: RootFile) -> bool:
        """Whether there is a tree that a map of this format names."""
        return any(_present(file, layout) for layout in self._layouts())

    def survey(self, file: RootFile, notes: list[str]) -> tuple[list[Segment], str, str]:
        """What the trees of the first map that fits hold; reads metadata and the column with the run.

        Raises
        ------
        CorruptFileError
        UnknownLayoutError
            No map fits the branches; the message says what is wrong with the nearest.
        """
        layout, fitting = self._fitting(file)
        segments: list[Segment] = []
        for columns in fitting:
            dataset = columns.dataset
            if _is_archived(dataset):
                segments += _segments(columns, _label(file, layout), notes)
            notes += [f"branch '{name}' of tree '{dataset.name}' is not archived: map '{layout.layout}' does not declare it" for name in columns.unmapped]  # fmt: skip
        notes += [f"'{name}' ({kind}) is not archived" for name, kind in file.objects.items() if name not in _tops(layout)]
        if layout.assumed():
            notes.append(f"map '{layout.layout}' rests on {len(layout.assumed())} assumptions")
        return segments, layout.origin, layout.layout

    def trees(self, entry: FileEntry) -> Sequence[str]:
        """Trees of the map that are archived."""
        return [name for name, dataset in layout_map.load(entry.layout).datasets.items() if _is_archived(dataset)]

    def batches(self, file: RootFile, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Entries ``start:stop`` of a tree."""
        layout = layout_map.load(entry.layout)
        columns = TreeColumns(file.tree(tree), layout.dataset(tree), layout.origin)
        files.demand_entries(start, stop, columns.tree.entries, columns.tree.where)
        if start == stop:
            return
        derive = _Derivation(file, layout, columns.dataset)

        def made(window: tuple[int, int]) -> Batch:
            return _batch(layout, columns, columns.read(*window), derive, *window)

        # A file far away sends what comes next by itself.
        threads = 1 if columns.tree.far else load_settings().read_threads
        windows = columns.tree.windows(columns.leaves, start, stop, BATCH_BYTES)
        with contextlib.closing(in_order(made, windows, threads)) as found:
            yield from found

    def _layouts(self) -> list[LayoutMap]:
        return [layout_map.load(name) for name in layout_map.names(self.name)]

    def _fitting(self, file: RootFile) -> tuple[LayoutMap, list[TreeColumns]]:
        """The first map whose data sets fit the trees of the file, and these trees."""
        reasons = []
        # A tree takes milliseconds to parse, and several maps name the same.
        tree = functools.cache(file.tree)
        for layout in self._layouts():
            present = _present(file, layout)
            try:
                fitting = [TreeColumns(tree(dataset.name), dataset, layout.origin) for dataset in present]
            except UnknownLayoutError as error:
                reasons.append(f"map '{layout.layout}': {error}")
                continue
            if present:
                return layout, fitting
            reasons.append(f"map '{layout.layout}': none of its trees")
        raise UnknownLayoutError(f"No map of format '{self.name}' fits the file", where=file.url, found=" ".join(reasons), hint="A new variant needs a map of its own.")  # fmt: skip


def _tops(layout: LayoutMap) -> set[str]:
    """Trees of a map, and the directories at the top in which they lie."""
    return {*layout.datasets, *(name.partition("/")[0] for name in layout.datasets)}


def _present(file: RootFile, layout: LayoutMap) -> list[Dataset]:
    """Data sets whose trees are in the file; none unless one that is archived is."""
    found = [d for d in layout.datasets.values() if file.has_tree(d.name)]
    return found if any(_is_archived(d) for d in found) else []


def _is_archived(dataset: Dataset) -> bool:
    """Whether rows are made of it; a data set without any target only helps to read others."""
    return any(c.field for c in dataset.columns) or any(f.target for _, f in dataset.record_fields())


def _label(file: RootFile, layout: LayoutMap) -> str:
    """Label of the detector."""
    simulated = SIMULATED in file.objects and not layout.detector.endswith("-simulated")
    return f"{layout.detector}-simulated" if simulated else layout.detector


def _segments(columns: TreeColumns, detector: str, notes: list[str]) -> list[Segment]:
    """Consecutive entries of one run."""
    tree, dataset = columns.tree, columns.dataset
    if tree.entries == 0:
        notes.append(f"tree '{tree.name}' is empty")
        return []
    runs = _runs(columns, notes)
    cuts = [0, *(np.flatnonzero(np.diff(runs)) + 1).tolist(), tree.entries]
    return [
        Segment(dataset.stream, tree.name, RunKey(detector, int(runs[a])), a, b, sum(leaf.nbytes_of(a, b) for leaf in columns.leaves))
        for a, b in itertools.pairwise(cuts)
    ]


def _runs(columns: TreeColumns, notes: list[str]) -> np.ndarray:
    """Run of every entry, int64; where it cannot be read that of the entry before, so that reading those entries reports them."""
    tree, dataset = columns.tree, columns.dataset
    source, field = dataset.targets(dataset.table)["run"], f"{dataset.table}.run"
    held = max(int(leaf.edges[-1]) for leaf in columns.leaves)
    if held < tree.entries:
        raise CorruptFileError("The tree counts more entries than any branch holds", where=tree.where, found=tree.entries, expected=held, tree=tree.name)  # fmt: skip
    runs, known = np.zeros(tree.entries, np.int64), np.zeros(tree.entries, bool)
    position, stop = 0, tree.entries
    while position < tree.entries:
        try:
            found = columns.fields(columns.read(position, stop, {source}), position)[field]
        except CorruptFileError as error:
            if error.start is None or error.stop is None or error.stop <= position or (error.start, error.stop) == (0, tree.entries):
                raise
            if error.start > position:
                stop = error.start  # the sound entries before it first
                continue
            notes.append(f"runs of entries {position} to {error.stop} of tree '{tree.name}' cannot be read: {error.what}")
            stop = error.stop
        else:
            runs[position:stop], known[position:stop] = found, True
        position, stop = stop, tree.entries
    if not known.any():
        raise CorruptFileError("No run number of the tree can be read", where=tree.where, tree=tree.name, start=0, stop=tree.entries)
    nearest = np.maximum(np.maximum.accumulate(np.where(known, np.arange(tree.entries), -1)), int(np.argmax(known)))
    return np.asarray(runs[nearest])


def _batch(layout: LayoutMap, columns: TreeColumns, values: Values, derive: _Derivation, start: int, stop: int) -> Batch:
    dataset, fields = columns.dataset, columns.fields(values, start)
    declared = schema(dataset.stream).given_by(layout.origin)
    offsets = _offsets(columns, values, start)
    fields |= derive(values, fields, offsets)
    rows = stop - start
    fields[f"{dataset.table}.source_input"] = np.zeros(rows, np.uint16)
    fields[f"{dataset.table}.source_entry"] = np.arange(start, stop, dtype=np.uint64)
    tables: dict[str, Columns] = {t.name: {name: fields[f"{t.name}.{name}"] for name in t.columns(layout.origin)} for t in declared}
    return Batch(dataset.stream, layout.origin, tables, offsets)


def _offsets(columns: TreeColumns, values: Values, start: int) -> dict[str, np.ndarray]:
    """Offsets of every ragged table: from the column that counts its rows, else from the elements of each entry."""
    dataset, made = columns.dataset, {}
    per_entry = _elements(dataset, values)
    for table, counts in per_entry.items():
        counter = next((c.source for c in dataset.columns if c.counts == table), None)
        if counter is None:
            made[table] = offsets_of(counts)
            continue
        below = values.columns[counter].astype(np.int64)
        sums = np.diff(offsets_of(below)[offsets_of(values.counts[counter])])
        wrong = np.flatnonzero(sums != counts)
        if len(wrong):
            first = start + int(wrong[0])
            raise CorruptFileError(f"'{counter}' does not add up to the rows of '{table}'", where=f"{columns.tree.where}, entry {first}", found=int(sums[wrong[0]]), expected=int(counts[wrong[0]]), tree=columns.tree.name, branch=counter, start=first, stop=first + 1)  # fmt: skip
        made[table] = offsets_of(below)
    return made


def _elements(dataset: Dataset, values: Values) -> dict[str, np.ndarray]:
    """Rows of each ragged table by entry."""
    found: dict[str, np.ndarray] = {}
    named = [(c.table, c.source) for c in dataset.columns if c.field and c.ragged]
    inside = [(dataset.place(f.target)[0], f"{c.source}.{f.name}") for c, f in dataset.record_fields() if f.target]
    named += [(table, name) for table, name in inside if name in values.counts]
    for table, name in named:
        counts = values.counts[name]
        if table in found and not np.array_equal(found[table], counts):
            first = int(np.flatnonzero(found[table] != counts)[0])
            raise CorruptFileError(f"The columns of table '{table}' differ in length", where=f"tree '{dataset.name}', column '{name}'", found=int(counts[first]), expected=int(found[table][first]))  # fmt: skip
        found.setdefault(table, counts)
    return found


class _Derivation:
    """The derived fields of a data set."""

    def __init__(self, file: RootFile, layout: LayoutMap, dataset: Dataset) -> None:
        self._layout, self._dataset = layout, dataset
        for derived in dataset.derived:
            if self._name(derived) not in _KNOWN:
                raise ConfigurationError("The map wants a field derived that nobody knows how to", where=f"map '{layout.layout}'", found=self._name(derived), expected=", ".join(_KNOWN))  # fmt: skip
        elsewhere = {s for d in dataset.derived for s in d.sources if "/" in s}
        self._constants = {name: _only_value(file, layout, name) for name in elsewhere}

    def __call__(self, values: Values, fields: dict[str, np.ndarray], offsets: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The fields by ``table.field``."""
        made = {}
        for derived in self._dataset.derived:
            sources = [self._source(s, values, fields) for s in derived.sources]
            made[f"{derived.table}.{derived.field}"] = _KNOWN[self._name(derived)](self._layout, sources, offsets)
        return made

    def _name(self, derived: Derived) -> str:
        return derived.field if derived.table == self._dataset.table else f"{derived.table}.{derived.field}"

    def _source(self, name: str, values: Values, fields: dict[str, np.ndarray]) -> np.ndarray:
        """A source column as the field that it became, else as it stands in the file."""
        if name in self._constants:
            return self._constants[name]
        for column in self._dataset.columns:
            if column.source == name and column.field:
                return fields[f"{column.table}.{column.field}"]
        for column, part in self._dataset.record_fields():
            if f"{column.source}.{part.name}" == name and part.target:
                return fields[".".join(self._dataset.place(part.target))]
        return values.columns[name]


def _only_value(file: RootFile, layout: LayoutMap, name: str) -> np.ndarray:
    """The value of a column of which the file has just one, int64, shape ()."""
    tree, _, column = name.rpartition("/")
    if not file.has_tree(tree):
        raise CorruptFileError(
            "A tree is missing without which the others cannot be read", where=file.url, found=", ".join(file.trees), expected=tree
        )
    columns = TreeColumns(file.tree(tree), layout.dataset(tree), layout.origin)
    if columns.tree.entries != 1:
        raise UnknownLayoutError("The tree must have one entry", where=columns.tree.where, found=columns.tree.entries, expected=1)
    value: np.ndarray = columns.read(0, 1, {column}).columns[column][0]
    return value


def _utc_ns(layout: LayoutMap, sources: list[np.ndarray], offsets: dict[str, np.ndarray]) -> np.ndarray:
    del offsets
    start, index = sources
    frames = index.astype(np.int64) - int(layout.constants["first_frame"])
    utc_ns: np.ndarray = start.astype(np.int64) + frames * int(layout.constants["frame_ns"])
    return utc_ns


def _om(layout: LayoutMap, sources: list[np.ndarray], offsets: dict[str, np.ndarray]) -> np.ndarray:
    del layout, offsets
    floor, ars = sources
    om: np.ndarray = (floor - np.uint8(1)) * np.uint8(3) + ars // np.uint8(2) + np.uint8(1)
    return om


def _n_triggered(layout: LayoutMap, sources: list[np.ndarray], offsets: dict[str, np.ndarray]) -> np.ndarray:
    del layout
    # Few hits are triggered: their places are found faster than all hits are added up, and five times as fast among booleans.
    before = np.searchsorted(np.flatnonzero(sources[0] != 0), offsets["hits"])
    return np.diff(before).astype(np.uint32)


def _n_hits(layout: LayoutMap, sources: list[np.ndarray], offsets: dict[str, np.ndarray]) -> np.ndarray:
    del layout, sources
    return np.diff(offsets["hits"]).astype(np.uint32)


_KNOWN = {"utc_ns": _utc_ns, "hits.om": _om, "n_triggered": _n_triggered, "n_hits": _n_hits}
