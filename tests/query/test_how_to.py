"""The page docs/how-to/query.md: every Python example runs on the archive of the real files, and what it says about them holds."""

from __future__ import annotations

import re
from pathlib import Path

import dask

import antdask
from antdask.errors import UnknownNameError

PAGE = (Path(__file__).parents[2] / "docs/how-to/query.md").read_text(encoding="utf-8")


def test_every_example_runs_in_the_order_of_the_page(archive, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # examples write files
    names: dict = {}
    # Threads instead of the processes that a bag starts by itself: only the time differs.
    with dask.config.set(scheduler="threads"):
        for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
            exec(compile(block.replace("demo/archive", archive), "query.md", "exec"), names)
    shown = capsys.readouterr().out.splitlines()
    text = re.search(r"```text\n(.*?)…", PAGE, re.DOTALL).group(1)
    assert shown[: len(text.splitlines())] == text.splitlines()
    assert names["chosen"].count().rows == 3 == len(names["rows"]) and len(names["hits"]) == names["chosen"].count().hits
    assert names["data"].sizes["event"] == 3 and names["long_pulses"] > 0


def test_every_condition_of_the_page_is_one(archive):
    opened = antdask.open_archive(archive)
    streams = {name: opened.stream(name) for name in ("events", "reco", "rates", "timeslices_l1")}
    section = PAGE.partition("## Conditions")[2].partition("\n## ")[0]
    tables = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    conditions = [c for row in tables for c in re.findall(r"`([^`]*)`", row) if re.search(r"[<>=]| in |isnan", c)]
    assert len(conditions) > 15
    for condition in conditions:
        assert any(_selects(stream, condition) for stream in streams.values()), condition


def _selects(stream, condition):
    try:
        return stream.select(where=condition) is not None
    except UnknownNameError:
        return False
