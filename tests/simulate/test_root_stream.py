"""Streamed objects: byte counts, references, strings of any length."""

from __future__ import annotations

from antdask.simulate.root_stream import Stream, counted_string


def test_long_strings_have_four_bytes_of_length() -> None:
    assert counted_string("ab") == b"\x02ab"
    assert counted_string("x" * 300)[:6] == b"\xff\x00\x00\x01\x2cx"


def test_blocks_count_their_bytes_and_references_count_from_the_key() -> None:
    stream = Stream(keylen=50)
    with stream.counted(20), stream.pointed("TLeaf") as reference:
        stream.pack("i", 7)
    assert reference == 50 + 6 + 2
    assert bytes(stream.data).hex() == "4000001400144000000effffffff" + b"TLeaf\0".hex() + "00000007"


def test_a_named_object_holds_its_bits() -> None:
    stream = Stream(0)
    stream.named("n", "t", 8)
    assert bytes(stream.data).hex() == "40000010000100010000000003000008016e0174"
