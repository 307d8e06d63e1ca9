"""Files without their end: what is whole is read, and equals what was written; what is lost is said."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import numpy as np
import pytest

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.sources import describe_each, root_records
from antdask.sources.files import lender
from antdask.sources.root import Tree, open_root
from antdask.sources.salvage import pieces
from tests.sources.online_samples import DATA, L1, ONLINE
from tests.sources.test_root import check_made_tree

SAVED = (DATA / "saved.root").read_bytes()
#: Where the tree of the last save ends, the description of classes stands before it.
SAVE = 33_941


def sound(tree: Tree) -> list[int]:
    """Entries of each branch that can be read from the first on, each of them looked at, and none behind."""
    found = []
    for branch in tree.branches:
        ranges = [(a, b, isinstance(part, CorruptFileError)) for a, b, part in pieces(branch.read, 0, tree.entries)]
        kept = [b for _, b, lost in ranges if not lost]
        assert [lost for *_, lost in ranges] == sorted(lost for *_, lost in ranges)
        found.append(max(kept, default=0))
    check_made_tree(tree, 0, min(found))
    return found


def kept(tree: Tree) -> int:
    """Entries that all branches have."""
    return min(sound(tree))


def write(tmp_path: Path, data: bytes) -> str:
    (tmp_path / "x.root").write_bytes(data)
    return str(tmp_path / "x.root")


@pytest.mark.parametrize("name", ["killed.root", "killed_saving_itself.root"])
def test_a_job_that_was_killed_leaves_what_it_had_written(name: str) -> None:
    with open_root(str(DATA / name)) as file:
        tree = file.tree("t")
        # Saved at 2000, flushed at 2500, and 200 more were in memory.
        assert (tree.entries, kept(tree), file.entries("t")) == (2500, 2500, 2500)
        assert file.notes == ("recovered without its directory, record by record: 1 trees and 51 baskets are whole", str(file.loss))
        assert "never closed" in str(file.loss)
        assert "cannot be read, nor counted" in str(file.loss)
        assert len(file.uuid) == 32


def test_a_file_cut_anywhere_gives_what_is_whole_or_is_refused(tmp_path: Path) -> None:
    before = 0
    for cut in [*range(100, len(SAVED), 641), len(SAVED) - 1]:
        path = write(tmp_path, SAVED[:cut])
        if cut < SAVE:
            with pytest.raises(CorruptFileError, match=f"cut short.*{len(SAVED)} bytes"):
                open_root(path)
            continue
        with open_root(path) as file:
            n = kept(file.tree("t"))
            assert before <= n
            before = n
    assert before == 2700


def test_whole_baskets_that_nothing_describes_are_counted(tmp_path: Path) -> None:
    with pytest.raises(CorruptFileError, match="baskets of tree 't' with 2700 entries are whole, but cannot be read"):
        open_root(write(tmp_path, SAVED[: SAVE - 100]))


@pytest.mark.parametrize("tail", [bytes(900), random.Random(3).randbytes(900), b"\xff" * 900], ids=["zeros", "noise", "ones"])
def test_a_tail_that_was_never_written_ends_the_file(tail: bytes, tmp_path: Path) -> None:
    for cut in range(SAVE, len(SAVED) - 1000, 997):
        with open_root(write(tmp_path, SAVED[:cut])) as file:
            expected = sound(file.tree("t"))
        with open_root(write(tmp_path, SAVED[:cut] + tail)) as file:
            assert sound(file.tree("t")) == expected
            assert file.loss is not None


def test_a_tree_behind_a_missing_middle_still_lists_what_stands_before_it(tmp_path: Path) -> None:
    data = bytearray(SAVED[:-50])
    data[20_000:24_000] = bytes(4000)
    with open_root(write(tmp_path, bytes(data))) as file:
        tree = file.tree("t")
        assert tree.entries == 2700
        for branch in tree.branches:
            for start, stop, part in pieces(branch.read, 0, 2700):
                if isinstance(part, CorruptFileError):
                    assert part.basket is not None
                elif branch.name == "time":
                    np.testing.assert_array_equal(np.frombuffer(part.payload, ">i8"), np.arange(start, stop) ** 2)
        assert "bytes" in str(file.loss)


def test_a_damaged_tree_gives_way_to_the_one_that_was_saved_before(tmp_path: Path) -> None:
    data = bytearray(SAVED)
    data[42_018 + 300] ^= 1
    with open_root(write(tmp_path, bytes(data[:-100]))) as file:
        # From its own list up to 2000, then by the numbers of the baskets behind it.
        assert kept(file.tree("t")) == 2700


def test_the_user_s_file_is_not_written(tmp_path: Path) -> None:
    path = Path(write(tmp_path, SAVED[:-30]))
    path.chmod(0o444)
    with open_root(str(path)) as file:
        file.tree("t")
    assert path.read_bytes() == SAVED[:-30]


def test_what_stands_in_the_directories_below_is_found_too(tmp_path: Path) -> None:
    """Jpp tells in META that the events are simulated: a file that is cut must not be filed as measured."""
    data = (ONLINE / "KM3NeT_00000133_JDAQEvent.root").read_bytes()
    (whole,), _ = describe_each(str(ONLINE / "KM3NeT_00000133_JDAQEvent.root"))
    (entry,), (loss,) = describe_each(write(tmp_path, data[:150_000]))
    assert "cut short" in str(loss)
    assert [s.run for s in entry.segments] == [s.run for s in whole.segments]
    assert entry.segments[0].run.detector == "km3net-133-simulated"
    assert (entry.segments[0].start, entry.segments[0].stop) == (whole.segments[0].start, whole.segments[0].stop)
    assert entry.uuid == whole.uuid


def test_where_no_provenance_is_left_it_is_said_that_the_label_is_a_guess(tmp_path: Path) -> None:
    data = bytearray((ONLINE / "KM3NeT_00000133_JDAQEvent.root").read_bytes()[:150_000])
    data[256:1183] = bytes(1183 - 256)
    (entry,), _ = describe_each(write(tmp_path, bytes(data)))
    assert entry.segments[0].run.detector == "km3net-133"
    assert any("whether it is simulated cannot be told" in note for note in entry.notes)


def test_trees_without_entries_do_not_stand_for_the_one_that_is_lost(tmp_path: Path) -> None:
    data = (ONLINE / L1).read_bytes()
    with pytest.raises(CorruptFileError, match="baskets of tree 'KM3NET_TIMESLICE_L1' with 3 entries are whole, but cannot be read"):
        describe_each(write(tmp_path, data[:2_253_900]))


def test_only_the_directory_is_lost(tmp_path: Path) -> None:
    data = bytearray(SAVED)
    listed = data.index(b"\x05TTree\x01t", 16_227)
    assert listed < 16_411
    data[listed + 1] ^= 0xFF
    with open_root(write(tmp_path, bytes(data))) as file:
        assert kept(file.tree("t")) == 2700
        assert file.loss is None


def test_files_too_short_or_without_a_header_are_refused_as_before(tmp_path: Path) -> None:
    for data in (SAVED[:60], SAVED[:8] + b"\xff" * 92 + SAVED[100:]):
        with pytest.raises(CorruptFileError):
            open_root(write(tmp_path, data))


def test_damage_beside_the_lost_end_is_noticed_too(tmp_path: Path) -> None:
    """Of baskets that no tree lists only they themselves tell how many entries they hold, and which they are."""
    data, rng = (DATA / "killed.root").read_bytes(), random.Random(7)
    with open_root(str(DATA / "killed.root")) as file:
        expected = {branch.name: branch.read(0, 2500) for branch in file.tree("t").branches}
    opened = 0
    for _ in range(150):
        bad, place = bytearray(data), rng.randrange(100, len(data))
        bad[place : place + rng.choice((1, 1, 1, 40))] = rng.randbytes(1)
        try:
            with open_root(write(tmp_path, bytes(bad))) as file:
                branches = file.tree("t").branches
                found = [(b.name, *p) for b in branches for p in pieces(b.read, 0, file.tree("t").entries)]
        except CorruptFileError:
            continue
        opened += 1
        for name, start, stop, part in found:
            assert isinstance(part, CorruptFileError) or part.payload.tobytes() == expected[name].cut(start, stop).payload.tobytes(), place
    assert opened > 100


def test_a_file_is_walked_through_once_for_all_its_parts_unless_it_changed_just_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, walks = write(tmp_path, SAVED[:-30]), list[int]()
    sound = root_records.walk
    monkeypatch.setattr(root_records, "walk", lambda blob, begin: walks.append(begin) or sound(blob, begin))
    for _ in range(3):
        open_root(path).close()
    assert len(walks) == 3
    for age in (100, 200):
        os.utime(path, (time.time() - age, time.time() - age))
        for _ in range(3):
            with open_root(path) as file:
                assert kept(file.tree("t")) == 2700
    assert len(walks) == 5


def test_trees_are_looked_at_up_to_a_limit_the_last_ones_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The last tree has 2,527 bytes, the one before 2,403.
    monkeypatch.setattr("antdask.sources.root_recovery._LOOKED_AT", 3000)
    with open_root(write(tmp_path, SAVED + bytes(3))) as file:
        assert file.loss is None
    data = bytearray(SAVED)
    data[data.index(b"\x05TTree\x01t", 16_227) + 1] ^= 0xFF
    with open_root(write(tmp_path, bytes(data))) as file:
        assert kept(file.tree("t")) == 2700
        assert [cycle for _, cycle in file._keys] == [3]


def test_without_a_description_of_classes_what_needs_none_is_read(tmp_path: Path) -> None:
    """The settings of the trigger are read by what the file says of their class, which it says at its end; texts and events are not."""
    data = (ONLINE / "km3net_online.root").read_bytes()
    (entry,), _ = describe_each(write(tmp_path, data[:1_626_166]))
    assert {s.tree for s in entry.segments} >= {"KM3NET_EVENT", "KM3NET_SUMMARYSLICE", "KM3NET_TIMESLICE_L1", "provenance"}
    with open_root(entry.url) as file, pytest.raises(UnknownLayoutError, match="does not describe"):
        file.members("JTRIGGER::JTriggerParameters", 1)
    with open_root(entry.url, lender(str(ONLINE / "km3net_online.root"))) as file, open_root(str(ONLINE / "km3net_online.root")) as whole:
        assert file.members("TObject", 1) == whole.members("TObject", 1)
