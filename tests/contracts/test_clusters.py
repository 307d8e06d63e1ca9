"""What every registered cluster keeps to, whoever wrote it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import psutil
import pytest

from antdask.cluster import CLUSTERS, make_cluster
from antdask.cluster.profiles import load_profile
from antdask.cluster.run import run
from antdask.errors import UnknownNameError
from antdask.protocols import Cluster
from tests.cluster import tasks

TIMEOUT = 60
SLOW = {"slurm": (pytest.mark.slow, pytest.mark.timeout(180))}  # jobs of a real queue


@pytest.fixture(scope="module", params=[pytest.param(name, marks=SLOW.get(name, ())) for name in CLUSTERS.names()])
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Cluster]:
    """Makes a cluster of one worker of a registered kind."""
    if request.param != "slurm":
        return lambda: make_cluster(request.param, 1)
    request.getfixturevalue("slurm_cluster")
    folder = str(tmp_path_factory.mktemp("slurm"))
    site = dataclasses.replace(load_profile("localhost"), shared=folder, scratch=folder)
    return lambda: CLUSTERS.get("slurm")(1, profile=site)


@pytest.fixture(scope="module")
def cluster(make: Callable[[], Cluster]) -> Iterator[Cluster]:
    with make() as cluster:
        # Where workers come by and by, this is when they are there.
        cluster.submit(tasks.square, 1).result(TIMEOUT)
        yield cluster


class TestCluster:
    """Every test on every name; one instance per name, since starting one takes time."""

    def test_it_goes_by_its_name(self, cluster: Cluster, request: pytest.FixtureRequest) -> None:
        assert cluster.name in request.node.name
        assert cluster.name in CLUSTERS.names()

    def test_its_capacity_is_the_number_of_workers(self, cluster: Cluster) -> None:
        assert cluster.capacity == 1

    def test_a_future_gives_the_result(self, cluster: Cluster) -> None:
        assert cluster.submit(tasks.square, 12).result(TIMEOUT) == 144

    def test_a_future_keeps_the_error(self, cluster: Cluster) -> None:
        assert isinstance(cluster.submit(tasks.fail_with, "memory").exception(TIMEOUT), MemoryError)

    def test_callbacks_are_called(self, cluster: Cluster) -> None:
        seen: list[int] = []
        future = cluster.submit(tasks.square, 3)
        future.add_done_callback(lambda f: seen.append(f.result()))
        future.result(TIMEOUT)
        assert cluster.submit(tasks.square, 1).result(TIMEOUT) == 1
        assert seen == [9]

    def test_a_run_ends_each_task_once(self, cluster: Cluster) -> None:
        results: dict[int, int] = {}
        stats = run(cluster, tasks.square, range(30), on_result=results.__setitem__, on_failure=lambda *_: None)
        assert results == {n: n * n for n in range(30)}
        assert stats.done == 30

    def test_it_ends_its_processes_and_can_be_closed_twice(self, make: Callable[[], Cluster]) -> None:
        before = {p.pid for p in psutil.Process().children(recursive=True)}
        with make() as cluster:
            assert cluster.submit(tasks.square, 2).result(TIMEOUT) == 4
        cluster.close()
        after = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
        assert all("resource_tracker" in " ".join(p.cmdline()) for p in after)


def test_an_unknown_name_is_met_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'processes'\? Known: local, processes, serial, slurm"):
        make_cluster("process")
