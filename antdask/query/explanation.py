"""What a query would read, before it reads: parts, blocks, chunks, bytes, and what was left out by what."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Sequence

import numpy as np

from antdask import settings
from antdask.archive.layout import OFFSETS
from antdask.errors import UsageError
from antdask.query.index import Index
from antdask.query.scan import Scan, distinct

#: Decoding of whole columns, and overhead of a chunk, measured on two cores with a warm cache; good to a factor of a few.
BYTES_PER_SECOND, SECONDS_PER_CHUNK = 3e9, 20e-6
# Places of the catalogue that are looked at for an estimate, and how many parts lie together at one: each costs some milliseconds.
_LOOKS, _NEIGHBOURS = 8, 256


@dataclasses.dataclass(frozen=True)
class Step:
    """One thing that narrowed a selection: in words, and how many parts it left."""

    what: str
    parts: int


@dataclasses.dataclass(frozen=True)
class Explanation:
    """What a query would read.

    Parameters
    ----------
    stream : str
    columns : tuple of str
        As they are written, those that only the conditions need included.
    steps : tuple of Step
        How the selection came about.
    parts, blocks, rows, hits : int
        What the catalogue leaves; `rows` and `hits` are exact where `exact`, else upper bounds.
    parts_asked, blocks_asked : int
        Before the bounds of parts and of blocks were looked at.
    blocks_whole : int
        Blocks in which every row matches, so that no condition is evaluated.
    chunks, nbytes, nbytes_decoded : int
        Upper bounds: chunks to decode, encoded bytes to read, bytes in memory [byte].
    exact : bool
        Whether the catalogue alone decides which rows there are.
    estimated : bool
        Whether chunks and bytes are those of a sample, scaled: where so many parts are left that looking at each would take its time.
    rows_untimed : int
        Rows that a selection by time left out because their parts carry no UTC.
    """

    stream: str
    columns: tuple[str, ...]
    steps: tuple[Step, ...]
    parts: int
    parts_asked: int
    blocks: int
    blocks_asked: int
    blocks_whole: int
    rows: int
    hits: int
    chunks: int
    nbytes: int
    nbytes_decoded: int
    exact: bool
    estimated: bool
    rows_untimed: int

    @property
    def seconds(self) -> float:
        """Rough time to read [s]."""
        return self.nbytes_decoded / BYTES_PER_SECOND + self.chunks * SECONDS_PER_CHUNK

    def afford(self, max_bytes: int | None = None) -> None:
        """Refuse to read more than the budget, which is the setting ``query_bytes`` if not given [byte].

        Raises
        ------
        UsageError
        """
        budget = settings.load(query_bytes=max_bytes).query_bytes
        if self.nbytes_decoded > budget:
            raise UsageError(
                f"The query would read up to {size(self.nbytes_decoded)} ({self.parts:,} parts, about {self.seconds:.1g} s)",
                found=f"{self.nbytes_decoded:,} bytes",
                expected=f"at most {budget:,}",
                hint=f"Select less or fewer columns, use iter_batches() or to_dask(), or raise the budget: max_bytes={self.nbytes_decoded} or ANTDASK_QUERY_BYTES.",
            )

    def lines(self) -> list[tuple[str, str]]:
        """Heading and text of each line."""
        most = "" if self.exact else "at most "
        found = [("stream", self.stream)]
        found += [("", f"{step.what}: {counted(step.parts, 'part')}") for step in self.steps]
        found += [
            ("parts", f"{self.parts:,} of {self.parts_asked:,} can match by their frames and times"),
            ("blocks", f"{self.blocks:,} of {self.blocks_asked:,} can match by their minima and maxima, {self.blocks_whole:,} as a whole"),
            ("rows", f"{most}{counted(self.rows, 'row')}, {counted(self.hits, 'hit')}"),
            ("columns", f"{len(self.columns)}: {', '.join(self.columns[:8])}{' …' if len(self.columns) > 8 else ''}"),
            (
                "reads",
                f"{'about' if self.estimated else 'at most'} {counted(self.chunks, 'chunk')}, {size(self.nbytes)}, {size(self.nbytes_decoded)} decoded",
            ),
            ("time", f"{_duration(self.seconds)} from a local disk" if self.chunks else "none"),
        ]
        if self.rows_untimed:
            found.append(("without", f"{counted(self.rows_untimed, 'row')} in parts that carry no UTC"))
        return found

    def __str__(self) -> str:
        return "\n".join(f"{head:9}{text}" for head, text in self.lines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        left = "style='text-align: left'"
        rows = "".join(f"<tr><th {left}>{html.escape(head)}</th><td {left}>{html.escape(text)}</td></tr>" for head, text in self.lines())
        return f"<table>{rows}</table>"


class Explanations(list[Explanation]):
    """What each of several scans would read."""

    def __str__(self) -> str:
        return "\n\n".join(map(str, self)) or "Nothing would be read."

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(one._repr_html_() for one in self) or html.escape(str(self))


def explain(scan: Scan, columns: Sequence[str], steps: tuple[Step, ...], rows_untimed: int = 0) -> Explanation:
    """Add up what a scan reads for these columns (``table/column``)."""
    index = scan.index
    needed = [*columns, *(f"{t}/{c}" for p in scan.predicates for t, c in sorted(p.columns) if f"{t}/{c}" not in columns)]
    sample, share = _sample(scan)
    chunks, encoded, decoded = (int(n / share) for n in _reading(sample, index, needed))
    names = dataclasses.replace(index.scope(), columns=needed).names
    return Explanation(
        stream=index.schema.name,
        columns=tuple(names),
        steps=steps,
        parts=len(distinct(scan.part)),
        parts_asked=scan.parts_asked,
        blocks=scan.blocks,
        blocks_asked=scan.blocks_asked,
        blocks_whole=scan.blocks_whole,
        rows=int((scan.row_stop - scan.row_start).sum()),
        hits=int((scan.hit_stop - scan.hit_start).sum()),
        chunks=chunks,
        nbytes=encoded,
        nbytes_decoded=decoded,
        exact=scan.exact,
        estimated=share < 1,
        rows_untimed=rows_untimed,
    )


def _sample(scan: Scan) -> tuple[Scan, float]:
    """The scan, or parts of it from all over the catalogue, and their share of the rows and hits."""
    groups = scan.part // _NEIGHBOURS
    there = distinct(groups)
    if len(there) <= _LOOKS:
        return scan, 1.0
    chosen = there[np.linspace(0, len(there) - 1, _LOOKS).astype(np.int64)]
    weight = scan.row_stop - scan.row_start + scan.hit_stop - scan.hit_start
    mask = np.isin(groups, chosen)
    return scan.only(mask), float(weight[mask].sum() / weight.sum())


def _reading(scan: Scan, index: Index, columns: Sequence[str]) -> tuple[int, int, int]:
    """Chunks, encoded and decoded bytes of these columns and the offsets that lead to them."""
    names = [*columns, *index.offset_arrays(index.tables(list(columns)))]
    parts = distinct(scan.part)
    chunks = encoded = decoded = 0
    for name, arrays in index.arrays(parts, names).items() if len(parts) else ():
        table, _, column = name.rpartition("/")
        source = str(index.schema.table(table).parent) if column == OFFSETS else table
        # Which ranges have the array, and where it stands among the arrays of all parts.
        there = np.isin(scan.part, arrays["part"])
        place = np.searchsorted(arrays["part"], scan.part[there])
        one = {key: values[place] for key, values in arrays.items()}
        start, stop = _range(scan, index, source, one["rows"], there)
        first, last = start // one["chunk"], -(-stop // one["chunk"])
        touched = np.where(stop > start, last - first, 0)
        total = np.maximum(-(-one["rows"] // one["chunk"]), 1)
        chunks += int(touched.sum())
        encoded += int((one["encoded"] * touched // total).sum())
        decoded += int((np.minimum(touched * one["chunk"], one["rows"]) * one["width"] * one["itemsize"]).sum())
    return chunks, encoded, decoded


def _range(scan: Scan, index: Index, table: str, length: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a table in each range: known for the row table and for hits, else estimated by the share of rows."""
    start, stop = scan.row_start[there], scan.row_stop[there]
    if table == index.schema.rows.name:
        return start, stop
    if table == "hits":
        return scan.hit_start[there], scan.hit_stop[there]
    rows = np.maximum(index.part("rows")[scan.part[there]], 1)
    return start * length // rows, -(-stop * length // rows)


def size(nbytes: float) -> str:
    """Bytes for people.

    Examples
    --------
    >>> size(999), size(1_500_000), size(2.5e13)
    ('999 B', '1.5 MB', '25 TB')
    """
    units = ("B", "kB", "MB", "GB", "TB", "PB")
    power = 0
    while nbytes >= 999.5 and power < len(units) - 1:
        nbytes, power = nbytes / 1000, power + 1
    return f"{nbytes:.3g} {units[power]}"


def counted(n: int, noun: str) -> str:
    """A number with its noun, in the plural where there are several."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _duration(seconds: float) -> str:
    return f"about {seconds:.1g} s" if seconds >= 0.01 else "less than 0.01 s"
