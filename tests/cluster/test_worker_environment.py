"""Workers have one thread for numerics, keep their memory, and are as many as asked for."""

from __future__ import annotations

import pytest
from dask.system import cpu_count

from antdask.cluster.worker_environment import WORKER_ENVIRONMENT, worker_count
from antdask.errors import UsageError


def test_every_numeric_library_has_one_thread_and_freed_memory_is_kept() -> None:
    threads = {value for name, value in WORKER_ENVIRONMENT.items() if "THREADS" in name}
    assert threads == {"1"}
    assert int(WORKER_ENVIRONMENT["MALLOC_TRIM_THRESHOLD_"]) == int(WORKER_ENVIRONMENT["MALLOC_MMAP_THRESHOLD_"]) == 2**30


def test_one_worker_per_usable_processor_unless_a_number_is_given() -> None:
    assert worker_count(None) == cpu_count()
    assert worker_count(7) == 7
    with pytest.raises(UsageError, match="at least one worker: found 0"):
        worker_count(0)
