"""Run lists: the good runs of an analysis, as numbers in a text, a CSV or Parquet file, or a table; detectors beside them where it has any."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from antdask.archive.store import open_url
from antdask.errors import UnknownNameError, UsageError
from antdask.query.index import Index

_RUN_MAX = 2**32 - 1
_HINT = "One run or FIRST:END (END is not included) per word, # begins a comment; or CSV or Parquet with a column 'run', and 'detector' if there are several."


class UnlistedRunsWarning(UserWarning):
    """Runs of a list are not in the archive."""


@dataclasses.dataclass(frozen=True, eq=False)
class RunList:
    """Runs, each once.

    Parameters
    ----------
    name : str
        Where they come from, in words.
    runs : int64 array
    detectors : array of str or None
        Of each run; ``None`` where the list holds for every detector.
    """

    name: str
    runs: np.ndarray
    detectors: np.ndarray | None = None

    @classmethod
    def of(cls, source: Any) -> RunList:
        """From a file at a path or URL, or a table of pandas or Arrow.

        Raises
        ------
        UsageError
            It is no list of runs, or not there.
        """
        if isinstance(source, str | Path):
            return cls._of_file(str(source))
        if _is_of_pandas(source) and not hasattr(source, "columns"):
            return cls("a list", _runs(pa.array(source, from_pandas=True), "the list"))
        table = (
            pa.Table.from_pandas(source.reset_index() if source.index.name else source, preserve_index=False)
            if _is_of_pandas(source)
            else source
        )
        return cls._of_table(table, "a table")

    @classmethod
    def _of_file(cls, url: str) -> RunList:
        try:
            with open_url(url) as file:
                data = file.read()
        except FileNotFoundError as error:
            raise UsageError(
                "A run is an integer from 0 to 2**32 - 1, or a file that lists runs, which is not there", found=repr(url), hint=_HINT
            ) from error
        if data[:4] == b"PAR1":
            return cls._of_table(_parquet(data, url), url)
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UsageError("Not a list of runs", where=url, hint=_HINT) from error
        lines = [line for raw in text.splitlines() if (line := raw.partition("#")[0].strip())]
        if lines and re.match('["A-Za-z_]', lines[0]):
            return cls._of_table(_csv(lines, url), url)
        ranges = [_range(word, url) for line in lines for word in re.split(r"[\s,;]+", line) if word]
        return cls(url, np.unique(np.concatenate([np.zeros(0, np.int64), *ranges])))

    @classmethod
    def _of_table(cls, table: pa.Table, name: str) -> RunList:
        if "run" not in table.column_names:
            error = UnknownNameError.of("column", "run", table.column_names, where=name)
            error.hint = f"{error.hint} {_HINT}"
            raise error
        runs = _runs(table["run"], name)
        if "detector" not in table.column_names:
            return cls(name, np.unique(runs))
        label = table["detector"].cast(pa.string())
        if label.null_count:
            raise UsageError("A run of the list has no detector", where=name)
        pairs = pa.table({"run": runs, "detector": label}).group_by(["run", "detector"], use_threads=False).aggregate([])
        return cls(name, pairs["run"].to_numpy(), np.array(pairs["detector"].to_pylist(), object))

    def __len__(self) -> int:
        return len(self.runs)

    def mask(self, index: Index, parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of all parts are of these runs; and which of these runs none of the given parts is of."""
        own = index.part("run").astype(np.int64)
        if self.detectors is None:
            return np.isin(own, self.runs), ~np.isin(self.runs, own[parts])
        codes, names = index.words["detector"]
        known = {name: i for i, name in enumerate(names)}
        wanted = np.array([known.get(name, -1) for name in self.detectors.tolist()], np.int64) << 32 | self.runs
        there = codes.astype(np.int64) << 32 | own
        return np.isin(there, wanted), ~np.isin(wanted, there[parts])

    def absent(self, missing: np.ndarray) -> str:
        """How many of the runs are not there, and which first; an empty text where all are."""
        number = int(missing.sum())
        if not number:
            return ""
        labels = [""] * len(self) if self.detectors is None else [f"{d} " for d in self.detectors.tolist()]
        first = ", ".join(f"{labels[i]}{self.runs[i]}" for i in np.flatnonzero(missing)[:3].tolist())
        return f"{number:,} of {len(self):,} listed runs {'is' if number == 1 else 'are'} not there ({first}{' …' if number > 3 else ''})"


def is_list(run: Any) -> bool:
    """Whether this is a list of runs in a file or table, and no number or several."""
    return isinstance(run, str | Path | pa.Table) or _is_of_pandas(run)


def _runs(column: pa.Array | pa.ChunkedArray, name: str) -> np.ndarray:
    if pa.types.is_floating(column.type):
        # Tables with gaps hold integers as reals.
        column = column.cast(pa.int64(), safe=False) if pc.all(pc.equal(pc.floor(column), column)).as_py() else column
    if not pa.types.is_integer(column.type) and len(column):
        raise UsageError("Runs are integers", where=name, found=str(column.type))
    if column.null_count:
        raise UsageError("A row of the list has no run", where=name)
    runs: np.ndarray = column.to_numpy().astype(np.int64)
    if len(runs) and not 0 <= int(runs.min()) <= int(runs.max()) <= _RUN_MAX:
        raise UsageError("A run is an integer from 0 to 2**32 - 1", where=name, found=int(runs.min() if runs.min() < 0 else runs.max()))
    return runs


def _range(word: str, name: str) -> np.ndarray:
    found = re.fullmatch(r"(\d{1,10})(?::(\d{1,10}))?", word)
    if found is None:
        raise UsageError("Not a list of runs", where=name, found=repr(word[:40]), hint=_HINT)
    first, end = int(found[1]), int(found[2]) if found[2] else int(found[1]) + 1
    if first > _RUN_MAX or end > _RUN_MAX + 1 or end - first > 10_000_000:
        raise UsageError("A run is an integer from 0 to 2**32 - 1", where=name, found=word)
    return np.arange(first, end)


def _csv(lines: list[str], name: str) -> pa.Table:
    """A table with a heading, its values parted by what parts the heading."""
    delimiter = next((d for d in "\t;," if d in lines[0]), ",")
    try:
        options = pyarrow.csv.ParseOptions(delimiter=delimiter)
        table = pyarrow.csv.read_csv(io.BytesIO("\n".join(lines).encode()), parse_options=options)
    except pa.ArrowInvalid as error:
        raise UsageError(f"Not a table: {error}", where=name, hint=_HINT) from error
    return table.rename_columns([n.strip() for n in table.column_names])


def _parquet(data: bytes, name: str) -> pa.Table:
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        own = [n for n in ("run", "detector") if n in file.schema_arrow.names]
        # Without a column of runs, all are read, so that the error can name them.
        return file.read(columns=own if "run" in own else None)
    except pa.ArrowInvalid as error:
        raise UsageError(f"Not a table: {error}", where=name, hint=_HINT) from error


def _is_of_pandas(source: Any) -> bool:
    """Told without importing it, which takes 40 MB."""
    return type(source).__module__.partition(".")[0] == "pandas"
