import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antdask.archive import failed
from antdask.archive import layout as lay
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.chronicle import curves, tell, with_failures
from antdask.convert.scan import make_plan
from antdask.errors import UnknownNameError
from antdask.settings import load

SERIAL = make_cluster("serial")


@pytest.fixture(scope="module")
def archive(real_files, tmp_path_factory):
    """Two campaigns; of the second one part failed."""
    folder = tmp_path_factory.mktemp("chronicle")
    url = str(folder / "a")
    first = make_plan([real_files["antares.h5"]], url, load(part_bytes=200_000))
    convert(first, SERIAL)
    copy = folder / "online.root"
    shutil.copy(real_files["km3net_online.root"], copy)
    second = make_plan([str(copy), str(folder / "none.root")], url)
    copy.rename(folder / "hidden")
    convert(second, SERIAL)
    return url, first, second


def test_a_chronicle_adds_up(archive):
    url, first, second = archive
    told = tell(url)
    assert {p["plan"]: p["parts_done"] for p in told.plans} == {first.id: len(first.parts), second.id: 0}
    assert told.totals["parts"] == len(first.parts) and told.totals["rows"] == 104 and told.totals["hits"] == 13_556
    assert sum(s["rows"] for s in told.streams) == 104 == sum(h["rows"] for h in told.hosts) and len(told.hosts) == 1
    assert told.totals["cpu_seconds"] == pytest.approx(sum(h["cpu_seconds"] for h in told.hosts))
    assert told.totals["wall_seconds"] > 0 and told.totals["first_start"] <= told.totals["last_end"]
    assert told.failure_classes == {"data": len(second.parts)} and {r["code"] for r in told.failures} == {"input-missing"}
    assert [(c["code"], c["rejected"]) for c in told.causes] == [("input-missing", 1)]
    [(name, environment)] = told.environments.items()
    assert environment["parts"] == len(first.parts) and environment["packages"]["numpy"] == np.__version__ and len(name) == 16
    assert told.curves["parts_done"][-1] == len(first.parts) and len(told.curves["time"]) == 121
    widths = np.diff(told.curves["time"])
    assert (widths * told.curves["bytes_per_second"]).sum() == pytest.approx(told.totals["bytes_in"], rel=1e-4)
    json.dumps(told.to_dict())


def test_one_plan_is_told_alone(archive):
    url, first, second = archive
    assert tell(url, first.id[:6]).totals["parts"] == len(first.parts) and tell(url, first.id).failures == []
    told = tell(url, second.id)
    assert (
        told.totals["parts"] == 0 and told.totals["first_start"] is None and told.shares["part_seconds"] == {} and told.curves["time"] == []
    )
    assert len(told.failures) == len(second.parts)
    with pytest.raises(UnknownNameError, match="Unknown plan"):
        tell(url, "zzzz")
    with pytest.raises(UnknownNameError, match="Unknown plan"):
        tell(url, "")


def test_parts_that_the_catalogue_does_not_know_yet_are_told_too(archive, tmp_path):
    url, first, _ = archive
    copy = str(shutil.copytree(url, tmp_path / "copy"))
    store = Store(copy)
    for name in store.list("catalogue"):
        store.remove(name)
    assert tell(copy).totals["parts"] == len(first.parts)
    store.remove(lay.environment_file(next(iter(tell(copy).environments))))
    assert list(tell(copy).environments.values()) == [{"parts": len(first.parts)}]
    assert tell(copy).curves["failed"][-1] == len(tell(copy).failures) > 0
    failed.keep(store, first.id, 0, {"kind": "bug"})
    assert "bug" not in tell(copy).failure_classes


def test_failures_are_counted_from_when_they_happened():
    numbers = {"ended_ns": np.array([110e9, 120e9]), "seconds": np.array([10.0, 10.0])}
    told = curves(np.array([110.0, 120.0]), numbers["seconds"], np.ones(2), np.zeros(2), bins=4)
    records = [{"time_ns": 106 * 10**9}, {"time_ns": 500 * 10**9}, {}]
    assert with_failures(told, numbers, records)["failed"] == [1.0, 1.0, 2.0, 2.0, 3.0]
    assert with_failures({"time": []}, {}, records)["failed"] == []


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0.01, 1e3), st.floats(0, 1e9)), min_size=1, max_size=30), st.integers(1, 50))
def test_what_is_drawn_is_what_was_done(parts, bins):
    ended, seconds, nbytes = map(np.array, zip(*parts, strict=True))
    told = curves(ended, seconds, nbytes, np.ones(len(parts)), bins)
    widths = np.diff(told["time"])
    assert (widths * told["bytes_per_second"]).sum() == pytest.approx(nbytes.sum(), rel=1e-6, abs=1.0)
    assert (widths * told["at_work"]).sum() == pytest.approx(seconds.sum(), rel=1e-6)
    assert told["parts_done"][-1] == len(parts) == told["quarantined"][-1] and (np.diff(told["parts_done"]) >= 0).all()
