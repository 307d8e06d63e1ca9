import dataclasses
import shutil
from pathlib import Path

import pytest

from antdask.archive import catalog, ledger, snapshot
from antdask.archive import layout as lay
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert import lineage
from antdask.convert.campaign import convert
from antdask.convert.compaction import plan_compaction
from antdask.convert.material import Material
from antdask.convert.reprocess import Wish, plan_reprocessing, reprocess
from antdask.convert.scan import make_plan
from antdask.convert.status import status
from antdask.convert.verify import verify
from antdask.errors import ConflictError, DamagedPartError, PlanError, UnknownNameError
from antdask.query.archive import open_archive
from antdask.settings import load

SERIAL = make_cluster("serial")
SMALL, LARGE = load(part_bytes=200_000), load(part_bytes=1_000_000)
NAMES = ("antares.h5", "events_sample.root", "km3net_online.root")


@pytest.fixture
def files(real_files):
    return [real_files[name] for name in NAMES]


@pytest.fixture
def archive(files, tmp_path):
    url = str(tmp_path / "a")
    convert(make_plan(files, url, SMALL), SERIAL)
    return url


def compact(url, settings=LARGE, **which):
    found = plan_compaction(url, settings=settings, **which)
    return found, convert(found.plan, SERIAL)


def live(url):
    """Content of the part files that the catalogue names."""
    store = Store(url)
    return {p: store.read(lay.part_file(p)) for p in catalog.load(store).parts["part"].to_pylist()}


def values(url):
    """Every value of every row of each stream, but for the number of the input in its part."""
    archive = open_archive(url)
    found = {}
    for name in archive.streams:
        frame = archive.stream(name).to_arrow().to_pandas()
        found[name] = frame.drop(columns=["source_input"]).to_json()
    return found


def clear(url):
    """What `antdask gc` does in the end."""
    store = Store(url)
    for part in catalog.load(store).superseded["part"].to_pylist():
        store.remove(lay.receipt_file(part))
        store.remove(lay.part_file(part))
    snapshot.rebuild(store)


def test_merged_parts_are_to_the_byte_those_of_a_conversion_with_large_parts(archive, files, tmp_path):
    convert(make_plan(files, str(tmp_path / "large"), LARGE), SERIAL)
    before = values(archive)
    found, summary = compact(archive, load(part_bytes=10**9))
    assert summary.exit_code == 0 and summary.parts_done == found.after == len(found.plan.parts) < found.before
    convert(make_plan(files, str(tmp_path / "whole"), load(part_bytes=10**9)), SERIAL)
    assert live(archive) == live(str(tmp_path / "whole")) and values(archive) == before
    assert found.left_alone == {}


def test_parts_of_an_older_writer_are_left_alone_and_their_plans_are_refused(archive, files, monkeypatch):
    plan = make_plan(files, archive, LARGE)
    monkeypatch.setattr(lineage, "WRITER_VERSION", lineage.WRITER_VERSION + 1)
    found = plan_compaction(archive, settings=LARGE)
    assert found.before == 0 and set(found.left_alone) == set(plan.lineages) and "another version" in next(iter(found.left_alone.values()))
    with pytest.raises(PlanError, match="another version of the writer"):
        Material(plan.assignment(0))


@pytest.mark.parametrize("mode", ["fast", "deep", "source"])
@pytest.mark.parametrize("cleared", [False, True])
def test_a_compacted_archive_verifies(archive, mode, cleared):
    compact(archive)
    if cleared:
        clear(archive)
    report = verify(archive, mode, SERIAL)
    assert report.problems == [] and report.parts == len(live(archive))


def test_nothing_is_converted_again_after_a_compaction(archive, files):
    before = status(archive).campaigns[0]
    _, merged = compact(archive)
    after = values(archive)
    for _ in range(2):
        again = convert(make_plan(files, archive, SMALL), SERIAL)
        assert (again.parts_skipped, again.parts_done) == (again.parts_total,) * 2
        assert {c["plan"]: c for c in status(archive, files=True).campaigns}[before["plan"]] == before
        assert status(archive).campaigns[0]["parts_missing"] == 0 == status(archive).exit_code
        assert values(archive) == after and merged.exit_code == 0
        clear(archive)
    with pytest.raises(ConflictError, match="cut in another way"):
        convert(make_plan(files, archive, load(part_bytes=300_000)), SERIAL)


def test_who_opened_the_archive_before_reads_on(archive):
    opened = open_archive(archive).stream("events")
    rows = opened.count().rows
    compact(archive)
    assert len(opened.to_pandas(columns=["n_hits"])) == rows == open_archive(archive).stream("events").count().rows


def test_there_is_nothing_to_do_a_second_time(archive):
    compact(archive)
    again, summary = compact(archive)
    assert (again.before, again.after, len(again.plan.parts)) == (0, 0, 0) and summary.exit_code == 0


def test_merged_parts_are_merged_again_and_everything_stays_known(archive, files):
    before, first = values(archive), status(archive).campaigns[0]
    compact(archive, load(part_bytes=500_000))
    clear(archive)
    found, _ = compact(archive, load(part_bytes=10**9))
    assert found.after > 0 and values(archive) == before
    clear(archive)
    assert {c["plan"]: c for c in status(archive, files=True).campaigns}[first["plan"]] == first and status(archive).exit_code == 0
    assert verify(archive, "source", SERIAL).problems == []
    assert convert(make_plan(files, archive, SMALL), SERIAL).parts_skipped == first["parts_total"]
    snapshot.rebuild(Store(archive), whole=True)
    assert {c["plan"]: c for c in status(archive, files=True).campaigns}[first["plan"]] == first and values(archive) == before


