"""Plans as files: a ZIP of JSON pieces, so that a worker reads the piece that holds its part, not a million others.

::

    plan.zip
      header.json           version, id, archive, numbers of inputs and parts, cost, lineages, rejected inputs
      inputs/000000.json    a list of up to 1,000 inputs
      parts/000000.json     a list of up to 1,000 parts
      parts.parquet         the keys and sizes of all parts once more, as columns: what a driver needs of a million parts
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import io
import itertools
import json
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from antdask.archive import layout as lay
from antdask.archive.store import Store, open_url
from antdask.errors import AntdaskError, PlanError, UsageError
from antdask.plan import PIECE, PLAN_VERSION, Assignment, FileEntry, Part, Plan, Rejected, assign, entry_from_dict, part_from_dict, plan_id

_STAMP = (1980, 1, 1, 0, 0, 0)
_HINT = "Make one with: antdask plan INPUT… --archive URL -o FILE."
_LISTS = ("inputs", "parts")

#: One row per part of a plan, in its order. The words repeat and are kept once.
PART_TABLE = pa.schema(
    [(n, pa.dictionary(pa.int32(), pa.string())) for n in ("detector", "stream", "lineage")]
    + [("run", pa.uint32()), ("index", pa.int32()), ("content", pa.string()), ("generation", pa.int16())]
    + [("nbytes", pa.int64()), ("entries", pa.int64())]
)


def part_table(parts: Iterable[Part]) -> pa.Table:
    """Keys and sizes of parts as columns."""
    columns: dict[str, list[Any]] = {name: [] for name in PART_TABLE.names}
    for part in parts:
        key = part.key
        row = (key.run.detector, key.stream, key.lineage, key.run.run, key.index, key.content, key.generation, part.nbytes, part.entries)
        for values, value in zip(columns.values(), row, strict=True):
            values.append(value)
    return pa.table([pa.array(columns[f.name], f.type) for f in PART_TABLE], schema=PART_TABLE)


def columns(plan: Plan | PlanFile) -> pa.Table:
    """Keys and sizes of all parts of a plan.

    Raises
    ------
    PlanError
        The plan is damaged.
    """
    return plan.table() if isinstance(plan, PlanFile) else part_table(plan.parts)


def to_bytes(plan: Plan | PlanFile) -> bytes:
    """The file of a plan; equal plans give equal bytes."""
    if isinstance(plan, PlanFile):
        return plan.moved(plan.archive)
    sink = io.BytesIO()
    header = {**plan.header(), "id": plan.id, "inputs": len(plan.inputs), "parts": len(plan.parts), "cost": plan.cost()}
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as file:
        _add(file, "header.json", _text(header))
        for name in _LISTS:
            for number, items in enumerate(plan.pieces(name)):
                _add(file, _piece(name, number * PIECE), _text(items))
        columns = io.BytesIO()
        pq.write_table(part_table(plan.parts), columns, compression="zstd")
        _add(file, "parts.parquet", columns.getvalue())
    return sink.getvalue()


def _text(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"


def _add(file: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, _STAMP)
    info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
    file.writestr(info, data)


def _piece(name: str, number: int) -> str:
    return f"{name}/{number // PIECE:06d}.json"


class PlanFile:
    """A plan on disk, read piece by piece.

    Parameters
    ----------
    url : str
        Path or URL.

    Raises
    ------
    PlanError
        Missing, not a plan, or one of another version.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        (header,) = self._json(["header.json"])
        try:
            if header["plan_version"] != PLAN_VERSION:
                raise PlanError(
                    "Unknown plan version",
                    where=url,
                    found=header["plan_version"],
                    expected=PLAN_VERSION,
                    hint="Use the antdask that wrote it, or plan again.",
                )
            self.id, self.archive = str(header["id"]), str(header["archive"])
            self.inputs, self.parts = int(header["inputs"]), int(header["parts"])
            self.lineages, self.rejected = dict(header["lineages"]), tuple(Rejected(**r) for r in header["rejected"])
            self.retires, self._cost = tuple(map(str, header.get("retires", ()))), {k: int(v) for k, v in header["cost"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PlanError(f"Not an antdask plan: {type(error).__name__}: {error}", where=url, hint=_HINT) from error

    def cost(self) -> dict[str, int]:
        """What it will take, see `Plan.cost`."""
        return dict(self._cost)

    def into(self, archive: str) -> PlanFile:
        """The same plan for another archive; to be kept there before anybody works on it."""
        moved = copy.copy(self)
        moved.archive = Store(archive).url
        return moved

    def assignment(self, index: int) -> Assignment:
        """What a worker needs to do the part with this number; reads two or three small pieces.

        Raises
        ------
        PlanError
            No such part, or a damaged plan.
        """
        if not 0 <= index < self.parts:
            raise PlanError("No such part", where=self.url, found=index, expected=f"0 to {self.parts - 1}")
        with self._understood():
            (piece,) = self._json([_piece("parts", index)])
            part = part_from_dict(piece[index % PIECE])
            numbers = sorted({r.input for r in part.ranges})
            pieces = dict(zip(names := sorted({_piece("inputs", n) for n in numbers}), self._json(names), strict=True))
            inputs = {n: entry_from_dict(pieces[_piece("inputs", n)][n % PIECE]) for n in numbers}
            return assign(self.id, self.archive, part, inputs, self.lineages[part.key.lineage])

    def entries(self) -> Iterator[FileEntry]:
        """All inputs, in order, piece by piece.

        Raises
        ------
        PlanError
            The plan is damaged.
        """
        for piece in self._pieces("inputs"):
            with self._understood():
                yield from map(entry_from_dict, piece)

    def entry(self, number: int) -> FileEntry:
        """The input with this number.

        Raises
        ------
        PlanError
            No such input, or a damaged plan.
        """
        if not 0 <= number < self.inputs:
            raise PlanError("No such input", where=self.url, found=number, expected=f"0 to {self.inputs - 1}")
        with self._understood():
            (piece,) = self._json([_piece("inputs", number)])
            return entry_from_dict(piece[number % PIECE])

    def each_part(self) -> Iterator[Part]:
        """All parts, in order, piece by piece.

        Raises
        ------
        PlanError
            The plan is damaged.
        """
        for piece in self._pieces("parts"):
            with self._understood():
                yield from map(part_from_dict, piece)

    def table(self) -> pa.Table:
        """Keys and sizes of all parts, see `PART_TABLE`.

        Raises
        ------
        PlanError
            The plan is damaged.
        """
        (data,) = self._read(["parts.parquet"])
        try:
            table = pq.read_table(pa.BufferReader(data))
            found = table.select(PART_TABLE.names).cast(PART_TABLE)
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            raise PlanError(f"The plan is damaged: {error}", where=self.url, hint=_HINT) from error
        if found.num_rows != self.parts:
            raise PlanError(
                "The plan is damaged", where=self.url, found=f"{found.num_rows} parts", expected=f"{self.parts} parts", hint=_HINT
            )
        return found

    def whole(self) -> Plan:
        """The plan as one object.

        Raises
        ------
        PlanError
            It is damaged: its content is not that of its id.
        """
        with self._understood():
            inputs = tuple(self.entries())
            plan = Plan(self.archive, inputs, tuple(self.each_part()), self.lineages, self.rejected, self.retires)
        self._check(plan.id)
        return plan

    def check(self) -> None:
        """Make sure that the content is that of the id, with no more than one piece in memory.

        Raises
        ------
        PlanError
        """
        header = {"plan_version": PLAN_VERSION, "lineages": self.lineages, "rejected": [dataclasses.asdict(r) for r in self.rejected]}
        if self.retires:
            header["retires"] = list(self.retires)
        self._check(plan_id(header, itertools.chain(*(self._pieces(name) for name in _LISTS))))

    def _check(self, found: str) -> None:
        if found != self.id:
            raise PlanError(
                "The plan was altered: its content is not that of its id", where=self.url, found=found, expected=self.id, hint=_HINT
            )

    def moved(self, archive: str) -> bytes:
        """The file of the same plan for another archive.

        Raises
        ------
        PlanError
        """
        sink = io.BytesIO()
        (header,) = self._json(["header.json"])
        names = [*self._names("inputs"), *self._names("parts"), "parts.parquet"]
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as file:
            _add(file, "header.json", _text({**header, "archive": archive}))
            for name, data in zip(names, self._read(names), strict=True):
                _add(file, name, data)
        return sink.getvalue()

    def _names(self, kind: str) -> list[str]:
        return [_piece(kind, start) for start in range(0, self.inputs if kind == "inputs" else self.parts, PIECE)]

    def _pieces(self, kind: str) -> Iterator[list[Any]]:
        return self._json(self._names(kind))

    def _understood(self) -> _Understood:
        return _Understood(self.url)

    def _json(self, names: list[str]) -> Iterator[Any]:
        try:
            yield from map(json.loads, self._read(names))
        except ValueError as error:
            raise PlanError(f"The plan cannot be read: {error}", where=self.url, hint=_HINT) from error

    def _read(self, names: list[str]) -> Iterator[bytes]:
        """Members of the ZIP, one after the other; its directory is read once."""
        try:
            with open_url(self.url) as f, zipfile.ZipFile(f) as file:
                for name in names:
                    yield file.read(name)
        except FileNotFoundError as error:
            raise PlanError("There is no plan", where=self.url, hint=_HINT) from error
        except (OSError, zipfile.BadZipFile, zlib.error, struct.error, KeyError, ValueError, EOFError, RuntimeError) as error:
            raise PlanError(f"The plan cannot be read: {error}", where=self.url, hint=_HINT) from error


class _Understood:
    """Turns what is wrong with the content of a plan into a `PlanError`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, KeyError | TypeError | IndexError | UsageError):
            raise PlanError(f"The plan is damaged: {type(error).__name__}: {error}", where=self.url, hint=_HINT) from error


@functools.lru_cache(maxsize=4)
def open_plan(url: str) -> PlanFile:
    """The plan at a URL; kept for the life of the process, since a plan never changes.

    Raises
    ------
    PlanError
    """
    return PlanFile(url)


def save(store: Store, plan: Plan | PlanFile) -> PlanFile:
    """Keep a plan in its archive, if it is not there; the kept one.

    Raises
    ------
    PlanError
        A file of a plan that was altered.
    DestinationError
    """
    path = lay.plan_file(plan.id)
    if not store.exists(path):
        if isinstance(plan, PlanFile):
            plan.check()
        store.write_small(
            path, plan.moved(store.url) if isinstance(plan, PlanFile) else to_bytes(dataclasses.replace(plan, archive=store.url))
        )
    return open_plan(store.full_url(path))


def saved(store: Store) -> Iterator[PlanFile]:
    """Plans of an archive, in order of their ids.

    Raises
    ------
    PlanError
        One of them cannot be read.
    """
    for path in store.list("plans"):
        yield PlanFile(store.full_url(path))


def is_plan(url: str) -> bool:
    """Whether a file begins as a plan does; ``False`` for what cannot be read, which its reader will say better."""
    try:
        with open_url(url) as f:
            head: bytes = f.read(64)
    except (OSError, AntdaskError):
        return False
    return head.startswith(b"PK\x03\x04") and head[30:].startswith(b"header.json")
