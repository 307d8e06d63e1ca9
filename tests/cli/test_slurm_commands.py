"""The commands around SLURM: what they print, and what they end with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from antdask.cli import main
from tests.servers.slurm import Slurm


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


@pytest.fixture
def plan_file(real_files: dict[str, str], tmp_path: Path) -> str:
    """A plan of nine parts."""
    file = str(tmp_path / "a.plan")
    assert run("plan", real_files["antares.h5"], "--archive", str(tmp_path / "a"), "--part-bytes", "100kB", "-o", file).exit_code == 0
    return file


@pytest.fixture
def site(tmp_path: Path) -> str:
    file = tmp_path / "site.toml"
    file.write_text(f'extends = "localhost"\nshared = "{tmp_path}/shared"\n')
    return str(file)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_look_at_a_cluster_says_what_is_well_and_what_is_not(slurm: Slurm, site: str, tmp_path: Path) -> None:
    done = run("cluster", "check", "--profile", site, "--storage", str(tmp_path / "a"), "--workers", "1")
    assert done.exit_code == 0 and done.stderr == ""
    assert [line for line in done.stdout.splitlines() if "storage" in line and "well" in line and "written there and read here" in line]
    (tmp_path / "file").touch()
    bad = run("cluster", "check", "--profile", site, "--storage", str(tmp_path / "file" / "a"), "--workers", "1", "--json")
    found = json.loads(bad.stdout)
    assert (bad.exit_code, found["ok"]) == (6, False)
    assert [f["name"] for f in found["findings"] if not f["ok"]] == ["storage"]
    assert bad.stderr == "error: The cluster cannot work yet. What is not well is named above.\n"


@pytest.mark.slow
def test_what_would_be_submitted_is_said_and_not_done(slurm: Slurm, plan_file: str, site: str, tmp_path: Path) -> None:
    done = run("submit", plan_file, "--array", "--profile", site, "--dry-run")
    assert done.exit_code == 0 and "would submit" in done.stdout and "9 parts in 9 tasks" in done.stdout
    assert not (tmp_path / "a").exists() and not slurm.jobs()


def test_several_parts_are_done_at_once_and_the_archive_closed_when_all_are(plan_file: str, tmp_path: Path) -> None:
    seen = json.loads(run("work", plan_file, "--part", "1", "--part", "2", "--dry-run", "--json").stdout)
    assert [document["part"]["index"] for document in seen] == [1, 2]
    done = run("work", plan_file, *(word for n in range(8) for word in ("--part", str(n))))
    assert done.exit_code == 0 and "8 of 8 parts" in done.stdout
    refused = run("finalise", str(tmp_path / "a"))
    assert refused.exit_code == 4 and "found 1 of 9 parts missing: 8. Submit them again: antdask submit" in refused.stderr
    assert json.loads(run("work", plan_file, "--part", "8", "--part", "0", "--json").stdout)["wanted"] == 2
    closed = run("finalise", str(tmp_path / "a"), "--json")
    assert (closed.exit_code, json.loads(closed.stdout)["campaigns"][0]["parts_missing"]) == (0, 0)
    assert "13,556" in run("finalise", str(tmp_path / "a")).stdout


def test_parts_that_fail_are_named_and_the_exit_code_says_resume(real_files: dict[str, str], tmp_path: Path) -> None:
    copy = tmp_path / "antares.h5"
    copy.write_bytes(Path(real_files["antares.h5"]).read_bytes())
    run("plan", str(copy), "--archive", str(tmp_path / "a"), "-o", str(tmp_path / "a.plan"))
    copy.unlink()
    done = run("work", str(tmp_path / "a.plan"), "--part", "0", "--part", "1")
    assert done.exit_code == 4 and "input-missing" in done.stdout
    assert done.stderr == "error: Some parts are not in the archive: found 2 missing. Run the same convert again to resume.\n"


@pytest.mark.parametrize(
    ("words", "exit_code", "message"),
    [
        (["--cluster", "serial", "--profile", "generic"], 2, "A cluster 'serial' has no profiles"),
        (["--cluster", "slurm", "--profile", "lion"], 2, "Unknown profile 'lion'"),
        (["--cluster", "slurm", "--profile", "./none.toml"], 3, "Cannot read the configuration file"),
        (["--cluster", "slurm"], 6, "SLURM is not on this machine"),
    ],
)
def test_a_place_that_is_none_is_refused(
    words: list[str], exit_code: int, message: str, plan_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    done = run("convert", plan_file, *words, "-q")
    assert done.exit_code == exit_code and message in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "a").exists()
