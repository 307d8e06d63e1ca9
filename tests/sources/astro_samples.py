"""The real file of tables for astronomy, copies of it with one thing changed, and the ROOT file of the same events as uproot alone reads it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import uproot
from km3net_testdata import data_path

from antdask.errors import CorruptFileError
from antdask.model.ragged import Batch, concatenate
from antdask.plan import FileEntry
from antdask.sources.astro_hdf5 import SOURCE, STREAMS

NAME = "mcv5.1.genhen_anumuNC.sirene.jte.jchain.aashower.sample"
FILE = str(data_path(f"hdf5/{NAME}.hdf5"))
ROOT = str(data_path(f"offline/{NAME}.root"))
META = ".__table_column_meta__"


@functools.cache
def table(name: str) -> np.ndarray:
    """A table of the real file, as h5py reads it."""
    with h5py.File(FILE) as file:
        rows: np.ndarray = file[name][:]
    return rows


def words(name: str, file: h5py.File | None = None) -> list[str]:
    """Lines of the description of a table."""
    if file is None:
        with h5py.File(FILE) as real:
            return words(name, real)
    return [line.decode() for line in file[name + META][:]]


@functools.cache
def offline(*branches: str) -> list[Any]:
    """Branches of the ROOT file, entry by entry, as lists."""
    with uproot.open(ROOT) as file:
        return [file[f"E/Evt/{branch}"].array().to_list() for branch in branches]


def whole(url: str, tree: str) -> Batch:
    """All entries of a tree as one batch."""
    entry = SOURCE.describe(url)
    return concatenate(list(SOURCE.read(entry, tree, 0, entry.entries(STREAMS[tree]))))


def changed(folder: Path, change: Callable[[h5py.File], None]) -> str:
    """A copy of the real file after `change`."""
    copy = folder / "changed.hdf5"
    copy.write_bytes(Path(FILE).read_bytes())
    with h5py.File(copy, "r+") as file:
        change(file)
    return str(copy)


def rewrite(file: h5py.File, name: str, columns: dict[str, np.ndarray], lines: list[str], **storage: Any) -> None:
    """Put other columns and another description in the place of a table."""
    rows = np.zeros(len(next(iter(columns.values()))), [(n, c.dtype) for n, c in columns.items()])
    for n, c in columns.items():
        rows[n] = c
    del file[name], file[name + META]
    file.create_dataset(name, data=rows, **storage)
    file.create_dataset(name + META, data=np.array([line.encode() for line in lines]))


def columns(name: str) -> dict[str, np.ndarray]:
    """Columns of a table of the real file."""
    rows = table(name)
    return {n: rows[n] for n in rows.dtype.names or ()}


def salvage(entry: FileEntry, tree: str) -> tuple[list[Batch], list[tuple[int, int]]]:
    """Intact batches of a tree in order and the stretches that are lost, read the way the pipeline reads."""
    batches, lost, position, stop = [], [], 0, entry.entries(STREAMS[tree])
    while position < stop:
        try:
            for batch in SOURCE.read(entry, tree, position, stop):
                batches.append(batch)
                position += batch.rows
        except CorruptFileError as error:
            first, last = (position, stop) if error.start is None or error.stop is None else (error.start, error.stop)
            assert first == position, "what is intact comes before the error"
            lost.append((first, last))
            position = last
    return batches, lost
