"""Blocks that LZMA compressed, by the fastest liblzma of this environment.

The decoder of liblzma 5.6 and later takes two thirds of the time of the one before. Pythons are built with whatever their system has, Debian 12 with 5.4; but Pillow,
without which no plot is drawn, brings a current one along. Where there is none, the standard library does the same at its own pace.
"""

from __future__ import annotations

import ctypes
import functools
import lzma
from collections.abc import Callable
from importlib import metadata

import numpy as np

#: More than any block of ROOT needs: damaged headers may ask for a dictionary of 4 GB [byte].
MEMORY = 2**28
_FAST = 50_060_000  # 5.6.0
_DONE = 0
# Of the names of errors in lzma/base.h those that decoding a whole buffer can give.
_FAILURES = {5: "not enough memory", 6: "it asks for too much memory", 7: "it is no XZ stream", 8: "an unknown option", 9: "damaged data", 10: "it ends too early or holds more"}  # fmt: skip


def decompress_into(data: memoryview, out: memoryview) -> None:
    """The content of an XZ stream, into a buffer of exactly its size.

    Raises
    ------
    lzma.LZMAError
        The stream is damaged, or holds more or fewer bytes.

    Examples
    --------
    >>> out = bytearray(7)
    >>> decompress_into(memoryview(lzma.compress(b"antares")), memoryview(out))
    >>> bytes(out)
    b'antares'
    """
    decode = _fast() or _standard
    written = decode(data, out)
    if written != len(out):
        raise lzma.LZMAError(f"{written} bytes instead of {len(out)}")


def _standard(data: memoryview, out: memoryview) -> int:
    stream = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=MEMORY)
    content = stream.decompress(data, len(out) + 1)
    if len(content) != len(out):
        return len(content)
    # The checksum stands behind the content.
    if not stream.eof:
        raise lzma.LZMAError(_FAILURES[10])
    out[:] = content
    return len(content)


@functools.cache
def _fast() -> Callable[[memoryview, memoryview], int] | None:
    """A liblzma that is worth it, if there is one."""
    try:
        found = [file.locate() for file in metadata.files("pillow") or () if "liblzma" in file.name]
        library = ctypes.CDLL(str(found[0]))
        function, version = library.lzma_stream_buffer_decode, int(library.lzma_version_number())
    except (metadata.PackageNotFoundError, IndexError, OSError, AttributeError):
        return None
    return functools.partial(_call, function) if version >= _FAST else None


def _call(function: Callable[..., int], data: memoryview, out: memoryview) -> int:
    limit, read, written = ctypes.c_uint64(MEMORY), ctypes.c_size_t(0), ctypes.c_size_t(0)
    source, target = np.frombuffer(data, np.uint8), np.frombuffer(out, np.uint8)
    status = function(
        ctypes.byref(limit), ctypes.c_uint32(0), None,
        ctypes.c_void_p(source.ctypes.data), ctypes.byref(read), ctypes.c_size_t(source.size),
        ctypes.c_void_p(target.ctypes.data), ctypes.byref(written), ctypes.c_size_t(target.size),
    )  # fmt: skip
    if status != _DONE:
        raise lzma.LZMAError(_FAILURES.get(status, f"liblzma returns {status}"))
    return written.value
