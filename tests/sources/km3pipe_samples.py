"""Real files of km3pipe, copies of them with one thing changed, and what h5py alone reads in them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from km3net_testdata import data_path

from antdask.errors import CorruptFileError
from antdask.model.ragged import Batch, concatenate
from antdask.plan import FileEntry
from antdask.sources.km3pipe_hdf5 import SOURCE

#: File: label, run, entries of each tree, format version.
FILES: dict[str, tuple[str, int, dict[str, int], str]] = {
    "hdf5/geamon.h5": ("km3net--1-simulated", 1, {"event_info": 2, "hits": 2, "reco": 95, "headers": 1}, "5.1"),
    "hdf5/mcv5.40.mupage_10G.sirene.jterbr00006060.962.root.h5": (
        "km3net-44-simulated",
        6060,
        {"event_info": 10, "hits": 10, "headers": 1},
        "5.1",
    ),
    "online/events_sample.h5": ("km3net-44", 6884, {"hits": 10, "headers": 1}, "5.1"),
    "hdf5/test_event_info.h5": ("km3net-simulated", 0, {"event_info": 5, "reco": 180, "headers": 1}, "5.0"),
    "hdf5/numu_cc_test.h5": ("km3net--1-simulated", 2, {"event_info": 2, "hits": 2, "reco": 8, "headers": 1}, "4.1"),
    "hdf5/basic_analysis_sample.h5": ("km3net--1-simulated", 1, {"event_info": 3484, "reco": 3484, "headers": 1}, "4.3"),
    "hdf5/mupage_ARCA.h5": ("km3net-20-simulated", 1, {"event_info": 150, "hits": 150, "reco": 7752, "headers": 1}, "5.1"),
    "hdf5/raw_header.h5": ("km3net-simulated", 0, {"headers": 1}, "5.1"),
    "hdf5/atmospheric_muons_sample.h5": ("km3net-simulated", 1, {"event_info": 500, "hits": 500, "headers": 1}, "5.1"),
}
MUONS, SMALL, OLD, FITS = list(FILES)[1], "online/events_sample.h5", "hdf5/basic_analysis_sample.h5", "hdf5/test_event_info.h5"
STREAMS = {"event_info": "mc", "hits": "events", "reco": "reco", "headers": "headers"}


def path(name: str) -> str:
    return str(data_path(name))


def whole(url: str, tree: str) -> Batch:
    """All entries of a tree as one batch; of a real file it is kept, so leave it as it is."""
    return _kept(url, tree) if url in map(path, FILES) else _read(url, tree)


@functools.lru_cache(maxsize=24)
def _kept(url: str, tree: str) -> Batch:
    return _read(url, tree)


def _read(url: str, tree: str) -> Batch:
    entry = SOURCE.describe(url)
    return concatenate(list(SOURCE.read(entry, tree, 0, entry.entries(STREAMS[tree]))))


def columns(file: h5py.File, name: str) -> dict[str, np.ndarray]:
    """Every column of a group or compound table, as h5py reads it."""
    if isinstance(file[name], h5py.Group):
        return {n: d[:] for n, d in file[name].items() if n != "_indices"}
    rows = file[name][:]
    return {n: rows[n] for n in rows.dtype.names}


def of_event(found: dict[str, np.ndarray], key: int) -> dict[str, np.ndarray]:
    """Rows of one event, picked by their key."""
    mine = found["group_id" if "group_id" in found else "event_id"] == key
    return {n: v[mine] for n, v in found.items()}


def changed(folder: Path, name: str, change: Callable[[h5py.File], None]) -> str:
    """A copy of a real file after `change`."""
    copy = folder / "changed.h5"
    copy.write_bytes(Path(path(name)).read_bytes())
    with h5py.File(copy, "r+") as file:
        change(file)
    return str(copy)


def retable(file: h5py.File, name: str, rows: np.ndarray) -> None:
    """Put other rows in the place of a data set."""
    del file[name]
    file.create_dataset(
        name, data=rows, chunks=(max(1, min(len(rows), 512)),), maxshape=(None,), compression="gzip", shuffle=True, fletcher32=True
    )


def assign(name: str, row: int | slice, column: str, value: float) -> Callable[[h5py.File], None]:
    """A change of one column of a compound table in some rows."""

    def change(file: h5py.File) -> None:
        rows = file[name][:]
        rows[column][row] = value
        file[name][:] = rows

    return change


def spoil(url: str, name: str, chunk: int) -> tuple[int, int]:
    """Overwrite the middle of a stored chunk; the rows that it holds."""
    with h5py.File(url) as file:
        info, rows, total = file[name].id.get_chunk_info(chunk), file[name].chunks[0], len(file[name])
    with Path(url).open("r+b") as file:
        file.seek(info.byte_offset + info.size // 2)
        file.write(b"\xff" * 20)
    return info.chunk_offset[0], min(info.chunk_offset[0] + rows, total)


def salvage(entry: FileEntry, tree: str) -> tuple[list[Batch], list[tuple[int, int]]]:
    """Intact batches of a tree in order and the stretches that are lost, read the way the pipeline reads."""
    batches, lost, position, stop = [], [], 0, entry.entries(STREAMS[tree])
    while position < stop:
        try:
            for batch in SOURCE.read(entry, tree, position, stop):
                batches.append(batch)
                position += batch.rows
        except CorruptFileError as error:
            # An error that names no entries takes all that were asked for.
            first, last = (position, stop) if error.start is None or error.stop is None else (error.start, error.stop)
            assert first == position, "what is intact comes before the error"
            lost.append((first, last))
            position = last
    return batches, lost
