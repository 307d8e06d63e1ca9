"""The real ANTARES file, copies of it with one thing changed, and an independent decode of it, event by event."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from km3net_testdata import data_path

from antdask.errors import CorruptFileError
from antdask.model.ragged import Batch
from antdask.plan import FileEntry
from antdask.sources.seatray_hdf5 import SOURCE

REAL = data_path("seatray/antares.h5")
PULSES, FITS, USED, INDEX = "CalibratedPulses", "AafitFinalFit", "AafitFinalFitHitsUsed", "__I3Index__/"


def changed(folder: Path, change: Callable[[h5py.File], None]) -> str:
    """A copy of the real file after `change`."""
    path = folder / "changed.h5"
    path.write_bytes(Path(REAL).read_bytes())
    with h5py.File(path, "r+") as file:
        change(file)
    return str(path)


def assign(name: str, row: Any, column: str, value: Any) -> Callable[[h5py.File], None]:
    """A change of one column in some rows."""

    def change(file: h5py.File) -> None:
        rows = file[name][:]
        rows[column][row] = value
        file[name][:] = rows

    return change


def retable(file: h5py.File, name: str, rows: np.ndarray) -> None:
    """Put other rows (of another number, or other columns) in the place of a table; its attributes stay."""
    attributes = dict(file[name].attrs)
    del file[name]
    file.create_dataset(name, data=rows, chunks=(max(1, min(len(rows), 1260)),), maxshape=(None,), compression="gzip", shuffle=True)
    file[name].attrs.update(attributes)


def spoil(path: str, name: str, chunk: int) -> tuple[int, int]:
    """Overwrite the middle of a stored chunk; the rows that it holds."""
    with h5py.File(path) as file:
        info, rows, total = file[name].id.get_chunk_info(chunk), file[name].chunks[0], len(file[name])
    with Path(path).open("r+b") as file:
        file.seek(info.byte_offset + info.size // 2)
        file.write(b"\xff" * 40)
    return info.chunk_offset[0], min(info.chunk_offset[0] + rows, total)


def salvage(entry: FileEntry, tree: str) -> tuple[list[Batch], list[tuple[int, int]]]:
    """All intact batches of a tree in order, and the stretches that are lost, read the way the pipeline reads."""
    stop = sum(s.stop - s.start for s in entry.segments if s.tree == tree)
    batches, lost, position = [], [], 0
    while position < stop:
        try:
            for batch in SOURCE.read(entry, tree, position, stop):
                batches.append(batch)
                position += batch.rows
        except CorruptFileError as error:
            assert error.start == position and error.stop is not None, "what is intact comes before the error"
            lost.append((error.start, error.stop))
            position = error.stop
    return batches, lost


def whole(url: str, tree: str) -> Batch:
    """All entries of a tree as one batch."""
    entry = SOURCE.describe(url)
    (batch,) = SOURCE.read(entry, tree, 0, sum(s.stop - s.start for s in entry.segments if s.tree == tree))
    return batch


def same(left: Batch, right: Batch) -> None:
    """Assert that two batches are equal, value by value, NaN equal to NaN, dtypes included."""
    for name, columns in right.tables.items():
        for key, values in columns.items():
            np.testing.assert_array_equal(left.tables[name][key], values, strict=True, err_msg=f"{name}.{key}")
    for name, offsets in right.offsets.items():
        np.testing.assert_array_equal(left.offsets[name], offsets, strict=True, err_msg=name)
