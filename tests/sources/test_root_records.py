"""Records are found one after the other, whatever stands between them; nothing is believed that does not state its own place."""

from __future__ import annotations

import random
import struct
import time
from pathlib import Path

import numpy as np
import pytest
import uproot

from antdask.sources import root_records
from antdask.sources.blob import open_blob
from antdask.sources.root_records import Records, begins, walk
from tests.sources.online_samples import DATA, L1, ONLINE

BEGIN = 100


def record(
    place: int, kind: str, name: str, title: str, content: bytes, *, cycle: int = 1, extra: bytes = b"", objlen: int | None = None
) -> bytes:
    """An object as it stands in a file."""
    words = b"".join(bytes([len(s)]) + s.encode() for s in (kind, name, title)) + extra
    keylen = 26 + len(words)
    return struct.pack(">ihiIhhii", keylen + len(content), 4, objlen or len(content), 0, keylen, cycle, place, BEGIN) + words + content


def basket(
    place: int, number: int, content: bytes = b"\x01\x02\x03\x04", entries: int = 1, branch: str = "n", objlen: int | None = None
) -> bytes:
    """A basket of tree t with entries of equal size."""
    keylen = 26 + 8 + 1 + len(branch) + 2 + 19
    extra = struct.pack(">HiiiiB", 3, 512, 4, entries, keylen + (objlen or len(content)), 0)
    return record(place, "TBasket", branch, "t", content, cycle=number, extra=extra, objlen=objlen)


def walked(tmp_path: Path, content: bytes) -> Records:
    (tmp_path / "x.root").write_bytes(content)
    with open_blob(str(tmp_path / "x.root")) as blob:
        return walk(blob, BEGIN)


def baskets(n: int, behind: bytes = b"") -> bytes:
    data = bytes(BEGIN)
    for number in range(n):
        data += basket(len(data), number)
    return data + behind


@pytest.mark.parametrize("name", [L1, "km3net_online.root", "KM3NeT_00000133_JDAQEvent.root"])
def test_all_that_the_directory_of_a_real_file_lists_is_found(name: str) -> None:
    with open_blob(str(ONLINE / name)) as blob, uproot.open(ONLINE / name) as theirs:
        found = walk(blob, BEGIN)
        places = {(o.key.kind, o.key.name): o.key.seek for o in found.objects if o.parent == BEGIN}
        for key in theirs.keys(cycle=False, recursive=False):
            listed = theirs.key(key)
            if listed.fClassName == "TTree":
                assert places["TTree", listed.fName] == listed.fSeekKey
        for name_of_tree, mine in found.baskets.items():
            seeks = {place for branch in theirs[name_of_tree].itervalues() for place in branch.member("fBasketSeek").tolist()}
            assert seeks - {0} == {place for one in mine.values() for place in one.seeks.tolist()}
        assert (found.unreadable, found.broken, found.odd) == ((), None, 0)


def test_root_numbers_the_baskets_of_a_branch_in_their_keys(tmp_path: Path) -> None:
    with open_blob(str(DATA / "saved.root")) as blob:
        for found in walk(blob, BEGIN).baskets["t"].values():
            # Not by their places: what was deleted is written over.
            assert np.sort(found.numbers).tolist() == list(range(len(found.numbers)))
            assert found.take(np.argsort(found.numbers)).entries.sum() == 2700


def test_a_record_that_is_cut_is_named_and_not_kept(tmp_path: Path) -> None:
    whole = baskets(3)
    found = walked(tmp_path, whole + basket(len(whole), 3)[:-1])
    assert found.baskets["t"]["n"].numbers.tolist() == [0, 1, 2]
    assert found.broken is not None
    assert (found.broken.name, found.unreadable) == ("n", ((len(whole), len(whole) + len(basket(0, 0)) - 1),))


@pytest.mark.parametrize("tail", [bytes(5000), b"\xff" * 5000, random.Random(1).randbytes(5000)])
def test_a_tail_that_was_never_written_is_no_record(tail: bytes, tmp_path: Path) -> None:
    whole = baskets(3)
    found = walked(tmp_path, whole + tail)
    assert found.baskets["t"]["n"].seeks.tolist() == [100, 100 + len(basket(0, 0)), 100 + 2 * len(basket(0, 0))]
    assert found.unreadable == ((len(whole), len(whole) + 5000),)


def test_a_basket_that_ends_in_zeros_before_zeros_is_doubted(tmp_path: Path) -> None:
    whole = baskets(2)
    assert walked(tmp_path, whole + basket(len(whole), 2, b"\x01\x02\0\0") + bytes(100)).baskets["t"]["n"].numbers.tolist() == [0, 1]
    packed = b"ZL\x08\x03\0\0\x04\0\0" + b"\x01\0"
    assert walked(tmp_path, whole + basket(len(whole), 2, packed, objlen=4) + bytes(100)).baskets["t"]["n"].numbers.tolist() == [0, 1, 2]


def test_gaps_are_stepped_over_and_a_missing_middle_is_searched(tmp_path: Path) -> None:
    data = baskets(2)
    data += struct.pack(">i", -300) + b"TTree" * 59 + b"."  # deleted: what is left in it does not count
    data += basket(len(data), 2)
    hole = len(data)
    data += bytes(100_000) + b"\x07TBasket" + bytes(100)
    data += basket(len(data), 4)
    found = walked(tmp_path, data)
    assert found.baskets["t"]["n"].numbers.tolist() == [0, 1, 2, 4]
    assert found.unreadable == ((hole, hole + 100_108),)


def test_what_moved_within_the_file_is_not_believed(tmp_path: Path) -> None:
    data = baskets(2) + b"xx"
    found = walked(tmp_path, data + basket(len(data) - 2, 2))
    assert found.baskets["t"]["n"].numbers.tolist() == [0, 1]


def test_a_place_is_the_beginning_of_a_record_or_not(tmp_path: Path) -> None:
    (tmp_path / "x.root").write_bytes(baskets(2))
    with open_blob(str(tmp_path / "x.root")) as blob:
        assert [begins(blob, place) for place in (-5, 0, 100, 101, blob.nbytes, 10**9)] == [False, False, True, False, False, False]


@pytest.mark.parametrize(
    "content",
    [
        b"\x07TBasket" * 300_000,
        struct.pack(">i", -1) * 300_000,
        struct.pack(">i", -4) * 300_000,
        b"\x7f\xff\xff\xff" * 300_000,
        (basket(0, 0) + b"\x07TBasket") * 30_000,
    ],
)
def test_hostile_files_take_no_time(content: bytes, tmp_path: Path) -> None:
    begin = time.process_time()
    found = walked(tmp_path, bytes(BEGIN) + content)
    assert not found.baskets
    assert time.process_time() - begin < 5


def test_records_between_rubbish_are_searched_a_bounded_number_of_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(BEGIN)
    for number in range(20):
        data += basket(len(data), number)
        data += b"rubbish."
    assert len(walked(tmp_path, data).baskets["t"]["n"].numbers) == 20
    monkeypatch.setattr(root_records, "_SEARCHES", 5)
    assert len(walked(tmp_path, data).baskets["t"]["n"].numbers) == 6


def test_numbers_go_on_where_the_cycle_of_a_key_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(BEGIN)
    for number in range(40_000):
        data += basket(len(data), (number + 32768) % 65536 - 32768)
    assert walked(tmp_path, bytes(data)).baskets["t"]["n"].numbers.tolist() == list(range(40_000))
