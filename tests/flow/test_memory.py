"""Parts for which the memory does not suffice: they are tried again, and fail with a sentence that says so; nothing sound is ever taken for damaged."""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import distributed
import numpy as np
import pytest

from antdask.cluster import make_cluster
from antdask.cluster.dask import DaskCluster
from antdask.convert import campaign
from antdask.convert import part as part_module
from antdask.convert.reprocess import Wish, plan_reprocessing, reprocess
from antdask.convert.scan import make_plan
from antdask.convert.status import status
from antdask.model.ragged import Batch
from antdask.protocols import Cluster
from antdask.settings import load
from antdask.simulate import SimulationSpec, simulate

MIB = 2**20
SETTINGS = load(part_bytes=10**9, attempts=2)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two simulated runs, some ten megabytes each when they are decoded."""
    folder = tmp_path_factory.mktemp("simulated")
    made = simulate(SimulationSpec(runs=2, events=4000, dst=False, slow_control=False), str(folder))
    return sorted(str(p) for p in made if str(p).endswith("_raw.root"))


@pytest.fixture(scope="module")
def sound(files: list[str], tmp_path_factory: pytest.TempPathFactory) -> str:
    url = str(tmp_path_factory.mktemp("sound") / "a")
    with make_cluster("serial") as cluster:
        assert campaign.convert(make_plan(files, url, SETTINGS), cluster, SETTINGS).exit_code == 0
    return url


def content(url: str) -> dict[str, bytes]:
    return {str(p.relative_to(url)): p.read_bytes() for p in Path(url, "parts").rglob("*") if p.is_file()}


def tight(index: int, plan_url: str, margin: int) -> Any:
    """The work of a worker that may have so much more memory than it has when it begins [MiB], as ``ulimit -v`` has it."""
    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        [size] = [int(line.split()[1]) * 1024 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmSize:")]
        resource.setrlimit(resource.RLIMIT_AS, (size + margin * MIB, resource.RLIM_INFINITY))
    return part_module.work(index, plan_url)


@pytest.mark.slow
@pytest.mark.parametrize("margin", [2, 6, 10])
def test_parts_that_do_not_fit_fail_for_lack_of_memory_and_for_nothing_else(
    margin: int, files: list[str], sound: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan(files, str(tmp_path / "a"), SETTINGS)
    with monkeypatch.context() as m, make_cluster("processes", 1) as cluster:
        m.setattr(campaign, "work", functools.partial(tight, margin=margin))
        summary = campaign.convert(plan, cluster, SETTINGS)
    assert summary.failures and summary.exit_code == 4 and (summary.quarantined, summary.rejected, summary.stopped) == (0, 0, "")
    for failure in summary.failures:
        assert (failure["kind"], failure["attempts"]) == ("resource", 2), failure
        assert "memory" in failure["message"], failure
    assert status(plan.archive).campaigns[0]["failed"] == {"resource": len(summary.failures)}
    assert not list(tmp_path.rglob("*.tmp"))
    with make_cluster("serial") as cluster:
        summary = campaign.convert(plan, cluster, SETTINGS)
    assert summary.exit_code == 0 and content(plan.archive) == content(sound)
    assert status(plan.archive).campaigns[0]["failed"] == {}


def greedy(batch: Batch, *, megabytes: int) -> Batch:
    """A step that takes memory for one of the runs, and writes to all of it."""
    if batch.tables["events"]["run"][0] % 2:
        taken = np.ones(megabytes * MIB, np.uint8)
        assert int(taken[::4096].sum()) == len(taken) // 4096
    return batch


def check_greedy(archive: str, into: Path, cluster: Cluster, megabytes: int) -> None:
    """One run fails with every worker that tries it, the other is done."""
    wish = Wish("events", "tests.flow.test_memory:greedy", {"megabytes": megabytes})
    plan = plan_reprocessing(archive, wish, into=str(into))
    summary = reprocess(plan, cluster, SETTINGS)
    assert (summary.exit_code, summary.parts_done, summary.parts_failed, summary.quarantined) == (4, 1, 1, 0), summary
    [failure] = summary.failures
    assert (failure["kind"], failure["code"], failure["attempts"]) == ("resource", "worker-lost", 2)
    assert "memory" in failure["message"] and "smaller" in failure["message"]
    assert not list(into.rglob("*.tmp"))


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_worker_that_a_nanny_kills_for_its_memory_costs_one_part(sound: str, tmp_path: Path) -> None:
    with (
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            memory_limit=900 * MIB,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
            scheduler_kwargs={"allowed_failures": 0},
            local_directory=str(tmp_path),
        ) as made,
        distributed.Client(made, set_as_default=False) as client,
        DaskCluster(client) as cluster,
    ):
        check_greedy(sound, tmp_path / "b", cluster, 3000)


@contextlib.contextmanager
def memory_group(limit: int) -> Iterator[Path]:
    """A group of control whose processes the kernel kills when they take more together."""
    top = Path("/sys/fs/cgroup/memory")
    name, key = (top, "memory.limit_in_bytes") if top.exists() else (top.parent, "memory.max")
    group = name / f"antdask-test-{os.getpid()}"
    group.mkdir()
    (group / key).write_text(str(limit))
    try:
        yield group / "cgroup.procs"
    finally:
        # A process that was killed leaves the group when it is buried.
        subprocess.run(["sh", "-c", f"for i in 1 2 3 4 5; do rmdir {group} && exit; sleep 1; done"], check=True, capture_output=True)


def confined(index: int, plan_url: str, group: str) -> Any:
    """The work of a worker that joins a group of control first."""
    Path(group).write_text(str(os.getpid()))
    return part_module.work(index, plan_url)


@pytest.mark.soak  # groups of control can be made by the superuser of a whole machine only
def test_a_worker_that_the_kernel_kills_for_its_memory_costs_one_part(sound: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with memory_group(600 * MIB) as group, make_cluster("processes", 1) as cluster:
        monkeypatch.setattr(campaign, "work", functools.partial(confined, group=str(group)))
        check_greedy(sound, tmp_path / "b", cluster, 3000)
