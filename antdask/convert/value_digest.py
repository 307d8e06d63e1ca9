"""A digest of values: equal for equal rows in the same order, however they are cut into batches or chunks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xxhash

from antdask.model.ragged import Batch


class ValueDigest:
    """Takes batches one after the other.

    Examples
    --------
    >>> from antdask.model.ragged import empty
    >>> a, b = ValueDigest(), ValueDigest()
    >>> a.update(empty("events", "seatray"))
    >>> a.digest() == b.digest()
    True
    """

    def __init__(self, batches: Iterable[Batch] = ()) -> None:
        self._columns: dict[str, xxhash.xxh3_128] = {}
        for batch in batches:
            self.update(batch)

    def update(self, batch: Batch) -> None:
        """Add rows at the end."""
        for table, columns in batch.tables.items():
            for name, values in columns.items():
                self._add(f"{table}/{name}", values)
        for table, offsets in batch.offsets.items():
            # Numbers of rows do not depend on where a batch begins, as offsets do.
            self._add(f"{table}/offsets", np.diff(offsets))

    def _add(self, name: str, values: np.ndarray) -> None:
        if len(values):
            little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
            self._columns.setdefault(name, xxhash.xxh3_128()).update(little.view(np.uint8).reshape(-1))

    def digest(self) -> dict[str, str]:
        """Digest of each column that has values, hexadecimal."""
        return {name: state.hexdigest() for name, state in self._columns.items()}
