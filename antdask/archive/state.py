"""What of a plan is done: plan, receipts and files reconciled; no marker is believed.

The catalogue only saves reading: a part counts as done when its receipt is there now, and its file has the size that the receipt states. All of it goes in
columns, so that a million parts are compared in a second, and a driver needs a hundred bytes for each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from antdask.archive import catalog_rows, contents, folders, ledger, marker
from antdask.archive.catalog_reader import CatalogReader
from antdask.archive.folders import Listing
from antdask.archive.ledger import Brief, Receipt
from antdask.archive.plans import PlanFile, columns
from antdask.archive.store import Store
from antdask.errors import ArchiveError, ConflictError
from antdask.model.keys import PartKey
from antdask.plan import ARCHIVED, Plan

#: What is summed over the parts of a plan.
SUMS = ("rows", "hits", "lost", "bytes_in", "nbytes")
_KEY = ("detector", "stream", "lineage", "run", "content")
_ROWS = pa.schema(
    [
        ("part", pa.string()),
        ("key", pa.string()),
        ("generation", pa.int64()),
        ("by", pa.string()),
        ("own", pa.bool_()),
        ("known", pa.bool_()),
    ]
    + [(n, pa.int64()) for n in SUMS]
    + [("cpu_seconds", pa.float64())]
)
#: Parts that are grouped at once.
_PIECE = 1 << 16


@dataclasses.dataclass
class Standing:
    """How far a plan is: for each of its parts, in order, whether it is done and what it came to.

    Parameters
    ----------
    table : pyarrow.Table
        The parts, see `plans.PART_TABLE`.
    done : array of bool
    known : array of bool
        Where the numbers of a part that is done are known: its receipt may not have been read.
    sums : dict of arrays
        `SUMS` as int64 and ``cpu_seconds`` as float64; 0 where a part is not done, or not known.
    """

    table: pa.Table
    done: np.ndarray
    known: np.ndarray
    sums: dict[str, np.ndarray]

    def __len__(self) -> int:
        """Number of parts that are done."""
        return int(self.done.sum())

    def __contains__(self, index: object) -> bool:
        return isinstance(index, int) and 0 <= index < len(self.done) and bool(self.done[index])

    def note(self, index: int, brief: Brief) -> None:
        """A part is done now."""
        self.done[index] = self.known[index] = True
        for name, values in self.sums.items():
            values[index] = getattr(brief, name)

    def total(self, name: str) -> int:
        """Sum over all parts that are done."""
        return int(self.sums[name].sum())

    def missing(self) -> list[int]:
        """Numbers of the parts that are not done, the largest first; of equals the first."""
        order: np.ndarray = np.lexsort((np.arange(len(self.done)), -self.table["nbytes"].to_numpy()))
        return [int(n) for n in order[~self.done[order]]]

    def path(self, index: int) -> str:
        """Key path of a part."""
        row = self.table.slice(index, 1).to_pylist()[0]
        again = f".r{row['generation']}" if row["generation"] else ""
        return f"{row['detector']}/{row['stream']}/{row['lineage']}/{row['run']:08d}/{row['index']:04d}-{row['content']}{again}"

    def groups(self) -> list[dict[str, Any]]:
        """Sums of the parts that are done, by stream, detector and run."""
        names = ("stream", "detector", "run")
        totals = [(n, "sum") for n in (*self.sums, "parts")]
        # Piece by piece, since the words that repeat are written out to be grouped.
        pieces = [self._piece(start).group_by(list(names)).aggregate(totals) for start in range(0, len(self.done), _PIECE)]
        if not pieces:
            return []
        plain = [p.rename_columns([n.removesuffix("_sum") for n in p.column_names]) for p in pieces]
        found = pa.concat_tables(plain).group_by(list(names)).aggregate(totals).sort_by([(n, "ascending") for n in names])
        return [
            {**{n: row[n] for n in names}, "parts": row["parts_sum"], **{n: row[f"{n}_sum"] for n in self.sums}}
            for row in found.to_pylist()
        ]

    def _piece(self, start: int) -> pa.Table:
        """Some of the parts that are done, with a 1 for each."""
        own = slice(start, start + _PIECE)
        rows = self.table.slice(start, _PIECE)
        columns = {n: rows[n].cast(pa.string()) if n != "run" else rows[n] for n in ("stream", "detector", "run")}
        ones = pa.array(np.ones(rows.num_rows, np.int64))
        return pa.table({**columns, **{n: pa.array(v[own]) for n, v in self.sums.items()}, "parts": ones}).filter(pa.array(self.done[own]))


class Account:
    """What receipts, catalogue and files say about the parts of an archive at one moment.

    Parameters
    ----------
    store : Store
    reader : CatalogReader or None
        ``None`` where the catalogue cannot be read.
    rows : pyarrow.Table
        A row for each part that is there, or that another stands for: ``part, key, generation``, who stands for it, whether it has a receipt of its own, whether
        its numbers are known, and these.
    fresh : list of str
        Paths of the parts that the catalogue does not know yet.
    read : list of Receipt
        Their receipts, as far as they were read.
    broken : list of str
        Paths of parts that have receipts, but not the file that these state; they have no row.
    """

    def __init__(
        self, store: Store, reader: CatalogReader | None, rows: pa.Table, fresh: list[str], read: list[Receipt], broken: Sequence[str] = ()
    ) -> None:
        self.store, self.reader, self.rows, self.fresh, self.read, self.broken = store, reader, rows, fresh, read, list(broken)

    @classmethod
    def take(cls, store: Store, *, files: bool = True, quick: bool = False, most: int | None = None) -> Account:
        """Look at an archive.

        Parameters
        ----------
        files : bool
            Also compare the sizes of the part files, from one listing.
        quick : bool
            Do not list folders of receipts that nobody has touched since the last snapshot.
        most : int, optional
            Read at most so many receipts that the catalogue does not know, evenly spread; of the others only the names count.

        Raises
        ------
        NotAnArchiveError, SchemaVersionError
        ArchiveError
            A receipt cannot be read.
        """
        marker.check(store)
        reader = _readable(store)
        listing = folders.look(store, reader, quick)
        fresh = listing.fresh
        chosen = fresh if most is None or len(fresh) <= most else [fresh[i * len(fresh) // most] for i in range(most)]
        read = list(ledger.receipts(store, chosen))
        named = fresh if not chosen else sorted(set(fresh).difference(chosen))
        whole = pa.concat_tables([_catalogued(reader, listing), _read_rows(read), _named_rows(named)])
        if not files:
            return cls(store, reader, whole, fresh, read)
        sound = _with_files(store, whole)
        broken = whole["part"].filter(pc.and_(whole["own"], pc.invert(pc.is_in(whole["part"], sound["part"].combine_chunks()))))
        return cls(store, reader, sound, fresh, read, broken.to_pylist())

    def standing(self, plan: Plan | PlanFile) -> Standing:
        """How far a plan is.

        A part whose entries were archived by an earlier plan under another number counts as done, and so does one that a merged part stands for.

        Raises
        ------
        PlanError
            The plan is damaged.
        """
        if not self.rows.num_rows:
            return nothing_done(plan)
        table = columns(plan)
        latest = contents.latest(self.rows["key"], self.rows["generation"].to_numpy())
        rows = self.rows.take(pa.array(latest))
        place = pc.index_in(contents.keys(table), value_set=rows["key"].combine_chunks())
        found = place.is_valid().to_numpy()
        number = place.fill_null(0).to_numpy().astype(np.int64)
        done = found & (rows["generation"].to_numpy()[number] >= table["generation"].to_numpy())
        known = done & rows["known"].to_numpy()[number]
        sums = {n: np.where(known, rows[n].fill_null(0).to_numpy()[number], 0).astype(_dtype(n)) for n in (*SUMS, "cpu_seconds")}
        return Standing(table, done, known, sums)

    def refuse_overlap(self, plan: Plan | PlanFile, standing: Standing) -> None:
        """Refuse to archive entries twice that stand in the archive already, in another cut and the same lineage.

        Raises
        ------
        ConflictError
        """
        wanted = {(lineage, f.fingerprint) for lineage, f in _wanted(plan)}
        taken: dict[tuple[str, str, str], list[tuple[int, int, str]]] = {}
        for row in (r for r in self._rivals(standing) if r["part"] not in set(plan.retires)):
            for r in row["ranges"]:
                fingerprint = row["inputs"][r["input"]]
                if (row["lineage"], fingerprint) in wanted:
                    taken.setdefault((row["lineage"], fingerprint, r["tree"]), []).append((r["start"], r["stop"], row["part"]))
        if not taken:
            return
        inputs = list(plan.entries() if isinstance(plan, PlanFile) else plan.inputs)
        for part in plan.each_part() if isinstance(plan, PlanFile) else plan.parts:
            for r in part.ranges if part.index not in standing else ():
                entry = inputs[r.input]
                for start, stop, other in taken.get((part.key.lineage, entry.fingerprint, r.tree), ()):
                    if start < r.stop and r.start < stop:
                        raise ConflictError(
                            f"Entries {max(start, r.start)} to {min(stop, r.stop)} of {r.tree} are archived already, cut in another way",
                            where=f"{entry.name}, part {other}",
                            hint="Plan with the same --part-bytes as before, or convert into another archive.",
                        )

    def live(self) -> list[str]:
        """Paths of the parts for which no other stands."""
        found: list[str] = self.rows.filter(pc.is_null(self.rows["by"]))["part"].to_pylist()
        return found

    def generation(self, key: PartKey) -> int:
        """The latest generation of a content; 0 where it is not there."""
        own = self.rows.filter(pc.equal(self.rows["key"], contents.key_of(key)))["generation"]
        return int(pc.max(own).as_py() or 0)

    def has_left(self, key: PartKey) -> bool:
        """Whether a content is there, but others stand for its latest generation."""
        own = self.rows.filter(pc.equal(self.rows["key"], contents.key_of(key)))
        latest = own.filter(pc.equal(own["generation"], pc.max(own["generation"])))
        return bool(latest.num_rows) and int(latest["by"].null_count) == 0

    def replaced(self, parts: Sequence[str]) -> set[str]:
        """Who stands for some of these parts: paths of parts, and ids of plans."""
        rows = self.rows.filter(pc.and_(pc.is_in(self.rows["part"], pa.array(parts, pa.string())), pc.is_valid(self.rows["by"])))
        return set(rows["by"].to_pylist())

    def _rivals(self, standing: Standing) -> Iterator[dict[str, Any]]:
        """Parts that are no parts of a plan, but of runs and lineages of which it still has something to do: ``part, lineage, inputs, ranges``."""
        if standing.done.all() or not self.rows.num_rows:
            return
        todo = standing.table.filter(pa.array(~standing.done))
        own = pc.unique(contents.keys(standing.table))
        strange = self.rows.filter(pc.and_(pc.invert(pc.is_in(self.rows["key"], own)), pc.is_null(self.rows["by"])))
        runs = pc.unique(_run_words(todo["detector"], todo["stream"], todo["lineage"], todo["run"]))
        yield from self.ranges(strange["part"].filter(pc.is_in(_run_word_of(strange["part"]), runs)).to_pylist())

    def ranges(self, parts: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Lineage, inputs and ranges of parts that are there."""
        waiting = set(parts)
        if self.reader is not None and waiting:
            names = self.reader.parts.table(["part", "lineage"])
            rows = np.flatnonzero(pc.is_in(names["part"], pa.array(sorted(waiting), pa.string())).to_numpy())
            details = self.reader.details.at(rows, ["inputs", "ranges"]).to_pylist()
            for name, detail in zip(names.take(pa.array(rows)).to_pylist(), details, strict=True):
                waiting.discard(name["part"])
                yield {**name, **detail}
        read = {r.part: r for r in self.read}
        for r in [*(read[p] for p in waiting & read.keys()), *ledger.receipts(self.store, sorted(waiting - read.keys()))]:
            yield {"part": r.part, "lineage": r.lineage, "inputs": [i["fingerprint"] for i in r.inputs], "ranges": r.ranges}


