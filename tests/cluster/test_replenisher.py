"""Lost jobs are replaced, hanging ones cancelled, and vain waiting ends; all of it thought, none of it run."""

from __future__ import annotations

import pytest

from antdask.cluster.batch import Job
from antdask.cluster.replenisher import STILLBORN, Orders, Replenisher
from antdask.errors import ClusterError


class Site:
    """A queue and a scheduler of thin air."""

    def __init__(self, wanted: int) -> None:
        self.replenisher = Replenisher(wanted, patience=60, last_words=lambda job: f"output of {job}")
        self.states: dict[str, tuple[str, str]] = {}
        self.present: set[str] = set()
        self.now, self.number = 0.0, 0

    def submit(self, count: int) -> None:
        for _ in range(count):
            self.number += 1
            self.replenisher.place(str(self.number), f"w{self.number}")
            self.states[str(self.number)] = ("PENDING", "Priority")

    def look(self, now: float | None = None) -> Orders:
        self.now = self.now + 1 if now is None else now
        queue = {n: Job(n, "run", state, "n1", reason) for n, (state, reason) in self.states.items()}
        return self.replenisher.look(self.now, queue, self.present)

    def run(self, *numbers: int, present: bool = True) -> None:
        for n in numbers:
            self.states[str(n)] = ("RUNNING", "None")
            if present:
                self.present.add(f"w{n}")

    def end(self, number: int, state: str) -> None:
        self.states[str(number)] = (state, "None")
        self.present.discard(f"w{number}")


@pytest.fixture
def site() -> Site:
    site = Site(3)
    site.submit(site.look().submit)
    return site


def test_as_many_jobs_are_submitted_as_are_wanted_and_then_no_more(site: Site) -> None:
    assert site.replenisher.jobs == ["1", "2", "3"]
    assert site.look() == Orders(0, ())
    site.run(1, 2, 3)
    assert site.look() == Orders(0, ())


@pytest.mark.parametrize("state", ["CANCELLED", "NODE_FAIL", "TIMEOUT", "OUT_OF_MEMORY", "FAILED", "COMPLETED", "COMPLETING", "PREEMPTED"])
def test_a_job_that_ends_in_any_way_is_replaced_once(site: Site, state: str) -> None:
    site.run(1, 2, 3)
    site.look()
    site.end(2, state)
    orders = site.look()
    assert orders == Orders(1, ())
    site.submit(orders.submit)
    assert site.look() == Orders(0, ())
    assert site.replenisher.jobs == ["1", "3", "4"]


def test_a_job_is_replaced_while_it_ends_and_judged_when_it_has(site: Site) -> None:
    site.run(1, 2, 3)
    site.look()
    site.end(1, "COMPLETING")
    assert site.look() == Orders(1, ()) and site.replenisher.failed == []
    site.submit(1)
    site.end(1, "TIMEOUT")
    assert site.look() == Orders(0, ())
    assert [job.state for job in site.replenisher.failed] == ["TIMEOUT"]


def test_a_job_that_slurm_has_forgotten_is_replaced(site: Site) -> None:
    del site.states["1"]
    assert site.look().submit == 1


def test_jobs_may_wait_in_the_queue_for_days(site: Site) -> None:
    assert site.look(now=3 * 86_400.0) == Orders(0, ())


def test_a_running_job_whose_worker_does_not_appear_is_cancelled_and_replaced(site: Site) -> None:
    site.run(1, 2)
    site.run(3, present=False)
    assert site.look(now=10.0) == Orders(0, ())
    assert site.look(now=69.0) == Orders(0, ())
    assert site.look(now=71.0) == Orders(1, ("3",))


def test_a_worker_that_comes_back_in_time_keeps_its_job(site: Site) -> None:
    site.run(1, 2, 3)
    site.look(now=0.0)
    site.present.remove("w3")
    site.look(now=10.0)
    site.present.add("w3")
    site.look(now=60.0)
    site.present.remove("w3")
    assert site.look(now=100.0) == Orders(0, ())


def test_a_job_of_several_workers_is_present_as_long_as_one_of_them_is(site: Site) -> None:
    site.run(1, 2, 3, present=False)
    site.present = {"w1-0", "w1-1", "w2-1", "w3-0"}
    site.look(now=0.0)
    assert site.look(now=1000.0) == Orders(0, ())


@pytest.mark.parametrize("state", ["FAILED", "OUT_OF_MEMORY", "COMPLETED"])
def test_jobs_that_end_before_their_workers_come_up_end_the_wait_with_their_last_words(site: Site, state: str) -> None:
    for n in range(1, STILLBORN + 1):
        site.end(n, state)
    with pytest.raises(ClusterError, match=rf"The workers do not start: 3 jobs .*\(in job 3 on n1\): found {state}, output of 3"):
        site.look()


def test_jobs_that_are_cancelled_while_they_wait_are_nobodys_fault(site: Site) -> None:
    for n in range(1, 4):
        site.end(n, "CANCELLED")
    assert site.look() == Orders(3, ())


def test_a_stillborn_job_is_replaced_later_and_later_as_long_as_others_work(site: Site) -> None:
    site.run(1, 2)
    site.look(now=0.0)
    waits = []
    for number in range(3, 8):
        site.end(number, "FAILED")
        begin = site.now
        while not (orders := site.look()).submit:
            pass
        waits.append(site.now - begin)
        site.submit(orders.submit)
    assert waits == sorted(waits) and waits[0] < waits[-1]
    assert [job.id for job in site.replenisher.failed] == ["3", "4", "5", "6", "7"]


def test_a_worker_that_comes_up_clears_the_name_of_the_profile(site: Site) -> None:
    site.end(1, "FAILED")
    site.end(2, "FAILED")
    site.look()
    site.run(3)
    site.look()
    site.end(3, "CANCELLED")
    site.submit(site.look(now=1000.0).submit)
    site.end(4, "FAILED")
    # Three were stillborn, but not in a row: that is not the end.
    site.look()
    assert [job.id for job in site.replenisher.failed] == ["1", "2", "4"]


def test_a_job_that_can_never_start_ends_the_wait(site: Site) -> None:
    site.states["2"] = ("PENDING", "PartitionTimeLimit")
    with pytest.raises(ClusterError, match=r"can never start .*job 2.*PartitionTimeLimit"):
        site.look()


def test_a_job_that_can_never_start_does_not_end_what_works(site: Site) -> None:
    site.run(1)
    site.states["2"] = ("PENDING", "PartitionTimeLimit")
    assert site.look() == Orders(0, ())


def test_failed_jobs_are_remembered_and_cancelled_ones_are_not(site: Site) -> None:
    site.run(1, 2, 3)
    site.look()
    site.end(1, "CANCELLED")
    site.end(2, "OUT_OF_MEMORY")
    site.look()
    assert [job.id for job in site.replenisher.failed] == ["2"]
