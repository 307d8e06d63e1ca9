"""DATX: every value of both real files against an independent parse; and damage at any place."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from antdask.errors import UnknownLayoutError
from antdask.sources import datx
from tests.sources import detector_samples as samples

SMALL = (
    b"####" + struct.pack("<i", 5) + b"hello" + struct.pack("<ii2s2d", 7, 2, b"V5", 1.5, 2.5)
    + struct.pack("<i3si5si3s3d", 3, b"UTM", 5, b"WGS84", 3, b"32N", 1.0, 2.0, 3.0)
    + struct.pack("<iiii8dii", 1, 101, 4, 5, *range(8), 6, 1) + struct.pack("<i7di", 9, 0, 1, 2, 0.6, 0, 0.8, 6, 8)
)  # fmt: skip


def data_of(name: str) -> bytes:
    return Path(samples.path(name)).read_bytes()


def parsed(data: bytes) -> dict[str, object]:
    batch = datx.parse(data).batch()
    assert batch.problems() == []
    return samples.plain(batch)


@pytest.mark.parametrize(("name", "number", "modules"), [(samples.DATX[0], 133, 399), (samples.DATX[1], 232, 569)])
def test_every_value_equals_the_file(name: str, number: int, modules: int) -> None:
    found, expected = parsed(data_of(name)), samples.datx(name)
    for key in ("comments", "modules", "pmts", "head"):
        assert found[key] == expected[key], key
    assert (found["head"][0], len(found["modules"])) == (number, modules)


def test_files_with_and_without_comments_are_recognised() -> None:
    assert all(datx.looks_like(data_of(name)[:16]) for name in samples.DATX)
    assert datx.looks_like(SMALL[13:29])
    assert parsed(SMALL[13:])["comments"] == []


def test_text_that_begins_with_hashes_is_no_datx() -> None:
    assert not datx.looks_like(b"#### a heading\n")
    assert not datx.looks_like(b"####")


def test_a_small_file_is_read_to_the_last_number() -> None:
    assert parsed(SMALL) == {
        "head": (7, 5, 1.5, 2.5, "WGS84", "32N", 1.0, 2.0, 3.0),
        "comments": ["hello"],
        "modules": [(101, 4, 5, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 6, 1)],
        "pmts": [(9, 0.0, 1.0, 2.0, 0.6, 0.0, 0.8, 6.0, 8)],
    }


def test_a_file_cut_at_any_byte_is_refused() -> None:
    for size in range(len(SMALL)):
        with pytest.raises(ValueError, match=r"wants|announces"):
            datx.parse(SMALL[:size])
    real = data_of(samples.DATX[0])
    for size in np.random.default_rng(133).integers(0, len(real), 30):
        with pytest.raises(ValueError, match=r"wants|announces"):
            datx.parse(real[:size])


def test_a_direction_of_another_length_is_damage() -> None:
    """Every bit of the upper three bytes of a direction counts, but for the sign."""
    place = SMALL.index(struct.pack("<d", 0.6)) + 5
    for bit in range(23):
        changed = bytearray(SMALL)
        changed[place + bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="photomultiplier 9 looks in a direction of length"):
            datx.parse(bytes(changed))


def test_bytes_behind_the_last_module_are_refused() -> None:
    with pytest.raises(ValueError, match="1 bytes stand behind the last module"):
        datx.parse(SMALL + b"\0")


@pytest.mark.parametrize(
    ("place", "words"), [(4, "wants 2147483647 bytes"), (86, "announces 2147483647 modules"), (len(SMALL) - 68, "bytes, 64 are left")]
)
def test_a_count_beyond_the_file_allocates_nothing(place: int, words: str) -> None:
    data = bytearray(SMALL)
    data[place : place + 4] = struct.pack("<i", 2**31 - 1)
    with pytest.raises(ValueError, match=words):
        datx.parse(bytes(data))
    data[place : place + 4] = struct.pack("<i", -1)
    with pytest.raises(ValueError, match="-1"):
        datx.parse(bytes(data))


def test_other_versions_and_references_are_refused() -> None:
    with pytest.raises(UnknownLayoutError, match=r"DATX is not known: expected b'V5', found b'V6'"):
        datx.parse(SMALL.replace(b"V5", b"V6"))
    with pytest.raises(ValueError, match="not UTM"):
        datx.parse(SMALL.replace(b"UTM", b"LAT"))


def test_random_bytes_are_read_or_refused() -> None:
    rng = np.random.default_rng(5)
    for _ in range(2000):
        data = bytearray(SMALL)
        for place in rng.integers(0, len(data), 3):
            data[place] = rng.integers(256)
        try:
            datx.parse(bytes(data))
        except ValueError as error:
            assert str(error)
