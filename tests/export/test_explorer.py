"""The page in a real Chromium: it loads, shows, zooms from days to frames, picks, saves, and complains of nothing."""

from __future__ import annotations

import os
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import netCDF4
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import sync_playwright

import antdask
from antdask.environment.readings import Readings
from antdask.environment.series import sensor_series
from antdask.errors import UsageError
from antdask.export.explorer import Explorer, serve
from tests.environment.conftest import built, product, truth  # noqa: F401 - fixtures
from tests.environment.sea import START

DAY_NS = 86_400 * 10**9
CHROMIUM = Path("/usr/bin/chromium")
#: Screenshots are kept where this points to, to be looked at.
PICTURES = os.environ.get("ANTDASK_PICTURES")


@pytest.fixture(scope="module")
def explorer(built):  # noqa: F811
    times = START + np.arange(480) * 360 * 10**9
    frame = pd.DataFrame(
        {"utc_ns": times, "sensor": "IL07/CTD/temperature", "value": 13.2 + 0.01 * np.sin(np.arange(480) / 30), "unit": "degC", "quality": 0}
    )
    series = sensor_series(Readings(frame, frame[:0], "a table"), "IL07/CTD/temperature")
    return Explorer(antdask.open_archive(built), {"IL07/CTD/temperature": series})


@pytest.fixture(scope="module")
def url(explorer):
    with serve(explorer, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def page(url):
    if not CHROMIUM.exists():
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "chromium"],
            check=True,
            capture_output=True,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 620})
        page.complaints = []
        page.on("console", lambda m: page.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: page.complaints.append(str(e)))
        page.goto(url)
        page.wait_for_selector("body[data-ready]")
        yield page
        browser.close()


def act(page, action) -> float:
    """Do something and wait until the page has drawn again; the time it took [s]."""
    before, began = page.evaluate("document.body.dataset.ready"), time.perf_counter()
    action()
    page.wait_for_function("b => document.body.dataset.ready !== b", arg=before)
    return time.perf_counter() - began


def drag(page, first, last):
    box = page.locator("#plot").bounding_box()
    left, width = box["x"] + 60, box["width"] - 120
    page.mouse.move(left + first * width, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(left + last * width, box["y"] + 200, steps=3)
    page.mouse.up()


def keep(page, name):
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png")


@pytest.mark.slow
def test_a_reader_goes_from_days_to_frames_and_takes_them_home(page, tmp_path):
    assert page.evaluate("document.body.dataset.level") == "15min"
    keep(page, "whole")
    act(page, lambda: page.select_option("#floor", "2"))
    act(page, lambda: page.select_option("#sensor", "IL07/CTD/temperature"))
    levels = []
    for first, last in ((0.49, 0.503), (0.6, 0.8), (0.5, 0.6), (0.3, 0.7)):
        took = act(page, lambda a=first, b=last: drag(page, a, b))
        levels.append(page.evaluate("document.body.dataset.level"))
        keep(page, f"zoom{len(levels)}")
    assert levels[0] in ("1s", "10s")
    assert levels[1] == "1s"
    assert levels[-1] == "104 ms"
    assert took < 3
    assert int(page.evaluate("document.body.dataset.points")) > 20
    act(page, lambda: page.click("#back"))
    for kind in ("csv", "nc"):
        with page.expect_download() as download:
            page.click(f"#{kind}")
        download.value.save_as(tmp_path / f"rates.{kind}")
    assert len(pd.read_csv(tmp_path / "rates.csv").columns) == 4
    with netCDF4.Dataset(tmp_path / "rates.nc") as file:
        assert file["BLUM"].shape[0] == 3
    act(page, lambda: page.click("#whole"))
    assert page.evaluate("document.body.dataset.level") == "15min"
    assert page.complaints == []


def test_views_hold_what_the_product_holds(explorer):
    start = START + DAY_NS - 300 * 10**9
    shown = explorer.series(1, 2, "rate", "", start, start + 400 * 10**9)
    found = antdask.open_archive(explorer.archive.url).environment.open(time=(start, start + 400 * 10**9), line=1, floor=2, max_points=1500)
    for om, series in enumerate(shown["series"]):
        values = np.array([np.nan if v is None else v for v in series["values"]])
        np.testing.assert_allclose(values, found.rate.values[om] * 1e-3, atol=1e-4)
    assert [reason for *_, reason in shown["gaps"]] == [2]


def test_frames_are_those_that_were_archived(explorer, truth):  # noqa: F811
    start = int(truth.utc_ns[495])
    shown = explorer.series(1, 2, "rate", "", start, start + 10 * 104_857_600)
    assert shown["level"] == "104 ms"
    assert shown["gaps"] == []
    np.testing.assert_allclose(shown["series"][0]["values"], truth.count[495:505, 3] / 104.8576, atol=1e-4)


def test_what_is_asked_in_a_wrong_way_is_said(explorer, url):
    for bad in (
        "series.json?line=77&start=0&stop=1",
        "series.json?line=x",
        "series.json?line=1&start=1&stop=9&name=nothing",
        "series.json?line=1&start=1&stop=9&sensor=none",
    ):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(url + bad)
        assert error.value.code == 400
        assert b"error" in error.value.read()
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(url + "../../etc/passwd")
    assert error.value.code == 404
    error.value.close()
    port = int(url.rsplit(":", 1)[1].strip("/"))
    with pytest.raises(UsageError, match="port"):
        serve(explorer, port)


def test_missing_frames_leave_a_hole_with_a_band(explorer, truth):  # noqa: F811
    start = int(truth.utc_ns[995])
    shown = explorer.series(1, 2, "rate", "", start, start + 30 * 10**9)
    # Frames 1000 to 1199 were never recorded.
    ((first, last, reason),) = shown["gaps"]
    assert (first, last, reason) == (int(truth.utc_ns[999]) + 104_857_600, int(truth.utc_ns[1000]), 2)
    assert shown["series"][0]["values"].count(None) == 1
    assert shown["series"][0]["values"].index(None) == 5
