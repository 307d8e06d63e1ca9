"""Archives of every schema version stay readable, and the same lineage gives the same bytes for ever.

``archive-1.0.zip`` holds parts and receipts of an archive of three real files, made by the first code that wrote schema 1.0; without plans and catalogue,
which name the machine they were made on. ``archive-1.0-writer2.zip`` is the same of the second version of the writer (`tests.golden.making`).
"""

import zipfile
from pathlib import Path

import awkward as ak
import pytest

import antdask
from antdask.archive import snapshot
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan

GOLDEN = sorted(Path(__file__).parent.glob("archive-*.zip"))
FILES = ("antares.h5", "KM3NeT_00000049_00008456.summaryslice-167941.root", "KM3NeT_00000133_JDAQEvent.root")


@pytest.fixture(params=GOLDEN, ids=lambda path: path.stem)
def golden(request, tmp_path):
    with zipfile.ZipFile(request.param) as file:
        file.extractall(tmp_path / "old")
    snapshot.rebuild(Store(str(tmp_path / "old")))
    return tmp_path / "old"


def test_an_old_archive_is_opened_and_read(golden):
    archive = antdask.open_archive(str(golden))
    events = archive.stream("events").select(detector="antares").to_awkward(["n_hits", "n_triggered", "hits.om", "hits.charge_pe"])
    assert len(events) == 81 and int(ak.sum(events.n_hits)) == 13_556
    assert int(ak.sum(events.hits.om)) == 527_191 and float(ak.max(events.hits.charge_pe)) == pytest.approx(35.57, abs=0.01)
    tracks = archive.stream("reco").to_pandas(columns=["exists", "quality"])
    assert len(tracks) == 23 and tracks["exists"].sum() == 19
    assert archive.stream("rates").count().rows == 1
    assert archive.stream("events").select(run=13340).count().hits == 9_144


def test_the_same_lineage_gives_the_same_bytes_today(golden, real_files, tmp_path):
    with make_cluster("serial") as cluster:
        convert(make_plan([real_files[name] for name in FILES], str(tmp_path / "new")), cluster)
    new = {str(p.relative_to(tmp_path / "new")): p for p in (tmp_path / "new" / "parts").rglob("*.zip")}
    old = {str(p.relative_to(golden)): p for p in (golden / "parts").rglob("*.zip")}
    # Beside what was archived then stands how the files were made.
    assert len(old) == 4 and len([name for name in new if "/headers/" not in name]) == 4
    for name in new.keys() & old.keys():
        assert new[name].read_bytes() == old[name].read_bytes(), (
            f"{name}: other bytes under the same lineage; raise WRITER_VERSION or the version of the reader"
        )


def test_planning_the_same_files_again_adds_how_they_were_made_and_touches_nothing(golden, real_files, request):
    before = {p: p.read_bytes() for p in (golden / "parts").rglob("*.zip")}
    with make_cluster("serial") as cluster:
        summary = convert(make_plan([real_files[name] for name in FILES], str(golden)), cluster)
    after = {p: p.read_bytes() for p in (golden / "parts").rglob("*.zip")}
    assert {p: after[p] for p in before} == before
    added = {p.relative_to(golden / "parts").parts[1] for p in after.keys() - before.keys()}
    if "writer2" in request.node.name:  # the writer of today
        assert (added, summary.parts_skipped) == ({"headers"}, 4)
        assert sorted(set(antdask.open_archive(str(golden)).headers("META/JMeta;1").value)) == ["JConvert"]
