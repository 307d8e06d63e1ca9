"""LZMA blocks: both roads give what went in, and refuse everything else."""

from __future__ import annotations

import lzma
from collections.abc import Callable
from importlib import metadata

import numpy as np
import pytest

from antdask.sources import root_lzma

CONTENT = (np.random.default_rng(5).integers(0, 6, 40_000, np.uint8)).tobytes()
ROADS = ["standard", "fast"]


@pytest.fixture(params=ROADS)
def decompress(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes, int], bytes]:
    """Decompress by one of the two roads."""
    if request.param == "standard":
        monkeypatch.setattr(root_lzma, "_fast", lambda: None)

    def run(data: bytes, nbytes: int) -> bytes:
        out = bytearray(nbytes)
        root_lzma.decompress_into(memoryview(data), memoryview(out))
        return bytes(out)

    return run


def test_there_is_a_fast_library() -> None:
    assert root_lzma._fast() is not None


@pytest.mark.parametrize("check", [lzma.CHECK_NONE, lzma.CHECK_CRC32, lzma.CHECK_CRC64, lzma.CHECK_SHA256])
@pytest.mark.parametrize("nbytes", [0, 1, 40_000])
def test_content_comes_back(decompress: Callable[[bytes, int], bytes], check: int, nbytes: int) -> None:
    assert decompress(lzma.compress(CONTENT[:nbytes], check=check), nbytes) == CONTENT[:nbytes]


@pytest.mark.parametrize("nbytes", [39_999, 40_001])
def test_another_size_than_announced_is_refused(decompress: Callable[[bytes, int], bytes], nbytes: int) -> None:
    with pytest.raises(lzma.LZMAError):
        decompress(lzma.compress(CONTENT), nbytes)


@pytest.mark.parametrize("kept", [0, 5, 12, 1000, -1])
def test_a_stream_that_was_cut_is_refused(decompress: Callable[[bytes, int], bytes], kept: int) -> None:
    with pytest.raises(lzma.LZMAError):
        decompress(lzma.compress(CONTENT)[:kept], len(CONTENT))


def test_no_flipped_bit_gets_through(decompress: Callable[[bytes, int], bytes]) -> None:
    packed = lzma.compress(CONTENT, check=lzma.CHECK_CRC32)
    for position in np.random.default_rng(1).integers(0, 8 * len(packed), 200).tolist():
        harmed = bytearray(packed)
        harmed[position // 8] ^= 1 << position % 8
        with pytest.raises(lzma.LZMAError):
            decompress(bytes(harmed), len(CONTENT))


def test_a_dictionary_larger_than_any_block_needs_is_refused(decompress: Callable[[bytes, int], bytes]) -> None:
    packed = lzma.compress(CONTENT, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**29}])
    with pytest.raises(lzma.LZMAError):
        decompress(packed, len(CONTENT))


def test_without_pillow_the_standard_library_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "files", lambda name: None)
    root_lzma._fast.cache_clear()
    try:
        assert root_lzma._fast() is None
        out = bytearray(len(CONTENT))
        root_lzma.decompress_into(memoryview(lzma.compress(CONTENT)), memoryview(out))
        assert out == CONTENT
    finally:
        monkeypatch.undo()
        root_lzma._fast.cache_clear()
