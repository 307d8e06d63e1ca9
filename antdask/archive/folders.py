"""Which receipts are there: from one listing, or where nobody has touched a folder since a snapshot was made, from what that snapshot knows of it.

A file system renews the time of a folder whenever a name in it comes or goes. A million receipts lie in some hundred thousand folders, and asking for their times
takes a tenth of the time of listing them.
"""

from __future__ import annotations

import dataclasses
import os

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from antdask.archive import ledger
from antdask.archive.catalog_reader import CatalogReader
from antdask.archive.store import Store

_TOP = "receipts"
#: Levels of folders below: detector, stream, lineage, run.
_LEVELS = 4
#: A folder that changed so recently may change again within one tick of its clock: it is not trusted [ns].
_SETTLED_NS = 60 * 10**9


@dataclasses.dataclass(frozen=True)
class Listing:
    """Receipts, compared with a snapshot.

    Parameters
    ----------
    fresh : list of str
        Paths of parts with a receipt that the snapshot does not know.
    absent : pyarrow.Array of str
        Paths of parts that the snapshot knows, and that have no receipt.
    """

    fresh: list[str]
    absent: pa.Array


def times(store: Store, now: int) -> dict[str, int]:
    """Folders of receipts of a local archive that have been quiet for a while, with their times [ns]; to be taken before the receipts are listed.

    Parameters
    ----------
    now : int
        By the clock of the storage [ns since 1970].
    """
    if not store.local:
        return {}
    limit = now - _SETTLED_NS
    found = ((folder, _time(store, folder)) for folder in _leaves(store))
    return {folder: stamp for folder, stamp in found if stamp is not None and stamp < limit}


def look(store: Store, reader: CatalogReader | None, quick: bool = False) -> Listing:
    """Compare the receipts with a snapshot.

    Parameters
    ----------
    quick : bool
        Trust folders that were not touched since.
    """
    if reader is None:
        return Listing(ledger.receipt_paths(store), pa.array([], pa.string()))
    known = pa.concat_arrays(
        [reader.parts.table(["part"])["part"].combine_chunks().cast(pa.string()), reader.superseded["part"].combine_chunks()]
    )
    cleared = reader.superseded.filter(pc.invert(reader.superseded["own"]))["part"].combine_chunks()
    touched = _touched(store, reader) if quick and store.local else None
    if touched is None:
        listed = pa.array(ledger.receipt_paths(store), pa.string())
        return Listing(_without(listed, known), known.filter(pc.invert(pc.is_in(known, listed))))
    if not touched:
        return Listing([], cleared)
    listed = pa.array([name for folder in touched for name in ledger.receipt_paths(store, folder)], pa.string())
    inside = pc.is_in(pc.replace_substring_regex(known, r"/[^/]*$", ""), pa.array(touched, pa.string()))
    gone = known.filter(pc.and_(inside, pc.invert(pc.is_in(known, listed))))
    # What was cleared away before stays so, unless its folder was looked into.
    looked = pc.is_in(cleared, known.filter(inside))
    return Listing(_without(listed, known), pa.concat_arrays([gone, cleared.filter(pc.invert(looked))]))


def _without(names: pa.Array, others: pa.Array) -> list[str]:
    found: list[str] = names.filter(pc.invert(pc.is_in(names, others))).to_pylist()
    return found


def _touched(store: Store, reader: CatalogReader) -> list[str] | None:
    """Folders in which something may have changed since the snapshot; ``None`` where it does not tell."""
    table = reader.folders
    if not table.num_rows:
        return None
    then = dict(zip(table["folder"].to_pylist(), table["time_ns"].to_numpy().tolist(), strict=True))
    now = _leaves(store)
    touched = [folder for folder in now if folder not in then or _time(store, folder) != then[folder]]
    return [*touched, *then.keys() - set(now)]


def _leaves(store: Store) -> list[str]:
    """Folders of runs, relative to the receipts."""
    found = [""]
    for _ in range(_LEVELS):
        found = [f"{head}/{name}".lstrip("/") for head in found for name in _names(store, head)]
    return found


def _names(store: Store, folder: str) -> list[str]:
    try:
        return [n for n in os.listdir(store.full(f"{_TOP}/{folder}".rstrip("/"))) if "." not in n]  # noqa: PTH208 (quick)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _time(store: Store, folder: str) -> int | None:
    try:
        return os.stat(store.full(f"{_TOP}/{folder}")).st_mtime_ns  # noqa: PTH116 (quick)
    except FileNotFoundError:
        return None


def table_of(stamps: dict[str, int]) -> pa.Table:
    """Folders and times as a table of a snapshot."""
    return pa.table(
        {"folder": pa.array(list(stamps), pa.string()), "time_ns": pa.array(np.fromiter(stamps.values(), np.int64, len(stamps)))}
    )
