"""A real SLURM: controller and four virtual nodes of two processors each on loopback, one cluster for each worker of the test run.

With accounts, there is also its accounting daemon with a database: then SLURM knows who may submit what, and how much.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
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
{accounting}
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


ACCOUNTS = """AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStoragePass={folder}/munge.sock
AccountingStorageEnforce=associations,limits,qos"""
DATABASE_DAEMON = """AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database_port}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct
PidFile={folder}/slurmdbd.pid
CommunicationParameters=NoInAddrAny
"""
#: The account that exists, and how many jobs it may have in the queue.
ACCOUNT, MOST_JOBS = "lab", 5


def start_with_accounts(daemons: daemon.Daemons) -> daemon.Address:
    """Start it with one account."""
    return start(daemons, accounts=True)


def start(daemons: daemon.Daemons, accounts: bool = False) -> daemon.Address:
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
    database = daemon.free_port()
    accounting = ACCOUNTS.format(port=database, folder=folder) if accounts else "AccountingStorageType=accounting_storage/none"
    values = {
        "host": host,
        "port": daemon.free_port(),
        "folder": folder,
        "nodes": nodes,
        "max_array": MAX_ARRAY_SIZE,
        "accounting": accounting,
    }
    config.write_text(CONFIG.format(**values))
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
    if accounts:
        _start_accounting(daemons, host, database, environment)
    daemons.spawn("slurmctld", ["slurmctld", "-D", "-c"], environment)
    for name in names:
        (folder / f"spool.{name}").mkdir()
        daemons.spawn(f"slurmd.{name}", ["slurmd", "-D", "-N", name], environment)
    daemons.wait_for("the nodes", lambda: _idle_nodes(environment) == NODES)
    return {"conf": str(config)}


def _start_accounting(daemons: daemon.Daemons, host: str, port: int, environment: dict[str, str]) -> None:
    """Start a database and the accounting daemon, and open an account for root."""
    daemon.need_packages("slurmdbd", "slurm-wlm-mysql-plugin", "mariadb-server")
    folder, database_port = daemons.folder, daemon.free_port()
    data = folder / "mysql"
    data.mkdir()
    for place in (folder, data):
        os.chmod(place, 0o755)
    shutil.chown(data, "mysql", "mysql")
    run = functools.partial(subprocess.run, check=True, capture_output=True, text=True, timeout=60, env={**os.environ, **environment})
    run(["mariadb-install-db", "--user=mysql", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"])
    words = [
        f"--socket={data}/s.sock",
        "--bind-address=127.0.0.1",
        f"--port={database_port}",
        "--innodb-buffer-pool-size=64M",
        "--innodb-lock-wait-timeout=900",
    ]
    daemons.spawn("mariadbd", ["mariadbd", "--no-defaults", "--user=mysql", f"--datadir={data}", f"--pid-file={data}/pid", *words])
    client = ["mariadb", "--no-defaults", f"--socket={data}/s.sock", "-u", "root"]
    daemons.wait_for("the database", lambda: subprocess.run([*client, "-e", "select 1"], capture_output=True, check=False).returncode == 0)
    users = ("slurm@localhost", "slurm@127.0.0.1")
    run([*client, "-e", ";".join(f"create user {u} identified by 'slurm'; grant all on slurm_acct.* to {u}" for u in users)])
    config = folder / "slurmdbd.conf"
    config.touch(mode=0o600)
    config.write_text(DATABASE_DAEMON.format(folder=folder, host=host, port=port, database_port=database_port))
    daemons.spawn("slurmdbd", ["slurmdbd", "-D"], environment)
    daemons.wait_for("the accounting", lambda: daemon.answers(port))
    for words in (
        ["cluster", "lab"],
        ["account", ACCOUNT, "cluster=lab"],
        ["user", "root", f"account={ACCOUNT}", f"maxsubmit={MOST_JOBS}"],
    ):
        run(["sacctmgr", "--immediate", "add", *words])


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


@contextlib.contextmanager
def in_use(name: str, start: Callable[[daemon.Daemons], daemon.Address]) -> Iterator[Slurm]:
    """A cluster that commands of SLURM find."""
    with daemon.shared(name, start) as address:
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


@pytest.fixture(scope="session")
def slurm_cluster(worker_id: str) -> Iterator[Slurm]:
    """The cluster of this worker of the test run."""
    with in_use(f"slurm-{worker_id}", start) as slurm:
        yield slurm


@pytest.fixture
def slurm_with_accounts(worker_id: str) -> Iterator[Slurm]:
    """A cluster that knows its users."""
    with in_use(f"slurm-accounts-{worker_id}", start_with_accounts) as slurm:
        yield slurm


@pytest.fixture
def slurm(slurm_cluster: Slurm) -> Iterator[Slurm]:
    """SLURM with an empty queue and all nodes up; whatever a test leaves in the queue is its mistake."""
    slurm_cluster.rest()
    yield slurm_cluster
    left = slurm_cluster.jobs()
    slurm_cluster.rest()
    assert not left, f"jobs that nobody waits for: {left}"
