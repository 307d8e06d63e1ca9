"""Files that were cut before their trees were written are read by the layout of a sound one; what contradicts it is refused, and who lends is kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import uproot

from antdask.errors import CorruptFileError, InputChangedError, InputError
from antdask.plan import Lender, entry_from_dict, entry_to_dict
from antdask.sources import SOURCES, describe_each, files
from antdask.sources.blob import open_blob
from antdask.sources.root import open_root
from antdask.sources.root_lending import _contradiction, moved
from antdask.sources.root_records import Found, walk
from tests.batches import same
from tests.sources.online_samples import DATA, EVENTS_AND_SUMMARY, ONLINE
from tests.sources.test_root_recovery import SAVED, sound, write

SUMMARY = "summaryslices.root"
#: Where its tree begins: all baskets stand before it.
TREE = 452_341


def lender(path: Path) -> Lender:
    return files.lender(str(path))


@pytest.mark.parametrize("cut", [1000, 12_000, 20_000, 33_000])
def test_baskets_are_read_by_the_layout_of_another_file(cut: int, tmp_path: Path) -> None:
    with open_root(write(tmp_path, SAVED[:cut]), lender(DATA / "codec_zlib.root")) as file:
        tree = file.tree("t")
        n = sound(tree)
        assert file.lent == {"t"}
        assert tree.entries == max(int(b.edges[-1]) for b in tree.branches)
        assert [int(b.edges[-1]) for b in tree.branches] == n
        assert any(note.startswith("the layout of tree 't' is lent by") for note in file.notes)
    assert cut < 20_000 or min(n) >= 1000


def test_a_real_file_gives_the_same_rows_as_the_whole_one(tmp_path: Path) -> None:
    path, like = write(tmp_path, (ONLINE / SUMMARY).read_bytes()[:TREE]), lender(ONLINE / EVENTS_AND_SUMMARY)
    with pytest.raises(CorruptFileError, match=r"'KM3NET_SUMMARYSLICE' with 1000 entries are whole.*--like FILE"):
        describe_each(path)
    (entry,), (loss,) = describe_each(path, like)
    assert entry.like == like
    assert "cut short" in str(loss)
    source = SOURCES.get("km3net_online")
    whole = source.describe(str(ONLINE / SUMMARY))
    (rates,) = (s for s in entry.segments if s.stream == "rates")
    assert dataclasses.replace(rates, nbytes=0) in [dataclasses.replace(s, nbytes=0) for s in whole.segments]
    for a, b in zip(source.read(entry, rates.tree, 0, 1000), source.read(whole, rates.tree, 0, 1000), strict=True):
        assert same(a, b)


def test_who_lends_is_kept_in_plans_and_identities(tmp_path: Path) -> None:
    like = lender(ONLINE / EVENTS_AND_SUMMARY)
    (entry,), _ = describe_each(write(tmp_path, (ONLINE / SUMMARY).read_bytes()[:TREE]), like)
    assert entry_from_dict(entry_to_dict(entry)) == entry
    assert entry.identity["like"] == like.fingerprint
    whole = SOURCES.get("km3net_online").describe(str(ONLINE / SUMMARY))
    assert "like" not in entry_to_dict(whole).keys() | whole.identity.keys()


def test_a_sound_file_borrows_nothing() -> None:
    (entry,), damaged = describe_each(str(ONLINE / SUMMARY), lender(ONLINE / EVENTS_AND_SUMMARY))
    assert (entry.like, damaged) == (None, [])


def test_what_contradicts_the_lender_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, SAVED[:20_000])
    with pytest.raises(CorruptFileError, match="cannot lend their layout: it has no such tree"):
        open_root(path, lender(ONLINE / SUMMARY))
    # As if another version of the program had called the branch m.
    (tmp_path / "other.root").write_bytes((DATA / "codec_none.root").read_bytes().replace(b"\x01n\x01t", b"\x01m\x01t"))
    with pytest.raises(CorruptFileError, match="no baskets of branch 'n'"):
        open_root(path, lender(tmp_path / "other.root"))


@pytest.mark.parametrize(("ours", "theirs", "fits"), [([4, 4], [4], True), ([4, 8], [4], False), ([-1], [-1], True), ([-1], [4], False)])
def test_entries_of_another_size_are_another_layout(ours: list[int], theirs: list[int], fits: bool) -> None:
    def found(widths: list[int]) -> Found:
        return Found(*([np.arange(len(widths))] * 5), np.array(widths))

    assert (_contradiction({"n": found(ours)}, {"n": found(theirs)}) == "") == fits


def test_a_lender_that_changed_or_is_none_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, SAVED[:20_000])
    with pytest.raises(InputChangedError, match="lends"):
        open_root(path, Lender(str(DATA / "saved.root"), "0" * 64))
    (tmp_path / "other.txt").write_text("no ROOT file at all")
    with pytest.raises(InputError, match="no sound ROOT file"):
        open_root(path, lender(tmp_path / "other.txt"))


def test_a_key_states_the_place_to_which_it_moved() -> None:
    record = SAVED[33_013 : 33_013 + 928]
    there = moved(record, 5_000_000, 64)
    assert (len(there), there[:18], there[26:]) == (len(record), record[:18], record[26:])
    assert there[18:26] == (5_000_000).to_bytes(4) + (64).to_bytes(4)


@pytest.mark.slow
def test_a_file_of_more_than_2_gib_borrows_from_one_that_is_as_long(tmp_path: Path) -> None:
    path = Path(write(tmp_path, SAVED[:20_000]))
    with path.open("r+b") as file:
        file.truncate(2**31 + 5)  # zeros that take no room
    with pytest.raises(CorruptFileError, match=r"x\.root.*no room for places behind 2 GiB"):
        open_root(str(path), lender(DATA / "saved.root"))


def test_baskets_of_which_two_have_one_number_are_put_in_no_order(tmp_path: Path) -> None:
    data = bytearray(SAVED[:20_000])
    with open_blob(str(DATA / "saved.root")) as blob:
        second = int(walk(blob, 100).baskets["t"]["n"].seeks[1])
    data[second + 16 : second + 18] = bytes(2)
    with open_root(write(tmp_path, bytes(data)), lender(DATA / "saved.root")) as file, pytest.raises(CorruptFileError, match="in order"):
        file.tree("t")


def test_of_a_program_that_numbers_no_baskets_the_first_is_all_that_is_read(tmp_path: Path) -> None:
    """uproot gives each the number 0."""
    with uproot.recreate(tmp_path / "whole.root") as file:
        file.mktree("t", {"n": "i4"})
        for first in range(0, 50, 10):
            file["t"].extend({"n": np.arange(first, first + 10)})
    data, kept = (tmp_path / "whole.root").read_bytes(), []
    for cut in range(100, data.index(b"\x05TTree"), 50):
        try:
            with open_root(write(tmp_path, data[:cut]), lender(tmp_path / "whole.root")) as cut_file:
                tree = cut_file.tree("t")
                assert np.frombuffer(tree.branch("n").read(0, tree.entries).payload, ">i4").tolist() == list(range(tree.entries))
                kept.append(tree.entries)
        except CorruptFileError:
            kept.append(0)
    assert set(kept) == {0, 10}


def test_nothing_is_lent_where_baskets_may_be_missing_in_the_middle(tmp_path: Path) -> None:
    data = bytearray(SAVED[:20_000])
    data[300:900] = bytes(600)
    with pytest.raises(CorruptFileError, match="may be missing in the middle"):
        open_root(write(tmp_path, bytes(data)), lender(DATA / "saved.root"))
