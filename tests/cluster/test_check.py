"""A look at a cluster before a campaign: what is well, and what is not, worker by worker; on a real SLURM."""

from __future__ import annotations

import dataclasses
import platform
import sys
from pathlib import Path

import pytest

from antdask.cluster import check as checking
from antdask.cluster.check import check, is_well
from antdask.cluster.profiles import Profile, load_profile
from tests.servers.slurm import Slurm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def site(tmp_path: Path) -> Profile:
    return dataclasses.replace(load_profile("localhost"), shared=str(tmp_path / "shared"), scratch=str(tmp_path / "scratch"))


def test_a_cluster_that_is_well(slurm: Slurm, site: Profile, tmp_path: Path) -> None:
    findings = check(site, str(tmp_path / "archive"))
    assert is_well(findings), findings
    assert [f.name for f in findings] == ["workers", "versions", "versions", "clock", "clock", "scratch", "scratch", "storage", "storage"]
    assert len({f.worker for f in findings if f.worker}) == 2
    versions = findings[1].found
    assert f"python {platform.python_version()}" in versions and "antdask 0.1.0" in versions and "zarr 3." in versions
    assert abs(float(findings[3].found.split()[0])) < 0.5
    assert findings[5].found.startswith(f"{tmp_path}/scratch, ")
    # Nothing is left where the archive will be.
    assert not (tmp_path / "archive").exists() and not slurm.jobs("PENDING,RUNNING")


def test_storage_that_a_worker_cannot_write_and_scratch_that_is_too_small_are_found(
    slurm: Slurm, site: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(checking, "LEAST_SCRATCH", 2**60)
    findings = check(site, str(tmp_path / "file" / "archive"), workers=1)
    bad = {f.name: f for f in findings if not f.ok}
    assert set(bad) == {"storage", "scratch"} and not is_well(findings)
    assert "cannot be written" in bad["storage"].found and "nodes see this place" in bad["storage"].hint


def test_workers_of_another_environment_are_found(slurm: Slurm, site: Profile, tmp_path: Path) -> None:
    # The same interpreter, but another zarr comes first on its path.
    other = tmp_path / "other" / "zarr-2.0.0.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: zarr\nVersion: 2.0.0\n")
    findings = check(dataclasses.replace(site, environment={"PYTHONPATH": str(other.parent)}), str(tmp_path / "archive"), workers=1)
    [bad] = [f for f in findings if not f.ok]
    assert bad.name == "versions" and bad.found.startswith("zarr 2.0.0 instead of 3.") and "`python`" in bad.hint


def test_workers_that_do_not_come_are_the_only_finding(slurm: Slurm, site: Profile, tmp_path: Path) -> None:
    [refused] = check(dataclasses.replace(site, partition="nowhere"), str(tmp_path / "archive"))
    assert (refused.name, refused.ok) == ("workers", False) and "invalid partition" in refused.found
    [stillborn] = check(dataclasses.replace(site, python=f"{sys.prefix}/bin/nopython"), str(tmp_path / "archive"))
    assert not stillborn.ok and "nopython" in stillborn.found and "`python`" in stillborn.hint
    [late] = check(site, str(tmp_path / "archive"), timeout=0)
    assert not late.ok and "did not start within 0 s" in late.found
