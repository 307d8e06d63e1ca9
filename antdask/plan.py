"""The plan: what a campaign will do, frozen before a byte moves; and the arithmetic that cuts inputs into parts.

Pure: knows no disk. A file is described (`FileEntry`) by *segments*, runs of entries of one tree that belong to one run::

    tree KM3NET_EVENT   entries 0 ............ 800 | 800 ....... 1000
    segments            run 10 (4 GB)              | run 11 (1 GB)
    parts (max. 2 GB)   [0, 400) [400, 800)        | [800, 1000)
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from antdask.errors import PlanError
from antdask.model.keys import PartKey, RunKey

PLAN_VERSION = 1
#: Items of the lists of a plan that are hashed, and kept in a file, together.
PIECE = 1000
#: Format of an input that is itself a part of an archive.
ARCHIVED = "archive_part"


@dataclasses.dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive entries of one tree that belong to one run.

    Parameters
    ----------
    stream, tree : str
        Target stream; tree or data set inside the file.
    run : RunKey
    start, stop : int
        Half-open range of entries.
    nbytes : int
        Uncompressed bytes of the range in the source, as far as metadata tell [byte].
    ordered : bool
        Whether the entries are known or hoped to stand in the declared order; if not, the part is gathered and sorted at once, and not read twice.
    """

    stream: str
    tree: str
    run: RunKey
    start: int
    stop: int
    nbytes: int
    ordered: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Lender:
    """A sound file that lends the layout of its trees to one that lost its own: where it is, and its fingerprint."""

    url: str
    fingerprint: str


@dataclasses.dataclass(frozen=True, slots=True)
class FileEntry:
    """An input file as it was when the plan was made.

    Parameters
    ----------
    url : str
        Where it is; absolute.
    format, layout, origin : str
        Name of the source that reads it, the layout inside, and the origin of its columns.
    nbytes : int
        Size of the file [byte].
    mtime_ns : int
        Modification time [ns since 1970], 0 where the store has none.
    uuid : str
        Identity that the format itself gives (ROOT file UUID), else empty.
    fingerprint : str
        SHA-256 over size, first and last mebibyte.
    segments : tuple of Segment
    notes : tuple of str
        What the file holds beyond the segments: empty trees, objects that are not archived.
    like : Lender, optional
        The file that lends it the layout of trees.
    """

    url: str
    format: str
    layout: str
    origin: str
    nbytes: int
    mtime_ns: int
    uuid: str
    fingerprint: str
    segments: tuple[Segment, ...]
    notes: tuple[str, ...] = ()
    like: Lender | None = None

    @property
    def name(self) -> str:
        """Last word of the path."""
        return self.url.rstrip("/").rpartition("/")[2]

    @property
    def kind(self) -> str:
        """Format, layout and origin: inputs of one kind are read in one way."""
        return f"{self.format}/{self.layout}/{self.origin}"

    @property
    def identity(self) -> dict[str, Any]:
        """What identifies the content, wherever the file lies."""
        lent = {} if self.like is None else {"like": self.like.fingerprint}
        return {"name": self.name, "nbytes": self.nbytes, "uuid": self.uuid, "fingerprint": self.fingerprint, **lent}

    def entries(self, stream: str) -> int:
        """Entries of a stream."""
        return sum(s.stop - s.start for s in self.segments if s.stream == stream)


