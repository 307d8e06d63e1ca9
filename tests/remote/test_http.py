import base64
import io
import os
import uuid
import zlib

import pytest

from antdask.remote import connections
from antdask.remote.client import ContentChangedError, RangeIgnoredError
from antdask.remote.http import HttpClient
from tests.servers.fault_proxy import harm_http
from tests.servers.web import serve

DATA = os.urandom(300_000)


@pytest.fixture
def web(tmp_path):
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "x.bin").write_bytes(DATA)
    (tmp_path / "empty").write_bytes(b"")
    with serve(tmp_path) as web:
        yield web


@pytest.fixture
def http(web):
    http = HttpClient(web.url)
    yield http
    http.close()


def test_size_time_and_tag_come_from_the_head(http, web, tmp_path):
    stat = http.stat("/a b/x.bin")
    assert stat.nbytes == len(DATA) and stat.tag and abs(stat.mtime_ns / 1e9 - (tmp_path / "a b" / "x.bin").stat().st_mtime) < 1
    assert web.sent == 0


def test_a_server_without_head_is_asked_for_one_byte(http, web):
    web.tells_head = False
    assert http.stat("/a b/x.bin").nbytes == len(DATA) and web.sent == 1
    assert http.stat("/empty").nbytes == 0


def test_a_range_is_read_and_cut_at_the_end(http):
    assert http.read("/a b/x.bin", 10, 20) == DATA[10:20]
    assert http.read("/a b/x.bin", 299_990, 400_000) == DATA[-10:]
    assert http.read("/a b/x.bin", 400_000, 400_010) == b"" and http.read("/a b/x.bin", 5, 5) == b""
    assert http.whole("/a b/x.bin") == DATA and http.whole("/empty") == b""


def test_several_ranges_come_side_by_side_in_their_order(http):
    spans = [(i * 1000, i * 1000 + 10) for i in range(50)]
    assert http.read_spans("/a b/x.bin", spans) == [DATA[a:b] for a, b in spans]


def test_a_server_that_ignores_ranges_is_noticed_and_not_believed(http, web):
    web.ranges = False
    with pytest.raises(RangeIgnoredError):
        http.read("/a b/x.bin", 10, 20)
    assert http.read("/a b/x.bin", 0, len(DATA)) == DATA


def test_a_file_that_was_replaced_is_noticed_by_its_tag(http, tmp_path):
    tag = http.stat("/a b/x.bin").tag
    assert http.read("/a b/x.bin", 0, 5, tag) == DATA[:5]
    (tmp_path / "a b" / "x.bin").write_bytes(DATA[::-1])
    with pytest.raises(ContentChangedError):
        http.read("/a b/x.bin", 0, 5, tag)


def test_missing_and_forbidden_files_are_those_of_the_operating_system(http):
    with pytest.raises(FileNotFoundError):
        http.stat("/nothing")
    with pytest.raises(FileNotFoundError):
        http.read("/nothing", 0, 1)


def test_reads_through_a_bad_connection_end_with_the_right_bytes(web):
    with harm_http(int(web.url.rpartition(":")[2]), seed=1, rate=0.4, delay=0.01) as proxy:
        http = HttpClient(proxy.url)
        for i in range(40):
            assert http.read("/a b/x.bin", i * 1000, i * 1000 + 700) == DATA[i * 1000 : i * 1000 + 700]
        http.close()
    assert set(proxy.done) == {"refused", "lost", "dropped", "truncated", "late", "slow"}


def test_a_server_that_is_gone_ends_the_patience(monkeypatch):
    monkeypatch.setattr("antdask.remote.retry.PATIENT.__class__.wait", lambda self, attempt: 0.0)
    with pytest.raises(ConnectionError, match="failed 6 times"):
        HttpClient("http://127.0.0.1:9").stat("/x")


def test_credentials_go_to_the_named_hosts_only_and_show_nowhere(web, monkeypatch):
    monkeypatch.setenv("ANTDASK_HTTP_USER", "me")
    monkeypatch.setenv("ANTDASK_HTTP_PASSWORD", "geheim")
    for hosts, expected in (
        ("elsewhere.example", None),
        ("elsewhere.example, 127.0.0.1", "Basic " + base64.b64encode(b"me:geheim").decode()),
    ):
        monkeypatch.setenv("ANTDASK_HTTP_HOSTS", hosts)
        http = HttpClient(web.url)
        http.read("/a b/x.bin", 0, 1)
        assert web.headers[-1].get("authorization") == expected and "geheim" not in repr(http)
        http.close()
    monkeypatch.setenv("BEARER_TOKEN", "tok")
    http = HttpClient(web.url)
    http.read("/a b/x.bin", 0, 1)
    assert web.headers[-1]["authorization"] == "Bearer tok"
    http.close()


def test_webdav_stores_moves_lists_checks_and_deletes(xrootd):
    dav, top = connections.connect(xrootd["http"].replace("http", "dav", 1) + f"/{uuid.uuid4().hex}")
    data = os.urandom(100_000)
    dav.put(f"{top}/a/b-c.tmp", lambda: io.BytesIO(data), len(data))
    assert dav.adler32(f"{top}/a/b-c.tmp") == zlib.adler32(data)
    dav.move(f"{top}/a/b-c.tmp", f"{top}/a/b-c")
    assert dav.sizes(top) == {"a/b-c": len(data)} and dav.is_folder(f"{top}/a") and not dav.is_folder(f"{top}/z")
    assert dav.read(f"{top}/a/b-c", 5, 9) == data[5:9]
    dav.remove(f"{top}/a/b-c")
    dav.remove(f"{top}/a/b-c")
    assert dav.sizes(top) == {} and dav.sizes(f"{top}/nowhere") == {}


def test_a_move_whose_answer_was_lost_is_done_once(xrootd):
    with harm_http(xrootd["http_port"], seed=3, rate=0.0) as proxy:
        dav, top = HttpClient(proxy.url), f"/data/{uuid.uuid4().hex}"
        dav.put(f"{top}/a", lambda: io.BytesIO(b"one"), 3)
        proxy.script = ["lost"]
        dav.move(f"{top}/a", f"{top}/b")
        assert dav.whole(f"{top}/b") == b"one" and proxy.done["lost"] == 1 and proxy.seen["MOVE"] == 2
        dav.close()
