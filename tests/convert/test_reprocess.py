import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from antdask.archive import catalog, choices, ledger, marker, snapshot
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert.archived import SOURCE, entry_of
from antdask.convert.campaign import convert
from antdask.convert.reprocess import Coverage, Wish, plan_reprocessing, reprocess
from antdask.convert.scan import make_plan
from antdask.convert.status import status
from antdask.convert.verify import read_plainly, verify
from antdask.errors import NotAnArchiveError, UnknownNameError, UsageError, WhereError
from antdask.model.ragged import take
from antdask.query.archive import open_archive
from antdask.settings import load
from tests.batches import same

SERIAL = make_cluster("serial")
SELECT = "antdask.convert.steps:select_events"
BRIGHT = Wish("events", SELECT, {"min_hits": 150})


@pytest.fixture
def archive(real_files, tmp_path):
    """Events and tracks of ANTARES in several parts, and a KM3NeT run beside them."""
    url = str(tmp_path / "a")
    files = [real_files["antares.h5"], real_files["km3net_online.root"]]
    convert(make_plan(files, url, load(part_bytes=200_000)), SERIAL)
    return url


def batches(url, lineage=None):
    """All rows of events by part."""
    store = Store(url)
    receipts = [r for r in ledger.receipts(store) if r.stream == "events" and (lineage is None or r.lineage == lineage)]
    return {r.part: (read_plainly(store, r) if r.nbytes else None, r) for r in receipts}


def test_a_step_makes_another_lineage_beside_the_old_one_and_nothing_else_changes(archive):
    before = batches(archive)
    plan = plan_reprocessing(archive, BRIGHT)
    summary = reprocess(plan, SERIAL)
    assert summary.exit_code == 0 and summary.parts_done == len(before) == summary.parts_total
    after = batches(archive)
    assert {k: v for k, v in after.items() if k in before}.keys() == before.keys()
    made = {k: v for k, v in after.items() if k not in before}
    assert len(made) == len(before) and len(plan.lineages) == 2
    for path, (batch, receipt) in made.items():
        source, origin = before[receipt.sources[0]]
        wanted = take(source, np.flatnonzero(source.tables["events"]["n_hits"] >= 150))
        assert (batch is None and wanted.rows == 0) or same(batch, wanted), path
        assert receipt.dropped == source.rows - wanted.rows and receipt.entries == origin.entries
        assert (receipt.inputs, receipt.ranges, receipt.content) == (
            origin.inputs,
            origin.ranges,
            origin.content,
        ) and receipt.supersedes == []
    assert sum(r.rows for _, r in made.values()) not in (0, sum(r.rows for _, r in before.values()))


@pytest.mark.parametrize("mode", ["fast", "deep", "source"])
def test_a_reprocessed_archive_verifies(archive, mode):
    reprocess(plan_reprocessing(archive, BRIGHT), SERIAL)
    assert verify(archive, mode, SERIAL).problems == []


def test_queries_take_the_old_lineage_until_the_new_one_replaces_it_and_can_name_any(archive):
    rows = open_archive(archive).stream("events").count().rows
    plan = plan_reprocessing(archive, BRIGHT)
    reprocess(plan, SERIAL)
    assert open_archive(archive).stream("events").count().rows == rows
    reprocess(plan, SERIAL, replace=True)
    fewer = open_archive(archive).stream("events")
    assert 0 < fewer.count().rows < rows and fewer.count(max_bytes=10**9).rows == int(
        (fewer.to_pandas(columns=["n_hits"]).n_hits >= 150).sum()
    )
    named = sorted(plan.lineages)
    assert sum(open_archive(archive).stream("events").select(lineage=n).count().rows for n in named) == fewer.count().rows
    old = {r["lineage"] for r in catalog.load(Store(archive)).parts.to_pylist() if r["stream"] == "events" and not r["current"]}
    assert len(old) == 2 and open_archive(archive).stream("events").select(lineage=sorted(old)).count().rows == rows
    assert open_archive(archive).info()["streams"]["events"]["rows"] == fewer.count().rows


