"""The commands around a campaign: what they print, write, and end with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from antdask.cli import main
from antdask.simulate.damage import badbasket


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def document(*arguments: str, exit_code: int = 0) -> Any:
    done = run(*arguments, "--json")
    assert done.exit_code == exit_code, done.output
    return json.loads(done.stdout)


@pytest.fixture
def files(real_files: dict[str, str], tmp_path: Path) -> list[str]:
    return [str(shutil.copy(real_files[n], tmp_path / n)) for n in ("antares.h5", "KM3NeT_00000133_JDAQEvent.root")]


@pytest.fixture
def plan_file(files: list[str], tmp_path: Path) -> str:
    file = str(tmp_path / "a.plan")
    assert run("plan", files[0], "--archive", str(tmp_path / "a"), "--part-bytes", "400kB", "-o", file).exit_code == 0
    return file


class TestPlan:
    def test_a_plan_that_was_kept_is_shown(self, plan_file: str) -> None:
        found = document("plan", "--show", plan_file)
        assert (found["inputs"], found["parts"]) == (1, 3) and found["cpu_hours"] >= 0
        assert "CPU seconds" in run("plan", "--show", plan_file).stdout

    def test_many_inputs_are_looked_at_by_workers_and_remembered(self, files: list[str], tmp_path: Path) -> None:
        words = ("plan", *files, "--archive", str(tmp_path / "a"))
        here = document(*words)
        assert document(*words, "--cluster", "processes", "--workers", "2", "--scan-cache", str(tmp_path / "cache"))["plan"] == here["plan"]
        assert list((tmp_path / "cache").iterdir()) and document(*words, "--scan-cache", str(tmp_path / "cache"))["plan"] == here["plan"]

    def test_two_plans_are_compared(self, plan_file: str, files: list[str], tmp_path: Path) -> None:
        other = str(tmp_path / "b.plan")
        assert document("replan", plan_file, "--add", files[1], "-o", other)["added"] == 1
        found = document("plan", "--diff", plan_file, other)
        assert (
            found["inputs_added"] == [files[1]]
            and sorted(p.split("/")[1] for p in found["parts_added"]) == ["events", "headers"]
            and found["parts_removed"] == []
        )
        assert "Inputs only in the second (1)" in run("plan", "--diff", plan_file, other).stdout
        assert run("plan", "--diff", plan_file, plan_file).stdout == "The plans say the same.\n"

    def test_without_inputs_it_says_what_is_missing(self, tmp_path: Path) -> None:
        done = run("plan", "--archive", str(tmp_path / "a"))
        words = "error: No inputs are given. Name files, URLs or globs; or a list of them by --inputs-from FILE.\n"
        assert (done.exit_code, done.stderr) == (2, words)


class TestReplan:
    def test_an_input_that_changed_is_refused_by_name(self, plan_file: str, files: list[str], tmp_path: Path) -> None:
        Path(files[0]).write_bytes(Path(files[0]).read_bytes() + bytes(8))
        done = run("replan", plan_file, "--add", files[1], "-o", str(tmp_path / "b.plan"))
        assert done.exit_code == 3 and files[0] in done.stderr and not (tmp_path / "b.plan").exists()

    def test_what_cannot_be_described_is_told_and_the_rest_added(self, plan_file: str, files: list[str], tmp_path: Path) -> None:
        done = run("replan", plan_file, "--add", files[1], "--add", str(tmp_path / "no.root"), "-o", str(tmp_path / "b.plan"))
        assert done.exit_code == 3 and "1 new, 0 in the plan already" in done.stdout
        assert document("plan", "--show", str(tmp_path / "b.plan"), exit_code=3)["parts"] == 5


class TestReport:
    def test_a_report_is_written_where_it_is_wanted(self, plan_file: str, tmp_path: Path) -> None:
        summary = document("convert", plan_file, "--cluster", "serial")
        found = document("report", str(tmp_path / "a"), "--plan", summary["plan"], "-o", str(tmp_path / "out"))
        assert (
            sorted(Path(f).name for f in found["files"]) == sorted(p.name for p in (tmp_path / "out").iterdir())
            and len(found["files"]) == 6
        )
        assert "reports/all/report.md" in run("report", str(tmp_path / "a")).stdout
        done = run("report", str(tmp_path / "a"), "--plan", "zz")
        assert done.exit_code == 2 and "Unknown plan 'zz'" in done.stderr


class TestQuarantine:
    @pytest.fixture
    def damaged(self, real_files: dict[str, str], tmp_path: Path) -> tuple[str, Path]:
        """An archive of a damaged file, which is sound again by now."""
        good = Path(real_files["KM3NeT_00000267_00025291_L1.root"]).read_bytes()
        data, file = bytearray(good), tmp_path / "l1.root"
        badbasket(data, np.random.default_rng(0))
        file.write_bytes(data)
        done = run("convert", str(file), str(tmp_path / "no.root"), "--archive", str(tmp_path / "a"), "--cluster", "serial", "--json")
        assert (done.exit_code, json.loads(done.stdout)["quarantined"]) == (3, 3)
        file.write_bytes(good)
        return str(tmp_path / "a"), file

    def test_it_is_listed_shown_and_emptied(self, damaged: tuple[str, Path], tmp_path: Path) -> None:
        archive, _ = damaged
        found = document("quarantine", "list", archive)
        assert {c["code"]: (c["entries"], c["rejected"]) for c in found["causes"]} == {"corrupt": (3, 0), "input-missing": (0, 1)}
        assert "l1.root" in run("quarantine", "list", archive, "--cause", "corrupt").stdout
        assert (
            "damaged" in run("quarantine", "show", archive, "l1.root").stdout
            and len(document("quarantine", "show", archive, "*.root")) >= 2
        )
        dry = document("quarantine", "readmit", archive, "l1.root", "--dry-run")
        assert (dry["parts"], dry["plan"], dry["dry_run"]) == (2, "", True)
        done = run("quarantine", "readmit", archive, "--json")
        admitted = json.loads(done.stdout)
        assert done.exit_code == 3 and admitted["refused"][0][0] == str(tmp_path / "no.root") and admitted["parts"] == 2
        assert document("convert", admitted["plan"], "--cluster", "serial")["quarantined"] == 0
        assert [c["code"] for c in document("quarantine", "list", archive)["causes"]] == ["input-missing"]
        assert document("verify", archive, "--source", "--cluster", "serial")["problems"] == []

    def test_the_next_step_is_said(self, damaged: tuple[str, Path]) -> None:
        done = run("quarantine", "readmit", damaged[0], "l1.root")
        assert done.exit_code == 0 and "antdask convert" in done.stdout and "/plans/" in done.stdout

    def test_unknown_names_and_an_empty_quarantine(self, damaged: tuple[str, Path], plan_file: str, tmp_path: Path) -> None:
        done = run("quarantine", "show", damaged[0], "other.root")
        assert done.exit_code == 2 and "Unknown input or part in quarantine 'other.root'" in done.stderr
        run("convert", plan_file, "--archive", str(tmp_path / "b"), "--cluster", "serial", "-q")
        assert run("quarantine", "list", str(tmp_path / "b")).stdout == "Nothing is in quarantine.\n"
