"""Real files through a real SLURM: whatever is lost on the way, the archive is that of one process that nobody disturbed."""

from __future__ import annotations

import collections
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from antdask.archive import ledger, plans
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.cluster.profiles import Profile, load_profile
from antdask.cluster.run import Event
from antdask.cluster.slurm import SlurmCluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.convert.verify import verify
from antdask.settings import load
from tests.servers.slurm import Slurm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
NAMES = ("km3net_online.root", "events_sample.root", "KM3NeT_00000267_00025291_L1.root", "antares.h5")
SETTINGS = load(part_bytes=100_000)


@pytest.fixture(scope="module")
def undisturbed(real_files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Parts of the archive that one process makes."""
    folder = tmp_path_factory.mktemp("undisturbed") / "archive"
    with make_cluster("serial") as cluster:
        convert(make_plan([real_files[n] for n in NAMES], str(folder), SETTINGS), cluster, SETTINGS)
    return content(folder)


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in (folder / "parts").rglob("*") if p.is_file()}


@pytest.fixture
def site(tmp_path: Path) -> Profile:
    return dataclasses.replace(load_profile("localhost"), shared=str(tmp_path / "shared"), scratch=str(tmp_path / "scratch"))


def test_a_campaign_that_loses_jobs_and_a_node_is_complete_and_equal(
    slurm: Slurm, site: Profile, undisturbed: dict[str, bytes], real_files: dict[str, str], tmp_path: Path
) -> None:
    archive, lost = tmp_path / "archive", []

    def harm(event: Event) -> None:
        victims = [job for job in cluster.jobs if job not in lost and slurm.state(job) == "RUNNING"] if event.kind == "done" else []
        if victims and event.done in {3, 30, 60}:
            lost.append(victims[0])
            if event.done == 30:
                slurm.run("scontrol", "update", f"nodename={slurm.jobs('RUNNING')[victims[0]]}", "state=down", "reason=test")
            else:
                slurm.run("scancel", victims[0])

    with SlurmCluster(3, site) as cluster:
        cluster.wait_for_workers(3)
        summary = convert(make_plan([real_files[n] for n in NAMES], str(archive), SETTINGS), cluster, SETTINGS, harm)
    assert len(lost) >= 2
    assert (summary.exit_code, summary.parts_done, summary.parts_failed) == (0, len(undisturbed), 0)
    assert content(archive) == undisturbed
    assert not [p for p in archive.rglob("*") if p.name.endswith(".tmp")]
    receipts = list(ledger.receipts(Store(str(archive))))
    assert collections.Counter(r.plan_part for r in receipts) == dict.fromkeys(range(len(undisturbed)), 1)
    assert {r.work["slurm_job"] for r in receipts} - {None} and None not in {r.work["slurm_job"] for r in receipts}
    assert verify(str(archive), "deep", make_cluster("serial")).problems == []


def test_the_command_converts_on_slurm(slurm: Slurm, undisturbed: dict[str, bytes], real_files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(f'extends = "localhost"\nshared = "{tmp_path}/shared"\n')
    words = ["convert", *(real_files[n] for n in NAMES), "--archive", str(tmp_path / "archive"), "--part-bytes", "100000"]
    words += ["--cluster", "slurm", "--profile", str(tmp_path / "site.toml"), "--workers", "4", "--json"]
    done = subprocess.run([sys.executable, "-m", "antdask", *words], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["parts_done"] == len(undisturbed)
    assert content(tmp_path / "archive") == undisturbed


def test_job_arrays_are_resubmitted_until_nothing_is_missing(
    slurm: Slurm, undisturbed: dict[str, bytes], real_files: dict[str, str], tmp_path: Path
) -> None:
    archive, file, site = str(tmp_path / "archive"), tmp_path / "a.plan", tmp_path / "site.toml"
    site.write_text(f'extends = "localhost"\nshared = "{tmp_path}/shared"\nworkers = 8\nparts_per_task = 10\nprologue = ["sleep 1"]\n')
    plan = make_plan([real_files[n] for n in NAMES], archive, SETTINGS)
    file.write_bytes(plans.to_bytes(plan))

    def antdask(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "antdask", *words, "--json"], capture_output=True, text=True, check=False)

    first = json.loads(antdask("submit", str(file), "--array", "--profile", str(site)).stdout)
    assert (first["parts"], first["left"]) == (len(plan.parts), 0) and first["tasks"] == len(plan.parts) // 10
    victim = f"{first['jobs'][0]}_1"
    slurm.until(lambda: slurm.state(victim) == "RUNNING", every=0.02)
    slurm.run("scancel", victim)
    slurm.until(lambda: not slurm.jobs(), seconds=60)
    [listing] = Path(first["folder"]).glob("*.parts")
    lost = len(listing.read_text().splitlines()[1].split())
    refused = antdask("finalise", archive)
    assert refused.returncode == 4 and f"{lost} of {len(plan.parts)} parts missing" in refused.stderr
    second = json.loads(antdask("submit", str(file), "--profile", str(site)).stdout)
    assert (second["parts"], second["tasks"]) == (lost, 1)
    slurm.until(lambda: not slurm.jobs(), seconds=60)
    closed = antdask("finalise", archive)
    assert closed.returncode == 0 and json.loads(closed.stdout)["campaigns"][0]["parts_missing"] == 0
    assert content(Path(archive)) == undisturbed
    # Only the task that was killed left its log.
    assert [f.name for f in Path(first["folder"]).glob("*.log")] == [f"{victim}.log"]
