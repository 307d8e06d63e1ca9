"""The commands that make lineages and choose among them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from antdask.cli import main


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def document(*arguments: str) -> Any:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


STEP = ("--step", "antdask.convert.steps:select_events", "--option", "min_hits=150")


@pytest.fixture
def archive(real_files: dict[str, str], tmp_path: Path) -> str:
    url = str(tmp_path / "a")
    document("convert", real_files["antares.h5"], "--archive", url, "--cluster", "serial", "-q")
    return url


def count(archive: str, *words: str) -> int:
    return int(document("query", archive, "--stream", "events", "--count", *words)["rows"])


def test_a_stream_is_reprocessed_replaced_and_put_back(archive: str) -> None:
    words = ("reprocess", archive, "--stream", "events", *STEP)
    dry = document(*words, "--dry-run")
    assert (dry["dry_run"], dry["parts"], len(dry["lineages"])) == (True, 1, 1) and not (Path(archive) / "steps").exists()
    made = document(*words, "--cluster", "serial")
    [name] = made["lineages"]
    assert made["parts_done"] == 1 and count(archive) == 81 and 0 < count(archive, "--lineage", name) < 81
    assert document(*words, "--cluster", "serial", "--replace")["parts_skipped"] == 1
    fewer = count(archive)
    listed = {r["lineage"]: r for r in document("lineage", "list", archive) if r["stream"] == "events"}
    old = listed[name]["source"]
    assert (
        fewer == listed[name]["rows"]
        and listed[name]["runs_current"] == 1
        and listed[old]["runs_current"] == 0
        and count(archive, "--lineage", old) == 81
    )
    assert "select_events (min_hits=150)" in run("lineage", "list", archive).stdout
    assert document("lineage", "use", archive, old, "--stream", "events", "--dry-run")["changed"] == 1 and count(archive) == fewer
    assert (
        "is the current one of 1 runs" in run("lineage", "use", archive, old, "--stream", "events", "--run", "45978").stdout
        and count(archive) == 81
    )


def test_a_condition_selects(archive: str, tmp_path: Path) -> None:
    there = str(tmp_path / "there")
    document("reprocess", archive, "--stream", "events", "--where", "n_hits > 150", "--into", there, "--cluster", "serial")
    assert count(there) == count(archive, "--where", "n_hits > 150") > 0
    assert document("verify", there, "--deep", "--cluster", "serial")["problems"] == []


@pytest.mark.parametrize(
    ("words", "exit_code", "message"),
    [
        ((), 2, "Give --step module:function"),
        (("--step", "select_events"), 2, "module:function"),
        (("--step", "antdask.convert.steps:select"), 2, "Did you mean 'select_events'"),
        (("--step", "antdask.convert.steps:select_events", "--option", "min_hits"), 2, "name=value"),
        (("--step", "antdask.convert.steps:select_events", "--run", "7"), 2, "Nothing is selected"),
        (("--where", "n_hits > 'many'"), 2, "n_hits"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(words: tuple[str, ...], exit_code: int, message: str, archive: str) -> None:
    done = run("reprocess", archive, "--stream", "events", *words)
    assert done.exit_code == exit_code and message in done.stderr and done.stderr.startswith("error: ")
