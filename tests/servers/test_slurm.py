"""The SLURM of the tests: on loopback only, gone afterwards, and a clear word where it cannot be."""

from __future__ import annotations

import json
import os
from pathlib import Path

import psutil
import pytest

from tests.servers import daemon
from tests.servers import slurm as server
from tests.servers.slurm import NODES, Slurm


def test_it_listens_on_loopback_only(slurm: Slurm) -> None:
    pids = json.loads((slurm.folder / "pids.json").read_text())
    assert len(pids) == 2 + NODES
    listening = {c.laddr.ip for pid in pids for c in psutil.Process(pid).net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_it_runs_jobs_on_all_nodes_and_nothing_of_it_is_left(tmp_path: Path, worker_id: str) -> None:
    with server.in_use(f"slurm-test-{worker_id}", server.start) as slurm:
        pids = json.loads((slurm.folder / "pids.json").read_text())
        slurm.run(
            "sbatch",
            f"--nodes={NODES}",
            "--mem=10",
            "--time=1",
            f"--output={tmp_path}/out",
            "--wrap",
            "srun hostname; echo $SLURM_JOB_NODELIST",
        )
        slurm.until(lambda: (tmp_path / "out").exists() and "n[1-4]" in (tmp_path / "out").read_text())
        sleeping = slurm.run("sbatch", "--parsable", "--mem=10", "--time=1", "--output=/dev/null", "--wrap", "sleep 1000")
        slurm.until(lambda: slurm.state(sleeping) == "RUNNING")
    assert not [pid for pid in pids if daemon.is_alive(pid)]
    assert not slurm.folder.exists()
    assert not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "1000"]]


def test_a_user_who_is_not_root_is_told_why_it_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(RuntimeError, match=r"only root can do: run them as root"):
        server.start(daemon.Daemons(tmp_path))
