"""Chunks that PyTables packed with Blosc unpack to their bytes, or are refused."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from km3net_testdata import data_path
from numcodecs import blosc

from antdask.sources.hdf5_blosc import fletcher32, unpack

ROWS = np.arange(1000, dtype="<u2").tobytes()


def packed(data: bytes) -> bytes:
    return bytes(blosc.compress(data, b"zlib", 5, blosc.SHUFFLE, 0))


def with_checksum(data: bytes) -> bytes:
    return data + fletcher32(data).to_bytes(4, "little")


def test_chunks_unpack_to_their_bytes() -> None:
    assert unpack(packed(ROWS), 2000, checksum=False) == ROWS
    assert unpack(packed(with_checksum(ROWS)), 2000, checksum=True) == ROWS
    assert unpack(with_checksum(ROWS), 2000, checksum=True, packed=False) == ROWS


def test_the_checksum_is_that_of_hdf5(tmp_path: object) -> None:
    with h5py.File(f"{tmp_path}/sums.h5", "w") as file:
        for size in (1000, 17, 1):
            rows = np.random.default_rng(size).integers(0, 255, size, dtype="u1")
            dataset = file.create_dataset(f"{size}", data=rows, chunks=(size,), fletcher32=True)
            _, stored = dataset.id.read_direct_chunk((0,))
            assert with_checksum(rows.tobytes()) == stored
    assert fletcher32(b"") == 0


@pytest.mark.parametrize("name", ["hits", "mc_tracks", "reco/dusj"])
def test_checksums_of_real_chunks_are_good(name: str) -> None:
    with h5py.File(data_path("hdf5/numu_cc_test.h5")) as file:
        dataset = file[name]
        for first in range(0, len(dataset), dataset.chunks[0]):
            _, stored = dataset.id.read_direct_chunk((first,))
            nbytes = dataset.chunks[0] * dataset.dtype.itemsize
            assert len(unpack(stored, nbytes, checksum=True)) == nbytes


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        (b"", "no Blosc header"),
        (packed(ROWS)[:-1], "states 2000 bytes from"),
        (packed(ROWS + b"xx"), "states 2002 bytes"),
        (packed(ROWS)[:4] + b"\xff\xff\xff\x7f" + packed(ROWS)[8:], "states 2147483647 bytes"),
        (packed(ROWS)[:16] + b"\xff" * (len(packed(ROWS)) - 16), "does not unpack"),
    ],
)
def test_damage_is_noticed_before_memory_is_asked_for(stored: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        unpack(stored, 2000, checksum=False)


def test_a_flipped_bit_breaks_the_checksum() -> None:
    data = bytearray(with_checksum(ROWS))
    data[77] ^= 4
    with pytest.raises(ValueError, match="checksum of the chunk is wrong"):
        unpack(packed(bytes(data)), 2000, checksum=True)
    with pytest.raises(ValueError, match="2003 bytes instead of 2004"):
        unpack(with_checksum(ROWS)[1:], 2000, checksum=True, packed=False)
