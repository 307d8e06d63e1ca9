"""Source ``gibuu_root``: interactions of neutrinos with a nucleus as GiBUU writes them, ROOT files with a tree ``RootTuple`` (stream mc).

The branches are declared in ``maps/gibuu_1.toml``. Particles of an event are the incoming lepton, the nucleon that was hit, the outgoing lepton, then the hadrons, each as a row.
What gSeaGen makes of such a file, with places in the sea, is read by `antdask.sources.gseagen_root` and the sources named there.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from antdask.model.keys import RunKey
from antdask.model.mc_fields import FURTHER_KINDS, NO_NUMBER, PARTICLE_KINDS
from antdask.model.ragged import Batch, Columns
from antdask.model.tables import schema
from antdask.plan import FileEntry, Segment
from antdask.sources import files, layout_map
from antdask.sources.evt_header import NOT_STATED, PDG
from antdask.sources.km3net_records import demand
from antdask.sources.layout_map import LayoutMap
from antdask.sources.object_columns import ObjectColumns, Parts
from antdask.sources.particle_slots import ParticleSlots
from antdask.sources.root import RootFile
from antdask.sources.root_source import RootSource

ORIGIN = "gibuu"
LAYOUT = "gibuu_1"
TREE = "RootTuple"
#: GiBUU numbers no runs.
RUN = 0

#: Aim for the uncompressed bytes of one batch [byte].
BATCH_BYTES = 32 * 2**20

#: Vectors of an entry, with an element for each hadron.
_HADRONS = ("barcode", "E", "Px", "Py", "Pz", "x", "y", "z")
_NEUTRINO, _LEPTON, _PRIMARY, _HADRON = (PARTICLE_KINDS.index(k) for k in ("neutrino", "primarylepton", "track_primary", "particle"))
_NUCLEON = len(PARTICLE_KINDS) + FURTHER_KINDS.index("struck_nucleon")
_EM, _CC, _NC = 1, 2, 3


class GibuuRoot(RootSource):
    """Final states of GiBUU: files with a tree ``RootTuple`` that tells kinds of interactions. A batch is about 32 MiB uncompressed."""

    name, version = "gibuu_root", "1"
    known, needs = (TREE,), f"tree {TREE} with branches barcode and evType"

    def claims(self, file: RootFile) -> bool:
        """Whether tree ``RootTuple`` is there, and tells kinds of interactions."""
        return file.objects.get(TREE) == "TTree" and all(file.tree(TREE).find(name) is not None for name in ("barcode", "evType"))

    def survey(self, file: RootFile, notes: list[str]) -> tuple[list[Segment], str, str]:
        """All events; from metadata only."""
        columns = _columns(file)
        entries, segments = columns.tree.entries, []
        if entries:
            nbytes = sum(leaf.nbytes_of(0, entries) for leaf in columns.leaves)
            segments = [Segment("mc", TREE, RunKey(_map().detector, RUN), 0, entries, max(1, nbytes))]
        else:
            notes.append(f"tree '{TREE}' is empty")
        known = {leaf.name for leaf in columns.leaves}
        notes += [f"branch '{b.name}' of tree '{TREE}' is not archived: map '{LAYOUT}' does not declare it" for b in columns.tree.walk() if b.name not in known]  # fmt: skip
        notes += [f"'{name}' ({kind}) is not archived" for name, kind in file.objects.items() if name != TREE]
        return segments, ORIGIN, LAYOUT

    def batches(self, file: RootFile, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Events ``start:stop``."""
        columns = _columns(file)
        files.demand_entries(start, stop, columns.tree.entries, columns.tree.where)
        if start < stop:
            for low, high in columns.tree.windows(columns.leaves, start, stop, BATCH_BYTES):
                columns.tree.hold(columns.leaves, low, high)
                yield _batch(columns, columns.read(low, high), low, high)


def _map() -> LayoutMap:
    return layout_map.load(LAYOUT)


def _columns(file: RootFile) -> ObjectColumns:
    return ObjectColumns(file.tree(TREE), _map().dataset(TREE), ORIGIN)


def _batch(columns: ObjectColumns, parts: Parts, start: int, stop: int) -> Batch:
    n, dataset = stop - start, columns.dataset
    (hadrons,) = parts["barcode"].levels
    for name in _HADRONS[1:]:
        demand(parts[name].levels[0] == hadrons, columns.tree.branch(name), start, "An entry has another number of hadrons here than in branch 'barcode'", found=parts[name].levels[0])  # fmt: skip
    ones = np.ones(n, np.int64)
    slots = ParticleSlots(np.stack([ones, ones, ones, hadrons], axis=1))
    particles: Columns = {}
    for derived in dataset.derived:
        if derived.table == "particles" and set(derived.sources) & set(_HADRONS[1:]):
            # Of leptons and nucleon no place is stated.
            sources = [parts[name].values for name in derived.sources]
            particles[derived.field] = slots.join(sources if len(sources) == 4 else [np.nan, np.nan, np.nan, sources[0]])
    process = parts["process_ID"].values
    barcode = parts["barcode"].values.astype(np.int32)
    incoming, outgoing = _leptons(parts["flavor_ID"].values, process)
    charge = parts["nuc_charge"].values
    nucleon = np.where(charge == 1, 2212, np.where(charge == 0, 2112, 0))
    particles["particle_type"] = slots.join([NO_NUMBER, NO_NUMBER, NO_NUMBER, barcode])
    particles["pdg_type"] = slots.join([incoming, nucleon, outgoing, barcode])
    particles["numbering"] = slots.join([NOT_STATED, NOT_STATED, NOT_STATED, np.uint8(PDG)])
    particles["kind"] = slots.join([np.where(np.abs(process) == _EM, _PRIMARY, _NEUTRINO), _NUCLEON, _LEPTON, np.uint8(_HADRON)])
    row = {column.field: parts[column.source].values for column in dataset.columns if column.field} | {
        "run": np.full(n, RUN, np.uint32),
        "frame_index": np.zeros(n, np.uint32),
        "trigger_counter": np.full(n, -1, np.int64),
        "n_particles": (hadrons + 3).astype(np.uint32),
        "source_input": np.zeros(n, np.uint16),
        "source_entry": np.arange(start, stop, dtype=np.uint64),
    }
    declared = schema("mc").by_name
    tables = {name: {f: made[f] for f in declared[name].columns(ORIGIN)} for name, made in (("events", row), ("particles", particles))}
    return Batch("mc", ORIGIN, tables, {"particles": slots.offsets})


def _leptons(flavor: np.ndarray, process: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the Particle Data Group of the lepton before and behind the interaction, 0 where flavour and process tell none."""
    kind = np.abs(process)
    known = (flavor >= 1) & (flavor <= 3) & (kind >= _EM) & (kind <= _NC)
    charged = np.where(known, 2 * flavor + 9, 0) * np.sign(process)
    neutral = np.where(known, 2 * flavor + 10, 0) * np.sign(process)
    return np.where(kind == _EM, charged, neutral), np.where(kind == _NC, neutral, charged)


SOURCE = GibuuRoot()
