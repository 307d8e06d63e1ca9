"""Campaigns without a driver: blocks of parts, what is submitted, and an archive that closes only when all is there."""

from __future__ import annotations

import dataclasses
import shutil
import uuid
from pathlib import Path

import pytest

from antdask.archive import plans
from antdask.archive.store import Store
from antdask.cluster.profiles import Profile, load_profile
from antdask.convert.scan import make_plan
from antdask.convert.submission import finalise, finish_parts, submit
from antdask.errors import ClusterError, NotAnArchiveError, PartsFailedError, PlanError, UsageError
from antdask.query.archive import open_archive
from antdask.settings import load
from tests.servers.slurm import Slurm


@pytest.fixture
def plan_file(real_files: dict[str, str], tmp_path: Path) -> str:
    """A plan of nine parts of one real file, which may be removed."""
    shutil.copy(real_files["antares.h5"], tmp_path / "antares.h5")
    plan = make_plan([str(tmp_path / "antares.h5")], str(tmp_path / "archive"), load(part_bytes=100_000))
    assert len(plan.parts) == 9
    file = tmp_path / "a.plan"
    file.write_bytes(plans.to_bytes(plan))
    return str(file)


@pytest.fixture
def site(tmp_path: Path) -> Profile:
    return dataclasses.replace(load_profile("localhost"), shared=str(tmp_path / "shared"), workers=8, memory=2**29)


def test_an_archive_is_closed_when_its_last_block_is_done(plan_file: str, tmp_path: Path) -> None:
    archive = str(tmp_path / "archive")
    block = finish_parts(plan_file, [0, 3, 4, 4, 8])
    assert (block.exit_code, block.wanted, sorted(block.done), block.failures) == (0, 4, [0, 3, 4, 8], [])
    with pytest.raises(PartsFailedError, match=r"5 of 9 parts missing: 1-2, 5-7\. Submit them again: antdask submit .*\.zip") as caught:
        finalise(archive)
    assert caught.value.exit_code == 4
    finish_parts(plan_file, [7, 6, 5, 2, 1, 0])
    state = finalise(archive)
    assert (state.exit_code, state.campaigns[0]["parts_done"], state.campaigns[0]["hits"]) == (0, 9, 13_556)
    assert open_archive(archive).info()["streams"]["events"]["hits"] == 13_556


def test_a_part_that_fails_is_told_and_the_others_are_done(plan_file: str, tmp_path: Path) -> None:
    finish_parts(plan_file, [2])
    (tmp_path / "antares.h5").unlink()
    block = finish_parts(plan_file, [1, 2])
    assert (block.exit_code, sorted(block.done), block.to_dict()["wanted"]) == (4, [2], 2)
    [failure] = block.failures
    assert (failure["part"], failure["code"], failure["attempts"]) == (1, "input-missing", 1) and failure["key"].startswith(
        "antares/events/"
    )


def test_a_part_that_is_not_in_the_plan_is_refused_before_any_is_done(plan_file: str, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="expected 0 to 8, found 9"):
        finish_parts(plan_file, [0, 9])
    assert not (tmp_path / "archive").exists()


def test_a_place_that_is_no_archive_is_not_closed(tmp_path: Path) -> None:
    with pytest.raises(NotAnArchiveError):
        finalise(str(tmp_path))


def test_an_archive_in_memory_cannot_be_filled_by_jobs(real_files: dict[str, str], site: Profile, tmp_path: Path) -> None:
    file = tmp_path / "m.plan"
    file.write_bytes(plans.to_bytes(make_plan([real_files["antares.h5"]], f"memory://{uuid.uuid4().hex}")))
    with pytest.raises(UsageError, match="memory"):
        submit(str(file), site)


@pytest.mark.slow
def test_only_what_is_missing_is_submitted(slurm: Slurm, plan_file: str, site: Profile, tmp_path: Path) -> None:
    seen = submit(plan_file, site, dry_run=True)
    assert (seen.parts, seen.jobs) == (9, ()) and not (tmp_path / "archive").exists() and not (tmp_path / "shared").exists()
    finish_parts(plan_file, [0, 1, 2, 3, 4])
    found = submit(plan_file, dataclasses.replace(site, prologue=("sleep 100",)))
    assert (found.parts, found.tasks, found.queued, found.left) == (4, 4, 0, 0)
    [listing] = Path(found.folder).glob("*.parts")
    assert sorted(map(int, listing.read_text().split())) == [5, 6, 7, 8]
    assert submit(plan_file, site).queued == 4
    slurm.run("scancel", *found.jobs)
    slurm.until(lambda: not slurm.jobs())
    plan = plans.open_plan(plan_file)
    assert Store(str(tmp_path / "archive")).exists(f"plans/{plan.id}.zip")


def test_a_machine_without_slurm_is_told_so(plan_file: str, site: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ClusterError, match="SLURM is not on this machine"):
        submit(plan_file, site, dry_run=True)
