import pytest

from antdask.archive import choices
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.lineages import lineages, use_lineage
from antdask.convert.reprocess import Wish, plan_reprocessing, reprocess
from antdask.convert.scan import make_plan
from antdask.errors import UnknownNameError, UsageError
from antdask.query.archive import open_archive

SERIAL = make_cluster("serial")
STEP = "antdask.convert.steps:select_events"


@pytest.fixture
def archive(real_files, tmp_path):
    """Events of two detectors, each with a derived lineage beside the first."""
    url = str(tmp_path / "a")
    convert(make_plan([real_files["antares.h5"], real_files["km3net_online.root"]], url), SERIAL)
    plan = plan_reprocessing(url, Wish("events", STEP, {"min_hits": 150}))
    reprocess(plan, SERIAL)
    return url, plan


def test_each_lineage_is_told_with_what_made_it(archive):
    url, plan = archive
    found = {r["lineage"]: r for r in lineages(url) if r["stream"] == "events"}
    assert len(found) == 4 and set(plan.lineages) < set(found)
    for name, document in plan.lineages.items():
        new, old = found[name], found[document["from"]["lineage"]]
        assert (new["step"], new["source"], new["where"]) == (f"{STEP} (min_hits=150)", old["lineage"], "")
        assert (new["runs"], new["runs_current"], old["runs_current"], old["source"], old["step"]) == (1, 0, 1, "", "")
        assert new["rows"] <= old["rows"] and new["reader"] == "archive_part 1" and old["parts"] == 1


def test_a_lineage_is_used_until_another_is(archive):
    url, plan = archive
    new = next(n for n, d in plan.lineages.items() if d["origin"] == "seatray")
    old = plan.lineages[new]["from"]["lineage"]
    rows = open_archive(url).stream("events").select(detector="antares").count().rows
    assert use_lineage(url, "events", new, dry_run=True) == {"stream": "events", "lineage": new, "runs": 1, "changed": 1}
    assert choices.read(Store(url)) == []
    assert use_lineage(url, "events", new)["changed"] == 1 and use_lineage(url, "events", new)["changed"] == 0
    assert 0 < open_archive(url).stream("events").select(detector="antares").count().rows < rows
    assert use_lineage(url, "events", old, [45978, 1], ["antares"]) == {
        "stream": "events",
        "lineage": old,
        "runs": 1,
        "changed": 1,
    }
    assert open_archive(url).stream("events").select(detector="antares").count().rows == rows


def test_what_is_not_there_is_refused(archive):
    url, plan = archive
    with pytest.raises(UnknownNameError, match="Unknown lineage"):
        use_lineage(url, "events", "00000000")
    with pytest.raises(UnknownNameError, match="Unknown lineage"):
        use_lineage(url, "mc", next(iter(plan.lineages)))
    with pytest.raises(UsageError, match="none of these runs"):
        use_lineage(url, "events", next(iter(plan.lineages)), [1])
