"""Rows of HDF5 tables and columns, with damage told apart from absence.

HDF5 fills a chunk that it does not find with zeros and says nothing. A `Table` therefore knows which chunks the file holds, and a read that touches
one that is missing, beyond the end, or does not decompress fails with the rows that are lost.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from antdask.errors import AntdaskError, CorruptFileError, UnknownLayoutError
from antdask.sources import files, hdf5_blosc
from antdask.sources.blob import BlobFile, open_blob

SIGNATURE = b"\x89HDF\r\n\x1a\n"

#: Rows of one read: bounds the memory of the padded records [rows].
SLICE_ROWS = 65_536

#: No filter of HDF5 shrinks data more than DEFLATE can, 1032 to 1 (zlib documentation, "Maximum Compression Factor").
MAX_RATIO = 1_100


@contextlib.contextmanager
def opened(url: str) -> Iterator[h5py.File]:
    """The open file, read only, local or remote.

    Raises
    ------
    InputMissingError, InputUnreadableError
    CorruptFileError
        Not HDF5, truncated, or damaged where the file describes itself.
    """
    with contextlib.ExitStack() as stack:
        with files.naming(url):
            stream = _stream(url, stack)
        with damage(url):
            file = stack.enter_context(h5py.File(stream, "r"))
        yield file


def _stream(url: str, stack: contextlib.ExitStack) -> Any:
    if files.is_served(url):
        return BlobFile(stack.enter_context(open_blob(url)))
    filesystem, path = files.locate(url)
    return stack.enter_context(Path(path).open("rb") if filesystem is None else filesystem.open(path, "rb"))


def is_hdf5(url: str, head: bytes, own: Callable[[h5py.File], bool], *, damaged: bool = False) -> bool:
    """Whether this is an HDF5 file that a source calls its `own`; `damaged` is the answer where the file is so damaged that nobody can tell."""
    if not head.startswith(SIGNATURE):
        return False
    try:
        with opened(url) as file, damage(url):
            return own(file)
    except CorruptFileError:
        return damaged


@contextlib.contextmanager
def damage(where: str, tree: str | None = None) -> Iterator[None]:
    """Inside this context, what HDF5 complains about becomes a `CorruptFileError`; failures of the disk or the network stay what they are."""
    try:
        yield
    except AntdaskError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        if _of_the_system(error):
            raise
        hint = "Get the file again, or leave it out."
        raise CorruptFileError("The HDF5 file is damaged", where=where, found=_sentence(error), hint=hint, tree=tree) from error


def _of_the_system(error: Exception) -> bool:
    """Whether an error is one of the disk or the network. A place that no file can have is an invalid argument to the system, and stands in damaged ones."""
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


def _sentence(error: Exception) -> str:
    # Of an error of the system, the first argument is a number.
    text = getattr(error, "strerror", None) or (error.args[0] if error.args else error)
    return " ".join(str(text).split())


def dataset_names(file: h5py.File) -> list[str]:
    """Paths of all data sets, sorted.

    Raises
    ------
    CorruptFileError
    """
    found: list[str | bytes] = []
    with damage(file.filename):
        file.visititems(lambda name, thing: found.append(name) if isinstance(thing, h5py.Dataset) else None)
    # A damaged name is no UTF-8, and h5py gives it as bytes.
    return sorted(name.decode("utf-8", "replace") if isinstance(name, bytes) else name for name in found)


def attribute_lines(file: h5py.File) -> list[tuple[bytes, bytes, bytes]]:
    """Attributes of the root as lines of a header: name, value, and no note."""
    return [(b"attribute/" + name.encode(), text_bytes(file.attrs[name]), b"") for name in sorted(file.attrs)]


def text_bytes(value: Any) -> bytes:
    """The text of an attribute or a cell; nothing is unpickled or evaluated.

    Examples
    --------
    >>> text_bytes(b"a"), text_bytes(1.5)
    (b'a', b'1.5')
    """
    if isinstance(value, bytes | np.bytes_):
        return bytes(value)
    return b"" if isinstance(value, h5py.Empty) else str(value).encode()


@dataclasses.dataclass(frozen=True)
class Table:
    """A one-dimensional data set: a compound one, or a single column.

    Parameters
    ----------
    dataset : h5py.Dataset
    where, name : str
        File and path, for messages.
    chunk_rows : int
        Rows of a chunk; all rows where the data set has no chunks.
    held : array of bool
        For every chunk, whether the file holds it.
    blosc : bool
        Chunks are packed with Blosc, which HDF5 does not read by itself.
    """

    dataset: h5py.Dataset
    where: str
    name: str
    chunk_rows: int
    held: np.ndarray
    blosc: bool = False

    @classmethod
    def find(cls, file: h5py.File, name: str, where: str, *, compound: bool = True) -> Table:
        """The table of this name, or the single column, if not `compound`.

        Raises
        ------
        UnknownLayoutError
            No such data set, or one of another shape or compression.
        CorruptFileError
            A description that cannot be true: more rows than the file can hold.
        """
        with damage(where, name):
            if name not in file:
                raise UnknownLayoutError(f"Data set '{name}' is missing", where=where, hint=f"The file holds: {', '.join(dataset_names(file)) or 'none'}.")  # fmt: skip
            dataset = file[name]
            if not isinstance(dataset, h5py.Dataset) or (dataset.dtype.names is not None) != compound or dataset.ndim != 1:
                kind = "compound data set" if compound else "data set of numbers"
                raise UnknownLayoutError(f"'{name}' is not a table", where=where, found=str(dataset), expected=f"a one-dimensional {kind}")
            _check_numbers(dataset, where, name)
            blosc = _filters(dataset, where, name)
            chunk_rows, held = _chunks(dataset, where, name)
            return cls(dataset, where, name, chunk_rows, held, blosc)

    def __len__(self) -> int:
        return int(self.dataset.shape[0])

    def attributes(self) -> dict[str, Any]:
        """Scalar attributes: text as str, numbers as int or float; arrays of one element count as scalars."""
        with damage(self.where, self.name):
            return {k: _plain(v) for k, v in self.dataset.attrs.items()}

    def rows(self, start: int, stop: int | None) -> np.ndarray:
        """Rows ``start:stop`` as structured array, or as plain one for a single column; all from `start` on without `stop`.

        Raises
        ------
        CorruptFileError
            With the rows that are lost as `start`, `stop`: the first run of damaged chunks.
        """
        stop = len(self) if stop is None else stop
        first, last = start // self.chunk_rows, -(-stop // self.chunk_rows)
        absent = ~self.held[first:last]
        if absent.any():
            raise self._loss(first, absent, "a chunk that the file does not hold")
        try:
            found = self._read(start, stop)
        except (OSError, RuntimeError, ValueError) as error:
            if _of_the_system(error):
                raise
            bad = np.array([not self._readable(chunk) for chunk in range(first, last)])
            if not bad.any():
                raise
            raise self._loss(first, bad, _sentence(error)) from error
        return found

    def _read(self, start: int, stop: int) -> np.ndarray:
        if not self.blosc:
            rows: np.ndarray = self.dataset[start:stop]
            return rows
        dtype, pieces = self.dataset.dtype, []
        numbers = _filter_numbers(self.dataset)
        # A bit of the mask says that the filter with this number was left out for the chunk.
        bits = {number: 1 << n for n, number in enumerate(numbers)}
        for first in range(start // self.chunk_rows * self.chunk_rows, stop, self.chunk_rows):
            mask, stored = self.dataset.id.read_direct_chunk((first,))
            packed, checksum = (number in bits and not mask & bits[number] for number in (hdf5_blosc.BLOSC, hdf5_blosc.FLETCHER32))
            chunk = np.frombuffer(hdf5_blosc.unpack(stored, self.chunk_rows * dtype.itemsize, checksum, packed), dtype)
            pieces.append(chunk[max(start - first, 0) : stop - first])
        return np.concatenate(pieces) if pieces else np.zeros(0, dtype)

    def _readable(self, chunk: int) -> bool:
        start = chunk * self.chunk_rows
        try:
            self._read(start, min(start + self.chunk_rows, len(self)))
        except (OSError, RuntimeError, ValueError):
            return False
        return True

    def _loss(self, first: int, bad: np.ndarray, why: str) -> CorruptFileError:
        head = int(np.argmax(bad))
        tail = head + int(np.argmin(np.append(bad[head:], False)))
        start, stop = (first + head) * self.chunk_rows, min((first + tail) * self.chunk_rows, len(self))
        what = f"Rows {start}:{stop} of '{self.name}' cannot be read"
        return CorruptFileError(what, where=self.where, found=why, tree=self.name, start=start, stop=stop)

    def blocks(self, starts: np.ndarray, stops: np.ndarray, dtypes: Mapping[str, np.dtype]) -> dict[str, np.ndarray]:
        """Columns of the rows of many blocks, one block after the other.

        Parameters
        ----------
        starts, stops : array of int64, shape (blocks,)
            Half-open ranges of rows. Blocks that follow each other are read at once.
        dtypes : mapping of column to dtype
            The columns wanted, in their native byte order.

        Raises
        ------
        CorruptFileError
            As in `rows`.
        """
        columns = {k: np.empty(int((stops - starts).sum()), d) for k, d in dtypes.items()}
        at = 0
        for start, stop in merged(starts, stops):
            for low in range(start, stop, SLICE_ROWS):
                rows = self.rows(low, min(low + SLICE_ROWS, stop))
                for name, column in columns.items():
                    column[at : at + len(rows)] = rows[name]
                at += len(rows)
        return columns


def merged(starts: np.ndarray, stops: np.ndarray) -> list[tuple[int, int]]:
    """Blocks with those that follow each other joined, empty ones left out; the order stays.

    Examples
    --------
    >>> merged(np.array([0, 3, 3, 9]), np.array([3, 3, 5, 12]))
    [(0, 5), (9, 12)]
    """
    full = stops > starts
    starts, stops = starts[full], stops[full]
    if not len(starts):
        return []
    breaks = np.flatnonzero(starts[1:] != stops[:-1])
    heads, tails = np.append(0, breaks + 1), np.append(breaks, len(starts) - 1)
    return [(int(a), int(b)) for a, b in zip(starts[heads], stops[tails], strict=True)]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | np.bytes_):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.size == 1:
        return _plain(value.reshape(-1)[0])
    return value.item() if isinstance(value, np.generic) else value


def _check_numbers(dataset: h5py.Dataset, where: str, name: str) -> None:
    """Make sure that numbers stand in the usual forms, so that HDF5 has nothing to convert.

    A flipped bit in the description of a number (where its sign is, how many bits count) makes HDF5 convert it bit by bit, and write beyond its buffer. One in its byte order
    gives other numbers.

    Raises
    ------
    CorruptFileError
        A number of another form, or numbers of both byte orders in one table.
    """
    whole, dtype = dataset.id.get_type(), dataset.dtype
    members = [(whole, dtype)] if dtype.names is None else [(whole.get_member_type(n), dtype[n]) for n in range(whole.get_nmembers())]
    for kind, of in members:
        if kind.get_class() in (h5py.h5t.INTEGER, h5py.h5t.FLOAT) and not kind.equal(h5py.h5t.py_create(of)):
            raise CorruptFileError(f"'{name}' holds numbers of a form that no program writes", where=where, found=str(of), tree=name)
    orders = {kind.get_order() for kind, of in members if kind.get_class() in (h5py.h5t.INTEGER, h5py.h5t.FLOAT) and of.itemsize > 1}
    if len(orders) > 1:
        raise CorruptFileError(f"'{name}' holds numbers of both byte orders", where=where, found=str(dtype), tree=name)


def _filter_numbers(dataset: h5py.Dataset) -> list[int]:
    plist = dataset.id.get_create_plist()
    return [plist.get_filter(n)[0] for n in range(plist.get_nfilters())]


def _filters(dataset: h5py.Dataset, where: str, name: str) -> bool:
    """Whether Blosc packs the chunks.

    Raises
    ------
    UnknownLayoutError
        A filter that neither HDF5 nor this module knows.
    """
    numbers = _filter_numbers(dataset)
    known = {hdf5_blosc.FLETCHER32, hdf5_blosc.BLOSC}
    if hdf5_blosc.BLOSC in numbers and set(numbers) <= known and numbers[-1] == hdf5_blosc.BLOSC:
        return True
    unknown = [n for n in numbers if not h5py.h5z.filter_avail(n)]
    if unknown:
        raise UnknownLayoutError(f"'{name}' is compressed with a filter that is not known", where=where, found=f"filter {unknown[0]} of HDF5", expected="deflate, shuffle, Fletcher-32 or Blosc", hint="Write the file again with another compression, e.g. with ptrepack.")  # fmt: skip
    return False


def _chunks(dataset: h5py.Dataset, where: str, name: str) -> tuple[int, np.ndarray]:
    rows, width = int(dataset.shape[0]), dataset.dtype.itemsize
    size = dataset.file.id.get_filesize()
    if dataset.chunks is None:
        if rows * width > size:
            raise _impossible(where, name, rows, size)
        return max(rows, 1), np.full(1 if rows else 0, dataset.id.get_storage_size() > 0)
    chunk_rows = int(dataset.chunks[0])
    count = -(-rows // chunk_rows)
    if count > size:
        raise _impossible(where, name, rows, size)
    held = np.zeros(count, bool)
    largest = 0

    def note(info: Any) -> None:
        nonlocal largest
        chunk = info.chunk_offset[0] // chunk_rows
        # At byte 0 the file itself begins: HDF5 takes that for a chunk that was never written, and gives zeros.
        if chunk < count and info.byte_offset and info.byte_offset + info.size <= size:
            held[chunk] = True
            largest = max(largest, info.size)

    dataset.id.chunk_iter(note)
    if held.any() and chunk_rows * width > MAX_RATIO * largest:
        raise _impossible(where, name, rows, size)
    return chunk_rows, held


def _impossible(where: str, name: str, rows: int, size: int) -> CorruptFileError:
    return CorruptFileError(f"'{name}' states more rows than the file can hold", where=where, found=f"{rows} rows in {size} bytes", tree=name)  # fmt: skip
