"""The driver and its workers are killed at random instants; the next run ends with the bytes of an undisturbed one."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from km3net_testdata import data_path

from antdask.cluster import make_cluster
from antdask.convert.status import status
from antdask.convert.verify import verify

FILES = [data_path(f"online/{n}") for n in ("km3net_online.root", "events_sample.root", "KM3NeT_00000267_00025291_L1.root")]
CODE = """
import sys
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.settings import load
if __name__ == "__main__":
    with make_cluster(sys.argv[1], None if sys.argv[1] == "serial" else 2) as cluster:
        print("begin", flush=True)
        convert(make_plan(sys.argv[3:], sys.argv[2], load(part_bytes=200_000)), cluster)
"""


def start(kind, archive, code_file):
    # A group of its own: the workers die with it, and nothing else does.
    return subprocess.Popen([sys.executable, code_file, kind, str(archive), *FILES], stdout=subprocess.PIPE, start_new_session=True)


def content(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in Path(root, "parts").rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("undisturbed")
    (tmp_path / "code.py").write_text(CODE)
    began = time.monotonic()
    process = start("serial", tmp_path / "a", tmp_path / "code.py")
    assert process.wait(120) == 0
    process.stdout.close()
    return content(tmp_path / "a"), time.monotonic() - began


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["serial", "processes"])
def test_after_kills_at_random_instants_the_archive_is_that_of_an_undisturbed_run(undisturbed, tmp_path, kind):
    wanted, duration = undisturbed
    rng = random.Random(20220214)
    (tmp_path / "code.py").write_text(CODE)
    archive = tmp_path / "a"
    for _ in range(4):
        process = start(kind, archive, tmp_path / "code.py")
        assert process.stdout.readline() == b"begin\n"
        time.sleep(rng.uniform(0, min(duration, 2.0)))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        if archive.exists():
            seen = content(archive)
            assert all(seen[name] == wanted[name] for name in seen if not name.rpartition("/")[2].startswith("."))
    process = start(kind, archive, tmp_path / "code.py")
    assert process.wait(120) == 0
    process.stdout.close()
    assert content(archive) == wanted
    assert not list(archive.rglob("*.tmp"))
    assert status(str(archive)).exit_code == 0
    assert verify(str(archive), "deep", make_cluster("serial")).problems == []
