"""Files that were cut short, from the command line into an archive: what is whole is there and equals its source, the rest is told, also where another file lends the layout."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from km3net_testdata import data_path

import antdask
from antdask.cli import main
from antdask.simulate import SimulationSpec, corrupt, simulate


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def test_a_truncated_simulation_is_archived_up_to_its_cut(tmp_path: Path) -> None:
    raw = simulate(SimulationSpec(events=400, dst=False, slow_control=False), tmp_path / "sound")[0]
    cut = corrupt(raw, "truncate", tmp_path / "cut", seed=3)
    for name, path in (("a", raw), ("b", cut)):
        done = run("convert", str(path), "--archive", str(tmp_path / name), "--cluster", "serial", "-q")
        assert done.exit_code == (0 if name == "a" else 3), done.stderr
    assert "nor counted" in done.stdout
    whole, kept = (
        antdask.open_archive(str(tmp_path / name)).stream("events").to_awkward(["trigger_counter", "hits.timestamp"]) for name in "ab"
    )
    assert 25 <= len(kept) < 400
    assert kept.tolist() == whole[: len(kept)].tolist()
    assert run("verify", str(tmp_path / "b"), "--source").exit_code == 0
    assert json.loads(run("quarantine", "list", str(tmp_path / "b"), "--json").stdout)


def test_a_layout_that_is_lent_leads_into_the_archive_and_is_told_there(tmp_path: Path) -> None:
    cut, like = tmp_path / "cut.root", str(data_path("online/KM3NeT_00000267_00025291_JDAQEvent_JDAQSummaryslice.root"))
    cut.write_bytes(Path(data_path("online/summaryslices.root")).read_bytes()[:452_341])
    assert run("inspect", str(cut)).exit_code == 3
    looked = run("inspect", str(cut), "--like", like, "--json")
    assert (looked.exit_code, json.loads(looked.stdout)["like"]["url"]) == (3, like)
    done = run("convert", str(cut), "--like", like, "--archive", str(tmp_path / "archive"), "--cluster", "serial", "-q")
    assert done.exit_code == 3
    frames = antdask.open_archive(str(tmp_path / "archive")).stream("rates").to_awkward(["frame_index"])
    assert (len(frames), len(np.unique(frames["frame_index"]))) == (1000, 1000)
    assert run("verify", str(tmp_path / "archive"), "--source").exit_code == 0
    refused = run("plan", str(cut), "--like", like, "--archive", str(tmp_path / "archive"), "--strict", "--json")
    assert "lent by another" in refused.stdout


@pytest.mark.parametrize("like", ["missing.root", "text.csv"])
def test_a_lender_that_is_none_is_one_sentence(like: str, tmp_path: Path) -> None:
    (tmp_path / "text.csv").write_text("no ROOT file")
    cut = tmp_path / "cut.root"
    cut.write_bytes(Path(data_path("online/summaryslices.root")).read_bytes()[:452_341])
    done = run("inspect", str(cut), "--like", str(tmp_path / like))
    assert done.exit_code == 3
    assert like in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