def test_the_same_wish_again_does_nothing_and_chooses_once(archive):
    for _ in range(2):
        summary = reprocess(plan_reprocessing(archive, BRIGHT), SERIAL, replace=True)
    assert summary.parts_skipped == summary.parts_total and len(choices.read(Store(archive))) == 2
    assert status(archive).exit_code == 0


def test_a_condition_alone_or_before_a_step_selects(archive):
    where = Wish("events", where="n_hits > 150 and any(hits.charge_pe > 5)", detectors=("antares",))
    plan = plan_reprocessing(archive, where)
    assert reprocess(plan, SERIAL).exit_code == 0
    made = open_archive(archive).stream("events").select(lineage=sorted(plan.lineages))
    wanted = open_archive(archive).stream("events").select(detector="antares", where=where.where)
    assert made.count() == wanted.count() and made.count().rows > 0
    both = plan_reprocessing(archive, dataclasses.replace(where, step=SELECT, options={"min_hits": 200}))
    assert reprocess(both, SERIAL).exit_code == 0
    made = open_archive(archive).stream("events").select(lineage=sorted(both.lineages))
    assert made.count() == wanted.select(where="n_hits >= 200").count() and made.count().rows > 0
    assert verify(archive, "source", SERIAL).problems == []


def test_runs_detectors_and_lineages_narrow_what_is_done(archive):
    everything = plan_reprocessing(archive, BRIGHT)
    antares = plan_reprocessing(archive, dataclasses.replace(BRIGHT, detectors=("antares",)))
    assert {p.key.run.detector for p in antares.parts} == {"antares"} and len(antares.parts) < len(everything.parts)
    assert plan_reprocessing(archive, dataclasses.replace(BRIGHT, runs=range(45978, 45979))).parts == antares.parts
    assert plan_reprocessing(archive, dataclasses.replace(BRIGHT, runs=[45978])).parts == antares.parts
    source = next(iter(antares.lineages.values()))["from"]["lineage"]
    assert plan_reprocessing(archive, dataclasses.replace(BRIGHT, lineage=source)).parts == antares.parts
    assert antares.cost()["memory_part"] > 0 and antares.id != everything.id


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"stream": "evnts"}, UnknownNameError, "Did you mean"),
        ({"lineage": "00000000"}, UnknownNameError, "Unknown lineage"),
        ({"detectors": ("nowhere",)}, UnknownNameError, "Unknown detector"),
        ({"runs": [1]}, UsageError, "Nothing is selected"),
        ({"step": ""}, UsageError, "--where"),
        ({"step": "antdask.convert.steps:select_evnts"}, UnknownNameError, "select_events"),
        ({"options": {"hits": 3}}, UsageError, "options"),
        ({"where": "n_hits >"}, WhereError, "n_hits"),
        ({"where": "charge > 3"}, UnknownNameError, "charge"),
        ({"to_stream": "evnts"}, UnknownNameError, "stream"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_before_anything_is_done(archive, change, error, message):
    with pytest.raises(error, match=message):
        plan_reprocessing(archive, dataclasses.replace(BRIGHT, **change))


def test_another_archive_may_take_the_result(archive, tmp_path):
    there = str(tmp_path / "there")
    plan = plan_reprocessing(archive, BRIGHT, into=there)
    assert reprocess(plan, SERIAL).exit_code == 0 and verify(there, "source", SERIAL).problems == []
    assert len(batches(there)) == len(batches(archive)) and not (tmp_path / "a" / "steps").exists()
    assert [p.read_bytes() for p in (tmp_path / "there" / "steps").iterdir()] == [
        Path(sys.modules["antdask.convert.steps"].__file__).read_bytes()
    ]
    with pytest.raises(NotAnArchiveError):
        plan_reprocessing(str(tmp_path / "nowhere"), BRIGHT)


def test_a_step_may_change_values_and_what_it_breaks_is_a_failure_of_its_part(archive, tmp_path, monkeypatch):
    (tmp_path / "my_steps.py").write_text(
        "def shift(batch, *, by):\n"
        "    hits = {**batch.tables['hits'], 'time_ns': batch.tables['hits']['time_ns'] + by}\n"
        "    return type(batch)(batch.stream, batch.origin, {**batch.tables, 'hits': hits}, batch.offsets)\n"
        "def fail(batch):\n"
        "    raise RuntimeError('out of luck')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    wish = Wish("events", "my_steps:shift", {"by": 12.5}, detectors=("antares",))
    plan = plan_reprocessing(archive, wish)
    assert reprocess(plan, SERIAL, replace=True).exit_code == 0
    old = next(iter(plan.lineages.values()))["from"]["lineage"]
    archive_ = open_archive(archive).stream("events").select(detector="antares")
    new, before = (s.to_pandas("hits", columns=["hits.time_ns"]).time_ns.to_numpy() for s in (archive_, archive_.select(lineage=old)))
    np.testing.assert_array_equal(new, before + 12.5)
    summary = reprocess(plan_reprocessing(archive, dataclasses.replace(wish, step="my_steps:fail", options={})), SERIAL)
    assert summary.exit_code == 4 and summary.failures[0]["kind"] == "bug" and "out of luck" in summary.failures[0]["message"]


def test_ambiguous_runs_are_refused(archive):
    store = Store(archive)
    plan = plan_reprocessing(archive, BRIGHT)
    reprocess(plan, SERIAL)
    receipt = next(r for r in ledger.receipts(store) if r.stream == "events" and not r.sources)
    rival = dataclasses.replace(receipt, lineage="0000abcd", part=receipt.part.replace(receipt.lineage, "0000abcd"))
    store.write_small(f"receipts/{rival.part}.json", rival.to_json())
    snapshot.rebuild(store)
    with pytest.raises(UsageError, match="several lineages"):
        plan_reprocessing(archive, BRIGHT)
    assert plan_reprocessing(archive, dataclasses.replace(BRIGHT, lineage=receipt.lineage)).parts


def test_a_source_of_a_later_generation_is_derived_anew_and_retires_the_stale_one(archive):
    store = Store(archive)
    first = plan_reprocessing(archive, BRIGHT)
    reprocess(first, SERIAL)
    row = next(
        r for r in catalog.load(store).parts.to_pylist() if r["part"] == min(r.sources[0] for r in ledger.receipts(store) if r.sources)
    )
    receipt = SOURCE.receipt(entry_of(store, row))
    again = dataclasses.replace(receipt, part=f"{receipt.part}.r1", supersedes=[receipt.brief()])
    store.write_small(f"parts/{again.part}.zarr.zip", store.read(f"parts/{receipt.part}.zarr.zip"))
    store.write_small(f"receipts/{again.part}.json", again.to_json())
    snapshot.rebuild(store)
    second = plan_reprocessing(archive, BRIGHT)
    stale = next(r.part for r in ledger.receipts(store) if r.sources == [receipt.part])
    assert second.retires == (stale,)
    assert reprocess(second, SERIAL).parts_skipped == len(second.parts) - 1
    parts = catalog.load(store).parts["part"].to_pylist()
    assert f"{stale}.r1" in parts and stale not in parts and receipt.part not in parts


def test_coverage_counts_entries_of_one_lineage():
    held = Coverage()
    held.add("l", ["f"], [{"input": 0, "tree": "T", "start": 0, "stop": 40}, {"input": 0, "tree": "T", "start": 60, "stop": 100}])
    assert held.share("l", ["x", "f"], [{"input": 1, "tree": "T", "start": 20, "stop": 80}]) == pytest.approx(2 / 3)
    assert held.share("m", ["f"], [{"input": 0, "tree": "T", "start": 0, "stop": 40}]) == 0
    assert held.share("l", ["f"], [{"input": 0, "tree": "U", "start": 0, "stop": 40}]) == 0
    assert held.share("l", ["f"], []) == 0


def test_an_empty_archive_has_nothing_to_reprocess(tmp_path):
    marker.create(Store(str(tmp_path / "a")))
    with pytest.raises(UnknownNameError, match="Known: none"):
        plan_reprocessing(str(tmp_path / "a"), BRIGHT)
