"""Compressed blocks: what the reader of the sources makes of them is what went in."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.errors import UsageError
from antdask.simulate import root_blocks
from antdask.simulate.root_blocks import codec, compress
from antdask.sources.root_codecs import decompress


@pytest.mark.parametrize(("name", "level"), [("zlib", 1), ("zlib", 9), ("lzma", 1), ("lz4", 1), ("lz4", 6), ("zstd", 1), ("zstd", 5)])
@pytest.mark.parametrize("size", [1000, 70_000])
def test_blocks_give_back_what_went_in(name: str, level: int, size: int) -> None:
    data = np.repeat(np.random.default_rng(1).normal(60, 5, size // 5).astype(np.uint8), 5).tobytes()
    packed = compress(data, codec(name, level))
    assert len(packed) < len(data)
    assert decompress(memoryview(packed), size).tobytes() == data


def test_large_content_is_cut_into_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_blocks, "BLOCK_BYTES", 1000)
    data = bytes(2500)
    packed = compress(data, codec("zstd"))
    assert packed.count(b"ZS\x01") == 3
    assert decompress(memoryview(packed), 2500).tobytes() == data


@pytest.mark.parametrize("name", ["zlib", "lz4", "zstd", "lzma", "none"])
def test_what_does_not_shrink_stays_as_it_is(name: str) -> None:
    data = np.random.default_rng(1).bytes(400)
    assert compress(data, codec(name)) == data


def test_levels_are_those_of_root() -> None:
    assert [codec(n, v).setting for n, v in (("zlib", 1), ("lzma", 4), ("lz4", 4), ("zstd", 5), ("none", None))] == [101, 204, 404, 505, 0]
    with pytest.raises(UsageError, match="expected 1 to 9, found 0"):
        codec("zlib", 0)
