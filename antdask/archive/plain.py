"""Arrow arrays as plain ones of NumPy and back, without pandas: the converters of pyarrow import it, which costs 40 MB and a quarter of a second."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa


def values(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Numbers or truth values of a column; what stands at nulls is anything. Not copied where it lies in one piece. Words come as Arrow gives them.

    Examples
    --------
    >>> values(numbers(np.array([3, 5]))).tolist()
    [3, 5]
    """
    array = _whole(column)
    kind = array.type
    if not pa.types.is_primitive(kind):
        words: np.ndarray = array.to_numpy(zero_copy_only=False)
        return words
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(len(array), bool if pa.types.is_boolean(kind) else kind.to_pandas_dtype())
    if pa.types.is_boolean(kind):
        return _bits(buffer, array.offset, len(array))
    found: np.ndarray = np.frombuffer(buffer, kind.to_pandas_dtype())[array.offset : array.offset + len(array)]
    return found


def absent(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Where a column is null, bool.

    Examples
    --------
    >>> absent(pa.array([1, None, 3])).tolist()
    [False, True, False]
    """
    array = _whole(column)
    validity = array.buffers()[0] if array.null_count else None
    return np.zeros(len(array), bool) if validity is None else ~_bits(validity, array.offset, len(array))


def numbers(array: np.ndarray) -> pa.Array:
    """An array of int64 for Arrow, not copied."""
    whole = np.ascontiguousarray(array, np.int64)
    return pa.Array.from_buffers(pa.int64(), len(whole), [None, pa.py_buffer(whole)])


def texts(words: Sequence[str]) -> pa.Array:
    """Words for Arrow.

    Examples
    --------
    >>> texts(["a", "", "bcd"]).to_pylist()
    ['a', '', 'bcd']
    """
    encoded = [word.encode() for word in words]
    edges = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(edges), pa.py_buffer(b"".join(encoded)))


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def _bits(buffer: pa.Buffer, start: int, length: int) -> np.ndarray:
    found: np.ndarray = np.unpackbits(np.frombuffer(buffer, np.uint8), count=start + length, bitorder="little")[start:].view(bool)
    return found
