"""Plans as files: a ZIP of JSON pieces, so that a worker reads the piece that holds its part, not a million others.

::

    plan.zip
      header.json           version, id, archive, numbers of inputs and parts, lineages, rejected inputs
      inputs/000000.json    a list of up to 1,000 inputs
      parts/000000.json     a list of up to 1,000 parts
"""

from __future__ import annotations

import functools
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from antdask.archive import layout as lay
from antdask.archive.store import Store, open_url
from antdask.errors import AntdaskError, PlanError, UsageError
from antdask.plan import PLAN_VERSION, Assignment, Plan, Rejected, assign, entry_from_dict, part_from_dict

PIECE = 1000
_STAMP = (1980, 1, 1, 0, 0, 0)
_HINT = "Make one with: antdask plan INPUT… --archive URL -o FILE."


def to_bytes(plan: Plan) -> bytes:
    """The file of a plan; equal plans give equal bytes."""
    document = plan.to_dict()
    inputs, parts = document.pop("inputs"), document.pop("parts")
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as file:
        _add(file, "header.json", {**document, "id": plan.id, "inputs": len(inputs), "parts": len(parts)})
        for name, items in (("inputs", inputs), ("parts", parts)):
            for start in range(0, len(items), PIECE):
                _add(file, _piece(name, start), items[start : start + PIECE])
    return sink.getvalue()


def _add(file: zipfile.ZipFile, name: str, document: Any) -> None:
    info = zipfile.ZipInfo(name, _STAMP)
    info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
    file.writestr(info, json.dumps(document, sort_keys=True, indent=1) + "\n")


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
        header = self._read(["header.json"])[0]
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
        except (KeyError, TypeError, ValueError) as error:
            raise PlanError(f"Not an antdask plan: {type(error).__name__}: {error}", where=url, hint=_HINT) from error

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
            part = part_from_dict(self._read([_piece("parts", index)])[0][index % PIECE])
            numbers = sorted({r.input for r in part.ranges})
            pieces = dict(zip(names := sorted({_piece("inputs", n) for n in numbers}), self._read(names), strict=True))
            inputs = {n: entry_from_dict(pieces[_piece("inputs", n)][n % PIECE]) for n in numbers}
            return assign(self.id, self.archive, part, inputs, self.lineages[part.key.lineage])

    def whole(self) -> Plan:
        """The plan as one object.

        Raises
        ------
        PlanError
            It is damaged: its content is not that of its id.
        """
        with self._understood():
            lists = {}
            for name, number in (("inputs", self.inputs), ("parts", self.parts)):
                lists[name] = [item for piece in self._read([_piece(name, n) for n in range(0, number, PIECE)]) for item in piece]
            plan = Plan(
                self.archive,
                tuple(map(entry_from_dict, lists["inputs"])),
                tuple(map(part_from_dict, lists["parts"])),
                self.lineages,
                self.rejected,
            )
        if plan.id != self.id:
            raise PlanError(
                "The plan was altered: its content is not that of its id", where=self.url, found=plan.id, expected=self.id, hint=_HINT
            )
        return plan

    def _understood(self) -> _Understood:
        return _Understood(self.url)

    def _read(self, names: list[str]) -> list[Any]:
        try:
            with open_url(self.url) as f, zipfile.ZipFile(f) as file:
                return [json.loads(file.read(name)) for name in names]
        except FileNotFoundError as error:
            raise PlanError("There is no plan", where=self.url, hint=_HINT) from error
        except (OSError, zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
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


def save(store: Store, plan: Plan) -> str:
    """Keep a plan in its archive, if it is not there; its URL."""
    path = lay.plan_file(plan.id)
    if not store.exists(path):
        store.write_small(path, to_bytes(plan))
    return store.full_url(path)


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
