"""Records that layout maps declare: numbers packed bit by bit into a few bytes, the members of a C++ structure, and leaves side by side in one branch.

::

    [[records]]
    name = "spe_hit"
    kind = "packed"                 # bits of a big- or little-endian number of nbytes bytes
    nbytes = 6
    endian = "big"
    fields = [
      { name = "ars", bits = [0, 3], target = "hits.ars" },           # 3 bits from the most significant one
      { name = "timestamp", bits = [10, 22], target = "hits.timestamp" },
    ]

    [[records]]
    name = "SpeHit"
    kind = "struct"                 # members in the order of the class, each with a dtype instead of bits
    fields = [ { name = "Line", dtype = "u1", target = "hits.line", valid = [1, 12] } ]

    [[records]]
    name = "Event"
    kind = "leaves"                 # one of each in every entry, in the order of the branch (ROOT: "run/i:frame/i:nhits/I")
    fields = [ { name = "run", dtype = "u4", target = "run" }, { name = "nhits", dtype = "i4", target = "n_hits" } ]

Bits that no field names must be 0, so that a record can be made again from its fields to the last bit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from antdask.errors import ConfigurationError, UnknownNameError

PACKED, STRUCT, LEAVES = "packed", "struct", "leaves"

_RECORD_KEYS = {"name", "kind", "nbytes", "endian", "fields", "note"}
_FIELD_KEYS = {"name", "bits", "dtype", "target", "offset", "valid", "note", "provenance", "status"}


@dataclasses.dataclass(frozen=True, slots=True)
class RecordField:
    """One field of a record.

    Parameters
    ----------
    name : str
    bits : (int, int)
        First bit, counted from the most significant one, and number of bits; (0, 0) in structures and leaves.
    dtype : str
        NumPy code without byte order; of the smallest unsigned integer that holds the bits in packed records.
    target : str
        ``table.field``, or a field of the table of the data set; empty where it is not archived.
    offset : int
        Added to what stands in the file, for example where the file counts from 0 and the model from 1.
    valid : (int, int) or None
        Smallest and largest value, after `offset`; others are damage.
    note, provenance, status : str
    """

    name: str
    bits: tuple[int, int]
    dtype: str
    target: str
    offset: int
    valid: tuple[int, int] | None
    note: str
    provenance: str
    status: str


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """A record.

    Parameters
    ----------
    name, kind : str
        ``packed``, ``struct`` or ``leaves``.
    nbytes : int
        Size [byte].
    endian : str
        ``big`` or ``little``; structures and leaves are big-endian, as ROOT streams.
    fields : tuple of RecordField
    """

    name: str
    kind: str
    nbytes: int
    endian: str
    fields: tuple[RecordField, ...]

    @property
    def mask(self) -> int:
        """The bits that fields name."""
        return sum(((1 << n) - 1) << (8 * self.nbytes - first - n) for first, n in (f.bits for f in self.fields))


def parse_record(data: Mapping[str, Any], defaults: Mapping[str, str]) -> Record:
    """A record from the plain data of a map; `defaults` gives provenance and status.

    Raises
    ------
    UnknownNameError
        An unknown key.
    ConfigurationError
        Keys are missing, or fields overlap or do not fit.
    """
    check_keys(data, _RECORD_KEYS, {"name", "kind", "fields"}, "a record")
    kind, where = data["kind"], f"record '{data['name']}'"
    if kind not in (PACKED, STRUCT, LEAVES):
        raise UnknownNameError.of("kind of record", kind, (PACKED, STRUCT, LEAVES), where=where)
    fields = tuple(_field(item, kind, defaults, where) for item in data["fields"])
    if kind != PACKED:
        return Record(data["name"], kind, sum(np.dtype(f.dtype).itemsize for f in fields), "big", fields)
    record = Record(data["name"], kind, data.get("nbytes", 0), data.get("endian", ""), fields)
    if not 1 <= record.nbytes <= 8 or record.endian not in ("big", "little"):
        raise ConfigurationError("A packed record has 1 to 8 bytes and is big or little endian", where=where, found=f"{record.nbytes} bytes, '{record.endian}'")  # fmt: skip
    if any(sum(f.bits) > 8 * record.nbytes for f in fields) or record.mask.bit_count() != sum(f.bits[1] for f in fields):
        raise ConfigurationError("The fields of a packed record overlap, or do not fit into it", where=where, found=", ".join(f"{f.name} {f.bits}" for f in fields))  # fmt: skip
    return record


def check_keys(data: Mapping[str, Any], known: set[str], needed: set[str], what: str) -> None:
    """Make sure that all needed keys are there, and none that is not known.

    Raises
    ------
    UnknownNameError, ConfigurationError
    TypeError
        Not a table at all.
    """
    if not isinstance(data, Mapping):
        raise TypeError(f"{what} is {data!r}, not a table of keys")
    for key in data:
        if key not in known:
            raise UnknownNameError.of("key", key, known, where=what)
    if needed - set(data):
        raise ConfigurationError(f"Missing in {what}", found=sorted(data), expected=sorted(needed))


def interval(value: Any, where: str) -> tuple[int, int] | None:
    """Smallest and largest valid value, as a map gives them.

    Raises
    ------
    ConfigurationError
        Not two whole numbers in order.
    """
    if value is None:
        return None
    if not (isinstance(value, list) and len(value) == 2 and all(isinstance(v, int) for v in value) and value[0] <= value[1]):
        raise ConfigurationError("'valid' is the smallest and the largest value", where=where, found=value, expected="[low, high]")
    return value[0], value[1]


def _field(item: Mapping[str, Any], kind: str, defaults: Mapping[str, str], where: str) -> RecordField:
    form = "bits" if kind == PACKED else "dtype"
    check_keys(item, _FIELD_KEYS - {"bits", "dtype"} | {form}, {"name", form}, f"a field of {where}")
    target, note = item.get("target", ""), item.get("note", "")
    if not target and not note:
        raise ConfigurationError("A field without target needs a note that says why", where=f"{where}, {item['name']}")
    bits, dtype = (0, 0), str(item.get("dtype", ""))
    if kind == PACKED:
        first, n = bits = tuple(item["bits"])
        if first < 0 or not 1 <= n <= 64:
            raise ConfigurationError("'bits' is the first bit and how many there are", where=f"{where}, {item['name']}", found=list(bits))
        dtype = np.min_scalar_type((1 << n) - 1).str[1:]
    words = {**defaults, **{k: item[k] for k in ("provenance", "status") if k in item}}
    valid = interval(item.get("valid"), f"{where}, {item['name']}")
    return RecordField(item["name"], bits, dtype, target, int(item.get("offset", 0)), valid, note, words["provenance"], words["status"])
