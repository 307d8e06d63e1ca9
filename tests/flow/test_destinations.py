"""Campaigns into real stores: the bytes of a local archive, whatever happens on the way."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from km3net_testdata import data_path

from antdask.archive.ledger import read_receipt
from antdask.archive.place import is_temporary
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert import part as part_module
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.convert.status import status
from antdask.convert.verify import verify
from antdask.errors import DamagedPartError, DestinationError, UnreachableError
from antdask.remote import connections
from antdask.settings import load
from tests.servers.fault_proxy import harm_http, tap
from tests.servers.stores import BUCKET, REMOTE

# Disks of test machines stall when others write much, and every server syncs.
pytestmark = pytest.mark.timeout(240)

FILE = data_path("online/km3net_online.root")
SETTINGS = load(part_bytes=300_000, attempts=4)


def run(url):
    return convert(make_plan([FILE], url, SETTINGS), make_cluster("serial"), SETTINGS)


def content(url):
    store = Store(url)
    return {p: store.read(p) for p in store.list("parts")}


def leftovers(url):
    return [p for p in Store(url)._place.sizes("") if is_temporary(p) and "conditional-put" not in p]


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    url = str(tmp_path_factory.mktemp("local") / "a")
    assert run(url).exit_code == 0
    return content(url)


@pytest.mark.parametrize("kind", REMOTE)
def test_a_campaign_gives_the_bytes_of_a_local_one_and_the_next_finds_nothing_to_do(place, kind, wanted):
    url = place(kind)
    assert run(url).exit_code == 0
    assert content(url) == wanted and leftovers(url) == []
    again = run(url)
    assert (again.exit_code, again.parts_skipped) == (0, len(wanted))
    found = status(url, files=True)
    assert found.exit_code == 0 and found.orphans == 0
    assert verify(url, "deep", make_cluster("serial")).problems == []


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "seed"), [("ceph", 1), ("ceph", 2), ("rclone", 3)])
def test_a_campaign_through_a_bad_connection_gives_the_same_bytes(kind, seed, wanted, use_s3, request):
    address, url = request.getfixturevalue(kind), f"s3://{BUCKET}/faults-{seed}-{time.time_ns()}"
    with harm_http(int(address["endpoint"].rpartition(":")[2]), seed=seed, rate=0.15, delay=0.05) as proxy:
        use_s3(address, endpoint=proxy.url)
        summary = run(url)
        assert (summary.exit_code, summary.quarantined, summary.parts_done) == (0, 0, len(wanted)), summary.failures
    assert proxy.done.total() > 10 and len(proxy.done) >= 5, proxy.done
    use_s3(address)
    assert content(url) == wanted and verify(url, "deep", make_cluster("serial")).problems == []


@pytest.mark.slow
def test_a_campaign_through_a_bad_connection_to_webdav_gives_the_same_bytes(xrootd, wanted):
    folder = f"/data/faults-{time.time_ns()}"
    with harm_http(xrootd["http_port"], seed=4, rate=0.1, delay=0.05) as proxy:
        url = f"dav://127.0.0.1:{proxy.port}{folder}"
        summary = run(url)
        assert (summary.exit_code, summary.parts_done) == (0, len(wanted)), summary.failures
        connections.forget()
    assert proxy.done.total() > 10, proxy.done
    assert content(f"dav://127.0.0.1:{xrootd['http_port']}{folder}") == wanted


def test_a_campaign_over_connections_that_are_cut_gives_the_same_bytes_on_xrootd(xrootd, wanted):
    folder, cuts = f"//data/cuts-{time.time_ns()}", random.Random(6)
    with tap(xrootd["port"], cuts=[cuts.randrange(200, 20_000) for _ in range(6)]) as state:
        assert run(f"root://127.0.0.1:{state.port}{folder}").exit_code == 0
        assert state.connections > 6
        connections.forget()
    assert content(f"root://127.0.0.1:{xrootd['port']}{folder}") == wanted


def test_a_store_that_is_gone_for_good_leaves_parts_to_do_and_no_bad_data(ceph, use_s3, wanted, monkeypatch):
    monkeypatch.setattr("antdask.remote.retry.Patience.wait", lambda self, attempt: 0.01)
    url = f"s3://{BUCKET}/gone-{time.time_ns()}"
    with harm_http(int(ceph["endpoint"].rpartition(":")[2]), seed=7, rate=0.0, faults=("refused",)) as proxy:
        use_s3(ceph, endpoint=proxy.url)
        done = []

        def progress(event):
            done.append(event.done)
            if event.done == 3:
                proxy.rate = 1.0

        with pytest.raises(UnreachableError, match="503"):
            # The catalogue of what is done cannot be written either.
            convert(make_plan([FILE], url, SETTINGS), make_cluster("serial"), load(part_bytes=300_000, attempts=1), progress)
    use_s3(ceph)
    summary = run(url)
    assert (summary.exit_code, summary.parts_skipped, summary.quarantined) == (0, 3, 0) and content(url) == wanted


@pytest.mark.parametrize("kind", ["rclone", "webdav"])
def test_two_writers_with_different_bytes_leave_receipt_and_file_in_agreement(place, kind, wanted, monkeypatch):
    url = place(kind)
    plan, store = make_plan([FILE], url, SETTINGS), Store(url)
    assert run(url).exit_code == 0
    key = plan.parts[0].key
    receipt, path = read_receipt(store, key), next(p for p in wanted if p.endswith(f"{key.content}.zarr.zip") and key.stream in p)
    # Another wrote its own bytes (of another compressor) between our file and our signature.
    store.write_small(path, wanted[path][::-1])
    with pytest.raises(DamagedPartError, match="replaced the part while it was signed"):
        part_module._sign(store, receipt)
    assert read_receipt(store, key) is None
    assert run(url).exit_code == 0 and content(url) == wanted and verify(url, "deep", make_cluster("serial")).problems == []


CODE = """
import sys
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.settings import load
print("begin", flush=True)
convert(make_plan(sys.argv[2:], sys.argv[1], load(part_bytes=300_000)), make_cluster("serial"))
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ceph", "xrootd"])
def test_after_kills_at_random_instants_the_archive_is_that_of_an_undisturbed_run(place, kind, wanted):
    url, chance = place(kind), random.Random(20220214)
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", CODE, url, FILE], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"begin\n"
        time.sleep(chance.uniform(0.1, 1.5))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        connections.forget()
        seen = content(url)
        assert all(seen[name] == wanted[name] for name in seen)
    assert run(url).exit_code == 0
    assert content(url) == wanted and leftovers(url) == [] and verify(url, "deep", make_cluster("serial")).problems == []


def test_destinations_that_cannot_be_written_stop_at_once_with_the_reason(ceph, use_s3, tmp_path):
    use_s3(ceph)
    with pytest.raises(DestinationError, match="NoSuchBucket"):
        run("s3://nobucket/x")
    with pytest.raises(DestinationError, match="can only be read"):
        run("http://127.0.0.1:9/x")


def test_no_secret_stands_in_the_archive_or_in_the_log(ceph, use_s3, caplog):
    use_s3(ceph)
    url = f"s3://{BUCKET}/secrets-{time.time_ns()}"
    with caplog.at_level("DEBUG"):
        assert run(url).exit_code == 0
        store = Store(url)
        for path in store._place.sizes(""):
            content_of = store.read(path)
            assert ceph["secret"].encode() not in content_of and ceph["key"].encode() not in content_of, path
    assert len(caplog.text) > 10_000 and ceph["secret"] not in caplog.text and ceph["secret"] not in repr(store._place._client)
