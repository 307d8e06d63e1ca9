"""Writing a part: batches in, one ``.zarr.zip`` out, with the same bytes wherever and whenever it is written.

Columns are compressed chunk by chunk while batches arrive; the chunks wait, in memory up to a limit and then in one unnamed scratch file, since the
metadata, which comes first in the part, states lengths that are known last.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from antdask.archive import layout as lay
from antdask.archive import shards
from antdask.archive.statistics import block_rows, extent
from antdask.archive.store import destination_errors
from antdask.archive.stored_zip import StoredZip
from antdask.errors import AntdaskError
from antdask.model.ragged import Batch, Columns
from antdask.model.schema import INTEGER, Schema, Table
from antdask.model.tables import SCHEMA_VERSION
from antdask.model.tables import schema as find_schema

#: Compressed bytes of a part that wait in memory; more go to the scratch file [byte].
MEMORY = 32 << 20


@dataclasses.dataclass(frozen=True)
class Written:
    """What a finished part file holds.

    Parameters
    ----------
    nbytes, crc32c : int
        Of the whole file.
    rows, hits : int
    tables : dict of table name to number of rows
    arrays : list of dict
        ``name, dtype, shape, chunk, shard, codec, offsets, lengths``: where the shards of each array lie in the file [byte].
    blocks : list of dict
        See `statistics.block_rows`.
    """

    nbytes: int
    crc32c: int
    rows: int
    hits: int
    tables: dict[str, int]
    arrays: list[dict[str, Any]]
    blocks: list[dict[str, Any]]

    def extent(self, field: str) -> tuple[Any, Any]:
        """Smallest and largest value of a column over the part, ``(None, None)`` where unknown."""
        return extent(self.blocks, field)


class _Spool:
    """Compressed chunks that wait to be written, in memory or, beyond a limit, in a file without a name."""

    def __init__(self) -> None:
        self._held = 0
        self._file: IO[bytes] | None = None

    def keep(self, data: bytes) -> bytes | tuple[int, int]:
        """The data, or where they lie in the file."""
        if self._held + len(data) <= MEMORY:
            self._held += len(data)
            return data
        with destination_errors(tempfile.gettempdir()):
            if self._file is None:
                # Unbuffered, so that a full disk is noticed here and not when the file is closed.
                self._file = tempfile.TemporaryFile(prefix="antdask-spool-", buffering=0)  # noqa: SIM115 (closed with the spool)
            place = (self._file.seek(0, 2), len(data))
            rest = memoryview(data)
            while rest:
                # A disk that fills up takes a part of it first, and refuses then.
                rest = rest[self._file.write(rest) :]
        return place

    def take(self, kept: bytes | tuple[int, int]) -> bytes:
        """The data again."""
        if isinstance(kept, bytes):
            return kept
        if self._file is None:
            raise AntdaskError("A place in a scratch file that was never opened: a bug")
        self._file.seek(kept[0])
        return self._file.read(kept[1])

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class _Column:
    """One array while it grows."""

    def __init__(
        self,
        path: str,
        dtype: np.dtype,
        tail: tuple[int, ...],
        codec: str,
        dims: tuple[str, ...],
        attributes: dict[str, Any],
        spool: _Spool,
    ) -> None:
        self.path, self.dtype, self.tail, self.codec, self.dims, self.attributes = path, dtype, tail, codec, dims, attributes
        self.chunk = lay.chunk_rows(int(np.prod(tail, dtype=np.int64)), codec)
        self.rows = 0
        # Of each chunk: where it is kept, its checksum, which follows it in the part, and the length of both.
        self.chunks: list[bytes | tuple[int, int]] = []
        self.sums: list[bytes] = []
        self.lengths: list[int] = []
        self._encoder = shards.codec_for(codec, dtype)
        self._pending: list[np.ndarray] = []
        self._waiting = 0
        self._spool = spool

    def append(self, values: np.ndarray) -> None:
        self.rows += len(values)
        if self._waiting + len(values) >= self.chunk:
            values = self._encode_full(values)
        if len(values):
            self._pending.append(_on_its_own(values))
            self._waiting += len(values)

    def _encode_full(self, values: np.ndarray) -> np.ndarray:
        """Encode all whole chunks; the rows that are left over."""
        start = 0
        if self._waiting:
            # Of the new rows only as many are copied as the chunk that waits for them lacks.
            start = self.chunk - self._waiting
            self._keep([*self._pending, values[:start]])
            self._pending, self._waiting = [], 0
        whole = start + (len(values) - start) // self.chunk * self.chunk
        for begin in range(start, whole, self.chunk):
            self._keep([values[begin : begin + self.chunk]])
        return values[whole:]

    def _keep(self, pieces: list[np.ndarray]) -> None:
        for data, checksum in shards.encode_groups(pieces, self.codec, self._encoder):
            self.chunks.append(self._spool.keep(data))
            self.sums.append(checksum)
            self.lengths.append(len(data) + len(checksum))

    def close(self) -> lay.ArrayLayout:
        """Encode the last chunk, padded with zeros where it is not the only one."""
        layout = lay.array_layout(self.path, self.dtype, (self.rows, *self.tail), self.codec, self.dims, self.attributes)
        if self._waiting:
            short = layout.chunk[0] - self._waiting
            self._keep([*self._pending, np.zeros((short, *self.tail), self.dtype)] if short else self._pending)
        self._pending, self._waiting = [], 0
        return layout


class PartWriter:
    """Collects the batches of one part and writes it.

    Parameters
    ----------
    stream, origin : str
    attributes : mapping
        For the root group: what identifies the content (lineage, inputs, ranges). No plan, host or date: the bytes must repeat.

    Examples
    --------
    ::

        with PartWriter("events", "km3net_online", attributes) as writer:
            for batch in batches:
                writer.append(batch)
            written = writer.finish(draft)
    """

    def __init__(self, stream: str, origin: str, attributes: Mapping[str, Any]) -> None:
        self.schema: Schema = find_schema(stream)
        self.origin, self.attributes = origin, dict(attributes)
        self._spool = _Spool()
        self._tables = self.schema.given_by(origin)
        self._lengths = dict.fromkeys((t.name for t in self._tables), 0)
        self._columns = {c.path: c for t in self._tables for c in self._new_columns(t)}
        self._statistics: list[Columns] = []
        self._row_hits: list[np.ndarray] = []

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self._spool.close()

    def _new_columns(self, table: Table) -> list[_Column]:
        columns = [
            _Column(
                f"{table.name}/{name}",
                f.numpy,
                tuple(n for _, n in f.dims),
                f.codec,
                lay.column_dims(table, f),
                lay.field_attributes(f),
                self._spool,
            )
            for name, f in table.columns(self.origin).items()
        ]
        if table.parent is not None:
            parent = self.schema.table(table.parent)
            offsets = _Column(
                f"{table.name}/{lay.OFFSETS}",
                np.dtype("i8"),
                (),
                INTEGER,
                (f"{parent.row}_edge",),
                lay.offset_attributes(table, parent),
                self._spool,
            )
            offsets.append(np.zeros(1, np.int64))
            columns.insert(0, offsets)
        return columns

    @property
    def rows(self) -> int:
        """Rows of the row table so far."""
        return self._lengths[self.schema.rows.name]

    def append(self, batch: Batch) -> None:
        """Add rows at the end.

        Raises
        ------
        AntdaskError
            The batch contradicts the schema: a bug of the source.
        """
        problems = batch.problems()
        if problems:
            raise AntdaskError("A source gave a batch that contradicts the schema", where=batch.stream, found="; ".join(problems))
        for table in self._tables:
            for name, values in batch.tables[table.name].items():
                self._columns[f"{table.name}/{name}"].append(values)
            if table.parent is not None:
                self._columns[f"{table.name}/{lay.OFFSETS}"].append(batch.offsets[table.name][1:] + self._lengths[table.name])
        for table in self._tables:
            self._lengths[table.name] += batch.length(table.name)
        rows = batch.tables[self.schema.rows.name]
        self._statistics.append({f.name: rows[f.name].copy() for f in self.schema.rows.fields if f.statistics and f.name in rows})
        if "hits" in self._lengths:
            self._row_hits.append(np.diff(hit_edges(batch)))

    def finish(self, draft: Path) -> Written:
        """Write the part file.

        Raises
        ------
        OSError
            The draft cannot be written.
        """
        blocks = self._blocks()
        layouts = [c.close() for c in self._columns.values()]
        with draft.open("wb") as file:
            members = StoredZip(file)
            members.add("zarr.json", [_json(_group(self._root_attributes()))])
            for table in self._tables:
                members.add(f"{table.name}/zarr.json", [_json(_group({"long_name": table.description}))])
            for layout in layouts:
                members.add(f"{layout.path}/zarr.json", [_json(layout.metadata())])
            arrays = [self._write_shards(members, layout) for layout in layouts]
            members.close()
        hits = self._lengths.get("hits", 0)
        return Written(members.nbytes, members.crc32c, self._lengths[self.schema.rows.name], hits, self._lengths, arrays, blocks)

    def _root_attributes(self) -> dict[str, Any]:
        return {
            "format": lay.PART_FORMAT,
            "schema_version": SCHEMA_VERSION,
            "stream": self.schema.name,
            "origin": self.origin,
            "description": self.schema.description,
            "rows": self._lengths[self.schema.rows.name],
            "row_table": self.schema.rows.name,
            **self.attributes,
            "awkward_form": lay.awkward_form(self.schema, self.origin),
        }

    def _blocks(self) -> list[dict[str, Any]]:
        if not self._statistics:
            return []
        columns = {k: np.concatenate([s[k] for s in self._statistics]) for k in self._statistics[0]}
        edges = None
        if self._row_hits:
            counts = np.concatenate(self._row_hits)
            edges = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        return block_rows(self.schema.rows, columns, edges)

    def _write_shards(self, members: StoredZip, layout: lay.ArrayLayout) -> dict[str, Any]:
        column = self._columns[layout.path]
        offsets, lengths = [], []
        for number in range(layout.n_shards):
            own = slice(number * layout.chunks_per_shard, (number + 1) * layout.chunks_per_shard)
            index = shards.shard_index(column.lengths[own], layout.chunks_per_shard)
            chunks = zip(map(self._spool.take, column.chunks[own]), column.sums[own], strict=True)
            pieces = [*itertools.chain.from_iterable(chunks), index]
            offsets.append(members.add(layout.shard_name(number), pieces))
            lengths.append(sum(map(len, pieces)))
        return {
            "name": layout.path,
            "dtype": layout.dtype.str[1:],
            "shape": list(layout.shape),
            "chunk": layout.chunk[0],
            "shard": layout.shard[0],
            "codec": layout.codec,
            "offsets": offsets,
            "lengths": lengths,
        }


def _on_its_own(values: np.ndarray) -> np.ndarray:
    """The values, copied where they are a small part of something larger, which they would keep in memory."""
    behind = 0 if values.base is None else getattr(values.base, "nbytes", None)
    return values if behind is not None and behind <= 2 * values.nbytes else values.copy()


def hit_edges(batch: Batch) -> np.ndarray:
    """Cumulative number of hits before each row of the row table, through all levels, int64, shape (rows + 1,)."""
    edges = np.arange(batch.rows + 1, dtype=np.int64)
    for name in path_to_hits(batch.schema):
        edges = batch.offsets[name][edges]
    return edges


def path_to_hits(schema: Schema) -> list[str]:
    """Tables from below the row table down to ``hits``.

    Examples
    --------
    >>> path_to_hits(find_schema("timeslices_l1"))
    ['frames', 'hits']
    """
    names, table = [], schema.table("hits")
    while table.parent is not None:
        names.append(table.name)
        table = schema.table(table.parent)
    return names[::-1]


def _group(attributes: dict[str, Any]) -> dict[str, Any]:
    return {"zarr_format": 3, "node_type": "group", "attributes": attributes}


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
