import json

import pytest
from click.testing import CliRunner

from antdask.cli import main


def run(*words, code=0):
    result = CliRunner().invoke(main, list(words))
    assert result.exit_code == code, result.output
    return result


def test_simulated_runs_are_written_archived_and_verified(tmp_path):
    found = json.loads(run("simulate", str(tmp_path / "in"), "--events", "50", "--json").stdout)
    assert found["simulated"] and all("sim" in name for name in found["files"])
    raw = next(name for name in found["files"] if name.endswith("_raw.root"))
    converted = run("convert", raw, "--archive", str(tmp_path / "a"), "--cluster", "serial", "--json")
    assert json.loads(converted.stdout)["quarantined"] == 0
    verified = json.loads(run("verify", str(tmp_path / "a"), "--source", "--json").stdout)
    assert verified["values"] > 10_000 and verified["problems"] == []


def test_the_same_seed_gives_the_same_bytes_and_no_file_is_replaced(tmp_path):
    for name in ("a", "b"):
        run("simulate", str(tmp_path / name), "--events", "20")
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    assert "error:" in run("simulate", str(tmp_path / "a"), "--events", "20", code=3).output


@pytest.mark.parametrize("kind", ["truncate", "badbasket", "empty"])
def test_a_damaged_copy_is_named_by_its_damage(tmp_path, kind):
    output = run("simulate", str(tmp_path), "--events", "20", "--corrupt", kind).output
    assert f"_{kind}" in output and "SIMULATED" in output


def test_a_draft_map_names_trees_and_branches(tmp_path):
    run("simulate", str(tmp_path), "--events", "20")
    raw = next(tmp_path.glob("*_raw.root"))
    text = run("inspect", str(raw), "--propose-map").output
    assert "source" in text and "status" in text
