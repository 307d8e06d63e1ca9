"""An XRootD server: one folder behind ``root://`` and behind HTTP with WebDAV."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.servers import daemon

CONFIG = """all.export /data
oss.localroot {folder}
all.adminpath {folder}/run
all.pidpath {folder}/run
xrd.port {port}
xrd.network nodnr
xrd.protocol http:{http} {plugin}
http.listingdeny no
http.desthttps no
xrootd.async off
xrootd.chksum max 2 adler32
ofs.chkpnt disable
"""
# XRootD has no directive for the address to listen on, but takes over sockets that are open already (LISTEN_FDS).
LISTEN = """
import os, socket, sys
ports = sys.argv[1].split(",")
for i, port in enumerate(ports):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", int(port)))
    s.listen(255)
    os.dup2(s.fileno(), 200 + i)
for i in range(len(ports)):
    os.dup2(200 + i, 3 + i, inheritable=True)
    os.close(200 + i)
os.environ.update(LISTEN_FDS=str(len(ports)), LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[2], sys.argv[2:])
"""


def start(daemons: daemon.Daemons) -> daemon.Address:
    """Start it; files put into the folder ``data`` are served under ``/data``."""
    daemon.need_packages("xrootd-server", "xrootd-server-plugins")
    folder, port, http = daemons.folder, daemon.free_port(), daemon.free_port()
    plugin = subprocess.run(["dpkg-query", "-L", "xrootd-server-plugins"], capture_output=True, text=True, check=True).stdout.split()
    library = next(p for p in plugin if p.endswith("libXrdHttp-5.so"))
    for name in ("data", "run"):
        (folder / name).mkdir()
        # The server refuses to be root, and gives up to its own user.
        shutil.chown(folder / name, "xrootd", "xrootd")
    config = folder / "xrootd.cfg"
    config.write_text(CONFIG.format(folder=folder, port=port, http=http, plugin=library))
    user = ["-R", "xrootd"] if os.geteuid() == 0 else []
    words = ["xrootd", *user, "-c", config, "-n", "lab"]
    daemons.spawn("xrootd", [sys.executable, "-c", LISTEN, f"{port},{http}", *words])
    daemons.wait_for("the server", lambda: daemon.answers(port) and daemon.answers(http))
    return {
        "root": f"root://127.0.0.1:{port}//data",
        "http": f"http://127.0.0.1:{http}/data",
        "port": port,
        "http_port": http,
        "data": str(folder / "data"),
    }


def put(address: daemon.Address, name: str, source: Path) -> None:
    """Lay a file into the server's folder, as its own."""
    target = Path(address["data"]) / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
