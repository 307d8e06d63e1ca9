import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numcodecs import Zstd

from antdask.archive import shards
from antdask.errors import DamagedPartError
from antdask.model.schema import AMPLITUDE, INTEGER, REAL, SYMBOL


@pytest.mark.parametrize("kind", [INTEGER, AMPLITUDE, SYMBOL, REAL])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "u4", "i8", "u8", "f8"])
def test_a_chunk_decodes_to_itself(kind, dtype):
    values = np.random.default_rng(0).integers(0, 100, 1000).astype(dtype)
    codec = shards.codec_for(kind, values.dtype)
    out = np.empty_like(values)
    shards.decode_chunk(shards.encode_chunk(values, codec), codec, out, "x")
    assert (out == values).all()


def test_symbols_in_random_order_take_little_more_than_their_entropy_and_any_zstandard_reads_them():
    values = np.random.default_rng(1).integers(0, 6, 65_536).astype("u1")
    frame = shards.codec_for(SYMBOL, values.dtype).encode(values)
    assert bytes(Zstd().decode(frame)) == values.tobytes()
    assert len(frame) * 8 / len(values) < 2.70 < len(Zstd(level=1).encode(values)) * 8 / len(values)


def test_a_compressor_says_how_it_is_called_and_gives_the_same_bytes_from_chunk_to_chunk():
    values = np.cumsum(np.random.default_rng(2).integers(0, 9, 70_000)).astype("u4")
    for kind in (INTEGER, AMPLITUDE, SYMBOL, REAL):
        codec = shards.codec_for(kind, values.dtype)
        first = shards.encode_chunk(values, codec)
        shards.encode_chunk(values[::-1], codec)
        assert shards.encode_chunk(values, codec) == first == shards.encode_chunk(values, shards.codec_for(kind, values.dtype))


def test_encoding_gives_the_same_bytes_for_views_of_any_order():
    values = np.arange(20, dtype="i4").reshape(4, 5)
    codec = shards.codec_for(INTEGER, values.dtype)
    assert (
        shards.encode_chunk(values, codec)
        == shards.encode_chunk(np.asfortranarray(values), codec)
        == shards.encode_chunk(values.astype(">i4"), codec)
    )


@given(st.data())
def test_any_flipped_bit_of_a_chunk_is_noticed(data):
    values = np.arange(300, dtype="u4")
    codec = shards.codec_for(INTEGER, values.dtype)
    encoded = bytearray(shards.encode_chunk(values, codec))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(DamagedPartError, match="somewhere"):
        shards.decode_chunk(bytes(encoded), codec, np.empty_like(values), "somewhere")


@given(st.lists(st.integers(1, 10**9), max_size=20), st.integers(0, 5))
def test_an_index_reads_back_and_empty_slots_are_marked(lengths, spare):
    slots = len(lengths) + spare
    index = shards.read_index(shards.shard_index(lengths, slots), slots, "x")
    assert index[: len(lengths), 1].tolist() == lengths
    assert index[: len(lengths), 0].tolist() == [sum(lengths[:i]) for i in range(len(lengths))]
    assert (index[len(lengths) :] == -1).all()


def test_a_damaged_index_is_noticed():
    data = bytearray(shards.shard_index([5, 6], 2))
    data[3] ^= 1
    for bad in (bytes(data), b"", shards.shard_index([5], 1)):
        with pytest.raises(DamagedPartError):
            shards.read_index(bad, 2, "x")
