"""The environment of worker processes: one numeric thread each, and memory that is kept instead of given back."""

from __future__ import annotations

from dask.system import cpu_count

from antdask.errors import UsageError

_KEEP = str(2**30)

#: Set before a worker starts, because the C library and the numeric libraries read them once.
#:
#: The malloc lines make glibc keep freed memory: batches come and go in blocks of megabytes, and giving each back to the system costs a page fault for
#: every 4 kB of the next one. Measured: 15 % less wall time than with the settings of distributed, which give everything back at once.
WORKER_ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": _KEEP,
    "MALLOC_MMAP_THRESHOLD_": _KEEP,
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "BLOSC_NTHREADS": "1",
    "RAYON_NUM_THREADS": "1",
}

#: Why worker processes most often do not come up: they import the script that starts them, and start it again.
NEEDS_A_GUARD = 'A script needs `if __name__ == "__main__":` around its work. The cluster "serial" needs no processes.'


def worker_count(workers: int | None) -> int:
    """The wanted number of workers, or one per processor that this process may use (affinity and container limits count).

    Raises
    ------
    UsageError
        Less than one.
    """
    if workers is not None and workers < 1:
        raise UsageError("A cluster has at least one worker", found=workers)
    return workers if workers is not None else cpu_count()