@dataclasses.dataclass(frozen=True, slots=True)
class Range:
    """Entries ``start:stop`` of a tree of the input number `input` of the plan; `ordered` as in `Segment`."""

    input: int
    tree: str
    start: int
    stop: int
    nbytes: int
    ordered: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One piece of work: ranges of input that become one file."""

    index: int
    key: PartKey
    ranges: tuple[Range, ...]

    @property
    def nbytes(self) -> int:
        """Estimated uncompressed bytes [byte]."""
        return sum(r.nbytes for r in self.ranges)

    @property
    def entries(self) -> int:
        """Number of entries of the sources."""
        return sum(r.stop - r.start for r in self.ranges)


@dataclasses.dataclass(frozen=True, slots=True)
class Rejected:
    """An input that could not be described: it is counted, named and left out."""

    url: str
    code: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Assignment:
    """One part with all that is needed to do it, and nothing of the other parts.

    Parameters
    ----------
    plan, archive : str
        Id of the plan; URL of the destination.
    part : Part
        The inputs of its ranges are numbered from 0, in the order of `inputs`.
    inputs : tuple of FileEntry
    lineage : mapping
        The document behind the lineage id of the part.
    """

    plan: str
    archive: str
    part: Part
    inputs: tuple[FileEntry, ...]
    lineage: Mapping[str, Any]

    @property
    def origin(self) -> str:
        """Origin of the columns of the part: the lineage says it, where a step changes that of the inputs."""
        return str(self.lineage.get("origin", self.inputs[0].origin))


def assign(plan: str, archive: str, part: Part, inputs: Mapping[int, FileEntry], lineage: Mapping[str, Any]) -> Assignment:
    """The assignment of a part whose ranges count inputs as the plan does."""
    numbers = sorted({r.input for r in part.ranges})
    own = tuple(dataclasses.replace(r, input=numbers.index(r.input)) for r in part.ranges)
    return Assignment(plan, archive, dataclasses.replace(part, ranges=own), tuple(inputs[n] for n in numbers), lineage)


@dataclasses.dataclass(frozen=True)
class Plan:
    """A frozen campaign.

    Parameters
    ----------
    archive : str
        URL of the destination; not part of the identity.
    inputs, parts, rejected : tuple
    lineages : mapping of lineage id to document
        All that determines the bytes of a part besides its input.
    retires : tuple of str
        Paths of parts that leave the catalogue when all parts of this plan are there.
    """

    archive: str
    inputs: tuple[FileEntry, ...]
    parts: tuple[Part, ...]
    lineages: Mapping[str, Mapping[str, Any]]
    rejected: tuple[Rejected, ...] = ()
    retires: tuple[str, ...] = ()

    @functools.cached_property
    def id(self) -> str:
        """16 hexadecimal digits: hash of everything but the destination."""
        inputs, parts = self.pieces("inputs"), self.pieces("parts")
        return plan_id(self.header(), itertools.chain(inputs, parts))

    def header(self) -> dict[str, Any]:
        """All but the lists of inputs and parts, as plain data; what is seldom said only where it is."""
        return {
            "plan_version": PLAN_VERSION,
            "archive": self.archive,
            "lineages": {k: dict(v) for k, v in self.lineages.items()},
            "rejected": [dataclasses.asdict(r) for r in self.rejected],
            **({"retires": list(self.retires)} if self.retires else {}),
        }

    def pieces(self, name: str) -> Iterator[list[dict[str, Any]]]:
        """The list ``"inputs"`` or ``"parts"`` as plain data, `PIECE` items at a time."""
        items: tuple[Any, ...] = getattr(self, name)
        convert: Callable[[Any], dict[str, Any]] = entry_to_dict if name == "inputs" else part_to_dict
        for start in range(0, len(items), PIECE):
            yield [convert(item) for item in items[start : start + PIECE]]

    def cost(self) -> dict[str, int]:
        """What it will take: files, bytes, parts, entries, inodes (parts + receipts + lineages + catalogue), bytes of memory of the largest part."""
        return {
            "inputs": len(self.inputs),
            "rejected": len(self.rejected),
            "bytes_in": sum(f.nbytes for f in self.inputs),
            "bytes_uncompressed": sum(p.nbytes for p in self.parts),
            "parts": len(self.parts),
            "entries": sum(p.entries for p in self.parts),
            "inodes": 2 * len(self.parts) + len(self.lineages) + 10,
            "memory_part": max((2 * p.nbytes for p in self.parts), default=0),
        }

    def assignment(self, index: int) -> Assignment:
        """What a worker needs to do the part with this number.

        Raises
        ------
        PlanError
            No such part.
        """
        if not 0 <= index < len(self.parts):
            raise PlanError("No such part", where=f"plan {self.id}", found=index, expected=f"0 to {len(self.parts) - 1}")
        part = self.parts[index]
        return assign(self.id, self.archive, part, {r.input: self.inputs[r.input] for r in part.ranges}, self.lineages[part.key.lineage])


def plan_id(header: Mapping[str, Any], pieces: Iterable[Sequence[Mapping[str, Any]]]) -> str:
    """Id of a plan from its header and the pieces of its lists, inputs first; one piece is held at a time."""
    said = {name: header[name] for name in ("plan_version", "lineages", "rejected", "retires") if name in header}
    return digest([said, *map(digest, pieces)])[:16]


def entry_to_dict(entry: FileEntry) -> dict[str, Any]:
    """A file entry as plain data, ready for JSON."""
    # By hand: `dataclasses.asdict` copies so thoroughly that a plan of 10^6 parts would take minutes more.
    document = {name: getattr(entry, name) for name in FileEntry.__slots__}
    segments = [{**{name: getattr(s, name) for name in Segment.__slots__}, "run": _run_to_dict(s.run)} for s in entry.segments]
    # Left out where there is none, so that the ids of plans stay what they were.
    like = document.pop("like")
    lent = {} if like is None else {"like": {"url": like.url, "fingerprint": like.fingerprint}}
    return {**document, "segments": segments, "notes": list(entry.notes), **lent}


def entry_from_dict(data: Mapping[str, Any]) -> FileEntry:
    """A file entry from plain data."""
    segments = tuple(Segment(**{**s, "run": RunKey(**s["run"])}) for s in data["segments"])
    like = Lender(**data["like"]) if "like" in data else None
    return FileEntry(**{**data, "segments": segments, "notes": tuple(data["notes"]), "like": like})


def part_to_dict(part: Part) -> dict[str, Any]:
    """A part as plain data, ready for JSON."""
    key = {name: getattr(part.key, name) for name in PartKey.__slots__}
    key["run"] = _run_to_dict(part.key.run)
    if not part.key.generation:
        del key["generation"]
    return {"index": part.index, "key": key, "ranges": [{name: getattr(r, name) for name in Range.__slots__} for r in part.ranges]}


def _run_to_dict(run: RunKey) -> dict[str, Any]:
    return {"detector": run.detector, "run": run.run}


def part_from_dict(data: Mapping[str, Any]) -> Part:
    """A part from plain data."""
    key = PartKey(**{**data["key"], "run": RunKey(**data["key"]["run"])})
    return Part(data["index"], key, tuple(Range(**r) for r in data["ranges"]))


def digest(document: Any) -> str:
    """SHA-256 of the canonical JSON of plain data, hexadecimal."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def cut_evenly(start: int, stop: int, nbytes: int, limit: int) -> list[tuple[int, int]]:
    """Cut entries into pieces of nearly equal length, each of at most about `limit` bytes, none empty.

    Examples
    --------
    >>> cut_evenly(0, 10, nbytes=100, limit=40)
    [(0, 3), (3, 6), (6, 10)]
    >>> cut_evenly(5, 7, nbytes=0, limit=40)
    [(5, 7)]
    """
    n = stop - start
    pieces = max(1, min(n, -(-nbytes // limit)))
    edges = [start + n * i // pieces for i in range(pieces + 1)]
    return list(itertools.pairwise(edges))


def make_parts(
    inputs: Iterable[FileEntry],
    lineage_of: Mapping[tuple[str, str], str],
    part_bytes: int,
    after: Sequence[Part] = (),
    first_input: int = 0,
) -> tuple[Part, ...]:
    """Cut described inputs into parts: each of one stream and run, of at most about `part_bytes`.

    Parameters
    ----------
    lineage_of : mapping of (stream, kind of the input) to lineage id; see `FileEntry.kind`
    after : sequence of Part
        Parts of the same plan that stand before: their numbers go on.
    first_input : int
        Number of the first input in the plan.
    """
    parts: list[Part] = []
    counters: dict[tuple[str, RunKey], int] = {}
    taken: set[tuple[str, str, RunKey, str]] = set()
    for part in after:
        key = part.key
        counters[key.stream, key.run] = max(counters.get((key.stream, key.run), 0), key.index + 1)
        taken.add((key.stream, key.lineage, key.run, key.content))
    for number, entry in enumerate(inputs, first_input):
        for segment in entry.segments:
            per_entry = segment.nbytes / max(1, segment.stop - segment.start)
            for start, stop in cut_evenly(segment.start, segment.stop, segment.nbytes, part_bytes):
                rng = Range(number, segment.tree, start, stop, round(per_entry * (stop - start)), segment.ordered)
                index = counters.setdefault((segment.stream, segment.run), 0)
                counters[segment.stream, segment.run] += 1
                lineage = lineage_of[segment.stream, entry.kind]
                content = content_id([entry], [dataclasses.replace(rng, input=0)])
                if (segment.stream, lineage, segment.run, content) in taken:
                    # Two in 10^9 for a run of a few parts; but a part that is taken for another would never be archived.
                    content = content_id([entry], [dataclasses.replace(rng, input=0)], digits=16)
                taken.add((segment.stream, lineage, segment.run, content))
                parts.append(Part(len(after) + len(parts), PartKey(segment.stream, lineage, segment.run, index, content), (rng,)))
    return tuple(parts)


def content_id(inputs: Iterable[FileEntry], ranges: Iterable[Range], digits: int = 8) -> str:
    """Hexadecimal digits that stand for these entries of these inputs, wherever the files lie."""
    return content_of([f.identity for f in inputs], [(r.input, r.tree, r.start, r.stop) for r in ranges], digits)


def content_of(identities: Iterable[Mapping[str, Any]], cuts: Iterable[tuple[int, str, int, int]], digits: int = 8) -> str:
    """The same from plain data: identities of inputs, and ``input, tree, start, stop`` of each range."""
    nameless = [{k: v for k, v in i.items() if k != "name"} for i in identities]
    return digest([nameless, list(cuts)])[:digits]


def check_budget(plan: Plan, max_parts: int, max_bytes: int) -> None:
    """Refuse a plan that would break the budget.

    Raises
    ------
    PlanError
        More parts, or more uncompressed bytes, than allowed.
    """
    cost = plan.cost()
    for name, value, limit in (("parts", cost["parts"], max_parts), ("bytes_uncompressed", cost["bytes_uncompressed"], max_bytes)):
        if value > limit:
            raise PlanError(
                f"The plan breaks the budget of {name}",
                found=value,
                expected=f"at most {limit}",
                hint="Raise --part-bytes (fewer parts), take fewer inputs, or raise the budget.",
            )
