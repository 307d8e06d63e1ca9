"""Which basket holds which entries, and which entries are lost with one."""

from __future__ import annotations

import itertools
import random
import struct
from pathlib import Path

import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from antdask.errors import CorruptFileError
from antdask.sources import root_baskets, root_branch, root_codecs
from antdask.sources.root import open_root
from antdask.sources.root_branch import windows
from tests.sources.online_samples import DATA


@given(
    st.lists(st.tuples(st.integers(1, 20), st.floats(0, 100)), min_size=1, max_size=12),
    st.integers(1, 150),
    st.data(),
)
def test_windows_cover_the_range_once_and_keep_the_limit_where_entries_allow(
    baskets: list[tuple[int, float]], limit: int, data: st.DataObject
) -> None:
    edges = np.concatenate([[0], np.cumsum([n for n, _ in baskets])])
    weights = np.array([w for _, w in baskets])
    start = data.draw(st.integers(0, int(edges[-1]) - 1))
    stop = data.draw(st.integers(start + 1, int(edges[-1])))
    cuts = windows(edges, weights, start, stop, limit)
    assert cuts[0][0] == start
    assert cuts[-1][1] == stop
    assert all(a < b for a, b in cuts)
    assert all(left[1] == right[0] for left, right in itertools.pairwise(cuts))
    per_entry = np.repeat(weights / np.diff(edges), np.diff(edges))
    heaviest = per_entry[start:stop].max()
    assert all(per_entry[a:b].sum() <= 2 * limit + heaviest + 1e-6 for a, b in cuts)


def test_windows_end_at_baskets_where_they_can() -> None:
    assert windows(np.array([0, 5, 10, 15]), np.array([30.0, 30.0, 30.0]), 0, 15, 60) == [(0, 10), (10, 15)]


@pytest.fixture
def damaged(tmp_path: Path) -> tuple[Path, list[int]]:
    """A file whose basket 3 of branch ``values`` has a flipped byte; and the edges of its baskets."""
    data = bytearray((DATA / "codec_zlib.root").read_bytes())
    with uproot.open(DATA / "codec_zlib.root") as file:
        branch = file["t"]["values"]
        key = branch.basket_key(3)
        data[key.fSeekKey + key.fKeylen + 30] ^= 1
        edges = list(branch.entry_offsets)
    (tmp_path / "x.root").write_bytes(data)
    return tmp_path / "x.root", edges


def test_a_damaged_basket_loses_its_own_entries_and_the_rest_is_read(damaged: tuple[Path, list[int]]) -> None:
    path, edges = damaged
    with open_root(str(path)) as file:
        branch = file.tree("t").branch("values")
        with pytest.raises(CorruptFileError) as caught:
            branch.read(0, 300)
        error = caught.value
        assert (error.tree, error.branch, error.basket, error.start, error.stop) == ("t", "values", 3, edges[3], edges[4])
        assert f"basket 3, entries {edges[3]} to {edges[4]}" in str(error)
        for start, stop in ((0, edges[3]), (edges[4], 300)):
            found = np.frombuffer(branch.read(start, stop).payload, ">i4").tolist()
            assert found == [1000 * i + k for i in range(start, stop) for k in range(i % 7)]


def test_baskets_before_a_damaged_one_are_given_first(damaged: tuple[Path, list[int]]) -> None:
    path, edges = damaged
    with open_root(str(path)) as file:
        given_first = []
        with pytest.raises(CorruptFileError):
            for basket in file.tree("t").branch("values").baskets(0, 300):
                given_first.append((basket.start, basket.stop))
    assert given_first == [(edges[k], edges[k + 1]) for k in range(3)]


def test_a_kept_basket_is_found_again_wherever_it_stands_in_the_next_range() -> None:
    with open_root(str(DATA / "codec_zlib.root")) as file:
        branch = file.tree("t").branch("values")
        for start, stop in ((40, 45), (0, 300), (280, 299), (100, 300), (299, 300), (0, 150)):
            found = np.frombuffer(branch.read(start, stop).payload, ">i4").tolist()
            assert found == [1000 * i + k for i in range(start, stop) for k in range(i % 7)]


@pytest.mark.parametrize("codec", ["none", "zlib", "lz4", "zstd", "lzma"])
@given(cuts=st.sets(st.integers(1, 299), max_size=12), shuffle=st.randoms(use_true_random=False), held=st.booleans())
def test_ranges_in_any_order_are_what_was_written(codec: str, cuts: set[int], shuffle: random.Random, held: bool) -> None:
    ranges = list(itertools.pairwise([0, *sorted(cuts), 300]))
    if len(cuts) % 2:
        shuffle.shuffle(ranges)
    with open_root(str(DATA / f"codec_{codec}.root")) as file:
        tree = file.tree("t")
        branch = tree.branch("values")
        found = []
        for start, stop in ranges:
            if held:
                tree.hold(tree.branches, start, stop)
            found.append(branch.read(start, stop))
        # Compared at the end: what was given before must not change with what is read later.
        for (start, stop), basket in zip(ranges, found, strict=True):
            assert (basket.start, basket.stop) == (start, stop)
            assert basket.sizes.tolist() == [4 * (i % 7) for i in range(start, stop)]
            assert np.frombuffer(basket.payload, ">i4").tolist() == [1000 * i + k for i in range(start, stop) for k in range(i % 7)]


