"""The commands that keep an archive tidy."""

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


@pytest.fixture
def archive(real_files: dict[str, str], tmp_path: Path) -> str:
    url = str(tmp_path / "a")
    document("convert", real_files["antares.h5"], "--archive", url, "--cluster", "serial", "-q", "--part-bytes", "100kB")
    return url


def parts(archive: str) -> int:
    return len(list(Path(archive, "parts").rglob("*.zarr.zip")))


def test_small_parts_are_merged_and_the_old_ones_cleared_away(archive: str) -> None:
    before = parts(archive)  # 8 of events, which become one, and one of tracks
    rows = document("info", archive)["total"]["rows"]
    dry = document("compact", archive, "--part-bytes", "1GB", "--dry-run")
    assert (dry["before"], dry["after"], dry["dry_run"]) == (8, 1, True) and parts(archive) == before
    assert "8 parts into 1" in run("compact", archive, "--part-bytes", "1GB", "--dry-run").stdout
    done = document("compact", archive, "--part-bytes", "1GB", "--cluster", "serial")
    assert (done["parts_done"], document("info", archive)["total"]["parts"], parts(archive)) == (1, 2, before + 1)
    assert document("compact", archive, "--part-bytes", "1GB")["after"] == 0
    assert document("status", archive)["superseded"] == 8 and "antdask gc" in run("status", archive).stdout

    young = document("gc", archive)
    assert young["superseded"] == {} and young["young"] >= 8
    listed = document("gc", archive, "--older", "0")
    assert len(listed["superseded"]) == 8 and not listed["deleted"] and parts(archive) == before + 1
    assert "say --yes" in run("gc", archive, "--older", "0", "--yes", "--dry-run").stdout and parts(archive) == before + 1
    gone = document("gc", archive, "--older", "0", "--deep", "--yes")
    assert gone["deleted"] and gone["nbytes"] == listed["nbytes"] > 0 and parts(archive) == 2
    assert (
        document("info", archive)["total"]["rows"] == rows
        and document("verify", archive, "--source", "--cluster", "serial")["problems"] == []
    )
    assert document("status", archive, "--files")["orphans"] == 0


def test_a_stream_is_merged_alone(archive: str) -> None:
    assert document("compact", archive, "--stream", "events", "--run", "45978", "--part-bytes", "1GB", "--dry-run")["after"] == 1
    done = run("compact", archive, "--stream", "evnts")
    assert done.exit_code == 2 and "Did you mean 'events'" in done.stderr


@pytest.mark.parametrize("text", ["soon", "-1", "24 parsecs"])
def test_a_time_that_is_none_is_a_wrong_call(text: str, archive: str) -> None:
    done = run("gc", archive, "--older", text)
    assert done.exit_code == 2
