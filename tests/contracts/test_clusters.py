"""What every registered cluster keeps to, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from antdask.cluster import CLUSTERS, make_cluster
from antdask.cluster.run import run
from antdask.errors import UnknownNameError
from antdask.protocols import Cluster
from tests.cluster import tasks


@pytest.fixture(scope="module", params=CLUSTERS.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def cluster(name: str) -> Iterator[Cluster]:
    with make_cluster(name, 1) as cluster:
        yield cluster


class TestCluster:
    """Every test on every name; one instance per name, since starting one takes time."""

    def test_it_goes_by_its_name(self, name: str, cluster: Cluster) -> None:
        assert cluster.name == name

    def test_its_capacity_is_the_number_of_workers(self, cluster: Cluster) -> None:
        assert cluster.capacity == 1

    def test_a_future_gives_the_result(self, cluster: Cluster) -> None:
        assert cluster.submit(tasks.square, 12).result(20) == 144

    def test_a_future_keeps_the_error(self, cluster: Cluster) -> None:
        assert isinstance(cluster.submit(tasks.fail_with, "memory").exception(20), MemoryError)

    def test_callbacks_are_called(self, cluster: Cluster) -> None:
        seen: list[int] = []
        future = cluster.submit(tasks.square, 3)
        future.add_done_callback(lambda f: seen.append(f.result()))
        future.result(20)
        assert cluster.submit(tasks.square, 1).result(20) == 1
        assert seen == [9]

    def test_a_run_ends_each_task_once(self, cluster: Cluster) -> None:
        results: dict[int, int] = {}
        stats = run(cluster, tasks.square, range(30), on_result=results.__setitem__, on_failure=lambda *_: None)
        assert results == {n: n * n for n in range(30)}
        assert stats.done == 30

    def test_it_ends_its_processes_and_can_be_closed_twice(self, name: str) -> None:
        before = {p.pid for p in psutil.Process().children(recursive=True)}
        with make_cluster(name, 1) as cluster:
            assert cluster.submit(tasks.square, 2).result(20) == 4
        cluster.close()
        after = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
        assert all("resource_tracker" in " ".join(p.cmdline()) for p in after)


def test_an_unknown_name_is_met_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'processes'\? Known: local, processes, serial"):
        make_cluster("process")
