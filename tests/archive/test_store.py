import errno
import os
import pickle
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from antdask.archive.store import Store, destination_errors
from antdask.errors import DestinationError, UsageError
from tests.servers.stores import REMOTE


@pytest.fixture(params=["local", "file", "memory", *REMOTE])
def store(request, tmp_path, place):
    here = {"local": str(tmp_path / "a"), "file": f"file://{tmp_path}/a", "memory": f"memory://{uuid.uuid4().hex}"}
    return Store(here.get(request.param) or place(request.param))


def test_small_files_are_written_listed_replaced_and_removed(store):
    assert store.list() == [] and not store.exists("x/y") and store.size("x/y") is None
    store.write_small("x/y", b"one")
    store.write_small("x/y", b"three")
    assert store.read("x/y") == b"three" and store.read("x/y", 1, 3) == b"hr" and store.size("x/y") == 5
    assert store.list() == ["x/y"] and store.list("x") == ["x/y"] and store.list("z") == []
    store.remove("x/y")
    store.remove("x/y")
    assert store.list() == []


def test_the_first_to_publish_wins_and_no_draft_is_left(store):
    for content, won in ((b"first", True), (b"second", False)):
        with store.draft("p/q") as draft:
            draft.write_bytes(content)
            assert store.list() == ([] if won else ["p/q"])
            assert store.publish(draft, "p/q") is won
    assert store.read("p/q") == b"first" and store.list() == ["p/q"]
    if store.local:
        assert [p.name for p in Path(store.full("p")).iterdir()] == ["q"]


def test_a_draft_that_fails_leaves_nothing_and_the_error_as_it_is(store):
    with pytest.raises(FileNotFoundError, match="an input"), store.draft("p/q"):
        raise FileNotFoundError("an input")
    assert store.list() == []


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd"])
def test_no_path_leaves_the_root(store, path):
    with pytest.raises(UsageError):
        store.read(path)


def test_a_store_travels(store):
    store.write_small("x", b"1")
    assert pickle.loads(pickle.dumps(store)).read("x") == b"1"


def test_checksum_is_that_of_the_bytes(store):
    store.write_small("x", b"123456789")
    assert store.checksum("x") == 0xE3069283  # the check value of CRC-32C (RFC 3720, B.4)


def test_urls_of_the_same_place_are_equal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Store("a").url == Store(f"file://{tmp_path}/a").url == Store(str(tmp_path / "a")).url


def test_sweep_takes_what_dead_workers_left_and_nothing_else(tmp_path):
    store = Store(str(tmp_path))
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    ).stdout.strip()
    folder = tmp_path / "parts" / "x"
    folder.mkdir(parents=True)
    host = socket.gethostname()
    names = {
        f".a.{host}.{dead}.00000000.tmp": False,
        f".a.{host}.{os.getpid()}.00000000.tmp": True,
        ".a.elsewhere.1.00000000.tmp": True,
        "kept.zarr.zip": True,
    }
    for name in names:
        (folder / name).write_bytes(b"")
    assert store.sweep() == 1
    assert {p.name for p in folder.iterdir()} == {n for n, stays in names.items() if stays}


def test_sweep_takes_drafts_of_what_is_there_and_signed_whoever_made_them(tmp_path):
    store = Store(str(tmp_path))
    for path in ("parts/x/a.zarr.zip", "receipts/x/a.json", "parts/x/b.zarr.zip", "receipts/x/c.json"):
        store.write_small(path, b"{}")
    drafts = {
        "parts/x/.a.zarr.zip.n7.site.17.00000000.tmp": False,
        f"receipts/x/.a.json.{socket.gethostname()}.{os.getpid()}.00000000.tmp": False,
        "parts/x/.b.zarr.zip.n7.site.17.00000000.tmp": True,
        "parts/x/.c.zarr.zip.n7.site.17.00000000.tmp": True,
        "receipts/x/.c.json.n7.site.17.00000000.tmp": True,
        ".current.json.n7.site.17.00000000.tmp": True,
    }
    for name in drafts:
        (tmp_path / name).write_bytes(b"")
    assert store.sweep() == 2
    assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.tmp")} == {n for n, stays in drafts.items() if stays}


def test_age_is_told_by_the_clock_of_the_storage(tmp_path, monkeypatch):
    store = Store(str(tmp_path))
    store.write_small("parts/x/.b.zarr.zip.n7.site.17.00000000.tmp", b"")
    # The clock of this host is days ahead: the file is as young as it was.
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert store.sweep() == 0
    os.utime(tmp_path / "parts/x/.b.zarr.zip.n7.site.17.00000000.tmp", (10**9, 10**9))
    assert store.sweep() == 1
    assert abs(store.now() - (tmp_path / "parts/x").stat().st_mtime) < 60


def test_a_destination_that_cannot_be_written_is_a_destination_error_with_its_errno(tmp_path):
    (tmp_path / "file").write_text("")
    store = Store(str(tmp_path / "file"))
    with pytest.raises(DestinationError) as caught:
        store.write_small("x", b"")
    assert caught.value.errno in {errno.ENOTDIR, errno.EEXIST}
    with pytest.raises(DestinationError) as full, destination_errors("u"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert full.value.errno == errno.ENOSPC and "No space left" in str(full.value)


def test_publish_works_without_hard_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    store = Store(str(tmp_path))
    for content, won in ((b"first", True), (b"second", False)):
        with store.draft("q") as draft:
            draft.write_bytes(content)
            assert store.publish(draft, "q") is won
    assert store.read("q") == b"first" and [p.name for p in tmp_path.iterdir()] == ["q"]


@pytest.mark.parametrize("name", ["a::b", "caf\udce9", "nul\0"])
def test_names_that_lead_elsewhere_or_cannot_be_kept_are_refused(name):
    with pytest.raises(UsageError, match="Not a usable name"):
        Store(name)


def test_an_empty_name_is_not_the_working_directory():
    with pytest.raises(UsageError, match="empty"):
        Store("")


def test_an_unknown_protocol_is_a_usage_error():
    with pytest.raises(UsageError):
        Store("nonsense://x")
