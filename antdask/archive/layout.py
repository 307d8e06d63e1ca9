"""Every path and every attribute of an archive, and the codecs of its columns.

::

    ARCHIVE/
      README.md                                    how to read this without antdask
      antdask.json                                 marks an archive; format and schema version
      schema-1.0.json                              every table and field, with unit and description
      plans/<plan16>.zip
      lineages/<lineage8>.json                     all that determines bytes besides the input
      environments/<environment16>.json            Python, packages and container that parts were made with
      steps/<hash16>.py                            source of the steps that parts went through
      choices/<time>-<id8>.json                    which lineage of a stream is the current one
      failures/<plan16>/<number8>.json             parts that failed and are not done yet
      reports/<plan16>/report.md                   reports of campaigns, with pictures
      parts/<detector>/<stream>/<lineage8>/<run8>/<part4>-<content8>[.r<generation>].zarr.zip
      receipts/(the same).json
      catalogue/current.json                       names the snapshot to read
      catalogue/<snapshot>/{parts,blocks,runs,inputs,quarantine}.parquet

Only codecs of the Zarr v3 core are used (``transpose``, ``bytes``, ``blosc``, ``zstd``, ``crc32c``, ``sharding_indexed``), so that any Zarr reader opens a part.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from antdask.model.schema import AMPLITUDE, INTEGER, REAL, SERIES, SYMBOL, Field, Schema, Table
from antdask.model.tables import SCHEMA_VERSION

FORMAT = "antdask-archive"
PART_FORMAT = "antdask-part"
MARKER, README, SCHEMA_FILE = "antdask.json", "README.md", f"schema-{SCHEMA_VERSION}.json"
CURRENT = "catalogue/current.json"
OFFSETS = "offsets"

#: Elements of an inner chunk (the unit of reading) and of a shard (the unit of one object in the part).
CHUNK_ELEMENTS = 65_536
SHARD_CHUNKS = 64
#: Rows and, at most, columns of an inner chunk of a series, and such chunks along time in a shard. How they were chosen: docs/decisions.
SERIES_ROWS, SERIES_COLUMNS, SERIES_SHARD_CHUNKS = 4096, 75, 16
#: Values of a block of the compressor of a series, and bytes of that of other columns: whole chunks, but for numbers of eight bytes.
SERIES_BLOCK, BLOCK_BYTES = 1 << 17, 1 << 18
#: A block of the catalogue closes after about this many hits, or rows of a stream without hits.
BLOCK_HITS = 1 << 20
BLOCK_ROWS = 1 << 16


def part_file(path: str) -> str:
    """File of the part with this key path."""
    return f"parts/{path}.zarr.zip"


def receipt_file(path: str) -> str:
    """Receipt of the part with this key path."""
    return f"receipts/{path}.json"


def part_of(path: str) -> str:
    """Key path of the part whose file or receipt this is; empty where it is neither.

    Examples
    --------
    >>> part_of("parts/a/b/c/d/0000.zarr.zip"), part_of("receipts/a/b/c/d/0000.json"), part_of("current.json")
    ('a/b/c/d/0000', 'a/b/c/d/0000', '')
    """
    for folder, suffix in (("parts/", ".zarr.zip"), ("receipts/", ".json")):
        if path.startswith(folder) and path.endswith(suffix):
            return path[len(folder) : -len(suffix)]
    return ""


def plan_file(plan_id: str) -> str:
    """Where a plan is kept."""
    return f"plans/{plan_id}.zip"


def lineage_file(lineage: str) -> str:
    """Where the document behind a lineage id is kept."""
    return f"lineages/{lineage}.json"


def environment_file(environment: str) -> str:
    """Where the description of an environment is kept."""
    return f"environments/{environment}.json"


def step_file(source: str) -> str:
    """Where the source of a step with this hash is kept."""
    return f"steps/{source}.py"


def failure_file(plan: str, index: int) -> str:
    """Where the record of a failed part is kept."""
    return f"failures/{plan}/{index:08d}.json"


@dataclasses.dataclass(frozen=True, slots=True)
class ArrayLayout:
    """How one array is cut and encoded.

    Parameters
    ----------
    path : str
        ``table/column`` in the part.
    dtype : numpy.dtype
    shape, chunk, shard : tuple of int
        Only the first dimension is cut, of a series also the second, in chunks. An array of no rows has neither chunks nor shards on disk.
    codec : str
        ``integer``, ``amplitude``, ``symbol``, ``real`` or ``series`` (see `model.schema.Field`).
    dims : tuple of str
    attributes : dict
    """

    path: str
    dtype: np.dtype
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    shard: tuple[int, ...]
    codec: str
    dims: tuple[str, ...]
    attributes: dict[str, Any]

    @property
    def chunks_per_shard(self) -> int:
        """Number of inner chunks of a shard."""
        return self.shard[0] // self.chunk[0] * self.groups

    @property
    def groups(self) -> int:
        """Number of inner chunks side by side that hold the same rows."""
        return self.shape[1] // self.chunk[1] if self.codec == SERIES else 1

    @property
    def n_shards(self) -> int:
        """Number of shards on disk."""
        return -(-self.shape[0] // self.shard[0]) if self.shape[0] else 0

    def shard_name(self, number: int) -> str:
        """Member name of a shard in the part."""
        return f"{self.path}/c/{number}" + "/0" * (len(self.shape) - 1)

    def metadata(self) -> dict[str, Any]:
        """The content of ``zarr.json``."""
        inner = [
            *([{"name": "transpose", "configuration": {"order": [1, 0]}}] if self.codec == SERIES else []),
            {"name": "bytes", "configuration": {"endian": "little"}} if self.dtype.itemsize > 1 else {"name": "bytes"},
            codec_metadata(self.codec, self.dtype),
            {"name": "crc32c"},
        ]
        sharding = {
            "chunk_shape": list(self.chunk),
            "codecs": inner,
            "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}],
            "index_location": "end",
        }
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(self.shape),
            "data_type": self.dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(self.shard)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0,
            "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
            "dimension_names": list(self.dims),
            "attributes": self.attributes,
        }


def codec_metadata(codec: str, dtype: np.dtype) -> dict[str, Any]:
    """Zarr v3 metadata of the compressor for a kind of column.

    Byte shuffle for numbers of several bytes, bit shuffle for flags, and plain zstd for bytes that look random: shuffling those costs a third of the ratio
    (1.08 against 1.41 on 8-bit amplitudes). Series have one block for their low bytes and one for their high bytes: blocks of zstd hold 128 KiB, and each has a
    code of its own. How all this was chosen: docs/decisions.
    """
    if codec in {AMPLITUDE, SYMBOL}:
        return {"name": "zstd", "configuration": {"level": 1, "checksum": False}}
    size = dtype.itemsize
    how = {
        "cname": "zstd",
        "clevel": 1 if codec == REAL or size == 1 else 2,
        "shuffle": "shuffle",
        "typesize": size,
        "blocksize": BLOCK_BYTES,
    }
    if codec == SERIES:
        how |= {"clevel": 2, "blocksize": SERIES_BLOCK * size}
    elif codec == INTEGER and size == 1:
        how["shuffle"] = "bitshuffle"
    return {"name": "blosc", "configuration": how}


def codec_kind(inner: Sequence[dict[str, Any]]) -> str:
    """The kind of column that the codecs of inner chunks stand for, as far as decoding depends on it.

    Raises
    ------
    KeyError
        Not a compressor of ours.

    Examples
    --------
    >>> [codec_kind([{"name": "bytes"}, codec_metadata(kind, np.dtype("u4"))]) for kind in (AMPLITUDE, REAL, INTEGER)]
    ['amplitude', 'real', 'integer']
    """
    if inner[0]["name"] == "transpose":
        return SERIES
    name, how = inner[1]["name"], inner[1]["configuration"]
    if name == "zstd":
        return AMPLITUDE
    return {("shuffle", 1): REAL, ("shuffle", 2): INTEGER, ("bitshuffle", 1): INTEGER}[how["shuffle"], how["clevel"]]


def chunk_rows(width: int, codec: str = INTEGER) -> int:
    """Rows of an inner chunk for rows of `width` elements: a power of two, about `CHUNK_ELEMENTS` elements, of a series more.

    Examples
    --------
    >>> chunk_rows(1), chunk_rows(31), chunk_rows(900, SERIES)
    (65536, 2048, 4096)
    """
    return SERIES_ROWS if codec == SERIES else max(1, CHUNK_ELEMENTS >> (width - 1).bit_length())


def chunk_tail(tail: tuple[int, ...], codec: str) -> tuple[int, ...]:
    """Shape of an inner chunk beyond its rows: all columns, of a series the largest group of at most 75 that cuts them evenly.

    Examples
    --------
    >>> chunk_tail((31,), AMPLITUDE), chunk_tail((900,), SERIES), chunk_tail((93,), SERIES)
    ((31,), (75,), (31,))
    """
    return (max(n for n in range(1, SERIES_COLUMNS + 1) if tail[0] % n == 0),) if codec == SERIES else tail


def array_layout(
    path: str, dtype: np.dtype, shape: tuple[int, ...], codec: str, dims: tuple[str, ...], attributes: dict[str, Any]
) -> ArrayLayout:
    """Cut an array of known shape: short arrays are one chunk of their own length, long ones regular chunks in shards."""
    rows = min(chunk_rows(int(np.prod(shape[1:], dtype=np.int64)), codec), max(1, shape[0]))
    per_shard = min(SERIES_SHARD_CHUNKS if codec == SERIES else SHARD_CHUNKS, max(1, -(-shape[0] // rows)))
    tail = shape[1:]
    return ArrayLayout(path, dtype, shape, (rows, *chunk_tail(tail, codec)), (rows * per_shard, *tail), codec, dims, attributes)


def field_attributes(field: Field) -> dict[str, Any]:
    """Attributes of a column: CF names where CF has one."""
    attributes: dict[str, Any] = {"long_name": field.description, "units": field.unit}
    if field.ucd:
        attributes["ucd"] = field.ucd
    if field.missing:
        attributes["missing"] = field.missing
    if field.flags:
        attributes["flag_masks"] = [value for value, _ in field.flags]
        attributes["flag_meanings"] = " ".join(meaning for _, meaning in field.flags)
    return attributes


def column_dims(table: Table, field: Field) -> tuple[str, ...]:
    """Dimension names of a column."""
    return (table.row, *(name for name, _ in field.dims))


def offset_attributes(table: Table, parent: Table) -> dict[str, Any]:
    """Attributes of an offsets array."""
    return {
        "long_name": f"rows of '{table.name}' of {parent.row} i are offsets[i] : offsets[i + 1]",
        "units": "1",
        "sample_dimension": table.row,
        "instance_dimension": parent.row,
    }


def awkward_form(schema: Schema, origin: str) -> dict[str, Any]:
    """Awkward form of a whole part; the form keys are array paths, so ``ak.from_buffers`` wraps the arrays as they are."""
    tables = schema.given_by(origin)

    def record(table: Table) -> dict[str, Any]:
        contents = {
            name: {
                "class": "NumpyArray",
                "primitive": field.numpy.name,
                "inner_shape": [n for _, n in field.dims],
                "parameters": {},
                "form_key": f"{table.name}/{name}",
            }
            for name, field in table.columns(origin).items()
        }
        for child in (t for t in tables if t.parent == table.name):
            contents[child.name] = {
                "class": "ListOffsetArray",
                "offsets": "i64",
                "content": record(child),
                "parameters": {},
                "form_key": f"{child.name}/{OFFSETS}",
            }
        return {"class": "RecordArray", "fields": list(contents), "contents": list(contents.values()), "parameters": {}, "form_key": None}

    return record(tables[0])


def schema_document(schemas: dict[str, Schema]) -> dict[str, Any]:
    """All declared tables as plain data, for the archive's own schema file."""
    return {
        "schema_version": SCHEMA_VERSION,
        "streams": {
            name: {
                "description": s.description,
                "order": list(s.order),
                "tables": [
                    {
                        "name": t.name,
                        "dimension": t.row,
                        "parent": t.parent,
                        "description": t.description,
                        "origins": list(t.origins),
                        "fields": [dataclasses.asdict(f) for f in t.fields],
                    }
                    for t in s.tables
                ],
            }
            for name, s in schemas.items()
        },
    }
