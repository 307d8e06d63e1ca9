"""Inputs behind real servers give the values of local ones, and move little more than what is read."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from km3net_testdata import data_path

from antdask.convert.material import intact_batches
from antdask.errors import (
    CorruptFileError,
    InputChangedError,
    InputError,
    InputMissingError,
    InputUnreadableError,
    UnreachableError,
    UsageError,
)
from antdask.model.ragged import Batch, concatenate
from antdask.plan import Range
from antdask.remote import connections
from antdask.remote.s3 import S3Client
from antdask.sources import SOURCES, recognise
from antdask.sources.blob import open_blob
from antdask.sources.files import check_unchanged, expand, identify
from antdask.sources.root import open_root
from antdask.sources.server_blob import ServerBlob
from tests.servers import daemon
from tests.servers import xrootd as xrootd_server
from tests.servers.fault_proxy import harm_http, tap
from tests.servers.stores import BUCKET
from tests.servers.web import Web, serve

ROOT = Path(data_path("online/KM3NeT_00000267_00025291_L1.root"))
HDF5 = Path(data_path("seatray/antares.h5"))
KINDS = ("http", "s3", "root")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    (tmp_path / "www").mkdir()
    with serve(tmp_path / "www") as web:
        yield web


@pytest.fixture
def serving(request: pytest.FixtureRequest, use_s3: Callable[..., None]) -> Callable[[str, Path], str]:
    """Lays a file onto a server of some kind and gives its URL."""

    def lay(kind: str, file: Path) -> str:
        name = f"{uuid.uuid4().hex[:12]}/{file.name}"
        if kind == "http":
            web = request.getfixturevalue("web")
            (web.folder / name).parent.mkdir()
            (web.folder / name).write_bytes(file.read_bytes())
            return f"{web.url}/{name}"
        if kind == "s3":
            use_s3(request.getfixturevalue("ceph"))
            s3 = S3Client()
            s3.put(f"{BUCKET}/{name}", file.read_bytes())
            s3.close()
            return f"s3://{BUCKET}/{name}"
        address = request.getfixturevalue("xrootd")
        xrootd_server.put(address, name, file)
        return f"{address['root']}/{name}"

    return lay


def everything(url: str) -> dict[str, Batch]:
    entry = recognise(url).describe(url)
    trees = {s.tree: 0 for s in entry.segments}
    for s in entry.segments:
        trees[s.tree] = max(trees[s.tree], s.stop)
    lost: list[Any] = []
    found = {t: concatenate(list(intact_batches(entry, Range(0, t, 0, n, 0), lost))) for t, n in trees.items()}
    assert not lost
    return found


def assert_equal(one: dict[str, Batch], two: dict[str, Batch]) -> None:
    assert one.keys() == two.keys() and one
    for tree, batch in one.items():
        for table, columns in batch.tables.items():
            for name, values in columns.items():
                assert values.tobytes() == two[tree].tables[table][name].tobytes(), f"{tree} {table}/{name}"
        for table, offsets in batch.offsets.items():
            assert (offsets == two[tree].offsets[table]).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("file", [ROOT, HDF5], ids=["root", "hdf5"])
def test_values_behind_a_server_are_those_of_the_local_file(serving: Any, kind: str, file: Path) -> None:
    url = serving(kind, file)
    here, there = identify(str(file)), identify(url)
    assert (there.nbytes, there.fingerprint) == (here.nbytes, here.fingerprint)
    assert_equal(everything(url), everything(str(file)))


def test_a_selection_of_branches_moves_its_baskets_and_little_else(serving: Any, web: Web) -> None:
    url = serving("http", Path(data_path("online/km3net_online.root")))
    with open_root(url) as file:
        tree = file.tree(next(name for name, kind in file.objects.items() if kind == "TTree" and "SUMMARY" in name.upper()))
        branch = max(tree.walk(), key=lambda b: b.nbytes)
        metadata, _ = web.sent, web.forget()
        list(tree.windows([branch], 0, tree.entries, 2**20))
        wanted = sum(stop - start for start, stop in branch.ranges(0, tree.entries))
        branch.read(0, tree.entries)
        assert wanted <= web.sent <= 1.1 * wanted + 65_536
    assert metadata < 0.25 * Path(data_path("online/km3net_online.root")).stat().st_size


def test_baskets_of_all_branches_come_in_few_requests(serving: Any, web: Web) -> None:
    url = serving("http", ROOT)
    source = SOURCES.get("km3net_online")
    entry = source.describe(url)
    segment = max(entry.segments, key=lambda s: s.nbytes)
    web.forget()
    batches = list(source.read(entry, segment.tree, segment.start, segment.stop))
    gets = [r for r in web.requests if r[0] == "GET"]
    assert batches and len(gets) <= 20 and web.sent <= 1.2 * ROOT.stat().st_size


def test_a_file_that_lost_its_end_is_walked_through_in_few_requests(serving: Any, web: Web) -> None:
    """Each key says where the next one stands: asked for one by one, the file would take a round trip for every basket."""
    path = Path(__file__).parent / "data" / "killed.root"
    url = serving("http", path)
    with open_root(url) as there, open_root(str(path)) as here:
        assert len([r for r in web.requests if r[0] == "GET"]) <= 5
        assert web.sent <= 2 * path.stat().st_size
        for one, other in zip(there.tree("t").branches, here.tree("t").branches, strict=True):
            assert one.read(0, 2500).payload.tobytes() == other.read(0, 2500).payload.tobytes()


def test_metadata_are_read_in_pages_and_once(serving: Any, web: Web) -> None:
    url = serving("http", ROOT)
    with open_blob(url) as blob:
        web.forget()
        want = ROOT.read_bytes()
        for start in range(0, 60_000, 400):
            assert bytes(blob.read(start, start + 400)) == want[start : start + 400]
        assert len(web.requests) == 2 and web.sent == 65_536
        assert bytes(blob.read(blob.nbytes - 3, blob.nbytes)) == want[-3:] and bytes(blob.read(5, 5)) == b""


def test_ranges_that_were_expected_are_not_asked_for_again(serving: Any, web: Web) -> None:
    want = ROOT.read_bytes()
    with open_blob(serving("http", ROOT)) as blob:
        assert isinstance(blob, ServerBlob)
        blob.expect([(0, 1000), (500_000, 900_000)])
        blob.expect([(200_000, 200_100)])
        pieces = blob.read_many([(500_100, 500_200), (10, 20), (200_000, 200_100), (950_000, 950_010)])
        assert [bytes(p) for p in pieces] == [want[500_100:500_200], want[10:20], want[200_000:200_100], want[950_000:950_010]]
        assert len([r for r in web.requests if r[0] == "GET"]) == 4


def test_a_server_that_ignores_ranges_is_copied_once(serving: Any, web: Web) -> None:
    url = serving("http", ROOT)
    web.ranges = False
    with open_blob(url) as blob:
        want = ROOT.read_bytes()
        for start in (0, 300_000, 700_000):
            assert bytes(blob.read(start, start + 300_000)) == want[start : start + 300_000]
        blob.expect([(0, 10)])
        assert [bytes(p) for p in blob.read_many([(5, 9), (70, 90)])] == [want[5:9], want[70:90]]
        # One request found out, one took all.
        assert len([r for r in web.requests if r[0] == "GET"]) == 2
    assert identify(url).fingerprint == identify(str(ROOT)).fingerprint


def test_a_file_that_is_replaced_while_it_is_read_has_changed(serving: Any, web: Web) -> None:
    url = serving("http", ROOT)
    place = web.folder / url.removeprefix(web.url).lstrip("/")
    entry = SOURCES.get("km3net_online").describe(url)
    check_unchanged(entry)
    with open_blob(url) as blob:
        blob.read(0, 100)
        place.write_bytes(ROOT.read_bytes()[::-1])
        with pytest.raises(InputChangedError, match="replaced"):
            blob.read(600_000, 600_100)
    with pytest.raises(InputChangedError, match="changed after it was planned"):
        check_unchanged(entry)
    place.write_bytes(ROOT.read_bytes()[:-10])
    with pytest.raises(InputChangedError):
        check_unchanged(entry)
    place.unlink()
    with pytest.raises(InputMissingError):
        check_unchanged(entry)


def test_a_file_is_fingerprinted_once_while_the_server_names_the_same_version(serving: Any, web: Web) -> None:
    url = serving("http", ROOT)
    entry = SOURCES.get("km3net_online").describe(url)
    web.forget()
    for _ in range(5):
        check_unchanged(entry)
    assert web.sent == 0 and {r[0] for r in web.requests} == {"HEAD"}


@pytest.mark.parametrize("kind", ["http", "s3"])
def test_bad_connections_are_tried_again_and_the_values_are_right(
    serving: Any, kind: str, web: Web, ceph: daemon.Address, use_s3: Any
) -> None:
    url = serving(kind, ROOT)
    port = int((web.url if kind == "http" else ceph["endpoint"]).rpartition(":")[2])
    with harm_http(port, seed=11, rate=0.3, delay=0.02) as proxy:
        if kind == "http":
            url = url.replace(web.url, proxy.url)
        else:
            use_s3(ceph, endpoint=proxy.url)
        assert_equal(everything(url), everything(str(ROOT)))
        connections.forget()
    assert proxy.done.total() > 3


def test_cut_connections_to_xrootd_are_made_anew_and_the_values_are_right(serving: Any, xrootd: daemon.Address) -> None:
    url = serving("root", ROOT)
    with tap(xrootd["port"], cuts=[50_000, 120_000, 200_000]) as state:
        assert_equal(everything(url.replace(str(xrootd["port"]), str(state.port), 1)), everything(str(ROOT)))
        assert state.connections > 3
        connections.forget()


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_found_missed_and_globbed(serving: Any, kind: str, tmp_path: Path) -> None:
    (tmp_path / "a.root").write_bytes(b"x")
    url = serving(kind, tmp_path / "a.root")
    folder = url.rpartition("/")[0]
    assert expand([url]) == [url]
    with pytest.raises(InputMissingError):
        expand([f"{folder}/nothing.root"])
    if kind == "http":
        with pytest.raises(InputError, match="lists no files"):
            expand([f"{folder}/*.root"])
    else:
        assert expand([f"{folder}/[a-b]*.root"]) == [url]
        with pytest.raises(InputError, match="directory"):
            expand([folder])
        with pytest.raises(InputMissingError):
            expand([f"{folder}/z*.root"])
    with pytest.raises(InputError, match="last word"):
        expand([f"{folder}*/a.root"])


def test_a_refused_input_is_unreadable_and_a_url_with_credentials_no_input(ceph: daemon.Address, use_s3: Any) -> None:
    use_s3(ceph, secret="geheimgeheim")
    for look in (
        lambda: expand([f"s3://{BUCKET}/x.root"]),
        lambda: identify(f"s3://{BUCKET}/x.root"),
        lambda: open_blob(f"s3://{BUCKET}/x.root"),
    ):
        with pytest.raises(InputUnreadableError):
            look()
    with pytest.raises(UsageError, match="credentials"):
        expand(["https://me:geheim@host/x.root"])


def test_a_range_outside_the_file_is_damage_and_asks_nobody(serving: Any, web: Web) -> None:
    with open_blob(serving("http", ROOT)) as blob:
        web.forget()
        for ask in (lambda: blob.read(0, 2**60), lambda: blob.read_many([(0, 1), (5, 3)])):
            with pytest.raises(CorruptFileError):
                ask()
        assert not web.requests


def test_random_ranges_behind_every_server_are_those_of_the_file(serving: Any, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "x.bin").write_bytes(data)
    chance = np.random.default_rng(3)
    starts = chance.integers(0, len(data), 60)
    ranges = [(int(a), int(min(len(data), a + n))) for a, n in zip(starts, chance.integers(0, 50_000, 60), strict=True)]
    for kind in KINDS:
        with open_blob(serving(kind, tmp_path / "x.bin")) as blob:
            assert [bytes(p) for p in blob.read_many(ranges)] == [data[a:b] for a, b in ranges]
            assert [bytes(blob.read(a, b)) for a, b in ranges[:20]] == [data[a:b] for a, b in ranges[:20]]


def test_a_server_that_is_gone_is_said_so_in_one_sentence_and_is_no_rejected_input(monkeypatch: pytest.MonkeyPatch) -> None:
    from antdask.convert.scan import make_plan

    monkeypatch.setattr("antdask.remote.retry.Patience.wait", lambda self, attempt: 0.0)
    with pytest.raises(UnreachableError, match=r"failed 6 times.*Connection refused.*run the same command again"):
        make_plan(["http://127.0.0.1:9/x.root"], "memory://x")
