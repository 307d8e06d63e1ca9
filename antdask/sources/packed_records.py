"""Packed records: bits to columns and back, the same bits.

A record of a map (`layout_record.Record`) says where each field stands. Records become one 64-bit number each, so a field is a shift and a mask::

    6 bytes  aaa0000000tttttttttttttttttttttt vvvvvvvv cccccccc
             ars        timestamp            tvc      avc            bits (0, 3) (10, 22) (32, 8) (40, 8)
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from antdask.errors import UsageError
from antdask.sources.layout_record import Record


def decode(payload: np.ndarray, record: Record) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns from records.

    Parameters
    ----------
    payload : ndarray of uint8, shape (records x nbytes,)
    record : Record

    Returns
    -------
    columns : dict of str to ndarray, shape (records,)
        By name of the field, as it stands in the bits (without offset), in the smallest unsigned dtype.
    stray : ndarray of bool, shape (records,)
        Whether bits are set that no field names.

    Examples
    --------
    >>> from antdask.sources.layout_record import parse_record
    >>> fields = [{"name": "a", "bits": [0, 4], "note": "-"}, {"name": "b", "bits": [4, 12], "note": "-"}]
    >>> words = {"provenance": "-", "status": "assumed"}
    >>> record = parse_record({"name": "r", "kind": "packed", "nbytes": 2, "endian": "big", "fields": fields}, words)
    >>> columns, stray = decode(np.array([0x12, 0x34], np.uint8), record)
    >>> int(columns["a"][0]), hex(columns["b"][0]), bool(stray[0])
    (1, '0x234', False)
    """
    words = _words(payload, record)
    total = 8 * record.nbytes
    columns = {}
    for field in record.fields:
        first, n = field.bits
        column = words >> np.uint64(total - first - n)
        column &= np.uint64((1 << n) - 1)
        columns[field.name] = column.astype(field.dtype)
    return columns, (words & np.uint64(~record.mask & (2**64 - 1))) != 0


def encode(columns: Mapping[str, np.ndarray], record: Record) -> np.ndarray:
    """Records from columns: the inverse of `decode`.

    Parameters
    ----------
    columns : mapping of str to ndarray, shape (records,)
        By name of the field, as it stands in the bits (without offset).

    Returns
    -------
    ndarray of uint8, shape (records x nbytes,)

    Raises
    ------
    UsageError
        A value does not fit into its bits.
    """
    total = 8 * record.nbytes
    words = np.zeros(len(columns[record.fields[0].name]), np.uint64)
    for field in record.fields:
        first, n = field.bits
        column = np.asarray(columns[field.name])
        if len(column) and not 0 <= int(column.min()) <= int(column.max()) < 1 << n:
            raise UsageError(f"A value does not fit into the bits of '{field.name}'", where=f"record '{record.name}'", found=int(column.max()), expected=f"0 to {(1 << n) - 1}")  # fmt: skip
        words |= column.astype(np.uint64) << np.uint64(total - first - n)
    if record.endian == "little":
        return np.ascontiguousarray(words.astype("<u8").view(np.uint8).reshape(-1, 8)[:, : record.nbytes]).reshape(-1)
    return np.ascontiguousarray(words.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - record.nbytes :]).reshape(-1)


def encode_fields(fields: Mapping[str, np.ndarray], record: Record) -> np.ndarray:
    """Records from archived columns: as `encode`, from fields of the model by target (``table.field``), whose offsets are taken off again.

    Raises
    ------
    UsageError
        As for `encode`; or the map does not archive every field.
    """
    lost = [f.name for f in record.fields if not f.target]
    if lost:
        raise UsageError("Fields that are not archived cannot be put back", where=f"record '{record.name}'", found=", ".join(lost))
    return encode({f.name: np.asarray(fields[f.target]).astype(np.int64) - f.offset for f in record.fields}, record)


def _words(payload: np.ndarray, record: Record) -> np.ndarray:
    """Each record as a number, uint64."""
    wide = np.zeros((len(payload) // record.nbytes, 8), np.uint8)
    rows = payload.reshape(-1, record.nbytes)
    if record.endian == "little":
        wide[:, : record.nbytes] = rows
        return wide.view("<u8").reshape(-1).astype(np.uint64)
    wide[:, 8 - record.nbytes :] = rows
    return wide.view(">u8").reshape(-1).astype(np.uint64)
