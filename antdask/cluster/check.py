"""Proves, before a campaign, that a cluster can work: workers start, versions and clocks agree, storage and scratch can be written."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import platform
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from antdask.archive.store import Store
from antdask.cluster.profiles import Profile, load_profile
from antdask.cluster.slurm import SlurmCluster
from antdask.errors import AntdaskError, ClusterError
from antdask.settings import job_id

#: Packages whose versions must be the same here and on the workers.
PACKAGES = ("antdask", "cloudpickle", "dask", "distributed", "msgpack", "numcodecs", "numpy", "zarr")
#: Clocks may differ by so much [s]: what a campaign writes down is read by people, and by make.
MOST_SKEW = 2.0
#: A worker with less scratch than this cannot stage a part [byte].
LEAST_SCRATCH = 2 * 2**30
#: Questions from which the skew of a clock is taken: the quickest answer is the best one.
_QUESTIONS = 7
#: File systems of clusters show a new file on other nodes late [s].
VISIBLE_WITHIN = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    name : str
        ``"workers"``, ``"versions"``, ``"clock"``, ``"scratch"`` or ``"storage"``.
    worker : str
        Node and job where it was found; empty for all.
    ok : bool
    found : str
        What was found.
    hint : str
        What to do, where it is not well.
    """

    name: str
    worker: str
    ok: bool
    found: str
    hint: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return dataclasses.asdict(self)


def check(profile: str | Profile, storage_url: str, *, workers: int = 2, timeout: float = 600) -> list[Finding]:
    """Start a few workers as a campaign would, look at what they see, and take them down.

    Parameters
    ----------
    profile : str or Profile
        Name of a site, path of a TOML file, or the profile itself.
    storage_url : str
        Where the archive will be; a small file is written there and removed.
    workers : int
        How many to start.
    timeout : float
        Jobs may wait in the queue for so long [s].

    Returns
    -------
    list of Finding
        In the order in which things must work. Where no worker starts, that is the only one.

    Raises
    ------
    UnknownNameError, ConfigurationError
        The profile cannot be used.
    UsageError
        The storage cannot be understood.
    """
    site = profile if isinstance(profile, Profile) else load_profile(profile)
    store = Store(storage_url)
    began = time.monotonic()
    try:
        with SlurmCluster(workers, site) as cluster:
            cluster.wait_for_workers(workers, timeout)
            first = Finding("workers", "", True, f"{workers} in {time.monotonic() - began:.0f} s")
            return [first, *_look(cluster, store)]
    except ClusterError as error:
        return [Finding("workers", "", False, error.what + (f": {error.found}" if error.found else ""), error.hint or "")]


def is_well(findings: list[Finding]) -> bool:
    """Whether all is well."""
    return all(f.ok for f in findings)


def _look(cluster: SlurmCluster, store: Store) -> Iterator[Finding]:
    client = cluster.client
    addresses = list(client.scheduler_info(n_workers=-1)["workers"])
    reports: dict[str, dict[str, Any]] = client.run(report, workers=addresses)
    labels = {address: f"{r['host']}, job {r['job']}" for address, r in reports.items()}
    mine = report()
    for address in addresses:
        yield _versions(labels[address], mine["versions"], reports[address]["versions"])
    for address in addresses:
        yield _clock(labels[address], *_skew(cluster, address))
    for address in addresses:
        yield _scratch(labels[address], reports[address])
    for address in addresses:
        yield _storage(labels[address], cluster, address, store)


def report() -> dict[str, Any]:
    """What a process sees of its node; runs on workers."""
    scratch = tempfile.gettempdir()
    with tempfile.TemporaryFile(dir=scratch) as file:
        file.write(b"antdask")
    versions = {name: _version(name) for name in PACKAGES}
    return {
        "host": socket.gethostname(),
        "job": job_id() or "none",
        "versions": {"python": platform.python_version(), **versions},
        "scratch": scratch,
        "free": shutil.disk_usage(scratch).free,
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _versions(worker: str, mine: dict[str, str], theirs: dict[str, str]) -> Finding:
    differing = [f"{name} {theirs[name]} instead of {mine[name]}" for name in mine if theirs.get(name) != mine[name]]
    if differing:
        return Finding(
            "versions", worker, False, ", ".join(differing), "Let `python` in the profile be the interpreter of this environment."
        )
    return Finding("versions", worker, True, ", ".join(f"{name} {version}" for name, version in mine.items()))


def _skew(cluster: SlurmCluster, address: str) -> tuple[float, float]:
    """How far a worker's clock is ahead of ours, and how exactly that is known [s]."""
    answers = []
    for _ in range(_QUESTIONS):
        sent = time.time()
        there = cluster.client.run(time.time, workers=[address])[address]
        came = time.time()
        answers.append((came - sent, there - (sent + came) / 2))
    delay, skew = min(answers)
    return skew, delay / 2


def _clock(worker: str, skew: float, error: float) -> Finding:
    ok = abs(skew) - error <= MOST_SKEW
    hint = "" if ok else "Ask the site to synchronise the clocks of its nodes."
    return Finding("clock", worker, ok, f"{skew:+.3f} s, known to {error:.3f} s", hint)


def _scratch(worker: str, seen: dict[str, Any]) -> Finding:
    ok = seen["free"] >= LEAST_SCRATCH
    hint = "" if ok else f"At least {LEAST_SCRATCH / 2**30:.0f} GiB are needed: set `scratch` in the profile to another disk of the node."
    return Finding("scratch", worker, ok, f"{seen['scratch']}, {seen['free'] / 2**30:.1f} GiB free", hint)


def _storage(worker: str, cluster: SlurmCluster, address: str, store: Store) -> Finding:
    """Let a worker write a small file, and read it here."""
    name, began = f"antdask-check-{uuid.uuid4().hex}", time.monotonic()
    is_new = not store.exists("")
    problem = cluster.client.run(write, store.url, name, workers=[address])[address] or _read_back(store, name) or _remove(store, name)
    if store.local and is_new:
        with contextlib.suppress(OSError):  # it could not be made, or others have begun to use it
            Path(store.root).rmdir()
    if problem:
        return Finding("storage", worker, False, problem, "Look at space, quota and permissions, and whether the nodes see this place.")
    return Finding("storage", worker, True, f"{store.url}, written there and read here in {time.monotonic() - began:.2f} s")


def write(url: str, name: str) -> str:
    """Write a small file that holds its own name; what went wrong, or nothing. Runs on workers."""
    try:
        Store(url).write_small(name, name.encode())
    except AntdaskError as error:
        return str(error)
    return ""


def _remove(store: Store, name: str) -> str:
    """What went wrong when a file was removed, or nothing."""
    try:
        store.remove(name)
    except AntdaskError as error:
        return str(error)
    return ""


def _read_back(store: Store, name: str) -> str:
    """What is wrong with a file that a worker has written, or nothing."""
    limit = time.monotonic() + VISIBLE_WITHIN
    while True:
        try:
            content = store.read(name)
        except FileNotFoundError:
            if time.monotonic() > limit:
                return f"what the worker wrote is not seen here within {VISIBLE_WITHIN:g} s"
            time.sleep(0.2)
        except AntdaskError as error:
            return str(error)
        else:
            return "" if content == name.encode() else "what the worker wrote reads differently here"
