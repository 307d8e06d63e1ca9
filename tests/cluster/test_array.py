"""Job arrays: parts dealt to tasks within the limits of SLURM, the script that is written, and what the queue tells of parts."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antdask.cluster import array, batch
from antdask.cluster.array import array_script, deal, most_parts, queued_parts, submit_array
from antdask.cluster.profiles import Profile, load_profile
from antdask.errors import ClusterError
from tests.servers.slurm import MAX_ARRAY_SIZE, Slurm


@pytest.fixture
def site(tmp_path: Path) -> Profile:
    """Tasks that only say which parts they would do."""
    fake = tmp_path / "python"
    fake.write_text(f'#!/bin/bash\nshift 3\necho "$@" >> {tmp_path}/said\nsleep "${{SLOW:-0}}"\n')
    fake.chmod(0o755)
    return dataclasses.replace(load_profile("localhost"), shared=str(tmp_path / "shared"), python=str(fake), workers=9, memory=2**27)


@given(st.lists(st.integers(), unique=True, max_size=200), st.integers(1, 9), st.integers(1, 9), st.integers(0, 50))
def test_each_part_is_dealt_once_and_no_limit_is_broken(parts: list[int], least: int, most: int, tasks: int) -> None:
    dealt = deal(parts, least, most, tasks)
    flat = [part for task in dealt for part in task]
    assert len(dealt) <= tasks and all(dealt) and max(map(len, dealt), default=0) <= most
    assert sorted(flat) == sorted(parts[: len(flat)])
    # What is left out would not have fitted.
    assert len(flat) == len(parts) or len(flat) == tasks * most
    assert max(map(len, dealt), default=0) - min(map(len, dealt), default=0) <= 1


def test_a_task_takes_no_more_parts_than_its_walltime_allows() -> None:
    profile = Profile("x", walltime=3600, longest_part=600, margin=0)
    assert most_parts(profile) == 6
    assert most_parts(dataclasses.replace(profile, margin=1)) == 5


def test_the_script_is_valid_shell_and_takes_names_literally(tmp_path: Path) -> None:
    profile = Profile("x", shared=str(tmp_path), prologue=("module load python",), python="/opt/my python/bin/python", workers=7)
    listing = tmp_path / "it's; $HOME" / "0a.parts"
    text = array_script(listing, "s3://bucket/$(x)/plan 1.zip", "antdask-p-0a", 12, profile)
    assert (
        "#SBATCH --array=0-11%7\n" in text
        and "\nmodule load python\n" in text
        and "@" not in text.partition("\n#SBATCH")[2].replace('"${parts[@]}"', "")
    )
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)
    ask = (
        text.replace("-m antdask work", "")
        .replace("'/opt/my python/bin/python'", "printf '%s|'")
        .replace("module load python", 'rm() { echo gone "$2"; }')
    )
    listing.parent.mkdir()
    listing.write_text("1 2\n30\n")
    answer = subprocess.run(
        ["bash"],
        input=ask,
        check=False,
        env={"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_JOB_ID": "7", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert answer.stdout == f"s3://bucket/$(x)/plan 1.zip|--part|1|--part|2|gone {listing.parent}/7_0.log\n"
    assert answer.returncode == 0


@pytest.mark.slow
def test_arrays_respect_the_limit_of_their_size_and_leave_no_logs(slurm: Slurm, site: Profile, tmp_path: Path) -> None:
    submission = submit_array("plan.zip", "p1", range(20), dataclasses.replace(site, parts_per_task=2))
    assert (submission.parts, submission.tasks, submission.left, submission.queued, len(submission.jobs)) == (20, 10, 0, 0, 2)
    assert MAX_ARRAY_SIZE < 10
    # The second waits for the first, so that both together keep the number of tasks that run at a time.
    waiting = slurm.run("squeue", "-h", "-j", submission.jobs[1], "-o", "%E")
    assert f"afterany:{submission.jobs[0]}" in waiting
    slurm.until(lambda: not slurm.jobs())
    said = (tmp_path / "said").read_text().splitlines()
    assert sorted(said) == sorted(f"plan.zip --part {n} --part {n + 10}" for n in range(10))
    assert {f.suffix for f in Path(submission.folder).iterdir()} == {".parts", ".sbatch"}


@pytest.mark.slow
def test_what_waits_in_the_queue_is_not_submitted_again(slurm: Slurm, site: Profile) -> None:
    slow = dataclasses.replace(site, environment={"SLOW": "100"})
    first = submit_array("plan.zip", "p2", [5, 3, 1], slow)
    assert queued_parts("p2", slow) == {1, 3, 5} and queued_parts("p3", slow) == set()
    second = submit_array("plan.zip", "p2", [5, 3, 1, 7], slow)
    assert (second.parts, second.queued) == (1, 3)
    [job] = first.jobs
    slurm.run("scancel", f"{job}_1")
    slurm.until(lambda: queued_parts("p2", slow) == {1, 5, 7})
    third = submit_array("plan.zip", "p2", [5, 3, 1, 7], slow)
    assert (third.parts, third.queued) == (1, 3)
    assert submit_array("plan.zip", "p2", [5, 3, 1, 7], slow).jobs == ()
    (Path(first.folder) / next(f.name for f in Path(first.folder).glob("*.parts"))).unlink()
    with pytest.raises(ClusterError, match=r"nobody knows which.*scancel --name=antdask-p2-"):
        queued_parts("p2", slow)
    batch.cancel([*first.jobs, *second.jobs, *third.jobs])


@pytest.mark.slow
def test_what_does_not_fit_into_the_queue_is_left_for_later(slurm: Slurm, site: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "limits", lambda account: batch.Limits(array_tasks=6, jobs=2))
    short = dataclasses.replace(site, longest_part=site.walltime // 2 - 50, stagger=0)
    assert most_parts(short) == 2
    submission = submit_array("plan.zip", "p4", range(10), short, dry_run=True)
    assert (submission.parts, submission.tasks, submission.left, submission.jobs) == (4, 2, 6, ())
    monkeypatch.setattr(batch, "limits", lambda account: batch.Limits(array_tasks=6, jobs=0))
    with pytest.raises(ClusterError, match="The queue is full"):
        submit_array("plan.zip", "p4", range(10), short)


@pytest.mark.slow
def test_a_refusal_leaves_no_list_behind(slurm: Slurm, site: Profile) -> None:
    with pytest.raises(ClusterError, match="invalid partition"):
        submit_array("plan.zip", "p5", [1], dataclasses.replace(site, partition="nowhere"))
    assert list((site.shared_folder / "antdask-p5").iterdir()) == []


@pytest.mark.slow
def test_a_later_refusal_keeps_what_was_taken(slurm: Slurm, site: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    def refuse_the_second(script: str, *options: str) -> str:
        if taken:
            raise ClusterError("'sbatch' refuses: QOSMaxSubmitJobPerUserLimit")
        taken.append(real(script, *options))
        return taken[0]

    real = batch.submit
    monkeypatch.setattr(array.batch, "submit", refuse_the_second)
    submission = submit_array("plan.zip", "p6", range(8), site)
    assert (submission.parts, submission.left, submission.jobs) == (6, 2, tuple(taken))
    batch.cancel(taken)
