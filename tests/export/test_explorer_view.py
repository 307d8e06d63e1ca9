"""Views hold what the product and the archive hold: bins, frames, bursts, depths, sensors, and the reason of every gap."""

from __future__ import annotations

import numpy as np
import pytest

import antdask
from antdask.cluster import make_cluster
from antdask.environment.sensor_build import build_sensors
from antdask.errors import UsageError
from antdask.export.explorer_view import MAP_COLUMNS, Shown, View
from tests.environment.conftest import built, product, truth  # noqa: F401 - fixtures
from tests.environment.readings_archive import GAP, SPEED, STEP, archive_of_readings
from tests.environment.readings_archive import START as FIRST
from tests.environment.readings_archive import truth as readings_truth
from tests.environment.sea import START

DAY_NS = 86_400 * 10**9


@pytest.fixture(scope="module")
def shown(built):  # noqa: F811
    return Shown(antdask.open_archive(built), {})


def view(start, stop, lines=(1,), floor=2, name="rate", sensors=(), depth=False):
    return View(lines, floor, name, sensors, start, stop, depth)


def numbers(values):
    return np.array([np.nan if v is None else v for v in values])


def test_modules_of_a_floor_are_shown_one_by_one(shown, built):  # noqa: F811
    start = START + DAY_NS - 300 * 10**9
    found = antdask.open_archive(built).environment.open(time=(start, start + 400 * 10**9), line=1, floor=2, max_points=1500)
    plain = shown.plain(view(start, start + 400 * 10**9))
    assert [s["label"] for s in plain["series"]] == ["L1 F2 OM0", "L1 F2 OM1", "L1 F2 OM2"]
    for om, series in enumerate(plain["series"]):
        np.testing.assert_allclose(numbers(series["values"]), found.rate.values[om] * 1e-3, atol=1e-4)
    assert [reason for *_, reason in plain["gaps"]] == [2]


def test_lines_are_shown_as_medians_of_their_modules(shown, built):  # noqa: F811
    span = (START + DAY_NS - 600 * 10**9, START + DAY_NS + 7200 * 10**9)
    plain = shown.plain(view(*span, lines=(1, 3), floor=None, name="median"))
    found = antdask.open_archive(built).environment.open(time=span, line=[1, 3], max_points=1500)
    some = ~np.isnan(found["median"].values).all(axis=0)
    for line, series in zip((1, 3), plain["series"], strict=True):
        own = found["median"].values[found["line"].values == line][:, some]
        np.testing.assert_allclose(numbers(series["values"])[some], np.nanmedian(own, axis=0) * 1e-3, atol=1e-4)
    assert plain["band"] is None
    one = shown.plain(view(*span, floor=None, name="median"))
    low, middle, high = (numbers(v)[some] for v in (one["band"]["low"], one["series"][0]["values"], one["band"]["high"]))
    assert (low <= middle).all() and (middle <= high).all()


def test_frames_are_those_that_were_archived(shown, truth):  # noqa: F811
    start = int(truth.utc_ns[495])
    plain = shown.plain(view(start, start + 10 * 104_857_600))
    assert (plain["level"], plain["gaps"]) == ("frames", [])
    np.testing.assert_allclose(plain["series"][0]["values"], truth.count[495:505, 3] / 104.8576, atol=1e-4)
    together = shown.plain(view(start, start + 10 * 104_857_600, floor=None, lines=(1, 2)))
    np.testing.assert_allclose(together["series"][1]["values"], np.median(truth.count[495:505, 75:150], axis=1) / 104.8576, atol=1e-4)


def test_saturated_frames_are_told_to_be_lower_bounds(shown, truth):  # noqa: F811
    # Frames 2000 to 2019 of modules 80 to 89: line 2, floors 2 to 5.
    start = int(truth.utc_ns[1990])
    plain = shown.plain(view(start, start + 50 * 104_857_600, lines=(2,), floor=3))
    assert [s["bounds"] for s in plain["series"]] == [list(range(10, 30))] * 3


def test_missing_frames_leave_a_hole_with_a_band(shown, truth):  # noqa: F811
    start = int(truth.utc_ns[995])
    plain = shown.plain(view(start, start + 30 * 10**9))
    # Frames 1000 to 1199 were never recorded.
    ((first, last, reason),) = plain["gaps"]
    assert (first, last, reason) == (int(truth.utc_ns[999]) + 104_857_600, int(truth.utc_ns[1000]), 2)
    assert plain["series"][0]["values"].count(None) == 1
    assert plain["series"][0]["values"].index(None) == 5


def test_bursts_and_baselines_of_a_short_view_are_those_of_its_windows(shown, built, truth):  # noqa: F811
    start = START + DAY_NS - 200 * 10**9
    plain = shown.plain(view(start, start + 60 * 10**9, name="baseline"))
    window = START + DAY_NS - 900 * 10**9
    found = antdask.open_archive(built).environment.open(level="15min", time=(window, window + 900 * 10**9), line=1, floor=2)
    assert plain["bursts"]["times"] == [window] == plain["times"]
    np.testing.assert_allclose([s["values"][0] for s in plain["bursts"]["series"]], found["burst_fraction"].values[:, 0] * 100, atol=1e-4)
    np.testing.assert_allclose([s["values"][0] for s in plain["series"]], found["baseline"].values[:, 0] * 1e-3, atol=1e-4)


def test_a_map_has_a_row_for_each_depth_and_few_columns(shown, built):  # noqa: F811
    span = (START, START + 2 * DAY_NS)
    plain = shown.plain(view(*span, floor=None, name="median", depth=True))["depth"]
    assert len(plain["depths"]) == len(plain["values"]) == 25
    assert all(len(row) <= MAP_COLUMNS for row in plain["values"])
    found = antdask.open_archive(built).environment.open(level="15min", time=span, line=1, floor=5)["median"].values
    bins = np.flatnonzero(~np.isnan(found).all(axis=0))
    np.testing.assert_allclose(numbers(plain["values"][4])[bins], np.nanmedian(found[:, bins], axis=0) * 1e-3, atol=1e-4)


def test_sensors_of_the_archive_are_shown_beside(tmp_path, shown):
    url = archive_of_readings(tmp_path)
    with make_cluster("serial") as cluster:
        build_sensors(url, cluster)
    beside = Shown(antdask.open_archive(url), {})
    assert SPEED in beside.sensor_names() and "IL07/colour" not in beside.sensor_names()
    known = readings_truth()
    found = beside._sensor(SPEED, FIRST + 5 * STEP, FIRST + 95 * STEP)
    assert (found["unit"], len(found["times"])) == ("m s-1", 100)
    np.testing.assert_allclose(found["values"], known[SPEED].iloc[:100], atol=1e-5)
    # A gap of the sensor stays a gap: bins of an hour without readings hold nothing.
    whole = beside._sensor(SPEED, FIRST, FIRST + 42 * DAY_NS)
    hours = (np.array(whole["times"]) - FIRST) // STEP
    assert all(v is None for h, v in zip(hours, whole["values"], strict=True) if GAP.start <= h and h + 10 <= GAP.stop)
    with pytest.raises(UsageError, match="Unknown sensor"):
        shown.plain(view(START, START + DAY_NS, sensors=("none",)))


def test_views_that_show_nothing_are_refused():
    for bad in ({"lines": ()}, {"name": "colour"}):
        with pytest.raises(UsageError):
            view(0, 1, **bad)
    with pytest.raises(UsageError):
        view(1, 1)