def test_streams_detectors_and_runs_narrow_what_is_merged(archive):
    found = plan_compaction(archive, ["events"], ["antares"], settings=LARGE)
    assert {(p.key.stream, p.key.run.detector) for p in found.plan.parts} == {("events", "antares")}
    assert plan_compaction(archive, ["events"], runs=[45978], settings=LARGE).plan.parts == found.plan.parts
    assert plan_compaction(archive, runs=[1], settings=LARGE).after == 0
    for wrong in ({"streams": ["evnts"]}, {"detectors": ["nowhere"]}):
        with pytest.raises(UnknownNameError):
            plan_compaction(archive, **wrong)


def test_what_was_lost_stays_on_the_account(real_files, tmp_path, monkeypatch):
    from antdask.sources import SOURCES
    from tests.convert.test_part import Fragile

    copy = shutil.copy(real_files["KM3NeT_00000267_00025291_SN.root"], tmp_path / "sn.root")
    monkeypatch.setitem(SOURCES._loaded, "km3net_online", Fragile({7, 50, 99}))
    Fragile.describe, Fragile.sniff = (lambda self, url: self.real.describe(url)), (lambda self, url, head: self.real.sniff(url, head))
    try:
        url = str(tmp_path / "a")
        convert(make_plan([str(copy)], url, load(part_bytes=100_000)), SERIAL)
    finally:
        del Fragile.describe, Fragile.sniff
        monkeypatch.undo()
    store = Store(url)
    before = catalog.load(store).quarantine.select(["fingerprint", "tree", "start", "stop"]).to_pylist()
    assert len(before) == 3
    compact(url, load(part_bytes=10**9))
    assert catalog.load(store).quarantine.select(["fingerprint", "tree", "start", "stop"]).to_pylist() == before
    receipt = next(r for r in ledger.receipts(store) if r.supersedes)
    assert receipt.lost == 3 and receipt.rows == 97 and receipt.entries == 100 and receipt.dropped == 0
    assert verify(url, "deep", SERIAL).problems == []


def test_a_derived_lineage_is_merged_like_any_other(archive):
    wish = Wish("events", "antdask.convert.steps:select_events", {"min_hits": 100}, detectors=("antares",))
    plan = plan_reprocessing(archive, wish)
    reprocess(plan, SERIAL, replace=True)
    rows = open_archive(archive).stream("events").count()
    compact(archive, load(part_bytes=10**9))
    clear(archive)
    assert open_archive(archive).stream("events").count() == rows
    assert verify(archive, "deep", SERIAL).problems == [] and status(archive).exit_code == 0
    # The same wish on the merged parts finds its entries derived already.
    again = plan_reprocessing(archive, wish)
    assert len(again.parts) <= 1 and reprocess(again, SERIAL).parts_skipped == len(again.parts)


def test_what_was_derived_before_its_sources_were_merged_is_not_derived_again(archive):
    wish = Wish("events", "antdask.convert.steps:select_events", {"min_hits": 100}, detectors=("antares",))
    reprocess(plan_reprocessing(archive, wish), SERIAL)
    source = {
        r["lineage"] for r in catalog.load(Store(archive)).parts.to_pylist() if r["detector"] == "antares" and r["stream"] == "events"
    }
    lineage = next(iter(plan_reprocessing(archive, wish).lineages.values()))["from"]["lineage"]
    assert lineage in source and len(source) == 2
    found = plan_compaction(archive, ["events"], ["antares"], settings=load(part_bytes=10**9))
    only = [p for p in found.plan.parts if p.key.lineage == lineage]
    used = [found.plan.inputs[r.input] for r in only[0].ranges]
    ranges = tuple(dataclasses.replace(r, input=n) for n, r in enumerate(only[0].ranges))
    convert(dataclasses.replace(found.plan, parts=(dataclasses.replace(only[0], index=0, ranges=ranges),), inputs=tuple(used)), SERIAL)
    assert plan_reprocessing(archive, wish).parts == ()


def test_a_source_that_is_damaged_fails_its_part_and_nothing_is_switched(archive):
    store = Store(archive)
    found = plan_compaction(archive, settings=LARGE)
    victim = found.plan.inputs[0].url
    data = bytearray(Path(victim).read_bytes())
    data[len(data) // 2] ^= 1
    Path(victim).write_bytes(data)
    before = set(catalog.load(store).parts["part"].to_pylist())
    summary = convert(found.plan, SERIAL, load(attempts=1))
    assert summary.exit_code == 4 and summary.parts_failed == 1 and summary.failures[0]["code"] == DamagedPartError.code
    lost = [b.removeprefix(f"{store.root}/parts/").removesuffix(".zarr.zip") for b in [victim]]
    assert set(lost) <= set(catalog.load(store).parts["part"].to_pylist()) & before


def test_a_merged_part_that_does_not_read_back_is_not_signed(archive, monkeypatch):
    found = plan_compaction(archive, settings=LARGE)
    monkeypatch.setattr("antdask.convert.part.stored_batches", lambda *a: iter(()))
    summary = convert(found.plan, SERIAL, load(attempts=1))
    assert summary.parts_failed == summary.parts_total > 0 and "does not read back" in summary.failures[0]["message"]
    assert catalog.load(Store(archive)).superseded.num_rows == 0
