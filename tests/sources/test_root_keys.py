"""Keys: what they say, and how they fail."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import uproot

from antdask.errors import CorruptFileError
from antdask.sources.root import open_root
from antdask.sources.root_keys import Key, parse_key
from tests.sources.online_samples import L1, ONLINE


def written(kind: bytes = b"TTree", name: bytes = b"t", *, big: bool = False) -> bytes:
    strings = b"".join((bytes([len(s)]) if len(s) < 255 else b"\xff" + struct.pack(">I", len(s))) + s for s in (kind, name, b"title"))
    keylen = 18 + (16 if big else 8) + len(strings)
    return (
        struct.pack(">ihiIhh", 500, 1004 if big else 4, 900, 7, keylen, 3)
        + struct.pack(">qq" if big else ">ii", 2**33 if big else 77, 100)
        + strings
    )


@pytest.mark.parametrize("big", [False, True])
def test_a_key_says_what_stands_behind_it(big: bool) -> None:
    data = written(name=b"n" * 300, big=big)
    key, end = parse_key(memoryview(data + b"content"))
    assert key == Key(500, 900, len(data), 3, 2**33 if big else 77, "TTree", "n" * 300, b"title", 7)
    assert end == len(data)


def test_a_key_cut_anywhere_is_damage() -> None:
    data = written()
    for size in range(len(data)):
        with pytest.raises(CorruptFileError):
            parse_key(memoryview(data[:size]))


def test_a_name_that_reaches_out_of_its_key_is_damage() -> None:
    data = bytearray(written())
    data[26] = 200
    with pytest.raises(CorruptFileError, match="longer than the key"):
        parse_key(memoryview(bytes(data)))


@pytest.mark.parametrize("what", [b"KM3NET_TIMESLICE_L1", b"TTree"])
def test_a_damaged_name_in_the_directory_does_not_hide_a_tree(what: bytes, tmp_path: Path) -> None:
    data = bytearray((ONLINE / L1).read_bytes())
    with uproot.open(ONLINE / L1) as file:
        listed = data.index(b"\x05TTree\x13KM3NET_TIMESLICE_L1", file.fSeekKeys)
    data[data.index(what, listed) + 1] ^= 8
    (tmp_path / "x.root").write_bytes(data)
    with open_root(str(tmp_path / "x.root")) as file:
        # By the key that stands before it, then.
        assert file.objects["KM3NET_TIMESLICE_L1"] == "TTree"
        assert file.tree("KM3NET_TIMESLICE_L1").entries == 3
        assert (file.loss, len(file.notes)) == (None, 1)
