"""Works on SLURM: a Dask scheduler in this process, workers in batch jobs, and a watch that replaces jobs that are lost.

::

    this process                               nodes
    ┌────────────────────────────┐             ┌──────────────────────────┐
    │ run ─► client ─► scheduler │◄──── TLS ───│ job: worker, drain       │  ends before its walltime, or dies
    │ watch: squeue every `poll` │── sbatch ──►│ job: worker, drain       │
    └────────────────────────────┘             └──────────────────────────┘
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import logging
import shutil
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import dask
import distributed
from dask_jobqueue.slurm import SLURMCluster
from distributed.utils import silence_logging_cmgr

from antdask.cluster import batch
from antdask.cluster.dask import DaskCluster
from antdask.cluster.drain import NOTICE
from antdask.cluster.profiles import Profile, load_profile
from antdask.cluster.replenisher import Replenisher
from antdask.cluster.spans import EXTENSIONS
from antdask.errors import ClusterError, UsageError

#: A controller that refuses jobs or does not answer is borne for so long while no worker works [s].
REFUSALS_BORNE = 900.0
#: A worker that does not report for so long is lost [s]: a codec may hold the interpreter for minutes.
WORKER_TTL = "15 minutes"
#: Lines of the output of a job that are shown when it fails.
_LAST_LINES = 5
_DRAIN = "antdask.cluster.drain"
#: Results are receipts: there is nothing to spill, and SLURM itself watches over memory.
_WORKER_CONFIG = {
    "DASK_DISTRIBUTED__WORKER__MEMORY__TARGET": "False",
    "DASK_DISTRIBUTED__WORKER__MEMORY__SPILL": "False",
    "DASK_DISTRIBUTED__WORKER__MEMORY__PAUSE": "False",
    "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "False",
}
#: As long as the scheduler lives. A worker holds no second task: it would be lost with the first. The last messages of each connection are kept for developers
#: of Dask: a thousand of them, for each of hundreds of workers, would be the largest thing in this process.
_SCHEDULER_CONFIG = {"distributed.scheduler.worker-saturation": 1.0, "distributed.admin.low-level-log-length": 50}
_log = logging.getLogger(__name__)


class SlurmCluster(DaskCluster):
    """Workers in jobs of SLURM, as a profile describes them; all jobs end on `close`, or soon after this process has died.

    Parameters
    ----------
    workers : int, optional
        Worker processes wanted at a time; as the profile says if not given.
    profile : str or Profile
        Name of a site, path of a TOML file, or the profile itself.
    dashboard : bool
        Serve Dask's dashboard on a free port of loopback; its address is `dashboard_link`.

    Raises
    ------
    ClusterError
        SLURM is not there, or refuses the job.
    UnknownNameError, ConfigurationError
        There is no such profile, or it cannot be used.
    UsageError
        Less than one worker.

    Notes
    -----
    Jobs wait in the queue as long as they must: meanwhile `capacity` is 0. What makes waiting vain (a job that can never start, jobs that die before their worker
    comes up) is raised by `capacity` and `submit` as `ClusterError`.
    """

    name = "slurm"

    def __init__(self, workers: int | None = None, profile: str | Profile = "generic", *, dashboard: bool = False) -> None:
        if workers is not None and workers < 1:
            raise UsageError("A cluster has at least one worker", found=workers)
        self.profile = profile if isinstance(profile, Profile) else load_profile(profile)
        jobs = -(-(workers or self.profile.workers) // self.profile.processes)
        self.run_name = f"antdask-{uuid.uuid4().hex[:10]}"
        with contextlib.ExitStack() as stack:
            self.folder = _make_folder(self.profile, self.run_name)
            self._replenisher = Replenisher(jobs, self.profile.death_timeout, self._last_words)
            stack.callback(self._tidy)
            # Workers that die are told of by the loop and the watch; what distributed says about them, and about its own end, would only frighten.
            stack.enter_context(silence_logging_cmgr(logging.CRITICAL))
            stack.enter_context(dask.config.set(_SCHEDULER_CONFIG))
            self._cluster = stack.enter_context(_scheduler(self.profile, self.run_name, self.folder, dashboard))
            super().__init__(stack.enter_context(distributed.Client(self._cluster, set_as_default=False)))
            self._watch = _Watch(self.profile.poll, self._replenish)
            self._numbers = itertools.count()
            self._refused_since: float | None = None
            stack.callback(self._cancel_jobs)
            # One at once, so that a refusal is told here; the watch submits the others.
            self._fill(1)
            stack.enter_context(self._watch)
            atexit.register(self.close)
            self._stack = stack.pop_all()
        self.dashboard_link = str(self._cluster.dashboard_link) if dashboard else ""

    @property
    def capacity(self) -> int:
        """Threads of all workers that are there now; 0 while all jobs wait in the queue.

        Raises
        ------
        ClusterError
            The scheduler does not answer, or waiting for workers is vain.
        """
        self._watch.check()
        return super().capacity

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        """Submit a call; its future fails with `WorkerLostError` if its workers die.

        Raises
        ------
        ClusterError
            The client is closed, or waiting for workers is vain.
        """
        self._watch.check()
        return super().submit(function, *args)

    @property
    def jobs(self) -> list[str]:
        """Numbers of the jobs that have not ended, as far as the last look at the queue told."""
        return self._replenisher.jobs

    @property
    def failed_jobs(self) -> list[batch.Job]:
        """Jobs that ended badly so far: failed, killed for their memory, or out of time."""
        return list(self._replenisher.failed)

    def wait_for_workers(self, threads: int = 1, timeout: float = 600) -> None:
        """Wait until so many threads can work.

        Raises
        ------
        ClusterError
            They do not come in time, or never will.
        """
        limit = time.monotonic() + timeout
        while sum(self.client.nthreads().values()) < threads:
            self._watch.check()
            if time.monotonic() > limit:
                raise ClusterError(
                    f"The workers did not start within {timeout:g} s",
                    found=self._queue_in_words(),
                    hint="Wait longer, or ask for less in the profile.",
                )
            time.sleep(0.1)

    def close(self) -> None:
        """Cancel all jobs, take down client and scheduler, and remove logs and keys; logs are kept where a job has failed."""
        super().close()
        atexit.unregister(self.close)
        self._stack.close()

    def script(self, worker: str) -> str:
        """The script of the job that brings this worker."""
        # The spec of dask-jobqueue knows the address of the scheduler and the keys.
        [spec] = self._cluster.new_worker_spec().values()
        text: str = spec["cls"](self._cluster.scheduler_address, name=worker, **spec["options"]).job_script()
        return text

    def _fill(self, count: int) -> None:
        """Submit jobs; the first refusal is raised, unless others were taken before it (then it is a limit, and less is enough)."""
        for done in range(count):
            if self._watch.is_stopped:
                return
            worker = f"{self.run_name}-{next(self._numbers)}"
            try:
                job = batch.submit(self.script(worker))
            except ClusterError as error:
                if not done:
                    raise
                _log.warning("%d of %d jobs are in the queue: %s", done, count, error)
                return
            self._replenisher.place(job, worker)

    def _replenish(self) -> None:
        """One look at the queue: replace what is lost, cancel what hangs."""
        present = self._cluster.sync(self._worker_names)
        try:
            queue = batch.queue(self.run_name)
        except ClusterError as error:
            self._bear(error, present)
            return
        orders = self._replenisher.look(time.monotonic(), queue, present)
        try:
            batch.cancel(orders.cancel)
            self._fill(orders.submit)
        except ClusterError as error:
            self._bear(error, present)
        else:
            self._refused_since = None

    def _bear(self, error: ClusterError, present: set[str]) -> None:
        """Go on without the controller of SLURM as long as workers work, and a while without them."""
        self._refused_since = time.monotonic() if present or self._refused_since is None else self._refused_since
        if time.monotonic() - self._refused_since > REFUSALS_BORNE:
            raise error
        _log.warning("SLURM does not give what is missing, asking again: %s", error)

    async def _worker_names(self) -> set[str]:
        return {str(worker.name) for worker in self._cluster.scheduler.workers.values()}

    def _cancel_jobs(self) -> None:
        # Should SLURM not listen now: a worker ends by itself when its scheduler is gone.
        with contextlib.suppress(ClusterError):
            batch.cancel(self._replenisher.jobs)

    def _tidy(self) -> None:
        for key in self.folder.glob("*.pem"):
            key.unlink()
        if not self._replenisher.failed:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _last_words(self, job: str) -> str:
        try:
            lines = (self.folder / f"{job}.log").read_text(errors="replace").strip().splitlines()
        except FileNotFoundError:
            return ""
        return " / ".join(lines[-_LAST_LINES:])

    def _queue_in_words(self) -> str:
        jobs = [job for job in batch.queue(self.run_name).values() if job.is_alive]
        states = [job.state if job.reason == "None" else f"{job.state} ({job.reason})" for job in jobs]
        return ", ".join(f"{states.count(s)} {s}" for s in sorted(set(states))) or "no job in the queue"


class _Watch:
    """A thread that looks again and again, until it is stopped or finds an error, which `check` raises."""

    def __init__(self, period: float, look: Callable[[], None]) -> None:
        self._period, self._look = period, look
        self._stop = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="antdask-slurm-watch", daemon=True)

    @property
    def is_stopped(self) -> bool:
        return self._stop.is_set()

    def check(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - the thread that waits for workers raises it
                self._error = error
                return
            self._stop.wait(self._period)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def _make_folder(profile: Profile, run_name: str) -> Path:
    """A folder for logs and keys that nobody else can read."""
    folder = profile.shared_folder / run_name
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise ClusterError(
            f"The folder for logs and keys cannot be made: {error.strerror}",
            where=str(folder),
            hint="Set `shared` in the profile to a folder that this machine and the nodes see.",
        ) from error
    return folder


def _make_keys(folder: Path) -> distributed.Security:
    """A certificate and a key for this run, in files that workers see and nobody else can read."""
    made = distributed.Security.temporary().get_tls_config_for_role("scheduler")
    files = {name: folder / f"{name}.pem" for name in ("ca_file", "cert", "key")}
    for name, file in files.items():
        file.touch(mode=0o600)
        file.write_text(made[name])
    roles = {f"tls_{role}_{name}": str(files[name]) for role in ("client", "scheduler", "worker") for name in ("cert", "key")}
    return distributed.Security(require_encryption=True, tls_ca_file=str(files["ca_file"]), **roles)


def _scheduler(profile: Profile, run_name: str, folder: Path, dashboard: bool) -> SLURMCluster:
    """A scheduler in this process, and what jobs need to know of it; dask-jobqueue itself submits none, because it does not replace those that are lost."""
    options = [
        *profile.options(run_name, str(folder / "%j.log")),
        "--no-requeue",
        f"--signal=B:{NOTICE.name.removeprefix('SIG')}@{profile.notice}",
    ]
    worker_config = {**_WORKER_CONFIG, "DASK_ANTDASK__LAST_START": str(profile.last_start), "DASK_ANTDASK__STAGGER": str(profile.stagger)}
    # The signal may come before anybody listens.
    prologue = [f"trap '' {NOTICE.name.removeprefix('SIG')}", *profile.prepare(), *(f"export {k}={v}" for k, v in worker_config.items())]
    arguments = ["--no-dashboard", "--dashboard-address", "127.0.0.1:0", "--preload", _DRAIN]
    scheduler = {
        "dashboard_address": "127.0.0.1:0",
        "dashboard": dashboard,
        "allowed_failures": profile.allowed_failures,
        "worker_ttl": WORKER_TTL,
        "extensions": EXTENSIONS,
    }
    if profile.scheduler_interface:
        scheduler["interface"] = profile.scheduler_interface
    try:
        return SLURMCluster(
            cores=profile.cores,
            processes=profile.processes,
            memory=f"{profile.memory} B",
            # One process is the job itself: when it dies the job ends, and is replaced. More than one need somebody who starts them.
            nanny=profile.processes > 1,
            worker_extra_args=[*arguments, *(["--preload-nanny", _DRAIN] if profile.processes > 1 else [])],
            local_directory='"$TMPDIR"',
            death_timeout=profile.death_timeout,
            # Without a shell in between, the signals of SLURM reach the worker.
            python=f"exec {profile.interpreter}",
            worker_command="distributed.cli.dask_worker",
            shebang="#!/bin/bash",
            job_directives_skip=["#SBATCH"],
            job_extra_directives=options,
            job_script_prologue=prologue,
            interface=profile.interface or None,
            scheduler_options=scheduler,
            security=_make_keys(folder) if profile.security == "tls" else None,
            silence_logs=False,
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise ClusterError(
            f"The scheduler does not start: {error}",
            where=f"profile '{profile.name}'",
            hint="Look at `interface` and `scheduler_interface`.",
        ) from error
