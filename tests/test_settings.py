"""Settings come from arguments, environment and file, in this order, and bad ones are refused where they are read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from antdask.errors import ConfigurationError
from antdask.settings import Settings, environment, job_id, load, read_toml


def test_arguments_win_over_environment_over_file_over_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "antdask.toml"
    file.write_text("part_bytes = 1000\nattempts = 7\nmax_parts = 5\n")
    monkeypatch.setenv("ANTDASK_CONFIG", str(file))
    monkeypatch.setenv("ANTDASK_ATTEMPTS", "8")
    settings = load(max_parts=6, part_bytes=None)
    assert settings == Settings(part_bytes=1000, attempts=8, max_parts=6)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"part_byte": 1}, "Unknown setting 'part_byte'"),
        ({"part_bytes": "many"}, "expected int, found 'many'"),
        ({"part_bytes": 0}, "expected at least 1, found 0"),
        ({"attempts": -1}, "expected at least 1, found -1"),
        ({"max_bad_fraction": 1.5}, "expected a fraction from 0 to 1, found 1.5"),
        ({"max_bad_fraction": float("nan")}, "expected a fraction from 0 to 1"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused(overrides: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load(**overrides)


def test_a_bad_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "bad.toml"
    file.write_text("part_bytes = \n")
    monkeypatch.setenv("ANTDASK_CONFIG", str(file))
    with pytest.raises(ConfigurationError, match=r"bad\.toml"):
        load()
    with pytest.raises(ConfigurationError, match="Cannot read"):
        read_toml(tmp_path / "absent.toml")


def test_the_environment_of_children_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTDASK_TEST_KEPT", "old")
    with environment({"ANTDASK_TEST_KEPT": "new", "ANTDASK_TEST_NEW": "x"}):
        assert (os.environ["ANTDASK_TEST_KEPT"], os.environ["ANTDASK_TEST_NEW"]) == ("new", "x")
    assert os.environ["ANTDASK_TEST_KEPT"] == "old" and "ANTDASK_TEST_NEW" not in os.environ


def test_the_batch_job_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    assert job_id() == "42"
    monkeypatch.delenv("SLURM_JOB_ID")
    assert job_id() is None
