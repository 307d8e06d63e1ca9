"""Blocks: runs of consecutive rows with the minimum and maximum of their key columns, so that a query can leave them out.

::

    rows      0 ........ 61234 ........ 118000 ..... 150000
    hits      0 ...... ~ 2^20 ....... ~ 2 x 2^20 ........ end
    blocks    |    0    |       1       |       2      |
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from antdask.archive.layout import BLOCK_HITS, BLOCK_ROWS
from antdask.model.ragged import Columns
from antdask.model.schema import Table


def block_edges(hit_edges: np.ndarray | None, rows: int) -> np.ndarray:
    """First rows of the blocks, and the end.

    Parameters
    ----------
    hit_edges : int64 array, shape (rows + 1,), or None
        Cumulative number of hits before each row; ``None`` for a stream without hits.

    Examples
    --------
    >>> block_edges(None, 3).tolist()
    [0, 3]
    >>> block_edges(np.array([0, 2**20, 2**20 + 5, 2**21]), 3).tolist()
    [0, 1, 3]
    """
    if rows == 0:
        return np.zeros(1, np.int64)
    if hit_edges is None:
        starts = np.arange(0, rows, BLOCK_ROWS, dtype=np.int64)
    else:
        # A row belongs to the block in which its first hit falls; rows without hits still close a block by number.
        weight = hit_edges[:-1] // BLOCK_HITS + np.arange(rows) // BLOCK_ROWS
        starts = np.flatnonzero(np.diff(weight, prepend=-1)).astype(np.int64)
    return np.append(starts, rows)


def block_rows(table: Table, columns: Columns, hit_edges: np.ndarray | None) -> list[dict[str, Any]]:
    """One record per block: row and hit range, and ``<field>_min`` / ``<field>_max`` of every column with statistics.

    A bound is ``None`` (unknown: it never prunes) where any value of the block is NaN.
    """
    rows = len(next(iter(columns.values())))
    edges = block_edges(hit_edges, rows)
    starts = edges[:-1]
    hits = np.zeros(len(edges), np.int64) if hit_edges is None else hit_edges[edges]
    records: list[dict[str, Any]] = [
        {"block": i, "row_start": int(edges[i]), "row_stop": int(edges[i + 1]), "hit_start": int(hits[i]), "hit_stop": int(hits[i + 1])}
        for i in range(len(starts))
    ]
    if not records:
        return records
    for field in table.fields:
        if not field.statistics or field.name not in columns:
            continue
        low, high = (ufunc.reduceat(columns[field.name], starts).tolist() for ufunc in (np.minimum, np.maximum))
        for record, a, b in zip(records, low, high, strict=True):
            known = not (isinstance(a, float) and (math.isnan(a) or math.isnan(b)))
            record[f"{field.name}_min"], record[f"{field.name}_max"] = (a, b) if known else (None, None)
    return records


def extent(blocks: list[dict[str, Any]], field: str) -> tuple[Any, Any]:
    """Smallest minimum and largest maximum over blocks; ``(None, None)`` where one is unknown or there is none."""
    lows = [b[f"{field}_min"] for b in blocks if b.get(f"{field}_min") is not None]
    highs = [b[f"{field}_max"] for b in blocks if b.get(f"{field}_max") is not None]
    if not blocks or len(lows) < len(blocks) or len(highs) < len(blocks):
        return None, None
    return min(lows), max(highs)
