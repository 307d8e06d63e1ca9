"""Source ``astro_hdf5``: KM3NeT events for astronomy, HDF5 with tables of astropy: times (stream dst), first particles (mc), best fits (reco), and the header.

The columns are declared in ``maps/astro_hdf5.toml``; the traps of the format, and what is done about each, stand in docs/sources/astro_hdf5.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import h5py
import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError, UnknownNameError
from antdask.model.keys import RunKey
from antdask.model.mc_fields import NO_NUMBER
from antdask.model.ragged import Batch, Columns, offsets_of
from antdask.model.tables import schema
from antdask.plan import FileEntry, Segment
from antdask.sources import files, layout_map
from antdask.sources.astro_table import AstroTable
from antdask.sources.evt_header import PDG, header_batch, program_of
from antdask.sources.hdf5_table import Table, attribute_lines, damage, dataset_names, is_hdf5, opened
from antdask.sources.km3pipe_dataset import keys_of
from antdask.sources.salvage import intact
from antdask.sources.table_description import SUFFIX, Description

ORIGIN = LAYOUT = "astro_hdf5"
HEADER, ID, MC, RECO = "HEADER", "ID", "MC/MC_EVENTS", "RECO/RECO_EVENTS"
STREAMS = {ID: "dst", MC: "mc", RECO: "reco", HEADER: "headers"}
#: Bytes of the columns of one batch [byte].
BATCH_BYTES = 32 * 2**20

_HEADER = {"Parameter": "string", "Value": "string"}
_START_RUN = re.compile(rb"start_run\(run_id=(\d{1,10})\)|\s*(\d{1,10})\s*")
_KEY = ("run", "frame_index", "trigger_counter")
_BOOKKEEPING = ("source_input", "source_entry")

_Line = tuple[bytes, bytes, bytes]


class AstroHdf5:
    """Tables for astronomy; holds nothing, so it pickles."""

    name = ORIGIN
    version = "1"

    def sniff(self, url: str, head: bytes) -> bool:
        """Whether this is HDF5 with a header and numbers of events, both described by astropy."""
        return is_hdf5(url, head, lambda file: all(name + end in file for name in (HEADER, ID) for end in ("", SUFFIX)))

    def describe(self, url: str) -> FileEntry:
        """Identity, layout and segments; reads the header, descriptions, and numbers of events.

        Raises
        ------
        InputMissingError, InputUnreadableError, CorruptFileError
        UnknownLayoutError
            A table, a unit or a kind of time is not known.
        """
        url = files.absolute(url)
        identity = files.identify(url)
        with opened(url) as file:
            tables = _tables(file, url)
            lines = _lines(file, url, tables)
            program = program_of(lines)
            key = RunKey("km3net-simulated" if program or MC in tables else "km3net", _run(lines, url))
            segments = [Segment(STREAMS[name], name, key, 0, len(t), len(t) * t.data.row_bytes()) for name, t in tables.items() if len(t)]
            segments.append(Segment("headers", HEADER, key, 0, 1, max(1, sum(len(part) for line in lines for part in line))))
            notes = [*_filing(key, program, lines), *_notes(file, tables)]
        return identity.entry(url, self.name, ORIGIN, segments, notes, layout=LAYOUT)

    def read(self, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Batches of rows ``start:stop`` of a table; of ``HEADER``, the one row of stream headers.

        Raises
        ------
        UnknownNameError
            No such table.
        InputChangedError
            The file holds fewer rows.
        CorruptFileError
            With the first stretch of rows that is lost; all before it have been given out by then.
        """
        if tree not in STREAMS:
            raise UnknownNameError.of("tree", tree, STREAMS, where=entry.url)
        with opened(entry.url) as file:
            tables = _tables(file, entry.url)
            run = entry.segments[0].run.run
            if tree == HEADER:
                files.demand_entries(start, stop, 1, entry.url, "headers")
                if start < stop:
                    yield header_batch([(run, _lines(file, entry.url, tables))], start, ORIGIN)
                return
            table = tables.get(tree)
            files.demand_entries(start, stop, 0 if table is None else len(table), f"{entry.url}, {tree}")
            if table is not None:
                rows = max(1, BATCH_BYTES // (table.data.row_bytes() + 200))
                for low in range(start, stop, rows):
                    yield from intact(lambda a, b: _batch(table, run, a, b), low, min(low + rows, stop))


def _tables(file: h5py.File, url: str) -> dict[str, AstroTable]:
    """The tables of rows that the file has."""
    layout = layout_map.load(LAYOUT)
    with damage(url):
        names = [name for name in (ID, MC, RECO) if name == ID or name in file]
        if ID not in file:
            raise UnknownLayoutError(f"Table '{ID}' is missing", where=url, found=", ".join(dataset_names(file)))
    return {name: AstroTable.find(file, name, url, layout.dataset(name)) for name in names}


def _lines(file: h5py.File, url: str, tables: dict[str, AstroTable]) -> list[_Line]:
    """What the file says about itself: attributes, the header, the descriptions of tables as they stand, and the names of the parameters of fits, in their order."""
    described = Description.find(file, HEADER, url)
    table = Table.find(file, HEADER, f"{url}, {HEADER}")
    if described.dtypes != _HEADER or any(table.dataset.dtype[name].kind != "S" for name in table.dataset.dtype.names):
        raise UnknownLayoutError("The header has other columns", where=url, found=f"{table.dataset.dtype}", expected=", ".join(_HEADER))
    rows = table.rows(0, None)
    if rows.dtype.names != tuple(_HEADER):
        raise CorruptFileError(
            "The header and its description contradict each other", where=url, found=", ".join(rows.dtype.names or ()), tree=HEADER
        )
    with damage(url):
        lines = attribute_lines(file)
    lines += [(name, value, b"") for name, value in rows.tolist()]
    lines += [
        (f"{name}{SUFFIX}".encode(), said.text, b"") for name, said in [(HEADER, described), *((n, t.described) for n, t in tables.items())]
    ]
    if RECO in tables and tables[RECO].parameters():
        lines.append((b"reco/" + RECO.encode(), " ".join(tables[RECO].parameters()).encode(), b""))
    return lines


def _run(lines: list[_Line], url: str) -> int:
    """Number of the run by the header, 0 where it names none."""
    value = next((value for name, value, _ in lines if name == b"start_run"), None)
    if value is None:
        return 0
    found = _START_RUN.fullmatch(value)
    run = int(found[1] or found[2]) if found else -1
    if not 0 <= run < 2**32:
        raise UnknownLayoutError("The header names no number of a run", where=url, found=value.decode("ascii", "replace")[:80], expected="start_run(run_id=1)")  # fmt: skip
    return run


def _filing(key: RunKey, program: str, lines: list[_Line]) -> Iterator[str]:
    """Under which detector and run the file is filed, and why."""
    if program:
        yield f"filed as simulated: its header has '{program}'"
    elif key.detector.endswith("simulated"):
        yield "filed as simulated: it holds simulated events"
    yield "the file does not name its detector"
    if all(name != b"start_run" for name, _, _ in lines):
        yield "the file does not name its run: filed under 0"


def _notes(file: h5py.File, tables: dict[str, AstroTable]) -> Iterator[str]:
    for name, table in tables.items():
        yield from table.notes(kept=name == RECO)
    yield from (f"table '{name}' has no rows" for name, table in tables.items() if not len(table))
    known = {name + end for name in (HEADER, *tables) for end in ("", SUFFIX)}
    yield from (f"data set '{name}' is not archived: no map declares it" for name in dataset_names(file) if name not in known)
    events, lost = keys_of(tables[ID].data)
    if lost.any():
        yield "numbers of events cannot be read"
        return
    if twice := len(events) - len(np.unique(events)):
        yield f"{twice} numbers of events stand twice in '{ID}'"
    for name, table in tables.items():
        numbers, lost = keys_of(table.data)
        if strays := int((~np.isin(numbers, events) & ~lost).sum()):
            yield f"{strays} rows of '{name}' belong to no event of '{ID}'"


def _batch(table: AstroTable, run: int, start: int, stop: int) -> Batch:
    """Rows of a table as rows of its stream, with what hangs below them."""
    stream, columns, n = STREAMS[table.name], table.read(start, stop), stop - start
    row: Columns = {
        "run": np.full(n, run, np.uint32),
        "frame_index": np.zeros(n, np.uint32),
        "trigger_counter": np.full(n, -1, np.int64),
        "source_input": np.zeros(n, np.uint16),
        "source_entry": np.arange(start, stop, dtype=np.uint64),
    }
    below: dict[str, Columns] = {}
    counts = np.zeros(n, np.int64)
    if stream == "mc":
        counts += 1
        row["n_particles"] = counts.astype(np.uint32)
        below["particles"] = _particles(table, columns, start)
    if stream == "reco":
        row |= {"algorithm": np.zeros(n, np.uint16), "exists": np.ones(n, np.uint8)}
        below["parameters"] = table.rest(columns, start)
        counts += len(table.parameters())
    rows = schema(stream).rows
    row |= table.fields({f: field for f, field in rows.columns(ORIGIN).items() if f not in row and f != "utc_ns"}, columns, start)
    if "utc_ns" in rows.columns(ORIGIN):
        row["utc_ns"] = table.utc(row, start, needed=stream == "dst")
    return Batch(stream, ORIGIN, {rows.name: row, **below}, {name: offsets_of(counts) for name in below})


def _particles(table: AstroTable, columns: Columns, start: int) -> Columns:
    """The one particle of each row."""
    fields = schema("mc").table("particles").columns(ORIGIN)
    found = table.fields({f: field for f, field in fields.items() if f not in ("kind", "numbering", "pdg_type")}, columns, start)
    kind = found["particle_type"]
    found |= {"kind": np.zeros(len(kind), np.uint8), "numbering": np.full(len(kind), PDG, np.uint8)}
    return found | {"pdg_type": np.where(kind == NO_NUMBER, 0, kind).astype(np.int32)}


SOURCE = AstroHdf5()
