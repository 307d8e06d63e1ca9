import errno
import os
import uuid
import zlib
from concurrent.futures import ThreadPoolExecutor

import google_crc32c
import pytest

from antdask.remote import s3 as s3_module
from antdask.remote.client import ContentChangedError
from antdask.remote.s3 import S3Client
from tests.servers.fault_proxy import harm_http
from tests.servers.stores import BUCKET


@pytest.fixture
def key():
    return f"{BUCKET}/{uuid.uuid4().hex}/x"


@pytest.fixture(params=["ceph", "rclone"])
def s3(request, use_s3):
    use_s3(request.getfixturevalue(request.param))
    client = S3Client()
    client.kind = request.param
    yield client
    client.close()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(300_000))
    return path


def crc(data):
    return google_crc32c.value(data)


def test_what_is_stored_reads_back_whole_and_in_ranges(s3, key, file):
    data = file.read_bytes()
    tag = s3.put_file(key, file, crc(data))
    stat = s3.stat(key)
    assert (stat.nbytes, stat.tag) == (len(data), tag) and stat.mtime_ns > 0
    assert stat.crc32c == crc(data)
    assert s3.whole(key) == data and s3.read(key, 7, 19) == data[7:19] and s3.read(key, 299_990, 400_000) == data[-10:]
    assert s3.read(key, 400_000, 400_010) == b"" and s3.read(key, 3, 3) == b""
    spans = [(i * 1000, i * 1000 + 10) for i in range(30)]
    assert s3.read_spans(key, spans, tag) == [data[a:b] for a, b in spans]
    s3.put(key, b"other")
    with pytest.raises(ContentChangedError):
        s3.read(key, 0, 3, tag)
    s3.remove(key)
    s3.remove(key)
    with pytest.raises(FileNotFoundError):
        s3.stat(key)


def test_whether_the_store_is_conditional_is_found_out_and_remembered(s3, key, file):
    folder = key.rpartition("/")[0]
    assert s3.is_conditional(folder) is (s3.kind == "ceph") and s3.is_conditional(folder) is (s3.kind == "ceph")
    data = file.read_bytes()
    assert s3.put_file(key, file, crc(data), first=True)
    assert bool(s3.put_file(key, file, crc(data), first=True)) is (s3.kind == "rclone")
    assert s3.put(key, b"x", first=True) is (s3.kind == "rclone")


def test_of_many_that_write_one_key_at_once_exactly_one_wins(ceph, use_s3, key, tmp_path):
    use_s3(ceph)
    s3 = S3Client()
    files = []
    for i in range(8):
        files.append(tmp_path / str(i))
        files[-1].write_bytes(bytes([i]) * 50_000)
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda f: bool(s3.put_file(key, f, crc(f.read_bytes()), first=True)), files))
    assert sum(won) == 1 and s3.whole(key) == files[won.index(True)].read_bytes()
    s3.close()


def test_a_large_file_goes_up_in_pieces_and_is_tagged_as_expected(s3, key, tmp_path, monkeypatch):
    monkeypatch.setattr(s3_module, "SINGLE", 1 << 20)
    monkeypatch.setattr(s3_module, "PIECE", 5 << 20)
    file = tmp_path / "large"
    file.write_bytes(os.urandom(11 << 20))
    data = file.read_bytes()
    tag = s3.put_file(key, file, crc(data))
    assert tag.endswith('-3"') and zlib.crc32(s3.whole(key)) == zlib.crc32(data)
    if s3.kind == "ceph":
        assert s3.stat(key).tag == tag and s3.stat(key).crc32c == crc(data)


def test_an_upload_in_pieces_that_fails_leaves_no_pieces(ceph, use_s3, key, tmp_path, monkeypatch):
    use_s3(ceph)
    monkeypatch.setattr(s3_module, "SINGLE", 1 << 20)
    monkeypatch.setattr(s3_module, "PIECE", 5 << 20)
    file = tmp_path / "large"
    file.write_bytes(bytes(11 << 20))
    s3 = S3Client()
    call = s3._call

    def fail(operation, path, **arguments):
        if operation == "upload_part" and arguments["PartNumber"] == 2:
            raise OSError(errno.ENOSPC, "full")
        return call(operation, path, **arguments)

    monkeypatch.setattr(s3, "_call", fail)
    with pytest.raises(OSError, match="full"):
        s3.put_file(key, file, 0)
    assert not call("list_multipart_uploads", BUCKET, Prefix=key.partition("/")[2]).get("Uploads")
    s3.close()


