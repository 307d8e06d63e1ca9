"""Packed records: bits to columns and back without a loss, in both byte orders."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antdask.errors import UsageError
from antdask.sources import layout_map
from antdask.sources.layout_record import Record, parse_record
from antdask.sources.packed_records import decode, encode, encode_fields

WORDS = {"provenance": "test", "status": "assumed"}
SPE = layout_map.load("antares_raw_packed_1").dataset("PhysicsEvent").records["spe_hit"]


def record(nbytes: int, endian: str, *bits: tuple[int, int]) -> Record:
    fields = [{"name": f"f{i}", "bits": list(b), "note": "-"} for i, b in enumerate(bits)]
    return parse_record({"name": "r", "kind": "packed", "nbytes": nbytes, "endian": endian, "fields": fields}, WORDS)


def test_a_hit_by_hand() -> None:
    columns, stray = decode(np.frombuffer(bytes.fromhex("a0212345abcd"), np.uint8), SPE)
    assert {k: int(v[0]) for k, v in columns.items()} == {"ars": 5, "timestamp": 0x212345, "tvc": 0xAB, "avc": 0xCD}
    assert not stray.any()


def test_bits_without_a_name_are_noticed() -> None:
    _, stray = decode(np.frombuffer(bytes.fromhex("a0212345abcda0612345abcdb0212345abcd"), np.uint8), SPE)
    assert stray.tolist() == [False, True, True]


def test_little_endian_records_are_turned_around() -> None:
    columns, _ = decode(np.frombuffer(bytes.fromhex("cdab452321a0"), np.uint8), record(6, "little", (0, 3), (10, 22), (32, 16)))
    assert [int(c[0]) for c in columns.values()] == [5, 0x212345, 0xABCD]


@given(st.data())
def test_any_record_of_any_size_comes_back_to_the_bit(data: st.DataObject) -> None:
    nbytes = data.draw(st.integers(1, 8))
    cuts = sorted({0, 8 * nbytes, *data.draw(st.lists(st.integers(1, 8 * nbytes), max_size=6))})
    layout = record(nbytes, data.draw(st.sampled_from(["big", "little"])), *((a, b - a) for a, b in itertools.pairwise(cuts)))
    payload = np.frombuffer(data.draw(st.binary(min_size=0, max_size=5 * nbytes).map(lambda b: b[: len(b) // nbytes * nbytes])), np.uint8)
    columns, stray = decode(payload, layout)
    assert not stray.any()
    assert encode(columns, layout).tobytes() == payload.tobytes()


def test_values_that_do_not_fit_are_refused() -> None:
    columns = {"ars": np.array([8]), "timestamp": np.array([0]), "tvc": np.array([0]), "avc": np.array([0])}
    with pytest.raises(UsageError, match=r"bits of 'ars'.*expected 0 to 7, found 8"):
        encode(columns, SPE)


def test_offsets_are_taken_off_again() -> None:
    storey = layout_map.load("antares_raw_packed_1").dataset("PhysicsEvent").records["hit_storey"]
    fields = {"hits.line": np.array([1, 12], np.uint8), "hits.floor": np.array([1, 25], np.uint8)}
    assert encode_fields(fields, storey).tobytes().hex() == f"0000{11 << 5 | 24:04x}"


def test_what_is_not_archived_cannot_be_put_back() -> None:
    with pytest.raises(UsageError, match="cannot be put back"):
        encode_fields({}, record(1, "big", (0, 8)))
