"""A real SLURM: controller and four virtual nodes of two processors each on loopback, one cluster for each worker of the test run."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import daemon

NODES = 4
#: So small that a campaign of a test needs more than one array.
MAX_ARRAY_SIZE = 6
CONFIG = """ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock,cred_expire=10
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,sched_min_interval=100000
EnforcePartLimits=ALL
MaxArraySize={max_array}
Licenses=sps:100
ReturnToService=2
KillWait=2
MinJobAge=300
SlurmctldTimeout=30
SlurmdTimeout=60
InactiveLimit=0
SlurmdParameters=config_overrides
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldDebug=info
SlurmdDebug=info
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=1-00:00:00 State=UP
"""


def start(daemons: daemon.Daemons) -> daemon.Address:
    """Start munge, the controller and a daemon for each node."""
    if os.geteuid() != 0:
        raise RuntimeError("The tests of SLURM start real daemons, which only root can do: run them as root, for example in a container.")
    daemon.need_packages("slurmctld", "slurmd", "slurm-client", "munge")
    folder, host = daemons.folder, socket.gethostname().partition(".")[0]
    (folder / "state").mkdir()
    key, sock, config = folder / "munge.key", folder / "munge.sock", folder / "slurm.conf"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    names = [f"n{i}" for i in range(1, NODES + 1)]
    nodes = "\n".join(
        f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={daemon.free_port()} CPUs=2 RealMemory=8000 State=UNKNOWN"
        for name in names
    )
    config.write_text(CONFIG.format(host=host, port=daemon.free_port(), folder=folder, nodes=nodes, max_array=MAX_ARRAY_SIZE))
    environment = {"SLURM_CONF": str(config)}
    files = [
        "--key-file",
        key,
        "--socket",
        sock,
        "--pid-file",
        folder / "munged.pid",
        "--log-file",
        folder / "munged.log",
        "--seed-file",
        folder / "munge.seed",
    ]
    daemons.spawn("munged", ["munged", "-F", "--force", "--num-threads=2", *files])
    daemons.wait_for("munged", sock.exists)
    daemons.spawn("slurmctld", ["slurmctld", "-D", "-c"], environment)
    for name in names:
        (folder / f"spool.{name}").mkdir()
        daemons.spawn(f"slurmd.{name}", ["slurmd", "-D", "-N", name], environment)
    daemons.wait_for("the nodes", lambda: _idle_nodes(environment) == NODES)
    return {"conf": str(config)}


def _idle_nodes(environment: dict[str, str]) -> int:
    answer = subprocess.run(
        ["sinfo", "-h", "-N", "-t", "idle", "-o", "%N"], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    return len(answer.stdout.split())


class Slurm:
    """The cluster as an operator sees it."""

    def __init__(self, conf: str) -> None:
        self.folder = Path(conf).parent

    def run(self, *words: str) -> str:
        """What a command of SLURM says."""
        answer = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
        assert answer.returncode == 0, f"{words}: {answer.stderr}"
        return answer.stdout.strip()

    def jobs(self, state: str = "PENDING,RUNNING", name: str | None = None) -> dict[str, str]:
        """Nodes of the jobs in these states, by job; a task of an array counts by itself."""
        only = ["--name", name] if name else []
        lines = self.run("squeue", "-h", "-r", "-t", state, *only, "-o", "%i|%N").splitlines()
        return dict(line.split("|") for line in lines)

    def state(self, job: str) -> str:
        """The state of a job, also of one that has ended."""
        return self.run("squeue", "-h", "-r", "-t", "all", "-j", job, "-o", "%T")

    def until(self, condition: Callable[[], bool], seconds: float = 40, every: float = 0.1) -> None:
        """Wait for something to come true."""
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, f"waited in vain; the queue: {self.run('squeue', '-t', 'all')}"
            time.sleep(every)

    def rest(self) -> None:
        """Cancel all jobs, bring all nodes back, and wait until nothing runs."""
        self.run("scancel", "--quiet", "--user", "root")
        for i in range(1, NODES + 1):
            # Refused for a node that is up already.
            subprocess.run(["scontrol", "update", f"nodename=n{i}", "state=resume"], capture_output=True, check=False)
        self.until(lambda: not self.jobs("PENDING,RUNNING,COMPLETING"))


@pytest.fixture(scope="session")
def slurm_cluster(worker_id: str) -> Iterator[Slurm]:
    """The cluster of this worker of the test run; commands of SLURM find it, as long as it runs."""
    with daemon.shared(f"slurm-{worker_id}", start) as address:
        former = os.environ.get("SLURM_CONF")
        os.environ["SLURM_CONF"] = str(address["conf"])
        slurm = Slurm(address["conf"])
        try:
            yield slurm
        finally:
            with contextlib.suppress(AssertionError):
                slurm.rest()
            if former is None:
                del os.environ["SLURM_CONF"]
            else:
                os.environ["SLURM_CONF"] = former


@pytest.fixture
def slurm(slurm_cluster: Slurm) -> Iterator[Slurm]:
    """SLURM with an empty queue and all nodes up; whatever a test leaves in the queue is its mistake."""
    slurm_cluster.rest()
    yield slurm_cluster
    left = slurm_cluster.jobs()
    slurm_cluster.rest()
    assert not left, f"jobs that nobody waits for: {left}"
