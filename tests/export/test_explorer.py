"""The page in a real Chromium: it loads, shows, zooms from days to frames, picks, saves, and complains of nothing."""

from __future__ import annotations

import io
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
from antdask.export.explorer_view import View
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
        {
            "utc_ns": times,
            "sensor": "IL07/CTD/temperature",
            "value": 13.2 + 0.01 * np.sin(np.arange(480) / 30),
            "unit": "degC",
            "quality": 0,
        }
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
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.complaints = []
        page.on("console", lambda m: page.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: page.complaints.append(str(e)))
        page.goto(url)
        page.wait_for_selector("body[data-live]")
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
    left, width = box["x"] + 84, box["width"] - 168
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
    assert page.evaluate("document.body.dataset.live") == ",".join(str(n) for n in range(1, 13))
    keep(page, "whole")
    act(page, lambda: page.select_option("#floor", "2"))
    act(page, lambda: page.select_option("#name", "rate"))
    act(page, lambda: page.select_option("#sensor", "IL07/CTD/temperature"))
    levels = []
    for first, last in ((0.49, 0.503), (0.6, 0.8), (0.7, 0.8), (0.3, 0.7)):
        took = act(page, lambda a=first, b=last: drag(page, a, b))
        levels.append(page.evaluate("document.body.dataset.level"))
        keep(page, f"zoom{len(levels)}")
    assert levels[0] in ("1s", "10s")
    assert levels[1] == "1s"
    assert levels[-1] == "frames"
    assert took < 3
    assert int(page.evaluate("document.body.dataset.points")) > 20
    saved(page, "frames", tmp_path)
    assert len(pd.read_csv(tmp_path / "frames.csv").columns) == 1 + 3 + 3 + 1
    with netCDF4.Dataset(tmp_path / "frames.nc") as file:
        assert file["COUNT"].shape[0] == 3
    act(page, lambda: page.click("#back"))
    act(page, lambda: page.click("#whole"))
    saved(page, "bins", tmp_path)
    with netCDF4.Dataset(tmp_path / "bins.nc") as file:
        assert file["BLUM"].shape[0] == 3
    assert page.evaluate("document.body.dataset.level") == "15min"
    assert page.complaints == []


def saved(page, name, folder):
    for kind in ("csv", "nc"):
        with page.expect_download() as download:
            page.click(f"#{kind}")
        download.value.save_as(folder / f"{name}.{kind}")


@pytest.mark.slow
def test_a_reader_picks_lines_sees_depth_and_types_times(page):
    act(page, lambda: page.select_option("#floor", ""))
    act(page, lambda: page.check("#line2", force=True))
    assert page.evaluate("shown.series.map(s => s.label)") == ["L1, median of modules", "L2, median of modules"]
    act(page, lambda: page.check("#depth"))
    keep(page, "depth")
    assert page.evaluate("shown.depth.depths.length") == 25
    page.fill("#from", "2010-03-01 23:50")
    page.fill("#to", "2010-03-02 00:10")
    act(page, lambda: page.press("#to", "Enter"))
    assert page.evaluate("text(view[0]) + text(view[1])") == "2010-03-01 23:50:002010-03-02 00:10:00"
    # The address holds the view, so that it can be sent to somebody.
    assert "line=1%2C2" in page.url and "depth=1" in page.url
    page.mouse.move(600, 200)
    keep(page, "pointer")
    act(page, lambda: page.click("#out"))
    act(page, lambda: page.click("#earlier"))
    page.fill("#to", "yesterday")
    page.click("#show")
    assert "UTC" in page.inner_text("#status.wrong")
    act(page, lambda: page.click("#whole"))
    assert page.complaints == []


def view(start, stop, lines=(1,), floor=2, name="rate", sensors=(), depth=False):
    return View(lines, floor, name, sensors, start, stop, depth)


def test_what_is_saved_is_what_is_shown(explorer):
    start = START + DAY_NS - 300 * 10**9
    wanted = view(start, start + 400 * 10**9, sensors=("IL07/CTD/temperature",))
    shown, table = explorer.series(wanted), pd.read_csv(io.BytesIO(explorer.csv(wanted)))
    for series in shown["series"]:
        np.testing.assert_allclose(table[f"{series['label']} [kHz]"], [np.nan if v is None else v for v in series["values"]])
    (sensor,) = shown["sensors"]
    times = pd.to_datetime(table["time"]).astype("datetime64[ns, UTC]").astype("int64").to_numpy()
    column = table["IL07/CTD/temperature [degree_Celsius]"].to_numpy()
    for at, value in zip(sensor["times"], sensor["values"], strict=True):
        if times[0] <= at < times[-1]:
            assert value in column[(times >= at - 10**9) & (times < at + 360 * 10**9)]


def test_what_is_asked_in_a_wrong_way_is_said(explorer, url):
    for bad in (
        "series.json?line=77&start=0&stop=1",
        "series.json?line=x",
        "series.json?line=1&start=inf&stop=9",
        "series.json?line=1&start=9&stop=1",
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
