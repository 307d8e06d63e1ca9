import shutil
from pathlib import Path

import numpy as np
import pytest

from antdask.archive import catalog, ledger
from antdask.archive import layout as lay
from antdask.archive.plans import PlanFile
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.compaction import plan_compaction
from antdask.convert.garbage import collect_garbage, find_garbage
from antdask.convert.quarantine import Case, cases, causes, readmit
from antdask.convert.reprocess import Wish, plan_reprocessing, reprocess
from antdask.convert.scan import make_plan
from antdask.convert.status import status
from antdask.convert.verify import verify
from antdask.errors import UnknownNameError, UsageError
from antdask.query.archive import open_archive
from antdask.settings import load
from antdask.simulate.damage import badbasket

SERIAL = make_cluster("serial")
SMALL = load(part_bytes=2_000_000)
#: Seeds of damage: in the middle of the file, which its fingerprint does not see; and near its beginning, where it does.
MIDDLE, FRONT = 0, 1


def damaged(path, seed):
    data = bytearray(Path(path).read_bytes())
    badbasket(data, np.random.default_rng(seed))
    return bytes(data)


@pytest.fixture
def place(real_files, tmp_path):
    """A good file, a file to be damaged, and an archive of both."""
    for name in ("antares.h5", "muon_cc_daqevents.root"):
        shutil.copy(real_files[name], tmp_path / name)
    muons = tmp_path / "muon_cc_daqevents.root"
    good = muons.read_bytes()

    def archive(data):
        muons.write_bytes(data)
        url = str(tmp_path / "a")
        summary = convert(make_plan([str(tmp_path / "antares.h5"), str(muons)], url, SMALL), SERIAL)
        muons.write_bytes(good)
        return url, summary

    return archive, muons


@pytest.fixture(scope="module")
def undisturbed(real_files, tmp_path_factory):
    """The same archive from sound files."""
    url = str(tmp_path_factory.mktemp("undisturbed") / "a")
    convert(make_plan([real_files["antares.h5"], real_files["muon_cc_daqevents.root"]], url, SMALL), SERIAL)
    return url


def values(url):
    """Every value of every row of each stream, in the order of the legacy files, but for the number of the input in its part."""
    archive = open_archive(url)
    frames = {name: archive.stream(name).to_arrow().to_pandas() for name in archive.streams}
    return {
        name: f.sort_values(["run", "source_entry", "source_input"]).drop(columns=["source_input"]).to_json(orient="records")
        for name, f in frames.items()
    }


def carry_out(found):
    return convert(PlanFile(found.plan), SERIAL)


def test_what_is_lost_is_told_by_cause(place):
    archive, muons = place
    url, summary = archive(damaged(muons, FRONT))
    found = cases(url)
    assert {c.code for c in found} == {"corrupt"} and sum(c.entries for c in found) == summary.quarantined == 4
    assert causes(found) == [{"code": "corrupt", "inputs": 1, "rejected": 0, "parts": len(found), "stretches": len(found), "entries": 4}]
    one = found[0]
    assert cases(url, [one.part]) == [one] and cases(url, ["muon*"]) == found and cases(url, [str(muons)], ["corrupt"]) == found
    assert one.name == "muon_cc_daqevents.root" and one.url == str(muons) and "damaged" in one.reason
    for wrong in ({"names": ["antares.h5"]}, {"codes": ["input-missing"]}):
        with pytest.raises(UnknownNameError, match="in quarantine"):
            cases(url, **wrong)


