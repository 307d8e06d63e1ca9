"""What every kind of storage has by itself as soon as it can fetch one range."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.errors import CorruptFileError, InputChangedError
from antdask.sources.blob_door import Blob

DATA = bytes(range(200))


class Simple(Blob):
    """Bytes in memory, of which the last may have gone since it was opened."""

    def __init__(self, there: int = len(DATA)) -> None:
        super().__init__("simple", len(DATA))
        self.there = there

    def _fetch(self, start: int, stop: int) -> bytes:
        return DATA[: self.there][start:stop]


def test_many_ranges_are_read_one_by_one_and_lent_in_one_piece() -> None:
    starts, stops = np.array([150, 3, 7]), np.array([160, 3, 9])
    with Simple() as blob:
        assert [bytes(x) for x in blob.read_many([(150, 160), (3, 3)])] == [DATA[150:160], b""]
        lent = blob.borrow(starts, stops)
    assert lent.buffer.tobytes() == DATA[150:160] + DATA[7:9] and lent.starts.tolist() == [0, 10, 10]


def test_a_range_outside_is_damage_and_one_that_has_gone_a_change() -> None:
    with pytest.raises(CorruptFileError, match="bytes 190 to 201"):
        Simple().read(190, 201)
    with pytest.raises(InputChangedError, match="10 bytes from 90"):
        Simple(there=100).read(90, 110)
