"""The commands of SLURM: what they answer, and what becomes of their refusals; against a real controller."""

from __future__ import annotations

import dataclasses

import pytest

from antdask.cluster import batch
from antdask.cluster.array import submit_array
from antdask.cluster.batch import Job, Limits
from antdask.cluster.profiles import load_profile
from antdask.cluster.slurm import SlurmCluster
from antdask.errors import ClusterError
from tests.servers.slurm import ACCOUNT, MAX_ARRAY_SIZE, MOST_JOBS, Slurm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
SLEEP = "#!/bin/bash\n#SBATCH --output=/dev/null --mem=10 --time=5\nsleep 100\n"


def test_a_job_is_seen_from_submission_to_end(slurm: Slurm) -> None:
    job = batch.submit(SLEEP, "--job-name=alpha")
    assert set(batch.queue("alpha")) == {job} and batch.queue("beta") == {}
    slurm.until(lambda: batch.queue("alpha")[job].state == "RUNNING")
    seen = batch.queue("alpha")[job]
    assert (seen.name, seen.is_alive, seen.is_hopeless) == ("alpha", True, False) and seen.node in {"n1", "n2", "n3", "n4"}
    batch.cancel([job])
    slurm.until(lambda: batch.queue("alpha")[job].state == "CANCELLED")
    assert not batch.queue("alpha")[job].is_alive and batch.names("alpha") == {}


def test_tasks_of_an_array_stand_one_by_one_and_each_counts(slurm: Slurm) -> None:
    job = batch.submit(SLEEP, "--job-name=alpha-1", "--array=0-3")
    other = batch.submit(SLEEP, "--job-name=alpha-2")
    assert set(batch.queue("alpha-1")) == {f"{job}_{n}" for n in range(4)}
    assert {name: {j.id for j in jobs} for name, jobs in batch.names("alpha-").items()} == {
        "alpha-1": {f"{job}_{n}" for n in range(4)},
        "alpha-2": {other},
    }
    assert batch.count() == 5
    batch.cancel([f"{job}_2", other])
    slurm.until(lambda: batch.count() == 3)
    batch.cancel([job])


def test_the_limits_are_those_of_the_controller(slurm: Slurm) -> None:
    limits = batch.limits()
    assert (limits.array_tasks, limits.jobs) == (MAX_ARRAY_SIZE, 10_000)


def test_cancelling_what_has_ended_or_never_was_is_no_error(slurm: Slurm) -> None:
    job = batch.submit(SLEEP)
    batch.cancel([job])
    slurm.until(lambda: not slurm.jobs("PENDING,RUNNING,COMPLETING"))
    batch.cancel([job, "999999"])
    batch.cancel([])


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--partition=nowhere", r"'sbatch' refuses: .*invalid partition specified: nowhere.* `sinfo` lists the partitions"),
        ("--time=9-00:00:00", r"time limit.* set `walltime` in the profile"),
        ("--mem=1000000", r"'sbatch' refuses: .* less `memory` in the profile"),
        ("--cpus-per-task=99", r"'sbatch' refuses: .* fewer `cores`"),
        ("--licenses=nothing", r"Invalid license specification.* `scontrol show lic`"),
        ("--nonsense", r"unrecognized option '--nonsense'"),
    ],
)
def test_a_refusal_is_told_in_the_words_of_slurm_with_what_to_do(slurm: Slurm, option: str, words: str) -> None:
    with pytest.raises(ClusterError, match=words) as caught:
        batch.submit(SLEEP, option)
    assert caught.value.exit_code == 6


def test_a_machine_without_slurm_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    for ask in (batch.limits, batch.count, lambda: batch.queue("x"), lambda: batch.cancel(["1"]), lambda: batch.submit(SLEEP)):
        with pytest.raises(ClusterError, match="SLURM is not on this machine"):
            ask()


def test_a_controller_that_is_down_is_told_so(slurm: Slurm, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    config = (slurm.folder / "slurm.conf").read_text().replace("SlurmctldPort=", "SlurmctldPort=1 #")
    (tmp_path / "slurm.conf").write_text(config + "\nMessageTimeout=1\n")
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
    with pytest.raises(ClusterError, match=r"'squeue' refuses: .*(contact|Unable).*sinfo"):
        batch.queue("x")


@pytest.mark.parametrize(
    ("state", "alive"), [("PENDING", True), ("RUNNING", True), ("COMPLETING", False), ("NODE_FAIL", False), ("TIMEOUT", False)]
)
def test_a_job_that_does_nothing_more_is_not_alive(state: str, alive: bool) -> None:
    assert Job("1", "x", state, "", "None").is_alive is alive


def test_accounts_and_their_limits_are_respected_and_told(slurm_with_accounts: Slurm) -> None:
    slurm, job = slurm_with_accounts, SLEEP.replace("--time=5", f"--time=5 --account={ACCOUNT}")
    assert batch.limits(ACCOUNT) == Limits(array_tasks=MAX_ARRAY_SIZE, jobs=MOST_JOBS)
    assert batch.limits().jobs == 10_000  # of the default account
    with pytest.raises(ClusterError, match=r"'sbatch' refuses: .*Invalid account.* set `account` in the profile"):
        batch.submit(SLEEP, "--account=nobody")
    first = batch.submit(job, f"--array=0-{MOST_JOBS - 2}")
    assert batch.count() == MOST_JOBS - 1
    with pytest.raises(
        ClusterError, match=r"'sbatch' refuses: .*violates accounting/QOS policy.* Wait until your other jobs are done"
    ) as caught:
        batch.submit(job, "--array=0-1")
    assert batch.is_too_much(caught.value)
    last = batch.submit(job)
    profile = dataclasses.replace(load_profile("localhost"), account=ACCOUNT, shared=str(slurm.folder / "shared"), stagger=0)
    with pytest.raises(ClusterError, match="The queue is full"):
        submit_array("plan.zip", "p7", [1], profile)
    batch.cancel([first])
    slurm.until(lambda: not slurm.jobs("RUNNING,PENDING,COMPLETING", "x") and batch.count() == 1)
    two_each = dataclasses.replace(profile, longest_part=profile.walltime // 2 - 50)
    found = submit_array("plan.zip", "p7", range(9), two_each)
    assert (found.tasks, found.parts, found.left) == (MOST_JOBS - 1, 2 * (MOST_JOBS - 1), 1)
    batch.cancel([last, *found.jobs])
    slurm.until(lambda: batch.count() == 0)
    # A limit that only SLURM knows: half of the array fits, and is taken.
    slurm.run("sacctmgr", "-i", "modify", "qos", "normal", "set", "MaxSubmitJobsPerUser=3")
    slurm.until(lambda: "MaxSubmitJobsPU=3" in slurm.run("scontrol", "show", "assoc_mgr", "flags=qos"))
    found = submit_array("plan.zip", "p8", range(5), profile)
    assert (found.tasks, found.parts, found.left) == (2, 2, 3)
    with SlurmCluster(3, profile) as cluster:
        assert len(cluster.jobs) == 1
    batch.cancel(found.jobs)
