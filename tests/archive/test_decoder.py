import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numcodecs import Zstd, blosc

from antdask.archive import decoder, shards
from antdask.model.schema import AMPLITUDE, INTEGER, REAL, SERIES

CODECS = [
    Zstd(1),
    *(
        blosc.Blosc(name, 1, shuffle, blocksize=size)
        for name in ("zstd", "lz4")
        for shuffle in (blosc.NOSHUFFLE, blosc.SHUFFLE, blosc.BITSHUFFLE)
        for size in (0, 512)
    ),
]


def encoded(chunks, codec):
    """Bytes of all chunks with something before and between, and where each lies."""
    data, spans = b"before", []
    for values in chunks:
        one = shards.encode_chunk(values, codec)
        spans.append((len(data), len(one)))
        data += one + b"between"
    return np.frombuffer(data, np.uint8), np.array(spans, np.int64)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_bytes_of_any_chunks_are_those_that_the_library_decodes(data):
    codec = data.draw(st.sampled_from(CODECS))
    dtype = np.dtype(data.draw(st.sampled_from(["u1", "u2", "i4", "f4", "f8", "u8", "S3"])))
    rows, chunks = data.draw(st.integers(1, 3000)), data.draw(st.integers(1, 3))
    top = data.draw(st.sampled_from([1, 5, 256]))
    whole = np.random.default_rng(rows).integers(0, top, rows * chunks * dtype.itemsize, np.uint8)
    chunk = rows * dtype.itemsize
    packed, spans = encoded(np.split(whole.view(dtype), chunks), codec)
    low = data.draw(st.integers(0, len(whole)))
    high = data.draw(st.integers(low, len(whole)))
    out = np.full(high - low, 77, np.uint8)
    status, _ = decoder.decode(packed, spans, isinstance(codec, blosc.Blosc), chunk, low, high, out)
    if status == decoder.OTHER:
        assert isinstance(codec, blosc.Blosc) and (codec.cname == "lz4" or codec.shuffle != blosc.BITSHUFFLE)
    else:
        assert status == decoder.DONE and (out == whole[low:high]).all()


def test_what_this_archive_writes_is_handled_here():
    for kind in (INTEGER, REAL, AMPLITUDE, SERIES):
        for dtype in ("u1", "u2", "u4", "f4", "i8"):
            codec = shards.codec_for(kind, np.dtype(dtype))
            values = np.arange(5000).astype(dtype)
            packed, spans = encoded([values], codec)
            out = np.empty(values.nbytes, np.uint8)
            assert decoder.decode(packed, spans, isinstance(codec, blosc.Blosc), out.size, 0, out.size, out)[0] == decoder.DONE
            assert (out.view(dtype) == values).all()


@pytest.mark.parametrize("codec", [Zstd(1), blosc.Blosc("zstd", 1, blosc.BITSHUFFLE)])
def test_a_chunk_that_was_altered_is_found_and_named_by_its_number(codec):
    chunks = [np.arange(1000, dtype="u4") + i for i in range(3)]
    packed, spans = encoded(chunks, codec)
    out = np.empty(12_000, np.uint8)
    bad = packed.copy()
    bad[spans[1, 0] + 20] ^= 1
    assert decoder.decode(bad, spans, isinstance(codec, blosc.Blosc), 4000, 0, 12_000, out) == (decoder.CHECKSUM, 1)
    # Who does not ask for it does not notice.
    assert decoder.decode(bad, spans, isinstance(codec, blosc.Blosc), 4000, 8000, 12_000, out[:4000])[0] == decoder.DONE
    for span in ([-1, -1], [len(packed) - 3, 50], [5, 3]):
        assert decoder.decode(packed, np.array([span]), True, 4000, 0, 4000, out[:4000])[0] == decoder.CHECKSUM


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_header_that_lies_under_a_right_checksum_harms_nobody(data):
    codec = data.draw(
        st.sampled_from([Zstd(1), blosc.Blosc("zstd", 1, blosc.BITSHUFFLE, blocksize=512), blosc.Blosc("zstd", 1, blosc.SHUFFLE)])
    )
    values = np.random.default_rng(0).integers(0, 50, 1000).astype("u4")
    one = bytearray(codec.encode(values))
    for _ in range(data.draw(st.integers(1, 3))):
        one[data.draw(st.integers(0, min(40, len(one) - 1)))] = data.draw(st.integers(0, 255))
    packed = np.frombuffer(bytes(one) + shards.checksum(bytes(one)), np.uint8)
    out = np.empty(3000, np.uint8)
    status, _ = decoder.decode(packed, np.array([[0, len(packed)]]), isinstance(codec, blosc.Blosc), 4000, 500, 3500, out)
    assert status in (decoder.DONE, decoder.DAMAGED, decoder.OTHER)


def test_without_the_libraries_the_slow_way_is_taken(monkeypatch):
    assert decoder.AVAILABLE
    assert not decoder._bind({"no_such_function": "numcodecs.zstd"}) and not decoder._bind({"crc32c_value": "no_such_module"})
    monkeypatch.setattr(decoder, "AVAILABLE", False)
    assert decoder.decode(np.zeros(9, np.uint8), np.array([[0, 9]]), True, 4, 0, 4, np.zeros(4, np.uint8)) == (decoder.OTHER, 0)
