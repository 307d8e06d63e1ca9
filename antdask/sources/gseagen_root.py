"""Source ``gseagen_root``: neutrino interactions as gSeaGen itself keeps them, in ROOT files with trees ``Events`` (stream mc) and ``Header`` (stream headers).

The branches are declared in ``maps/gseagen_1.toml``. Particles of an event are the neutrino, the lepton behind the vertex, then the tracks that reach the can, each as a row.
What gSeaGen converts to aanet or .evt is read by `antdask.sources.km3net_offline` and `antdask.sources.evt_ascii`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.model.keys import RunKey
from antdask.model.mc_fields import NO_NUMBER, PARTICLE_KINDS
from antdask.model.ragged import Batch, Columns
from antdask.model.tables import schema
from antdask.plan import FileEntry, Segment
from antdask.sources import files, layout_map
from antdask.sources.evt_header import PDG, header_batch
from antdask.sources.layout_map import LayoutMap
from antdask.sources.particle_slots import ParticleSlots
from antdask.sources.root import RootFile
from antdask.sources.root_columns import TreeColumns
from antdask.sources.root_source import RootSource
from antdask.sources.tree_lines import Line, lines_of

ORIGIN = "gseagen"
LAYOUT = "gseagen_1"
EVENTS, HEADER = "Events", "Header"

#: Aim for the uncompressed bytes of one batch [byte].
BATCH_BYTES = 32 * 2**20

_LEADING = (PARTICLE_KINDS.index("neutrino"), PARTICLE_KINDS.index("primarylepton"))
_TRACK = PARTICLE_KINDS.index("track_in")


class GSeaGenRoot(RootSource):
    """Trees of gSeaGen: ``Header``, and ``Events`` with the weights of gSeaGen. A batch is about 32 MiB uncompressed."""

    name, version = "gseagen_root", "1"
    known, needs = (EVENTS, HEADER), "trees Header and Events of gSeaGen"

    def claims(self, file: RootFile) -> bool:
        """Whether both trees are there, and have what only gSeaGen writes."""
        if not all(file.objects.get(name) == "TTree" for name in (EVENTS, HEADER)):
            return False
        return file.tree(EVENTS).find("WGen") is not None and file.tree(HEADER).find("RunNu") is not None

    def survey(self, file: RootFile, notes: list[str]) -> tuple[list[Segment], str, str]:
        """All events, and the header, which is read: it has the run."""
        columns = _columns(file)
        lines = _header(file, notes)
        key = RunKey(_map().detector, _run(lines, file))
        segments = [Segment("headers", HEADER, key, 0, 1, sum(len(part) for line in lines for part in line))]
        if columns.tree.entries:
            nbytes = sum(leaf.nbytes_of(0, columns.tree.entries) for leaf in columns.leaves)
            segments.insert(0, Segment("mc", EVENTS, key, 0, columns.tree.entries, nbytes))
        else:
            notes.append("tree 'Events' is empty")
        notes += [f"branch '{name}' of tree 'Events' is not archived: map '{LAYOUT}' does not declare it" for name in columns.unmapped]
        notes += [f"'{name}' ({kind}) is not archived" for name, kind in file.objects.items() if name not in (EVENTS, HEADER)]
        return segments, ORIGIN, LAYOUT

    def batches(self, file: RootFile, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Events ``start:stop``, or the header."""
        run = entry.segments[0].run.run
        if tree == HEADER:
            files.demand_entries(start, stop, 1, entry.url, "headers")
            if start < stop:
                yield header_batch([(run, _header(file, []))], start, ORIGIN)
            return
        columns = _columns(file)
        files.demand_entries(start, stop, columns.tree.entries, columns.tree.where)
        if start < stop:
            for low, high in columns.tree.windows(columns.leaves, start, stop, BATCH_BYTES):
                yield _batch(columns, run, low, high)


def _map() -> LayoutMap:
    return layout_map.load(LAYOUT)


def _columns(file: RootFile) -> TreeColumns:
    return TreeColumns(file.tree(EVENTS), _map().dataset(EVENTS), ORIGIN)


def _header(file: RootFile, notes: list[str]) -> list[Line]:
    tree = file.tree(HEADER)
    if tree.entries != 1:
        raise UnknownLayoutError("The file has not one header", where=tree.where, found=tree.entries, expected=1)
    (lines,) = lines_of(tree, notes)
    return lines


def _run(lines: list[Line], file: RootFile) -> int:
    """Number of the run, from the header."""
    # The branch is there, but may be damaged so that it seems to hold an object.
    text = next((value for name, value, _ in lines if name == b"RunNu"), b"")
    if not text.isdigit():
        raise CorruptFileError("The run of the header is no number of a run", where=file.url, found=text.decode(), tree=HEADER, branch="RunNu", start=0, stop=1)  # fmt: skip
    return int(text)


def _batch(columns: TreeColumns, run: int, start: int, stop: int) -> Batch:
    values, n = columns.read(start, stop), stop - start
    fields = columns.fields(values, start)
    tracks = values.columns["NTracks"].astype(np.int64)
    slots = ParticleSlots(np.stack([np.ones(n, np.int64), np.ones(n, np.int64), tracks], axis=1))
    particles: Columns = {}
    for derived in columns.dataset.derived:
        if derived.table == "particles" and len(derived.sources) == 3:
            particles[derived.field] = slots.join([values.columns[name] for name in derived.sources])
    particles["particle_id"] = slots.join([NO_NUMBER, NO_NUMBER, values.columns["Id_tr"]])
    particles["kind"] = slots.join([*_LEADING, np.uint8(_TRACK)])
    particles["numbering"] = np.full(int(slots.offsets[-1]), PDG, np.uint8)
    row = {name.partition(".")[2]: column for name, column in fields.items()} | {
        "run": np.full(n, run, np.uint32),
        "frame_index": np.zeros(n, np.uint32),
        "trigger_counter": np.full(n, -1, np.int64),
        "n_particles": (tracks + 2).astype(np.uint32),
        "source_input": np.zeros(n, np.uint16),
        "source_entry": np.arange(start, stop, dtype=np.uint64),
    }
    declared = schema("mc").by_name
    tables = {name: {f: made[f] for f in declared[name].columns(ORIGIN)} for name, made in (("events", row), ("particles", particles))}
    return Batch("mc", ORIGIN, tables, {"particles": slots.offsets})


SOURCE = GSeaGenRoot()