def test_entries_that_can_be_read_again_come_back_and_nothing_else_changes(place, undisturbed):
    archive, muons = place
    url, _ = archive(damaged(muons, MIDDLE))
    store = Store(url)
    opened, before = (
        open_archive(url).stream("events"),
        {p: store.read(lay.part_file(p)) for p in catalog.load(store).parts["part"].to_pylist()},
    )
    rows = opened.count().rows
    dry = readmit(url, dry_run=True)
    assert (dry.plan, dry.again, dry.parts) == ("", 1, 1) and len(store.list("plans")) == 1
    found = readmit(url)
    assert (found.again, found.replaced, found.accepted, found.parts, found.refused) == (1, 0, 0, 1, [])
    assert status(url).exit_code == 4 and open_archive(url).stream("events").count().rows == rows
    assert carry_out(found).exit_code == 0 and status(url).exit_code == 0
    assert values(url) == values(undisturbed) and cases(url) == []
    [(old, new)] = [(r["part"], r["part"] + ".r1") for r in catalog.load(store).superseded.to_pylist()]
    assert store.read(lay.part_file(old)) == before[old] and new in catalog.load(store).parts["part"].to_pylist()
    assert all(store.read(lay.part_file(p)) == data for p, data in before.items())
    assert len(opened.to_pandas(columns=["n_hits"])) == rows  # who opened it before reads on
    assert verify(url, "source", SERIAL).problems == []
    collect_garbage(find_garbage(url, older=0))
    assert status(url, files=True).exit_code == 0 and verify(url, "source", SERIAL).problems == []
    assert (
        convert(make_plan([str(muons)], url, SMALL), SERIAL).parts_done
        == convert(make_plan([str(muons)], url, SMALL), SERIAL).parts_skipped
    )


def test_a_file_that_was_replaced_comes_whole_and_all_of_the_old_one_goes(place, undisturbed):
    archive, muons = place
    url, _ = archive(damaged(muons, FRONT))
    before = [r.part for r in ledger.receipts(Store(url)) if r.detector != "antares"]
    found = readmit(url, settings=SMALL)
    assert (found.again, found.replaced, found.parts, found.refused) == (0, len(before), len(before), [])
    assert set(PlanFile(found.plan).retires) == set(before)
    assert carry_out(found).exit_code == 0
    assert values(url) == values(undisturbed) and cases(url) == [] and status(url, files=True).exit_code == 0
    assert set(catalog.load(Store(url)).superseded["part"].to_pylist()) == set(before)
    assert verify(url, "source", SERIAL).problems == []


def test_an_input_that_could_not_be_described_is_taken_up_when_it_can(place, undisturbed):
    archive, muons = place
    url, summary = archive(muons.read_bytes()[:3_000_000])
    assert summary.rejected == 1 and [c.part for c in cases(url)] == [""]
    found = readmit(url, settings=SMALL)
    assert (found.again, found.replaced, found.accepted) == (0, 0, 1)
    assert carry_out(found).exit_code == 0 and cases(url) == []
    assert values(url) == values(undisturbed)


def test_what_cannot_be_read_yet_is_named_and_the_rest_taken(place):
    archive, muons = place
    url, _ = archive(damaged(muons, MIDDLE))
    muons.unlink()
    found = readmit(url)
    assert (
        found.plan == "" and found.parts == 0 and [u for u, _ in found.refused] == [str(muons)] and "no such input" in found.refused[0][1]
    )
    muons.write_bytes(b"root" + bytes(100))
    found = readmit(url)
    assert found.parts == 0 and [u for u, _ in found.refused] == [str(muons)]


def test_a_gap_in_a_merged_part_is_closed_too(place, undisturbed):
    archive, muons = place
    url, _ = archive(damaged(muons, MIDDLE))
    convert(plan_compaction(url, settings=load(part_bytes=10**9)).plan, SERIAL)
    collect_garbage(find_garbage(url, older=0))
    found = readmit(url)
    assert found.again == found.parts == 1 and carry_out(found).exit_code == 0
    assert values(url) == values(undisturbed) and cases(url) == [] and status(url, files=True).exit_code == 0


