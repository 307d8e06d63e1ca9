import errno
import os

import pytest

from antdask.archive.local_place import LocalPlace


@pytest.fixture
def place(tmp_path):
    return LocalPlace(str(tmp_path / "a"))


def test_a_new_place_is_empty_until_something_lies_there(place, tmp_path):
    assert place.is_empty() and not place.exists("")
    (tmp_path / "a").mkdir()
    assert place.is_empty()
    (tmp_path / "a" / "folder").mkdir()
    assert not place.is_empty()
    (tmp_path / "file").write_bytes(b"")
    assert not LocalPlace(str(tmp_path / "file")).is_empty()


def test_names_are_those_of_all_files_below(place):
    for path in ("p/q/x.json", "p/y.zip", "p/plain", "z.md"):
        place.write(path, b"abc")
    assert sorted(place.names("")) == sorted(place.sizes("")) == ["p/plain", "p/q/x.json", "p/y.zip", "z.md"]
    assert sorted(place.names("p")) == ["p/plain", "p/q/x.json", "p/y.zip"] and place.names("none") == []


def test_sizes_are_those_of_all_files_below(place):
    place.write("p/q/x", b"abc")
    place.write("p/y", b"")
    assert place.sizes("") == {"p/q/x": 3, "p/y": 0} and place.sizes("p/q") == {"p/q/x": 3} and place.sizes("z") == {}


def test_a_file_system_without_hard_links_loses_exclusiveness_and_says_so(place, monkeypatch):
    draft = place.draft("x")
    draft.write_bytes(b"1")
    assert place.exclusive and place.publish(draft, "x") and place.exclusive
    draft.unlink()

    def refuse(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    second = place.draft("y")
    assert place.publish(second, "y") and not place.exclusive


def test_an_error_of_the_disk_is_not_taken_for_a_lack_of_links(place, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    draft = place.draft("x")
    monkeypatch.setattr(os, "link", full)
    with pytest.raises(OSError, match="full"):
        place.publish(draft, "x")


def test_a_write_that_fails_leaves_the_old_content_and_no_temporary_file(place, monkeypatch):
    place.write("x", b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        place.write("x", b"new")
    assert place.read("x", None, None) == b"old" and list(place.sizes("")) == ["x"]


def test_only_the_size_is_told_without_reading(place):
    place.write("x", b"abc")
    assert place.holds("x", 3, 0) is None and place.holds("x", 4, 0) is False and place.holds("z", 0, 0) is False


def test_ranges_are_put_together_where_the_system_gives_less_at_once(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"0123456789")
    place, pread = LocalPlace(str(tmp_path)), os.pread
    monkeypatch.setattr("os.pread", lambda handle, length, start: pread(handle, min(length, 3), start))
    assert (
        place.read("a", 1, 9) == b"12345678"
        and place.read("a", 8, 20) == b"89"
        and place.read("a", 30, 40) == b""
        and place.read("a", 2, 2) == b""
    )
    with pytest.raises(FileNotFoundError):
        place.read("b", 0, 1)
