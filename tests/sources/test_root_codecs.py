"""Compressed blocks of every algorithm, and damaged ones: the sound bytes or an error, never more memory than the data can hold."""

from __future__ import annotations

import lzma
import random
import struct
import tracemalloc
import zlib

import cramjam
import numpy as np
import pytest
import xxhash
import zstandard

from antdask.errors import CorruptFileError
from antdask.sources.root_codecs import FAILURES, HEAD, HEADER, alone, chain_into, decompress

DATA = (b"ANTARES " * 300 + bytes(random.Random(0).randrange(256) for _ in range(2000)))[:4096]


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def lz4(data: bytes) -> bytes:
    packed = bytes(cramjam.lz4.compress_block(data, store_size=False))
    return xxhash.xxh64_digest(packed) + packed


PACK = {
    "ZL": zlib.compress,
    "CS": raw_deflate,
    "XZ": lzma.compress,
    "L4": lz4,
    "ZS": zstandard.ZstdCompressor().compress,
}


def block(algorithm: str, data: bytes, nbytes: int | None = None) -> bytes:
    packed = PACK[algorithm](data)
    sizes = len(packed).to_bytes(3, "little") + (len(data) if nbytes is None else nbytes).to_bytes(3, "little")
    return algorithm.encode() + b"\x08" + sizes + packed


@pytest.mark.parametrize("algorithm", PACK)
def test_one_block_gives_back_its_bytes(algorithm: str) -> None:
    assert decompress(memoryview(block(algorithm, DATA)), len(DATA)).tobytes() == DATA


def test_a_chain_of_blocks_of_several_algorithms_is_joined() -> None:
    chain = b"".join(block(algorithm, DATA[:100] * (k + 1)) for k, algorithm in enumerate(PACK))
    expected = b"".join(DATA[:100] * (k + 1) for k in range(len(PACK)))
    assert decompress(memoryview(chain), len(expected)).tobytes() == expected


def test_a_zstandard_frame_without_its_size_is_read() -> None:
    packed = zstandard.ZstdCompressor(write_content_size=False).compress(DATA)
    data = b"ZS\x01" + len(packed).to_bytes(3, "little") + len(DATA).to_bytes(3, "little") + packed
    assert decompress(memoryview(data), len(DATA)).tobytes() == DATA


@pytest.mark.parametrize("algorithm", PACK)
@pytest.mark.parametrize("off", [-1, 1])
def test_a_size_that_differs_from_the_content_is_damage(algorithm: str, off: int) -> None:
    with pytest.raises(CorruptFileError):
        decompress(memoryview(block(algorithm, DATA, len(DATA) + off)), len(DATA) + off)
    with pytest.raises(CorruptFileError, match="do not add up"):
        decompress(memoryview(block(algorithm, DATA)), len(DATA) + off)


@pytest.mark.parametrize("algorithm", PACK)
def test_a_block_that_announces_more_than_it_can_hold_allocates_nothing(algorithm: str) -> None:
    tiny = algorithm.encode() + b"\x08" + (20).to_bytes(3, "little") + (2**24 - 1).to_bytes(3, "little") + bytes(20)
    tracemalloc.start()
    try:
        with pytest.raises(CorruptFileError):
            decompress(memoryview(tiny), 2**24 - 1)
        assert tracemalloc.get_traced_memory()[1] < 2**21
    finally:
        tracemalloc.stop()


def test_a_zstandard_frame_that_announces_gigabytes_allocates_nothing() -> None:
    packed = bytearray(zstandard.ZstdCompressor().compress(bytes(300_000)))
    assert zstandard.frame_content_size(bytes(packed)) == 300_000
    packed[5:9] = struct.pack("<I", 2**31)
    data = b"ZS\x01" + len(packed).to_bytes(3, "little") + (300_000).to_bytes(3, "little") + bytes(packed)
    with pytest.raises(CorruptFileError, match="different sizes"):
        decompress(memoryview(data), 300_000)


def test_an_unknown_algorithm_or_a_block_beyond_the_end_is_damage() -> None:
    good = block("ZL", DATA)
    with pytest.raises(CorruptFileError, match="no known header"):
        decompress(memoryview(b"QQ" + good[2:]), len(DATA))
    with pytest.raises(CorruptFileError, match="longer than its basket"):
        decompress(memoryview(good[:-1]), len(DATA))
    with pytest.raises(CorruptFileError, match="no known header"):
        decompress(memoryview(good + b"ZL\x08"), len(DATA))


@pytest.mark.parametrize("algorithm", PACK)
def test_any_flipped_byte_gives_the_sound_bytes_or_damage_where_the_format_has_a_checksum(algorithm: str) -> None:
    good, rng = block(algorithm, DATA), random.Random(1)
    for _ in range(150):
        bad = bytearray(good)
        bad[rng.randrange(len(bad))] ^= rng.randrange(1, 256)
        try:
            out = decompress(memoryview(bytes(bad)), len(DATA))
        except CorruptFileError:
            continue
        assert len(out) == len(DATA)
        # Raw deflate and zstandard frames of ROOT carry no checksum.
        assert algorithm in ("CS", "ZS") or out.tobytes() == DATA


def test_nothing_is_the_chain_of_no_blocks() -> None:
    np.testing.assert_array_equal(decompress(memoryview(b""), 0), np.zeros(0, np.uint8))


@pytest.mark.parametrize("algorithm", PACK)
def test_blocks_that_stand_alone_are_opened_into_their_place(algorithm: str) -> None:
    # The second is of another algorithm, the third has a block behind it, the fourth announces a byte less.
    chains = [
        block(algorithm, DATA),
        block("CS" if algorithm == "ZL" else "ZL", DATA),
        block(algorithm, DATA) * 2,
        block(algorithm, DATA, 4095),
    ]
    heads = np.frombuffer(b"".join(c[:HEADER] for c in chains), HEAD)
    fits, opener = alone(heads, np.array([len(c) for c in chains]), np.array([4096, 4096, 8192, 4096]))
    assert fits.tolist() == [True, False, False, False]
    out = bytearray(4096)
    opener(memoryview(chains[0])[HEADER:], memoryview(out))
    assert out == DATA
    for size in (4095, 4097):
        with pytest.raises(FAILURES):
            opener(memoryview(chains[0])[HEADER:], memoryview(bytearray(size)))
    both = bytearray(8192)
    chain_into(memoryview(chains[2]), memoryview(both))
    assert both == DATA * 2


def test_a_block_that_stands_alone_announces_no_more_than_it_can_hold() -> None:
    head = np.frombuffer(b"L4\x01" + (20).to_bytes(3, "little") + (2**24 - 1).to_bytes(3, "little"), HEAD)
    fits, _ = alone(head, np.array([29]), np.array([2**24 - 1]))
    assert fits.tolist() == [False]
    with pytest.raises(CorruptFileError, match="no known header"):
        alone(np.frombuffer(b"QQ" + bytes(7), HEAD), np.array([9]), np.array([0]))
