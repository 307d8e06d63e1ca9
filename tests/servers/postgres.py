"""A real PostgreSQL for tests: its own data in a temporary folder, on a socket there, stopped when the test run ends."""

from __future__ import annotations

import dataclasses
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@dataclasses.dataclass(frozen=True)
class Postgres:
    """A running server.

    Parameters
    ----------
    socket : str
        Folder of its socket; it listens nowhere else.
    """

    socket: str

    @property
    def url(self) -> str:
        """For SQLAlchemy."""
        return f"postgresql+psycopg://postgres@/postgres?host={self.socket}"


def _programs() -> Path:
    """Where its programs are; installed if they are not."""
    for _ in range(2):
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if found:
            return found[-1].parent
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "install", "-y", "-qq", "postgresql"], check=True, capture_output=True, env=environment)
    raise FileNotFoundError("PostgreSQL was installed and is not there")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server with an empty data base; PostgreSQL does not run as root, so it runs as its own user then."""
    programs, folder = _programs(), Path(tempfile.mkdtemp(prefix="antdask-pg-", dir="/tmp"))
    try:
        who: dict[str, int] = {}
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
            who = {"user": user.pw_uid, "group": user.pw_gid}
        data, flags = folder / "data", f"-k {folder} -c listen_addresses='' -c fsync=off"
        subprocess.run(
            [programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres"], check=True, capture_output=True, cwd=folder, **who
        )
        start = [programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", flags, "start"]
        subprocess.run(start, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **who)
        try:
            yield Postgres(str(folder))
        finally:
            subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], check=True, capture_output=True, cwd=folder, **who)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
