import google_crc32c
import pytest

from antdask.archive.store import Store
from antdask.errors import DestinationError
from antdask.remote import connections


@pytest.fixture(params=["webdav", "xrootd"])
def store(request, place):
    return Store(place(request.param))


@pytest.fixture
def draft(tmp_path):
    file = tmp_path / "draft"
    file.write_bytes(b"0123456789" * 5000)
    return file


def everything(store):
    return store._place.sizes("")


def test_what_was_copied_out_is_compared_by_the_checksum_of_the_server(store, draft, monkeypatch):
    there, _path = connections.connect(store.url)
    adler = there.adler32
    monkeypatch.setattr(there, "adler32", lambda p: (adler(p) or 0) ^ 1)
    with pytest.raises(DestinationError, match="not what was sent"):
        store.publish(draft, "p/x")
    assert everything(store) == {}


def test_a_server_without_checksums_is_read_back(store, draft, monkeypatch):
    there, _path = connections.connect(store.url)
    monkeypatch.setattr(there, "adler32", lambda p: None)
    reads = []
    read = there.read
    monkeypatch.setattr(there, "read", lambda *a: reads.append(a) or read(*a))
    assert store.publish(draft, "p/x") and reads
    monkeypatch.setattr(there, "read", lambda *a: b"x" + read(*a)[1:])
    with pytest.raises(DestinationError, match="not what was sent"):
        store.publish(draft, "p/y")
    assert everything(store) == {"p/x": 50_000}


def test_one_who_comes_during_the_copy_is_not_overwritten(store, draft, monkeypatch):
    there = store._place
    copy = there._copy_out

    def slow(path, body):
        temporary = copy(path, body)
        monkeypatch.setattr(there, "_copy_out", copy)
        store.write_small(path, b"another")
        return temporary

    monkeypatch.setattr(there, "_copy_out", slow)
    assert not store.publish(draft, "p/x")
    assert store.read("p/x") == b"another" and list(everything(store)) == ["p/x"]


def test_holds_asks_the_server_for_what_was_sent_and_reads_the_rest(store, draft):
    crc = google_crc32c.value(draft.read_bytes())
    assert store.publish(draft, "p/x") and store.holds("p/x", 50_000, crc)
    assert not store.holds("p/x", 50_000, crc + 1) and not store.holds("p/x", 49_999, crc)
    assert Store(store.url).holds("p/x", 50_000, crc)
    store.write_small("p/x", bytes(50_000))
    assert not store.holds("p/x", 50_000, crc)


def test_sweep_takes_what_dead_workers_left_and_nothing_else(store):
    import os
    import socket
    import subprocess
    import sys

    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    ).stdout.strip()
    names = {
        f"parts/x/.a.{socket.gethostname()}.{dead}.00000000.tmp": False,
        f"parts/x/.a.{socket.gethostname()}.{os.getpid()}.00000000.tmp": True,
        "parts/x/.a.elsewhere.1.00000000.tmp": True,
        "parts/x/kept.zarr.zip": True,
    }
    for name in names:
        store.write_small(name, b"1")
    assert store.sweep() == 1
    assert set(everything(store)) == {n for n, stays in names.items() if stays}


def test_an_empty_folder_goes_and_a_full_one_stays(store):
    store.write_small("c/1/x", b"1")
    store.remove("c/1/x")
    store.prune("c/1")
    store.prune("c/1")
    assert not store.exists("c/1") and store.list() == []
