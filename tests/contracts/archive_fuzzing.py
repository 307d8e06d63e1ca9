"""Damage to the files of an archive, and what must hold whatever the damage: the sound content, or an error that names the file; other content only where no checksum covers it.

Each file is looked at in all the ways in which it is read. A part has a way for every array, so that damage to one array is seen to leave the others alone::

    parts/…zip           as it describes itself; every array where the catalogue says it lies, whole and some rows of it
    plans/…zip           whole, by columns, and the assignment of every part
    receipts/…json       the receipt
    lineages/…json       the document, by its name
    catalogue/…parquet   the snapshot whole, and as queries read it
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from antdask.archive import catalog, documents, ledger, marker
from antdask.archive.catalog_reader import CatalogReader
from antdask.archive.plans import PlanFile
from antdask.archive.reading import PartReader
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert import campaign, scan
from antdask.convert.archived import stored_batches
from antdask.errors import AntdaskError, ArchiveError, InputError, PlanError
from tests.contracts.fuzzing import Damage, Verdict, digests

#: Rows of every array that are read by themselves, as shares of all.
_PARTS = ((0.0, 0.2), (0.3, 0.31), (0.6, 1.0))
#: Where every byte that is read lies under a checksum.
_COVERED = ("parts", "plans", "receipts", "lineages", "catalogue/0")


def make(inputs: list[str], folder: Path) -> Path:
    """An archive of some files."""
    with make_cluster("serial") as cluster:
        campaign.convert(scan.make_plan(inputs, str(folder)), cluster)
    return folder


def is_archived(path: str) -> bool:
    """Whether a file lies in an archive."""
    return any((folder / "antdask.json").exists() for folder in Path(path).parents)


class SoundArchive:
    """A file of an archive without damage, and what is read of it.

    Parameters
    ----------
    path : str
        Of the file; the archive is the folder above that holds ``antdask.json``.
    """

    def __init__(self, path: str) -> None:
        self.data = Path(path).read_bytes()
        self.root = next(p for p in Path(path).parents if (p / "antdask.json").exists())
        self.file = str(Path(path).relative_to(self.root))
        self.content = {name: look() for name, look in views(self.root, self.file).items()}

    def place(self, folder: Path) -> Path:
        """Where a damaged file is put: into a copy of its archive."""
        shutil.copytree(self.root, folder / "archive", dirs_exist_ok=True)
        return folder / "archive" / self.file

    def judge(self, damage: Damage, path: Path) -> Verdict:
        """Damage the file and look at it in every way. Anything but an error of ours is raised."""
        path.write_bytes(damage.apply(self.data))
        root = Path(str(path).removesuffix(self.file))
        begin = time.process_time()
        refused, other = 0, []
        for name, look in views(root, self.file).items():
            try:
                if look() != self.content[name]:
                    other.append(name)
            except (ArchiveError, PlanError, InputError) as error:
                refused += 1
                if not _names(error, self.file):
                    return Verdict("wrong", f"{name}: the error does not name the file: {error}", time.process_time() - begin)
            except AntdaskError as error:
                return Verdict("wrong", f"{name}: no error of the archive: {type(error).__name__}: {error}", time.process_time() - begin)
        seconds = time.process_time() - begin
        if other and self.file.startswith(_COVERED):
            return Verdict("wrong", f"other content: {', '.join(other)}", seconds)
        outcome = "other" if other else "sound" if not refused else "refused" if refused == len(self.content) else "salvaged"
        return Verdict(outcome, "", seconds)


def _names(error: AntdaskError, file: str) -> bool:
    """Whether an error names a file of the archive, by its path; of a catalogue by the folder of its snapshot, or of one that is not there."""
    return ("catalogue/" if file.startswith("catalogue/") else file) in str(error)


def views(root: Path, file: str) -> dict[str, Callable[[], bytes]]:
    """All ways of reading a file, each giving a digest of what it reads."""
    store = Store(str(root))
    kinds: dict[str, Callable[[Store, str], Iterator[tuple[str, Callable[[], bytes]]]]] = {
        "parts": _of_part,
        "plans": _of_plan,
        "receipts": _of_receipt,
        "catalogue": _of_catalogue,
        "lineages": _of_lineage,
        "antdask.json": _of_marker,
    }
    return dict(kinds[file.partition("/")[0]](store, file))


def _of_part(store: Store, file: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    part = file.removeprefix("parts/").removesuffix(".zarr.zip")
    receipt = json.loads(store.read(f"receipts/{part}.json"))

    def itself() -> bytes:
        batches = stored_batches(store.full_url(file), receipt["stream"], receipt["origin"])
        return _digest(b"".join(digests(batch)) for batch in batches)

    yield "itself", itself
    for array in receipt["arrays"]:
        table, _, name = array["name"].rpartition("/")
        yield array["name"], functools.partial(_column, store, receipt, table, name)
        for a, b in _PARTS:
            start, stop = (int(share * array["shape"][0]) for share in (a, b))
            yield f"{array['name']} {start}:{stop}", functools.partial(_column, store, receipt, table, name, start, stop)


def _of_plan(store: Store, file: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    url = store.full_url(file)

    def checked() -> bytes:
        PlanFile(url).check()
        return b""

    yield "whole", lambda: _digest([repr(PlanFile(url).whole()).encode()])
    yield "checked", checked
    yield "columns", lambda: _digest([repr(PlanFile(url).table().to_pylist()).encode()])
    yield "entries", lambda: _digest(repr(e).encode() for e in PlanFile(url).entries())
    yield "first assignment", lambda: _digest([repr(PlanFile(url).assignment(0)).encode()])


def _of_receipt(store: Store, file: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    yield "receipt", lambda: _digest([repr(ledger.Receipt.from_json(store.read(file), file)).encode()])


def _of_lineage(store: Store, file: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    yield "document", lambda: _digest([repr(documents.lineage(store, Path(file).stem)).encode()])


def _of_marker(store: Store, file: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    yield "version", lambda: marker.check(store).encode()


def _of_catalogue(store: Store, file: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    yield "whole", lambda: _digest([repr(_tables(catalog.load(store))).encode()])
    yield "summaries", lambda: _digest([repr(CatalogReader.open(store).summaries).encode()])
    for name in ("runs", "inputs", "quarantine", "superseded", "folders", "parts", "details", "blocks"):
        yield name, functools.partial(_table, store, name)
    yield "rows", lambda: _digest([repr([r.row(n) for r in [CatalogReader.open(store)] for n in range(len(r.parts))]).encode()])


def _table(store: Store, name: str) -> bytes:
    found = getattr(CatalogReader.open(store), name)
    return _digest([repr((found if isinstance(found, pa.Table) else found.table()).to_pylist()).encode()])


def _tables(found: catalog.Catalog) -> list[Any]:
    return [getattr(found, name).to_pylist() for name in catalog.TABLES]


def _column(store: Store, receipt: dict[str, Any], table: str, name: str, start: int = 0, stop: int | None = None) -> bytes:
    array = PartReader(store, receipt).column(table, name, start, stop)
    return _digest([f"{array.dtype} {array.shape}".encode(), np.ascontiguousarray(array).tobytes()])


def _digest(pieces: Any) -> bytes:
    found = hashlib.blake2b(digest_size=16)
    for piece in pieces:
        found.update(piece)
    return found.digest()
