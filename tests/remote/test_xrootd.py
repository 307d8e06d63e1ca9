import os
import uuid
import zlib

import pytest

from antdask.remote.xrootd import XrootdClient
from tests.servers.fault_proxy import tap

DATA = os.urandom(5_000_000)


@pytest.fixture
def client(xrootd):
    client = XrootdClient(f"root://127.0.0.1:{xrootd['port']}")
    yield client
    client.close()


@pytest.fixture
def folder():
    return f"/data/{uuid.uuid4().hex}"


def pieces(data=DATA):
    return lambda: iter([data[:1000], data[1000:]])


def test_what_is_stored_reads_back_whole_and_in_ranges(client, folder):
    client.put(f"{folder}/deep/x", pieces())
    assert client.stat(f"{folder}/deep/x").nbytes == len(DATA) and client.stat(f"{folder}/deep/x").mtime_ns > 0
    assert client.whole(f"{folder}/deep/x") == DATA and client.read(f"{folder}/deep/x", 10, 30) == DATA[10:30]
    assert client.read(f"{folder}/deep/x", len(DATA) - 5, len(DATA) + 5) == DATA[-5:] and client.read(f"{folder}/deep/x", 4, 4) == b""
    assert client.adler32(f"{folder}/deep/x") == zlib.adler32(DATA)


def test_many_ranges_come_in_vector_reads_and_long_ones_in_pieces(client, folder):
    client.put(f"{folder}/x", pieces())
    spans = [(i * 2000, i * 2000 + 7) for i in range(1100)] + [(2_300_000, 4_900_000)]
    assert client.read_spans(f"{folder}/x", spans) == [DATA[a:b] for a, b in spans]
    assert client.read_spans(f"{folder}/x", [(0, 5), (len(DATA) - 2, len(DATA) + 3)]) == [DATA[:5], DATA[-2:]]


def test_a_move_replaces_and_is_done_once(client, folder):
    client.put(f"{folder}/a", pieces(b"a" * 2000))
    client.put(f"{folder}/b", pieces(b"b" * 2000))
    client.move(f"{folder}/a", f"{folder}/b")
    assert client.whole(f"{folder}/b") == b"a" * 2000
    client.move(f"{folder}/a", f"{folder}/b")
    with pytest.raises(FileNotFoundError):
        client.move(f"{folder}/c", f"{folder}/d")


def test_listings_folders_and_removal(client, folder):
    assert client.sizes(folder) == {} and not client.is_folder(folder)
    client.put(f"{folder}/p/q/x", pieces(b"x" * 1500))
    client.put(f"{folder}/y", pieces(b""))
    assert client.sizes(folder) == {"p/q/x": 1500, "y": 0} and client.is_folder(f"{folder}/p") and not client.is_folder(f"{folder}/y")
    client.remove(f"{folder}/p/q/x")
    client.remove(f"{folder}/p/q/x")
    client.remove_folder(f"{folder}/p/q")
    client.remove_folder(f"{folder}/p/q")
    assert client.sizes(folder) == {"y": 0}
    with pytest.raises(IsADirectoryError):
        client.stat(folder)


def test_what_is_missing_is_missing_at_once(client, folder):
    for call in (client.stat, client.whole, client.adler32, lambda p: client.read(p, 0, 1)):
        with pytest.raises(FileNotFoundError, match="no such file"):
            call(f"{folder}/nothing")


def test_a_connection_that_breaks_in_the_middle_of_a_read_is_made_anew(xrootd, client, folder):
    client.put(f"{folder}/x", pieces())
    with tap(xrootd["port"], cuts=[1_000_000, 2_000_000]) as state:
        through = XrootdClient(f"root://127.0.0.1:{state.port}")
        assert through.read_spans(f"{folder}/x", [(0, len(DATA))])[0] == DATA
        assert state.connections >= 2
        through.close()
