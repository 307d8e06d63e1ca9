import time
from pathlib import Path

import pytest

from antdask.archive import catalog, failed, snapshot
from antdask.archive import layout as lay
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.compaction import plan_compaction
from antdask.convert.garbage import collect_garbage, find_garbage
from antdask.convert.scan import make_plan
from antdask.convert.status import status
from antdask.convert.verify import verify
from antdask.query.archive import open_archive
from antdask.settings import load

SERIAL = make_cluster("serial")


@pytest.fixture
def archive(real_files, tmp_path):
    """An archive whose parts were merged."""
    url = str(tmp_path / "a")
    convert(make_plan([real_files["antares.h5"]], url, load(part_bytes=200_000)), SERIAL)
    convert(plan_compaction(url, settings=load(part_bytes=10**9)).plan, SERIAL)
    return url


def content(url):
    return {str(p.relative_to(url)): p.read_bytes() for p in Path(url).rglob("*") if p.is_file() and "catalogue" not in p.parts}


def test_what_is_listed_goes_and_nothing_else(archive):
    store = Store(archive)
    merged, rows = catalog.load(store), open_archive(archive).info()["total"]["rows"]
    before = content(archive)
    found = find_garbage(archive, older=0)
    assert content(archive) == before and sorted(found.superseded) == merged.superseded["part"].to_pylist()
    assert found.nbytes == sum(len(before[lay.part_file(p)]) for p in found.superseded) > 0 and found.kept == {} and not found.orphans
    gone = collect_garbage(found)
    wanted = {
        name: data for name, data in before.items() if not any(name in (lay.part_file(p), lay.receipt_file(p)) for p in found.superseded)
    }
    assert content(archive) == wanted and gone.deleted
    assert open_archive(archive).info()["total"]["rows"] == rows
    assert verify(archive, "source", SERIAL).problems == [] and status(archive, files=True).exit_code == 0
    again = find_garbage(archive, older=0)
    assert (again.superseded, again.orphans, again.failures, again.kept) == ({}, {}, [], {})


def test_nothing_young_goes(archive):
    found = find_garbage(archive)
    assert (found.superseded, found.orphans, found.snapshots) == ({}, {}, []) and found.young > 2
    time.sleep(0.05)
    assert find_garbage(archive, older=0.04).superseded


def test_a_part_stays_while_who_stands_for_it_is_not_whole(archive):
    store = Store(archive)
    [victim, *_] = [p for p in catalog.load(store).parts["part"].to_pylist() if "/events/" in p]
    file = Path(store.full(lay.part_file(victim)))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    sources = [r["part"] for r in catalog.load(store).superseded.to_pylist() if r["by"] == victim]
    assert find_garbage(archive, older=0).kept == {}
    found = find_garbage(archive, older=0, deep=True)
    assert sorted(found.kept) == sources and "checksum" in found.kept[sources[0]]
    file.write_bytes(data[:-1])
    assert sorted(find_garbage(archive, older=0).kept) == sources
    store.remove(lay.receipt_file(victim))
    assert not set(find_garbage(archive, older=0).superseded) & set(sources)
    assert set(sources) <= set(catalog.load(store).parts["part"].to_pylist())


def test_orphans_go_when_nobody_signs_them(archive):
    store = Store(archive)
    part = catalog.load(store).parts["part"][0].as_py()
    stray = part[:-1] + ("0" if part[-1] != "0" else "1")
    store.write_small(lay.part_file(stray), b"abc")
    assert find_garbage(archive).orphans == {}
    found = find_garbage(archive, older=0)
    assert found.orphans == {stray: 3}
    # Signed in the meantime.
    store.write_small(lay.receipt_file(stray), store.read(lay.receipt_file(part)))
    collect_garbage(found)
    assert store.exists(lay.part_file(stray))
    store.remove(lay.receipt_file(stray))
    collect_garbage(find_garbage(archive, older=0))
    assert not store.exists(lay.part_file(stray)) and store.exists(lay.part_file(part))


def test_old_snapshots_and_records_of_parts_that_are_done_go(archive):
    store = Store(archive)
    plan = next(iter(status(archive).campaigns))["plan"]
    failed.keep(store, plan, 0, {"kind": "data"})
    for _ in range(3):
        snapshot.rebuild(store)
    found = find_garbage(archive, older=0)
    assert found.failures == [(plan, 0)] and len(found.snapshots) >= 3
    collect_garbage(found)
    assert failed.numbers(store, plan) == []
    kept = {p.split("/")[1] for p in store.list("catalogue") if p.count("/") == 2}
    assert catalog.load(store).snapshot in kept and not kept & set(found.snapshots)


def test_a_reader_of_an_old_snapshot_loses_only_what_was_cleared(real_files, tmp_path):
    url = str(tmp_path / "a")
    convert(make_plan([real_files["antares.h5"]], url, load(part_bytes=200_000)), SERIAL)
    opened = open_archive(url).stream("events")
    rows = opened.count().rows
    convert(plan_compaction(url, settings=load(part_bytes=10**9)).plan, SERIAL)
    find_garbage(url, older=0)
    assert len(opened.to_pandas(columns=["n_hits"])) == rows
