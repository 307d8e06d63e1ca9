"""A Ceph object store with its S3 gateway: the real one, with one monitor and one OSD in memory. It honours conditional writes."""

from __future__ import annotations

import os
import subprocess
import uuid

from tests.servers import daemon

KEY, SECRET = "labkey", "labsecret"
CONFIG = """[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{monitor}]
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
run dir = {folder}
admin socket = {folder}/$name.asok
pid file = {folder}/$name.pid
log file = {folder}/$name.log
crash dir = {folder}
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd crush update on start = true
crush location = root=default host=lab
mon allow pool size one = true
mon max pg per osd = 1000
mon warn on pool no redundancy = false
mon osd initial require min compat client = luminous
osd objectstore = memstore
memstore device bytes = 4294967296
osd memory target = 939524096
osd max object name len = 256
osd max object namespace len = 64
paxos propose interval = 0.05
paxos min wait = 0.01
mon tick interval = 1
ms bind ipv6 = false
ms mon client mode = crc
ms mon service mode = crc
ms client mode = crc
ms bind port min = {low}
ms bind port max = {high}
osd heartbeat use min delay socket = false
rgw thread pool size = 32
rgw dns name = localhost
rgw enable apis = s3
debug rgw = 0/0
[mon.a]
mon data = {folder}/mon
public addr = v2:127.0.0.1:{monitor}
[osd]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
[osd.0]
osd data = {folder}/osd
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{gateway}
rgw data = {folder}/rgw
"""


def start(daemons: daemon.Daemons) -> daemon.Address:
    """Start monitor, OSD and gateway with one user; the state is in memory and gone afterwards."""
    daemon.need_packages("radosgw", "ceph-mon", "ceph-osd")
    folder = daemons.folder
    for name in ("mon", "osd", "rgw"):
        (folder / name).mkdir()
    monitor, gateway, low = daemon.free_port(), daemon.free_port(), 20_000 + os.getpid() % 10_000
    fsid = str(uuid.uuid4())
    config = folder / "ceph.conf"
    config.write_text(CONFIG.format(fsid=fsid, folder=folder, monitor=monitor, gateway=gateway, low=low, high=low + 50))
    environment = {**os.environ, "CEPH_CONF": str(config), "CEPH_ARGS": f"--conf {config}"}

    def ask(*words: str, **more: str) -> str:
        return subprocess.run(words, env=environment, check=True, capture_output=True, text=True, timeout=60, **more).stdout  # type: ignore[call-overload,no-any-return]

    ask("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v2:127.0.0.1:{monitor}]", f"{folder}/monmap", "--clobber")
    ask("ceph-mon", "--mkfs", "-i", "a", "--monmap", f"{folder}/monmap")
    daemons.spawn("mon", ["ceph-mon", "-f", "-i", "a"], environment)
    identity = str(uuid.uuid4())
    ask("ceph", "--connect-timeout", "20", "osd", "new", identity, "0")
    ask("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", identity)
    daemons.spawn("osd", ["ceph-osd", "-f", "-i", "0"], environment)
    words = ("radosgw-admin", "user", "create", "--uid=lab", "--display-name=lab", f"--access-key={KEY}", f"--secret-key={SECRET}")
    ask(*words)
    daemons.spawn("rgw", ["radosgw", "-f", "-n", "client.rgw"], environment)
    daemons.wait_for("the gateway", lambda: daemon.answers(gateway))
    return {"endpoint": f"http://127.0.0.1:{gateway}", "key": KEY, "secret": SECRET}
