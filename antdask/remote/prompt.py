"""Connections to S3 that acknowledge at once: without it, every small read from some gateways takes 40 ms longer.

Ceph's gateway sends the head of an answer first, and the body only after the head was acknowledged (Nagle's algorithm, which it leaves on by default). The client's kernel,
in turn, keeps an acknowledgement back for 40 ms, in case there is something to send along with it. Linux can be asked not to, before each answer anew.
"""

from __future__ import annotations

import socket
from typing import Any

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool

# Only Linux has it.
_OPTION: int | None = getattr(socket, "TCP_QUICKACK", None)


class _Prompt:
    sock: socket.socket | None

    def getresponse(self, *args: Any, **more: Any) -> Any:
        if _OPTION is not None and self.sock is not None:
            self.sock.setsockopt(socket.IPPROTO_TCP, _OPTION, 1)
        return super().getresponse(*args, **more)  # type: ignore[misc]


class _Connection(_Prompt, AWSHTTPConnection):  # type: ignore[misc]
    pass


class _SecureConnection(_Prompt, AWSHTTPSConnection):  # type: ignore[misc]
    pass


class _Pool(AWSHTTPConnectionPool):  # type: ignore[misc]
    ConnectionCls = _Connection


class _SecurePool(AWSHTTPSConnectionPool):  # type: ignore[misc]
    ConnectionCls = _SecureConnection


def make_prompt(client: Any) -> None:
    """Let a client of botocore that has not connected yet use such connections, through a proxy too.

    botocore has no option for it. Where its inside looks different one day, nothing changes, and only time is lost.
    """
    classes = getattr(getattr(client._endpoint, "http_session", None), "_pool_classes_by_scheme", None)
    if isinstance(classes, dict):
        classes.update(http=_Pool, https=_SecurePool)
