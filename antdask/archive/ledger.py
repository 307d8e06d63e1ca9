"""The ledger: receipts of finished parts, and the reconciliation of plan, receipts and data.

A receipt is written after its part is visible. A part counts as done only where receipt, lineage, content and file agree; anything else is redone whole.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from antdask.archive import layout as lay
from antdask.archive.shards import checksum
from antdask.archive.store import Store
from antdask.archive.writer import Written
from antdask.errors import ArchiveError
from antdask.model.keys import PartKey
from antdask.plan import Assignment, Part

RECEIPT_VERSION = 1
_THREADS = 8
# Around the checksum of a receipt, which stands at its very front: whoever reads JSON needs to know nothing of it.
_SEAL, _BEHIND = b'{"seal": "', b'", '
_REDO = "Delete it and convert again: the part will be redone."


@dataclasses.dataclass(frozen=True)
class Quarantined:
    """Entries that were lost, and why: ``start:stop`` of a tree of the input with this fingerprint."""

    fingerprint: str
    name: str
    tree: str
    start: int
    stop: int
    code: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Brief:
    """The receipt in a hundred bytes: what travels from a worker to the driver, so that a million parts need little memory there."""

    part: str
    rows: int
    hits: int
    lost: int
    bytes_in: int
    nbytes: int
    cpu_seconds: float = 0.0
    peak_memory: int = 0


@dataclasses.dataclass(frozen=True)
class Receipt:
    """A worker's statement about one part.

    Parameters
    ----------
    part : str
        Key path.
    plan, plan_part : str, int
        The campaign that made it.
    nbytes, crc32c : int
        Of the part file; 0 where every entry was quarantined and there is no file.
    entries : int
        Entries of the sources: rows + quarantined + dropped entries.
    inputs, ranges : list of dict
        The legacy files behind the part and their entries, also where it was made from other parts.
    work : dict
        Host, SLURM job, attempt, seconds, CPU seconds, peak memory, environment: for people and reports, never compared.
    dropped : int
        Entries that a step left out; negative where it made more rows than it got.
    sources : list of str
        Parts of an archive that it was made from; none where it was made from legacy files.
    supersedes : list of Brief
        Parts that it stands for: they leave the catalogue with the first snapshot that knows this receipt.
    """

    part: str
    stream: str
    origin: str
    lineage: str
    detector: str
    run: int
    index: int
    content: str
    plan: str
    plan_part: int
    nbytes: int
    crc32c: int
    rows: int
    hits: int
    entries: int
    bytes_in: int
    utc_min: int | None
    utc_max: int | None
    frame_min: int | None
    frame_max: int | None
    inputs: list[dict[str, Any]]
    ranges: list[dict[str, Any]]
    tables: dict[str, int]
    arrays: list[dict[str, Any]]
    blocks: list[dict[str, Any]]
    quarantined: list[Quarantined]
    work: dict[str, Any]
    dropped: int = 0
    sources: list[str] = dataclasses.field(default_factory=list)
    supersedes: list[Brief] = dataclasses.field(default_factory=list)

    @property
    def lost(self) -> int:
        """Quarantined entries."""
        return sum(q.stop - q.start for q in self.quarantined)

    def brief(self) -> Brief:
        """What a driver needs to know."""
        return Brief(
            self.part,
            self.rows,
            self.hits,
            self.lost,
            self.bytes_in,
            self.nbytes,
            self.work.get("cpu_seconds", 0.0),
            self.work.get("peak_memory", 0),
        )

    def to_json(self) -> bytes:
        """Canonical JSON, which begins with the CRC-32C of all the rest as ``seal``."""
        document = json.dumps({"receipt_version": RECEIPT_VERSION, **dataclasses.asdict(self)}, sort_keys=True).encode() + b"\n"
        return b"%s%s%s%s" % (_SEAL, _seal(document), _BEHIND, document[1:])

    @classmethod
    def from_json(cls, data: bytes, where: str) -> Receipt:
        """Read a receipt.

        Raises
        ------
        ArchiveError
            Not a receipt, one of a newer version, or one that was altered. Those of earlier versions have no seal.
        """
        seal, begin = data[len(_SEAL) :][:8], len(_SEAL) + 8 + len(_BEHIND)
        if data.startswith(_SEAL) and (found := _seal(b"{" + data[begin:])) != seal:
            raise ArchiveError("A receipt was altered: its checksum differs", where=where, found=found.decode(), expected=seal.decode("ascii", "replace"), hint=_REDO)  # fmt: skip
        try:
            document = json.loads(data)
            document.pop("seal", None)
            if document.pop("receipt_version") != RECEIPT_VERSION:
                raise ArchiveError(
                    "Unknown receipt version", where=where, expected=RECEIPT_VERSION, hint="Use the antdask that wrote the archive."
                )
            document["quarantined"] = [Quarantined(**q) for q in document["quarantined"]]
            document["supersedes"] = [Brief(**b) for b in document.get("supersedes", ())]
            return cls(**document)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ArchiveError(f"Not a receipt: {type(error).__name__}: {error}", where=where, hint=_REDO) from error


@dataclasses.dataclass(frozen=True)
class Provenance:
    """What a part goes back to.

    Parameters
    ----------
    inputs : list of dict
        Identities of legacy files.
    ranges : list of dict
        ``input, tree, start, stop``: entries of these files.
    quarantined : list of Quarantined
        Entries that were lost before, where the part is made from other parts.
    dropped : int
        Entries that steps left out before.
    sources : list of str
        Parts that it is made from.
    supersedes : list of Brief
        Parts that it stands for.
    """

    inputs: list[dict[str, Any]]
    ranges: list[dict[str, Any]]
    quarantined: list[Quarantined] = dataclasses.field(default_factory=list)
    dropped: int = 0
    sources: list[str] = dataclasses.field(default_factory=list)
    supersedes: list[Brief] = dataclasses.field(default_factory=list)

    @classmethod
    def of(cls, task: Assignment) -> Provenance:
        """That of a part which is made from legacy files."""
        ranges = [{"input": r.input, "tree": r.tree, "start": r.start, "stop": r.stop} for r in task.part.ranges]
        return cls([f.identity for f in task.inputs], ranges)

    @property
    def entries(self) -> int:
        """Number of entries of the legacy files."""
        return sum(r["stop"] - r["start"] for r in self.ranges)


def _seal(document: bytes) -> bytes:
    return checksum(document).hex().encode()


def make_receipt(task: Assignment, written: Written | None, quarantined: list[Quarantined], work: dict[str, Any], behind: Provenance | None = None) -> Receipt:  # fmt: skip
    """The statement about a part; `written` is ``None`` where there is no row, and no file."""
    part, behind = task.part, behind or Provenance.of(task)
    (utc_min, utc_max), (frame_min, frame_max) = (written.extent(f) if written else (None, None) for f in ("utc_ns", "frame_index"))
    lost = [*behind.quarantined, *quarantined]
    rows = written.rows if written else 0
    return Receipt(
        **_key_columns(part.key),
        origin=task.origin,
        plan=task.plan,
        plan_part=part.index,
        nbytes=written.nbytes if written else 0,
        crc32c=written.crc32c if written else 0,
        rows=rows,
        hits=written.hits if written else 0,
        entries=behind.entries,
        bytes_in=part.nbytes,
        utc_min=utc_min,
        utc_max=utc_max,
        frame_min=frame_min,
        frame_max=frame_max,
        inputs=behind.inputs,
        ranges=behind.ranges,
        tables=written.tables if written else {},
        arrays=written.arrays if written else [],
        blocks=written.blocks if written else [],
        quarantined=lost,
        work=work,
        dropped=behind.entries - rows - sum(q.stop - q.start for q in lost),
        sources=behind.sources,
        supersedes=behind.supersedes,
    )


def _key_columns(key: PartKey) -> dict[str, Any]:
    return {
        "part": key.path,
        "stream": key.stream,
        "lineage": key.lineage,
        "detector": key.run.detector,
        "run": key.run.run,
        "index": key.index,
        "content": key.content,
    }


def read_receipt(store: Store, key: PartKey) -> Receipt | None:
    """The receipt of a part, if there is one.

    Raises
    ------
    ArchiveError
        It cannot be read.
    """
    path = lay.receipt_file(key.path)
    try:
        return Receipt.from_json(store.read(path), path)
    except FileNotFoundError:
        return None


def receipt_paths(store: Store, folder: str = "") -> list[str]:
    """Key paths of all parts that have a receipt, in order; of one folder of them if it is given."""
    return [p[9:-5] for p in store.list(f"receipts/{folder}".rstrip("/")) if p.endswith(".json")]


def receipts(store: Store, paths: Iterable[str] | None = None) -> Iterator[Receipt]:
    """Receipts of parts by their key paths, all of them if no paths are given.

    Raises
    ------
    ArchiveError
        One of them cannot be read.
    """
    files = [lay.receipt_file(p) for p in (receipt_paths(store) if paths is None else paths)]
    with ThreadPoolExecutor(_THREADS) as pool:
        for file, data in zip(files, pool.map(store.read, files), strict=True):
            yield Receipt.from_json(data, file)


def is_done(store: Store, part: Part, receipt: Receipt | None) -> bool:
    """Whether the part needs no work: its receipt is of this lineage and content, and the file has the stated size."""
    if receipt is None or receipt.lineage != part.key.lineage or receipt.content != part.key.content:
        return False
    if receipt.nbytes == 0:
        return True
    return store.size(lay.part_file(receipt.part)) == receipt.nbytes
