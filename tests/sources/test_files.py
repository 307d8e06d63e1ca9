"""Names of inputs, local and remote: what is found, what is refused, and what counts as the same file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from antdask.errors import InputChangedError, InputError, InputMissingError, InputUnreadableError
from antdask.plan import FileEntry
from antdask.sources.files import FINGERPRINT_BYTES, absolute, check_unchanged, expand, head, identify


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.root", "a.root", "c.h5", "odd[1].root"):
        (tmp_path / name).write_bytes(name.encode() * 10)
    (tmp_path / "sub.root").mkdir()
    return tmp_path


@pytest.fixture
def remote() -> Iterator[str]:
    filesystem = fsspec.filesystem("memory")
    for name in ("b.root", "a.root"):
        filesystem.pipe(f"/antdask-files/{name}", name.encode() * 10)
    yield "memory://antdask-files"
    filesystem.rm("/antdask-files", recursive=True)


def entry_of(url: str) -> FileEntry:
    now = identify(url)
    return FileEntry(url, "x", "", "x", now.nbytes, now.mtime_ns, "", now.fingerprint, ())


def test_a_glob_gives_its_files_sorted_and_no_directory(folder: Path) -> None:
    assert expand([f"{folder}/[ab]*.root"]) == [str(folder / "a.root"), str(folder / "b.root")]
    assert str(folder / "sub.root") not in expand([f"{folder}/*.root"])


def test_the_order_given_is_kept_and_each_file_comes_once(folder: Path) -> None:
    names = [folder / "c.h5", f"{folder}/*.root", str(folder / "c.h5"), f"file://{folder}/a.root"]
    assert expand(names) == [str(folder / n) for n in ("c.h5", "a.root", "b.root", "odd[1].root")]


def test_a_name_that_exists_is_no_glob(folder: Path) -> None:
    assert expand([folder / "odd[1].root"]) == [str(folder / "odd[1].root")]


def test_relative_names_become_absolute(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert expand(["a.root", "sub.root/../b.root"]) == [str(folder / "a.root"), str(folder / "b.root")]
    assert absolute("a.root") == str(folder / "a.root")


def test_a_directory_is_refused_with_the_way_to_name_its_files(folder: Path) -> None:
    with pytest.raises(InputError, match=r"directory.*/\*\.root"):
        expand([folder])


def test_an_empty_name_is_not_the_working_directory() -> None:
    with pytest.raises(InputError, match="empty"):
        expand([""])


@pytest.mark.parametrize("name", ["nothing.root", "nothing*.root", "a.root/below.root"])
def test_what_is_not_there_is_missing(folder: Path, name: str) -> None:
    with pytest.raises(InputMissingError, match=str(folder)):
        expand([folder / name])


def test_what_may_not_be_read_is_unreadable(folder: Path) -> None:
    (folder / "a.root").chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        for look in (lambda: head(str(folder / "a.root"), 4), lambda: identify(str(folder / "a.root"))):
            with pytest.raises(InputUnreadableError, match="may not be read"):
                look()
    finally:
        if root:
            os.seteuid(0)


def test_remote_names_and_globs_keep_their_protocol(remote: str) -> None:
    assert expand([f"{remote}/b.root", f"{remote}/*.root"]) == [
        f"{remote}/b.root",
        "memory:///antdask-files/a.root",
        "memory:///antdask-files/b.root",
    ]
    with pytest.raises(InputError, match="directory"):
        expand([remote])
    for name in ("nothing.root", "nothing*.root"):
        with pytest.raises(InputMissingError):
            expand([f"{remote}/{name}"])


def test_an_unknown_protocol_says_what_to_do() -> None:
    for look in (lambda: expand(["nonsense://x/y.root"]), lambda: head("nonsense://x/y.root", 4)):
        with pytest.raises(InputError, match=r"nonsense.*Install"):
            look()


def test_the_head_is_at_most_the_file(folder: Path, remote: str) -> None:
    assert head(str(folder / "a.root"), 4) == b"a.ro"
    assert head(f"{remote}/a.root", 4) == b"a.ro"
    assert len(head(str(folder / "a.root"), 1000)) == len(head(f"{remote}/a.root", 1000)) == 60
    with pytest.raises(InputMissingError):
        head(str(folder / "nothing"), 4)
    with pytest.raises(InputError, match="directory"):
        head(str(folder), 4)


@pytest.mark.parametrize("size", [0, 1, FINGERPRINT_BYTES, 2 * FINGERPRINT_BYTES + 17])
def test_a_fingerprint_covers_size_and_both_ends(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "x").write_bytes(data)
    fsspec.filesystem("memory").pipe("/antdask-fingerprint", data)
    expected = hashlib.sha256(str(size).encode() + data[:FINGERPRINT_BYTES] + data[max(0, size - FINGERPRINT_BYTES) :]).hexdigest()
    found = identify(str(tmp_path / "x"))
    assert (found.nbytes, found.fingerprint) == (size, expected)
    assert found.mtime_ns == (tmp_path / "x").stat().st_mtime_ns
    assert identify("memory://antdask-fingerprint").fingerprint == expected


def test_a_remote_modification_time_is_taken_where_the_store_has_one(remote: str) -> None:
    created = fsspec.filesystem("memory").info("/antdask-files/a.root")["created"]
    assert abs(identify(f"{remote}/a.root").mtime_ns / 1e9 - created.timestamp()) < 1e-3


def test_the_same_bytes_under_a_new_time_are_unchanged(folder: Path) -> None:
    entry = entry_of(str(folder / "a.root"))
    os.utime(folder / "a.root", (1, 1))
    check_unchanged(entry)


@pytest.mark.parametrize("data", [b"a.root" * 11, b"A.root" * 10])
def test_another_size_or_other_bytes_are_a_change(folder: Path, data: bytes) -> None:
    entry = entry_of(str(folder / "a.root"))
    (folder / "a.root").write_bytes(data)
    with pytest.raises(InputChangedError, match="Plan again"):
        check_unchanged(entry)


def test_a_planned_file_that_went_away_is_missing(folder: Path) -> None:
    entry = entry_of(str(folder / "a.root"))
    (folder / "a.root").unlink()
    with pytest.raises(InputMissingError):
        check_unchanged(entry)
