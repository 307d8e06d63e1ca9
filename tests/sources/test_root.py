"""ROOT files of real ROOT: every codec, cycles, baskets inside the tree, and every basket of the real files against uproot."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from antdask.errors import CorruptFileError, InputError, InputMissingError, UnknownFormatError, UnknownLayoutError, UnknownNameError
from antdask.sources.root import Tree, open_root
from tests.sources.online_samples import DATA, L1, ONLINE, TREES

CODECS = ["none", "zlib", "lzma", "lz4", "zstd"]


def check_made_tree(tree: Tree, start: int, stop: int) -> None:
    """Entry i holds i % 7 values 1000 i + k, and i squared."""
    entries = range(start, stop)
    assert np.frombuffer(tree.branch("n").read(start, stop).payload, ">i4").tolist() == [i % 7 for i in entries]
    assert np.frombuffer(tree.branch("time").read(start, stop).payload, ">i8").tolist() == [i * i for i in entries]
    values = tree.branch("values").read(start, stop)
    assert (values.sizes // 4).tolist() == [i % 7 for i in entries]
    assert np.frombuffer(values.payload, ">i4").tolist() == [1000 * i + k for i in entries for k in range(i % 7)]


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_of_root_gives_the_values(codec: str) -> None:
    with open_root(str(DATA / f"codec_{codec}.root")) as file:
        tree = file.tree("t")
        assert tree.entries == 300
        for start, stop in ((0, 300), (0, 1), (37, 38), (111, 222), (250, 300), (300, 300)):
            check_made_tree(tree, start, stop)


def test_the_highest_cycle_is_read_with_the_baskets_that_stand_inside_the_tree() -> None:
    with open_root(str(DATA / "embedded.root")) as file:
        tree = file.tree("t")
        assert tree.entries == 300
        assert tree.branch("values").edges[-2:].tolist() == [294, 300]
        for start, stop in ((0, 300), (293, 297), (295, 300)):
            check_made_tree(tree, start, stop)
        windows = list(tree.windows(tree.branches, 0, 300, 1000))
        assert windows[0][0] == 0
        assert windows[-1][1] == 300
        assert [a for a, _ in windows[1:]] == [b for _, b in windows[:-1]]


@pytest.mark.parametrize("name", sorted({t[0] for t in TREES}))
def test_every_basket_of_a_real_file_holds_what_uproot_finds(name: str) -> None:
    def flat(parent: Any) -> list[Any]:
        return [x for branch in parent.branches for x in (branch, *flat(branch))]

    with uproot.open(ONLINE / name) as theirs, open_root(str(ONLINE / name)) as file:
        assert file.uuid == theirs.file.uuid.hex
        assert file.notes == ()
        for tree_name in (t[1] for t in TREES if t[0] == name):
            tree = file.tree(tree_name)
            for mine, other in zip(tree.walk(), flat(theirs[tree_name]), strict=True):
                assert mine.name == other.name
                if not other.num_baskets:
                    continue
                found = list(mine.baskets(0, tree.entries))
                assert [(b.start, b.stop) for b in found] == [other.basket_entry_start_stop(k) for k in range(other.num_baskets)]
                for k, basket in enumerate(found):
                    expected = other.basket(k)
                    assert basket.payload.tobytes() == np.asarray(expected.data).tobytes()
                    if expected.byte_offsets is not None:
                        assert basket.offsets is not None
                        np.testing.assert_array_equal(basket.offsets, expected.byte_offsets)


def test_names_that_are_not_there_are_told_with_those_that_are() -> None:
    with open_root(str(ONLINE / L1)) as file:
        with pytest.raises(UnknownNameError, match="KM3NET_EVENT"):
            file.tree("KM3NET_EVENTS")
        with pytest.raises(UnknownNameError):
            file.tree("META")
        tree = file.tree("KM3NET_TIMESLICE_L1")
        assert tree.find("nothing") is None
        with pytest.raises(UnknownLayoutError, match="frame_index"):
            tree.branch("nothing")


def test_what_is_not_root_is_said_by_its_first_bytes(tmp_path: Path) -> None:
    for data in (b"", b"roo", b"\x89HDF\r\n\x1a\n"):
        (tmp_path / "x.root").write_bytes(data)
        with pytest.raises(UnknownFormatError, match="first bytes"):
            open_root(str(tmp_path / "x.root"))
    with pytest.raises(InputMissingError):
        open_root(str(tmp_path / "nothing.root"))
    with pytest.raises(InputError, match="directory"):
        open_root(str(tmp_path))


def test_garbage_behind_the_signature_is_damage_with_its_cause(tmp_path: Path) -> None:
    (tmp_path / "x.root").write_bytes(b"root" + bytes(range(256)) * 20)
    with pytest.raises(CorruptFileError) as caught:
        open_root(str(tmp_path / "x.root"))
    assert caught.value.__cause__ is not None


def test_a_cut_file_is_told_by_the_size_its_header_states(tmp_path: Path) -> None:
    data = (ONLINE / L1).read_bytes()
    (tmp_path / "x.root").write_bytes(data[:5000])
    with pytest.raises(CorruptFileError, match=f"cut short.*expected {len(data)} bytes, found 5000 bytes"):
        open_root(str(tmp_path / "x.root"))
    (tmp_path / "x.root").write_bytes(data[:100_000])
    with open_root(str(tmp_path / "x.root")) as file:
        assert f"expected {len(data)} bytes, found 100000 bytes" in str(file.loss)


def test_a_file_that_is_longer_than_its_header_says_is_read_with_a_note(tmp_path: Path) -> None:
    data = (DATA / "codec_zlib.root").read_bytes()
    (tmp_path / "x.root").write_bytes(data + b"tail")
    with open_root(str(tmp_path / "x.root")) as file:
        check_made_tree(file.tree("t"), 0, 300)
        assert file.notes == (f"the file has {len(data) + 4} bytes, its header says {len(data)}",)


def test_a_tree_whose_object_is_damaged_is_lost_alone(tmp_path: Path) -> None:
    data = bytearray((ONLINE / "km3net_online.root").read_bytes())
    with uproot.open(ONLINE / "km3net_online.root") as theirs:
        key = theirs.key("KM3NET_EVENT")
        data[key.fSeekKey + key.fKeylen + 40] ^= 0xFF
    (tmp_path / "x.root").write_bytes(data)
    with open_root(str(tmp_path / "x.root")) as file:
        with pytest.raises(CorruptFileError, match="KM3NET_EVENT") as caught:
            file.tree("KM3NET_EVENT")
        assert caught.value.tree == "KM3NET_EVENT"
        assert file.tree("KM3NET_SUMMARYSLICE").entries == 3


def test_files_of_one_uuid_do_not_see_each_other(tmp_path: Path) -> None:
    """uproot caches by UUID; a copy with another tree in the same place must show its own."""
    path = DATA / "codec_none.root"
    data = bytearray(path.read_bytes())
    with open_root(str(path)) as file:
        check_made_tree(file.tree("t"), 0, 300)
    at = data.index(struct.pack(">q", 298 * 298) + struct.pack(">q", 299 * 299))
    data[at : at + 8] = struct.pack(">q", -1)
    (tmp_path / "x.root").write_bytes(data)
    with open_root(str(tmp_path / "x.root")) as file:
        assert np.frombuffer(file.tree("t").branch("time").read(298, 299).payload, ">i8").tolist() == [-1]
