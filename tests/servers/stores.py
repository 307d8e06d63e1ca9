"""Fixtures for real stores: Ceph (S3 with conditional writes), rclone (S3 without), XRootD (``root://`` and WebDAV)."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator

import botocore.config
import botocore.session
import pytest

from antdask.remote import connections
from tests.servers import ceph as ceph_server
from tests.servers import daemon
from tests.servers import rclone as rclone_server
from tests.servers import xrootd as xrootd_server

BUCKET = "lab"
#: Kinds of places that are real servers; `place` makes a fresh one.
REMOTE = ("ceph", "rclone", "webdav", "xrootd")


@pytest.fixture(scope="session")
def ceph() -> Iterator[daemon.Address]:
    """Ceph with one bucket."""
    with daemon.shared("ceph", ceph_server.start) as address:
        _make_bucket(address)
        yield address


@pytest.fixture(scope="session")
def rclone() -> Iterator[daemon.Address]:
    """rclone with one bucket."""
    with daemon.shared("rclone", rclone_server.start) as address:
        _make_bucket(address)
        yield address


@pytest.fixture(scope="session")
def xrootd() -> Iterator[daemon.Address]:
    """XRootD."""
    with daemon.shared("xrootd", xrootd_server.start) as address:
        yield address


def _make_bucket(address: daemon.Address) -> None:
    config = botocore.config.Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required")
    s3 = botocore.session.Session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=address["endpoint"],
        aws_access_key_id=address["key"],
        aws_secret_access_key=address["secret"],
        config=config,
    )
    # Another worker of the test run may have made it.
    with contextlib.suppress(s3.exceptions.BucketAlreadyExists, s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=BUCKET)
    s3.close()


@pytest.fixture
def use_s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Sets the environment for an S3 service; keywords change one or the other."""

    def use(address: daemon.Address, endpoint: str | None = None, key: str | None = None, secret: str | None = None) -> None:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint or address["endpoint"])
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", address["key"] if key is None else key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", address["secret"] if secret is None else secret)
        connections.forget()

    yield use
    connections.forget()


@pytest.fixture
def place(request: pytest.FixtureRequest, use_s3: Callable[..., None]) -> Callable[[str], str]:
    """Makes the URL of a new, empty place of one of the kinds `REMOTE`."""

    def make(kind: str) -> str:
        name = uuid.uuid4().hex[:12]
        if kind in {"ceph", "rclone"}:
            use_s3(request.getfixturevalue(kind))
            return f"s3://{BUCKET}/{name}"
        address = request.getfixturevalue("xrootd")
        return f"{address['root']}/{name}" if kind == "xrootd" else f"{address['http'].replace('http', 'dav', 1)}/{name}"

    return make
