import json
import re
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from antdask.archive import marker
from antdask.archive.store import Store
from antdask.convert.chronicle import tell
from antdask.convert.chronicle_page import PICTURES, page, write_report
from tests.convert.test_chronicle import archive  # noqa: F401 - a fixture

FILES = ["failures.png", "parts.png", "report.json", "report.md", "speed.png", "throughput.png"]


def test_a_report_is_a_page_numbers_and_pictures(archive, tmp_path):  # noqa: F811
    url, first, _ = archive
    written = write_report(url, first.id, str(tmp_path / "out"))
    assert [Path(f).name for f in written] == FILES == sorted(p.name for p in (tmp_path / "out").iterdir())
    text = (tmp_path / "out" / "report.md").read_text()
    assert set(re.findall(r"\]\((\w+\.png)\)", text)) == {f for f in FILES if f.endswith(".png")}
    assert f"| `{first.id}` | {len(first.parts)} | {len(first.parts)} | 0 |" in text and "104 rows, 13,556 hits" in text
    assert json.loads((tmp_path / "out" / "report.json").read_text())["totals"]["rows"] == 104
    for name in FILES:
        if name.endswith(".png"):
            pixels = matplotlib.image.imread(tmp_path / "out" / name)
            assert pixels.shape[0] > 400 and pixels.shape[1] > 900 and len(np.unique(pixels.reshape(-1, 4), axis=0)) > 20


def test_it_stays_in_the_archive_if_no_place_is_given(archive):  # noqa: F811
    url, first, _ = archive
    assert write_report(url, first.id) == [f"{url}/reports/{first.id}/{name}" for name in FILES]
    assert write_report(url) == [f"{url}/reports/all/{name}" for name in FILES]
    assert (Path(url) / "reports" / "all" / "report.md").read_text().count("| data | 1 |") == 6


def test_what_failed_is_listed_with_its_reason_and_cannot_break_the_table(archive):  # noqa: F811
    told = tell(archive[0])
    told.failures[0]["message"] = "a | b\nc"
    text = page(told)
    assert "a \\| b c |" in text and "## Parts that failed" in text and "input-missing" in text


def test_an_archive_in_which_nothing_is_has_a_report(tmp_path):
    marker.create(Store(str(tmp_path / "a")))
    told = tell(str(tmp_path / "a"))
    assert "0 rows" in page(told)
    for draw in PICTURES.values():
        draw(told)


@pytest.mark.parametrize("span", [3.0, 900.0, 9000.0, 400_000.0])
def test_time_is_drawn_in_a_unit_that_fits(archive, span):  # noqa: F811
    import dataclasses

    told = tell(archive[0])
    told = dataclasses.replace(told, totals={**told.totals, "wall_seconds": span})
    label = PICTURES["throughput"](told).axes[0].get_xlabel()
    assert label.endswith({3.0: "[s]", 900.0: "[min]", 9000.0: "[h]", 400_000.0: "[d]"}[span])