def nothing_done(plan: Plan | PlanFile) -> Standing:
    """The standing of a plan whose archive is not there yet."""
    table = columns(plan)
    empty = np.zeros(table.num_rows, bool)
    return Standing(table, empty, empty.copy(), {n: np.zeros(len(empty), _dtype(n)) for n in (*SUMS, "cpu_seconds")})


def _catalogued(reader: CatalogReader | None, listing: Listing) -> pa.Table:
    """Rows of parts that the catalogue knows and that have receipts, or that others stand for."""
    if reader is None:
        return _ROWS.empty_table()
    parts = reader.parts.table(["part", *_KEY, *catalog_rows.VOLUMES])
    if len(listing.absent):
        parts = parts.filter(pc.invert(pc.is_in(parts["part"], listing.absent)))
    live = {"part": parts["part"], "key": contents.keys(parts), "generation": _generations(parts["part"])}
    live |= {"by": pa.nulls(parts.num_rows, pa.string()), "own": pa.array(np.ones(parts.num_rows, bool))}
    left = reader.superseded
    if not left.num_rows:
        return _rows(parts, live)
    # Who stands for it must be there itself: a part, or (where the name is no path) a plan, which the snapshot has looked after.
    lost = pc.and_(pc.is_in(left["by"], listing.absent), pc.invert(pc.is_in(left["by"], left["part"].combine_chunks())))
    kept = left.filter(pc.invert(lost))
    words, generations = contents.of_paths(kept["part"])
    gone = {"part": kept["part"], "key": words, "generation": pa.array(generations), "by": kept["by"]}
    gone["own"] = pc.invert(pc.is_in(kept["part"], listing.absent))
    return pa.concat_tables([_rows(parts, live), _rows(kept, gone)])