def test_ranges_that_follow_each_other_decompress_every_basket_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_root(str(DATA / "codec_zlib.root")) as file:
        branch = file.tree("t").branch("values")
        opened: list[int] = []
        opener = root_codecs._ALGORITHMS[b"ZL"]

        def into(data: memoryview, out: memoryview) -> None:
            opened.append(len(data))
            opener.into(data, out)

        monkeypatch.setitem(root_codecs._ALGORITHMS, b"ZL", opener._replace(into=into))
        monkeypatch.setattr(root_baskets, "parse", None)
        for start, stop in itertools.pairwise(range(0, 301, 60)):
            branch.read(start, stop)
    compressed = np.count_nonzero(np.diff(branch.edges))
    assert len(opened) == compressed


def test_pieces_are_the_range_in_its_order() -> None:
    with open_root(str(DATA / "codec_zlib.root")) as file:
        branch = file.tree("t").branch("values")
        whole = branch.read(7, 290)
        pieces = list(branch.pieces(7, 290, 400))
    assert len(pieces) > 3
    assert [p.start for p in pieces] == [7, *(p.stop for p in pieces[:-1])]
    assert b"".join(p.payload.tobytes() for p in pieces) == whole.payload.tobytes()


def test_groups_of_any_size_give_the_same_baskets(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_root(str(DATA / "codec_lz4.root")) as file:
        branch = file.tree("t").branch("values")
        whole = branch.read(0, 300)
        for size in (1, 700, 2000):
            monkeypatch.setattr(root_branch, "GROUP_BYTES", size)
            again = branch.read(0, 300)
            assert again.payload.tobytes() == whole.payload.tobytes()
            np.testing.assert_array_equal(again.sizes, whole.sizes)


def test_estimates_of_bytes_add_up_and_follow_the_entries() -> None:
    with open_root(str(DATA / "codec_zlib.root")) as file:
        branch = file.tree("t").branch("values")
        total = branch.nbytes_of(0, 300)
        assert abs(total - branch.nbytes) <= 1
        assert abs(branch.nbytes_of(0, 100) + branch.nbytes_of(100, 300) - total) <= 2
        assert branch.nbytes_of(50, 50) == 0


@pytest.mark.parametrize("name", ["fBasketSeek", "fBasketBytes", "fBasketEntry"])
@pytest.mark.parametrize("value", [-5, 1, 10**9, 2**31 - 1])
def test_impossible_places_of_baskets_are_damage(name: str, value: int) -> None:
    with open_root(str(DATA / "codec_zlib.root")) as file:
        branch = file.tree("t").branch("values")
        numbers = branch._model.member(name).copy()
        numbers[2] = value
        branch._model._members[name] = numbers
        with pytest.raises(CorruptFileError) as caught:
            branch.read(0, 300)
        assert caught.value.branch == "values"


def test_missing_baskets_at_the_end_lose_the_entries_behind_the_last() -> None:
    with open_root(str(DATA / "codec_zlib.root")) as file:
        branch = file.tree("t").branch("values")
        edge = int(branch._model.member("fBasketEntry")[12])
        branch._model._members["fWriteBasket"] = 12
        with pytest.raises(CorruptFileError, match="missing at the end") as caught:
            branch.read(0, 300)
        assert (caught.value.start, caught.value.stop) == (edge, 300)
        assert len(branch.read(0, edge).sizes) == edge


def test_more_baskets_than_listed_are_damage() -> None:
    with open_root(str(DATA / "codec_zlib.root")) as file:
        branch = file.tree("t").branch("values")
        branch._model._members["fWriteBasket"] = 10**6
        with pytest.raises(CorruptFileError, match="more baskets than it lists"):
            branch.read(0, 1)


def test_an_embedded_basket_is_checked_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_root(str(DATA / "embedded.root")) as file:
        branch = file.tree("t").branch("values")
        (basket,) = branch._embedded
        offsets = basket._byte_offsets.copy()
        monkeypatch.setattr(basket, "_byte_offsets", offsets[:-1])
        with pytest.raises(CorruptFileError, match="another length"):
            branch.read(294, 300)
        offsets[1] = struct.unpack(">i", b"\x7f\0\0\0")[0]
        monkeypatch.setattr(basket, "_byte_offsets", offsets)
        with pytest.raises(CorruptFileError, match="do not follow"):
            branch.read(294, 300)
