"""Rows into the declared order while they stream, with no more memory than the disorder of the source asks for.

The keys of all entries are known before the data are read. A row may leave as soon as no entry that is still to come belongs before it::

    entry     0  1  2  3  4  5          rank: place in the declared order
    rank      0  2  1  4  3  5
    smallest rank still to come, after entry 2: 3   →  rows of rank 0, 1, 2 leave
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from antdask.model.ragged import Batch, concatenate, cut, take


def ranks(keys: Sequence[np.ndarray]) -> np.ndarray:
    """Place of each entry in the stable order by these keys, the first key leading; int64.

    Examples
    --------
    >>> ranks([np.array([7, 7, 3]), np.array([2, 1, 9])])
    array([2, 1, 0])
    """
    order = np.lexsort(tuple(reversed(keys)))
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return places


def reorder(batches: Iterator[Batch], places: np.ndarray, start: int) -> Iterator[Batch]:
    """The rows of all batches, ordered by their places.

    Parameters
    ----------
    batches : iterator of Batch
        In source order, column ``source_entry`` ascending; entries may be missing.
    places : int64 array
        Place of entry ``start + i``; see `ranks`.
    """
    ahead = np.append(np.minimum.accumulate(places[::-1])[::-1], len(places))
    waiting: list[Batch] = []
    for batch in batches:
        if not batch.rows:
            continue
        waiting.append(batch)
        entries = batch.tables[batch.schema.rows.name]["source_entry"].astype(np.int64) - start
        # Nothing leaves before the next batch could begin.
        limit = int(ahead[int(entries[-1]) + 1])
        leaving, waiting = _split(waiting, places, start, limit)
        yield from leaving
    leaving, _ = _split(waiting, places, start, len(places))
    yield from leaving


def _split(waiting: list[Batch], places: np.ndarray, start: int, limit: int) -> tuple[list[Batch], list[Batch]]:
    """Rows with a place below `limit`, in order, and the others."""
    if not waiting:
        return [], []
    own = [places[b.tables[b.schema.rows.name]["source_entry"].astype(np.int64) - start] for b in waiting]
    if min(int(p.min()) for p in own) >= limit:
        return [], waiting
    whole, mine = concatenate(waiting), np.concatenate(own)
    order = np.argsort(mine)
    if not (np.diff(mine) > 0).all():
        whole = take(whole, order)
    n = int((mine < limit).sum())
    return [cut(whole, 0, n)], [cut(whole, n, whole.rows)] if n < whole.rows else []