def _rows(table: pa.Table, columns: dict[str, Any]) -> pa.Table:
    known = pc.is_valid(table["rows"])
    return pa.table({**columns, "known": known, **{n: table[n] for n in (*SUMS, "cpu_seconds")}}).select(_ROWS.names).cast(_ROWS)


def _read_rows(receipts: Sequence[Receipt]) -> pa.Table:
    rows = []
    for receipt in receipts:
        for brief, by in ((receipt.brief(), None), *((b, receipt.part) for b in receipt.supersedes)):
            rows.append(
                {"part": brief.part, "by": by, "own": by is None, "known": True, **{n: getattr(brief, n) for n in (*SUMS, "cpu_seconds")}}
            )
    words, generations = contents.of_paths([r["part"] for r in rows])
    return pa.Table.from_pylist(
        [{**r, "key": k, "generation": int(g)} for r, k, g in zip(rows, words.to_pylist(), generations, strict=True)], _ROWS
    )


def _named_rows(paths: Sequence[str]) -> pa.Table:
    """Parts of which only the name of the receipt is known."""
    words, generations = contents.of_paths(paths)
    table = pa.table({"part": pa.array(paths, pa.string()), "key": words, "generation": pa.array(generations)})
    table = table.append_column("known", pa.array(np.zeros(len(paths), bool))).append_column("own", pa.array(np.ones(len(paths), bool)))
    for field in _ROWS:
        if field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(len(paths), field.type))
    return table.select(_ROWS.names).cast(_ROWS)