def test_a_listing_goes_on_beyond_its_first_page(ceph, use_s3, key, monkeypatch):
    use_s3(ceph)
    s3, folder = S3Client(), key.rpartition("/")[0]
    call, pages = s3._call, []

    def small(operation, path, **arguments):
        if operation == "list_objects_v2" and "MaxKeys" not in arguments:
            arguments["MaxKeys"] = 7
            pages.append(1)
        return call(operation, path, **arguments)

    monkeypatch.setattr(s3, "_call", small)
    for i in range(20):
        s3.put(f"{folder}/{i:02d}/x", b"abc"[: i % 4])
    assert s3.sizes(folder) == {f"{i:02d}/x": min(3, i % 4) for i in range(20)} and len(pages) == 3
    assert not s3.is_empty(folder) and s3.is_empty(folder + "0")
    s3.close()


def test_unfinished_uploads_of_today_belong_to_somebody(ceph, use_s3, key, monkeypatch):
    use_s3(ceph)
    s3, folder = S3Client(), key.rpartition("/")[0]
    s3._call("create_multipart_upload", key)
    assert s3.abort_stale(folder) == 0
    monkeypatch.setattr(s3_module, "_STALE", s3_module._STALE * 0)
    assert s3.abort_stale(folder) == 1 and s3.abort_stale(folder) == 0
    s3.close()


def test_refusals_are_those_of_the_operating_system_and_tell_no_secret(ceph, use_s3, key, monkeypatch):
    use_s3(ceph, secret="geheimgeheim")
    s3 = S3Client()
    with pytest.raises(PermissionError, match="HTTP 403") as refused:
        s3.put(key, b"x")
    assert "geheim" not in str(refused.value) and "geheim" not in repr(s3)
    s3.close()
    use_s3(ceph)
    s3 = S3Client()
    for call in (lambda: s3.put("nobucket/x", b""), lambda: s3.is_empty("nobucket/x"), lambda: s3.stat("nobucket/x")):
        with pytest.raises(FileNotFoundError):
            call()
    s3.close()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    anonymous = S3Client()
    with pytest.raises(PermissionError):
        anonymous.put(key, b"x")
    anonymous.close()


def test_a_profile_that_does_not_exist_is_a_refusal(ceph, use_s3, monkeypatch):
    use_s3(ceph)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(PermissionError, match="nobody"):
        S3Client()


def test_writes_and_reads_through_a_bad_connection_end_with_the_right_bytes(ceph, use_s3, key, file):
    data = file.read_bytes()
    with harm_http(int(ceph["endpoint"].rpartition(":")[2]), seed=5, rate=0.4, delay=0.01) as proxy:
        use_s3(ceph, endpoint=proxy.url)
        s3 = S3Client()
        for i in range(12):
            assert s3.put_file(f"{key}{i}", file, crc(data)) == s3.stat(f"{key}{i}").tag
            assert s3.read(f"{key}{i}", 1000 * i, 1000 * i + 500) == data[1000 * i : 1000 * i + 500]
        s3.close()
    assert proxy.done.total() > 10


def test_a_conditional_write_whose_answer_was_lost_says_that_somebody_was_first(ceph, use_s3, key, file):
    with harm_http(int(ceph["endpoint"].rpartition(":")[2]), seed=5, rate=0.0) as proxy:
        use_s3(ceph, endpoint=proxy.url)
        s3 = S3Client()
        proxy.script = ["lost"]
        assert s3.put_file(key, file, crc(file.read_bytes()), first=True) == ""
        assert s3.stat(key).crc32c == crc(file.read_bytes())
        s3.close()
