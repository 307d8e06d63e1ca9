"""Shards written here read back here and with plain zarr, whatever the pieces and the rectangle."""

from __future__ import annotations

import google_crc32c
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from antdask.archive.store import Store
from antdask.environment.arrays import GridArray, ShardWriter, encode_blocks, join_shard, read
from antdask.errors import DamagedPartError

VALUES = np.random.default_rng(1).integers(0, 60_000, (6, 48)).astype("u2")
PLANE = GridArray("a/plane", np.dtype("u2"), ("channel", "time"), (6, 72), (6, 24), (2, 8), {"units": "1"})
CUBE = GridArray("a/cube", np.dtype("f4"), ("channel", "time", "bin"), (6, 72, 4), (6, 24, 4), (3, 8, 4), {})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Shards 0 and 2 of three; shard 1 was never written."""
    store = Store(str(tmp_path_factory.mktemp("arrays")))
    for array, values in ((PLANE, VALUES), (CUBE, np.repeat(VALUES[..., None], 4, 2).astype("f4"))):
        store.write_small(f"{array.path}/zarr.json", array.metadata())
        for number, half in ((0, values[:, :24]), (2, values[:, 24:])):
            writer = ShardWriter(array)
            for low, high in ((0, 3), (3, 20), (20, 24)):
                writer.append(half[:, low:high])
            store.write_small(array.shard_path(number), writer.finish())
    return store


def expected(array):
    whole = np.full(array.shape, array.fill)
    values = VALUES if array is PLANE else np.repeat(VALUES[..., None], 4, 2)
    whole[:, :24], whole[:, 48:] = values[:, :24], values[:, 24:]
    return whole


@pytest.mark.parametrize("array", [PLANE, CUBE])
def test_plain_zarr_reads_the_same(store, array):
    found = zarr.open_array(f"{store.root}/{array.path}", mode="r")
    np.testing.assert_array_equal(found[:], expected(array))
    assert found.metadata.dimension_names == array.dims


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_rectangle_reads_back(store, data):
    array = data.draw(st.sampled_from([PLANE, CUBE]))
    key = []
    for n in array.shape:
        low = data.draw(st.integers(0, n - 1))
        key.append(slice(low, data.draw(st.integers(low + 1, n))))
    np.testing.assert_array_equal(read(store, array, tuple(key)), expected(array)[tuple(key)])


def test_pieces_do_not_matter(tmp_path):
    for number, cuts in enumerate([(), (8,), (3, 20), range(1, 24)]):
        with (tmp_path / str(number)).open("wb") as file:
            writer = ShardWriter(PLANE, file)
            for piece in np.split(VALUES[:, :24], list(cuts), axis=1):
                writer.append(piece)
            assert writer.finish() == b""
        data = (tmp_path / str(number)).read_bytes()
        assert data == (tmp_path / "0").read_bytes()
        assert (writer.nbytes, writer.crc32c) == (len(data), google_crc32c.value(data))


def test_chunks_that_come_by_channels_read_back_as_those_that_come_in_time(store):
    moved = GridArray("c/plane", PLANE.dtype, PLANE.dims, PLANE.shape, PLANE.shard, PLANE.chunk, {})
    store.write_small(moved.shard_path(0), join_shard(moved, encode_blocks(moved, VALUES[:, :24])))
    assert store.read(moved.shard_path(0)) != store.read(PLANE.shard_path(0))
    key = (slice(1, 6), slice(2, 23))
    assert (read(store, moved, key) == read(store, PLANE, key)).all()


def test_skipped_bins_are_as_if_zeros_were_written():
    values = np.zeros((6, 24), "u2")
    values[:, 10:12] = 7
    skipping, writing = ShardWriter(PLANE), ShardWriter(PLANE)
    skipping.skip(10)
    skipping.append(values[:, 10:12])
    skipping.skip(12)
    writing.append(values)
    assert skipping.finish() == writing.finish()


def test_a_shard_that_is_not_full_is_a_bug():
    writer = ShardWriter(PLANE)
    writer.append(VALUES[:, :23])
    with pytest.raises(ValueError, match="not full"):
        writer.finish()
    with pytest.raises(ValueError, match="instead of"):
        join_shard(PLANE, [b""])


def test_a_damaged_shard_is_told(store):
    data = bytearray(store.read(PLANE.shard_path(0)))
    data[3] ^= 1
    store.write_small("b/plane/c/0/0", bytes(data))
    moved = GridArray("b/plane", PLANE.dtype, PLANE.dims, PLANE.shape, PLANE.shard, PLANE.chunk, {})
    with pytest.raises(DamagedPartError):
        read(store, moved, (slice(0, 6), slice(0, 24)))