def test_what_a_merged_part_holds_of_other_files_stays(real_files, tmp_path):
    good = Path(real_files["KM3NeT_00000267_00025291_L1.root"]).read_bytes()
    one, other = tmp_path / "one.root", tmp_path / "other.root"
    other.write_bytes(good + bytes(8))  # the same run in a file of its own
    one.write_bytes(good)
    url, whole = str(tmp_path / "a"), str(tmp_path / "whole")
    convert(make_plan([str(one), str(other)], whole, SMALL), SERIAL)
    one.write_bytes(damaged(one, MIDDLE))  # within the first mebibyte of this small file
    assert convert(make_plan([str(one), str(other)], url, SMALL), SERIAL).quarantined == 3
    convert(plan_compaction(url, settings=load(part_bytes=10**9)).plan, SERIAL)
    assert sorted(catalog.load(Store(url)).parts["stream"].to_pylist()) == ["headers", "timeslices_l1"] and cases(url)
    one.write_bytes(good)
    found = readmit(url, settings=SMALL)
    assert found.replaced == 2 and found.parts == 5 and carry_out(found).exit_code == 0
    assert values(url) == values(whole) and cases(url) == [] and verify(url, "source", SERIAL).problems == []
    assert status(url, files=True).exit_code == 0


def test_a_part_that_would_lose_more_does_not_replace_the_one_that_is_there(place):
    archive, muons = place
    url, _ = archive(damaged(muons, MIDDLE))
    found = readmit(url)
    worse = bytearray(damaged(muons, MIDDLE))
    receipt = next(r for r in ledger.receipts(Store(url)) if r.lost)
    good = muons.read_bytes()
    for seed in range(40):
        again = bytearray(good)
        badbasket(again, np.random.default_rng(seed))
        if again[: 2**20] == good[: 2**20] and again[-(2**20) :] == good[-(2**20) :]:
            worse = bytearray(a if a != g else b for a, b, g in zip(again, worse, good, strict=True))
    muons.write_bytes(bytes(worse))
    summary = carry_out(found)
    kept = {r["part"]: r for r in catalog.load(Store(url)).parts.to_pylist()}
    assert receipt.part in kept or kept[f"{receipt.part}.r1"]["lost"] <= receipt.lost
    assert summary.exit_code in (0, 4) and status(url).exit_code in (0, 4)


def test_a_second_attempt_is_another_generation(place):
    archive, muons = place
    url, _ = archive(bad := damaged(muons, MIDDLE))
    muons.write_bytes(bad)
    assert carry_out(readmit(url)).quarantined == 1
    [case] = cases(url)
    assert case.part.endswith(".r1") and status(url).exit_code == 0
    assert carry_out(readmit(url)).quarantined == 1 and cases(url)[0].part.endswith(".r2")


def test_what_is_planned_already_is_not_planned_twice(place):
    archive, muons = place
    url, _ = archive(damaged(muons, MIDDLE))
    first = readmit(url)
    again = readmit(url)
    assert (again.plan, again.parts, again.pending) == ("", 0, [first.plan]) and len(Store(url).list("plans")) == 2
    assert carry_out(first).exit_code == 0 and cases(url) == []


def test_derived_parts_follow_when_they_are_reprocessed(place, undisturbed):
    archive, muons = place
    url, _ = archive(damaged(muons, MIDDLE))
    wish = Wish("events", "antdask.convert.steps:select_events", {"min_hits": 10})
    reprocess(plan_reprocessing(url, wish), SERIAL, replace=True)
    found = readmit(url)
    assert len(found.derived) == 1 and found.again == 1
    carry_out(found)
    assert len(cases(url)) == 1  # of the derived part, which is stale
    assert reprocess(plan_reprocessing(url, wish), SERIAL, replace=True).exit_code == 0
    assert cases(url) == [] and status(url).exit_code == 0
    assert open_archive(url).stream("events").count() == open_archive(undisturbed).stream("events").select(where="n_hits >= 10").count()


def test_an_archive_without_losses_has_nothing_to_readmit(place):
    archive, muons = place
    url, _ = archive(muons.read_bytes())
    assert cases(url) == [] == causes([])
    with pytest.raises(UsageError, match="Nothing is in quarantine"):
        readmit(url)


def test_names_fit_parts_inputs_and_globs():
    case = Case("a.root", "/data/x/a.root", "corrupt", "why", "antares/events/l/1/0000-c", "T", 3, 5)
    assert case.entries == 2 and all(case.fits([w]) for w in ("a.root", "*.root", "/data/*", "antares/*", case.part)) and case.fits([])
    assert not case.fits(["b.root"]) and not Case("a", "/a", "c", "r").fits(["antares/*"])