def _with_files(store: Store, rows: pa.Table) -> pa.Table:
    """Rows whose file has the size that was stated, and those of parts that such a one stands for."""
    sizes = store.sizes("parts")
    names, values = pa.array(list(sizes), pa.string()), pa.array(list(sizes.values()), pa.int64())
    file = pc.binary_join_element_wise("parts/", rows["part"], ".zarr.zip", "")
    there = pc.take(values, pc.index_in(file, value_set=names))
    fits = pc.or_kleene(pc.equal(rows["nbytes"], 0), pc.equal(there, rows["nbytes"]))
    itself = pc.and_(rows["own"], pc.fill_null(fits, False))
    sound = pc.or_(itself, pc.is_valid(rows["by"]))
    while True:
        # Who has nothing of its own is only as good as who stands for it.
        broken = rows["part"].filter(pc.invert(sound)).combine_chunks()
        kept = pc.or_(itself, pc.and_(sound, pc.invert(pc.fill_null(pc.is_in(rows["by"], broken), False))))
        if kept.equals(sound):
            return rows.filter(sound)
        sound = kept


def _readable(store: Store) -> CatalogReader | None:
    try:
        return CatalogReader.open(store)
    except ArchiveError:
        return None


def _generations(paths: pa.ChunkedArray) -> Any:
    """Generation behind each path; most are 0, and then nothing is taken apart."""
    again = pc.match_substring(paths, ".r")
    if not pc.any(again).as_py():
        return pa.array(np.zeros(len(paths), np.int64))
    return pa.array(contents.of_paths(paths)[1])


def _dtype(name: str) -> Any:
    return np.float64 if name == "cpu_seconds" else np.int64


def _run_words(detector: Any, stream: Any, lineage: Any, run: Any) -> Any:
    words = [c.cast(pa.string()) for c in (detector, stream, lineage)]
    return pc.binary_join_element_wise(*words, pc.utf8_lpad(run.cast(pa.string()), 8, "0"), "/")


def _run_word_of(paths: Any) -> Any:
    return pc.replace_substring_regex(paths, r"/[^/]*$", "")


def _wanted(plan: Plan | PlanFile) -> Iterator[tuple[str, Any]]:
    """Lineages and legacy inputs of a plan; parts of archives are no entries that could be archived twice."""
    for entry in plan.entries() if isinstance(plan, PlanFile) else plan.inputs:
        if entry.format != ARCHIVED:
            for lineage in plan.lineages:
                yield lineage, entry
