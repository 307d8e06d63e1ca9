"""Settings come from arguments, environment and file, in this order, and bad ones are refused where they are read."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from antdask.errors import ConfigurationError
from antdask.settings import Settings, container, environment, job_id, load, read_toml, s3_access, web_access


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


def test_access_to_s3_comes_from_the_environment_and_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "geheim1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "geheim2")
    access = s3_access()
    assert (access.endpoint, access.region, access.key, access.secret) == ("http://127.0.0.1:1", "us-east-1", "geheim1", "geheim2")
    assert "geheim" not in repr(access)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    assert (s3_access().endpoint, s3_access().region) == ("http://127.0.0.1:2", "eu-west-3")


def test_a_token_is_read_from_its_file_and_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BEARER_TOKEN", raising=False)
    monkeypatch.setenv("BEARER_TOKEN_FILE", str(tmp_path / "t"))
    monkeypatch.setenv("ANTDASK_HTTP_HOSTS", "a.example, b.example")
    with pytest.raises(ConfigurationError, match="BEARER_TOKEN_FILE"):
        web_access()
    (tmp_path / "t").write_text("geheim\n")
    access = web_access()
    assert access.token == "geheim" and access.hosts == {"a.example", "b.example"} and "geheim" not in repr(access)


def test_truth_values_are_written_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTDASK_STRICT", "yes")
    assert load().strict
    assert not load(strict=False).strict
    monkeypatch.setenv("ANTDASK_STRICT", "0")
    assert not load().strict
    monkeypatch.setenv("ANTDASK_STRICT", "perhaps")
    with pytest.raises(ConfigurationError, match=r"Setting 'strict'.*expected bool, found 'perhaps'"):
        load()


def test_the_container_is_named_by_whoever_knows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTDASK_CONTAINER", "APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "SHIFTER_IMAGE"):
        monkeypatch.delenv(name, raising=False)
    assert container() == ""
    image = tmp_path / "antdask.sif"
    identifier = uuid.uuid4()
    image.write_bytes(b"#!/usr/bin/env run-singularity\n".ljust(32, b"\0") + b"SIF_MAGIC\x0001\x0002\0" + identifier.bytes + bytes(64))
    monkeypatch.setenv("SINGULARITY_CONTAINER", str(image))
    assert container() == f"antdask.sif uuid:{identifier}"
    # A sandbox, or an image that is not seen from inside.
    monkeypatch.setenv("APPTAINER_CONTAINER", "/cvmfs/somewhere/other.sif")
    assert container() == "other.sif"
    monkeypatch.setenv("ANTDASK_CONTAINER", "sha256:0123")
    assert container() == "sha256:0123"
