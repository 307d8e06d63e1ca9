import os
from concurrent.futures import ThreadPoolExecutor

import google_crc32c
import pytest

from antdask.archive import s3_place
from antdask.archive.catalog import load
from antdask.archive.marker import create
from antdask.archive.store import Store
from antdask.errors import ArchiveError, DestinationError, UsageError
from antdask.remote import connections
from antdask.remote import s3 as s3_module
from tests.servers.stores import BUCKET


@pytest.fixture
def drafts(tmp_path):
    files = [tmp_path / str(i) for i in range(4)]
    for i, file in enumerate(files):
        file.write_bytes(bytes([i]) * 40_000)
    return files


def test_one_of_many_publishers_wins_though_all_saw_nothing(place, drafts):
    store = Store(place("ceph"))
    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(lambda f: store.publish(f, "p"), drafts))
    assert sum(won) == 1 and store.read("p") == drafts[won.index(True)].read_bytes()


def test_holds_is_told_by_the_store_and_reads_nothing(place, drafts, monkeypatch):
    for kind in ("ceph", "rclone"):
        store = Store(place(kind))
        crc = google_crc32c.value(drafts[1].read_bytes())
        assert store.publish(drafts[1], "p")
        with monkeypatch.context() as m:
            m.setattr(store._place._client, "read", None)
            assert store.holds("p", 40_000, crc) and not store.holds("p", 40_000, crc + 1) and not store.holds("p", 40_001, crc)
        store.write_small("p", bytes(40_000))
        assert not store.holds("p", 40_000, crc)


def test_a_large_part_is_not_overwritten_though_ends_of_uploads_are_unconditional(place, drafts, monkeypatch):
    monkeypatch.setattr(s3_module, "SINGLE", 10_000)
    monkeypatch.setattr(s3_place, "SINGLE", 10_000)
    store = Store(place("ceph"))
    assert store.publish(drafts[1], "p") and not store.publish(drafts[2], "p") and store.read("p") == drafts[1].read_bytes()


def test_what_arrives_altered_is_a_fault_that_is_tried_again(place, drafts, monkeypatch):
    from antdask.cluster.failures import classify

    store = Store(place("ceph"))
    stat = store._place._client.stat

    def altered(key):
        store._place._client.put(key, os.urandom(40_000))
        return stat(key)

    monkeypatch.setattr(store._place._client, "stat", altered)
    with pytest.raises(DestinationError, match="not what was sent") as caught:
        store.publish(drafts[1], "p")
    assert classify(caught.value) == "transient"


def test_a_missing_bucket_and_a_wrong_key_are_destination_errors_with_the_next_step(ceph, use_s3):
    use_s3(ceph)
    with pytest.raises(DestinationError, match=r"NoSuchBucket.*Check the address"):
        create(Store("s3://nobucket/x"))
    use_s3(ceph, secret="geheimgeheim")
    with pytest.raises(ArchiveError, match="may not be read") as caught:
        create(Store(f"s3://{BUCKET}/x"))
    assert "geheim" not in str(caught.value) and "geheim" not in repr(Store(f"s3://{BUCKET}/x"))
    with pytest.raises(DestinationError, match=r"HTTP 403.*credentials"):
        Store(f"s3://{BUCKET}/x").write_small("x", b"")
    with pytest.raises(ArchiveError, match="may not be read"):
        load(Store(f"s3://{BUCKET}/x"))


def test_a_url_with_a_key_in_it_is_refused():
    with pytest.raises(UsageError, match="credentials"):
        Store("s3://AKIA:geheim@bucket/x")


def test_unfinished_uploads_are_swept_when_nobody_can_own_them(place, monkeypatch):
    url = place("ceph")
    store = Store(url)
    connections.connect(url)[0]._call("create_multipart_upload", f"{store.root}/parts/x")
    assert store.sweep() == 0
    monkeypatch.setattr(s3_module, "_STALE", s3_module._STALE * 0)
    assert store.sweep() == 1
