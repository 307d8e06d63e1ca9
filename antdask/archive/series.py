"""Reading a wide column channel by channel: the values of each channel side by side, of some channels alone, at the price of their chunks alone.

A series (see `model.schema.Field`) is cut into groups of columns, and lies transposed in its chunks, so that nothing is turned over here::

    rows (time) ->
    columns   | 0: rows 0..4095, columns  0..74 | 12: rows 4096..8191 | ...
              | 1:               columns 75..149| 13:                 |
              | ...                             |                     |
"""

from __future__ import annotations

import numpy as np

from antdask.archive import layout as lay
from antdask.archive import shards
from antdask.archive.reading import PartReader, rows_of_chunks
from antdask.model.schema import SERIES


class SeriesReader:
    """Columns ``first:last`` of arrays of one part, channel by channel; the chunks where it stands are kept, since stretches of time end inside of them.

    Parameters
    ----------
    part : PartReader
    first, last : int, optional
        Columns; all if not given. Of others nothing is read.
    """

    def __init__(self, part: PartReader, first: int = 0, last: int | None = None) -> None:
        self.part, self.first, self.last = part, first, last
        self._kept: dict[str, tuple[int, np.ndarray]] = {}

    def read(self, name: str, start: int, stop: int, out: np.ndarray | None = None) -> np.ndarray:
        """Rows ``start:stop`` of an array ``table/column``, native byte order, shape (columns, rows).

        Parameters
        ----------
        out : ndarray, optional
            Where to; a new array if not given.

        Raises
        ------
        UnknownNameError
            No such array in this part.
        DamagedPartError
            The part is missing, torn or altered.

        Examples
        --------
        ::

            counts = SeriesReader(part, 150, 225).read("slices/count", 0, 8583)  # line 3
        """
        layout = self.part.layout(name)
        last = layout.shape[1] if self.last is None else self.last
        if out is None:
            out = np.empty((last - self.first, stop - start), layout.dtype)
        if layout.codec != SERIES:
            table, _, column = name.rpartition("/")
            out[...] = self.part.column(table, column, start, stop)[:, self.first : last].T
            return out
        rows = layout.chunk[0]
        for chunk in range(start // rows, -(-stop // rows)):
            low, high = max(start, chunk * rows), min(stop, (chunk + 1) * rows)
            out[:, low - start : high - start] = self._chunk(layout, chunk, last)[:, low - chunk * rows : high - chunk * rows]
        return out

    def _chunk(self, layout: lay.ArrayLayout, chunk: int, last: int) -> np.ndarray:
        """Rows of one chunk, of the columns that are wanted."""
        number, values = self._kept.pop(layout.path, (-1, None))
        if values is None or number != chunk:
            values = self._decode(layout, chunk, last, values)
        self._kept[layout.path] = (chunk, values)
        skip = self.first % layout.chunk[1]
        return values[skip : skip + last - self.first]

    def _decode(self, layout: lay.ArrayLayout, chunk: int, last: int, room: np.ndarray | None) -> np.ndarray:
        """The groups of columns of one chunk along time, one below the other; into `room`, since to get memory costs about as much as to decode."""
        width = layout.chunk[1]
        groups = range(self.first // width, -(-last // width))
        shard, place = divmod(chunk, rows_of_chunks(layout))
        spans = self.part.index(layout, shard)[place * layout.groups + groups.start : place * layout.groups + groups.stop]
        begin = int(spans[0, 0])
        data = self.part.stored(layout.path, shard, begin, int(spans[-1].sum()))
        stored = layout.dtype.newbyteorder("<")
        values = np.empty((len(groups) * width, layout.chunk[0]), stored) if room is None else room
        where, chunk = f"{self.part.file}:{layout.path}", width * layout.chunk[0] * stored.itemsize
        shards.decode_chunks(
            np.frombuffer(data, np.uint8), spans - np.array([begin, 0]), layout, chunk, 0, values.view(np.uint8).reshape(-1), where
        )
        return values
