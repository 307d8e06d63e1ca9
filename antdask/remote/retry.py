"""Trying again: which errors are the network's fault, how long to wait, and when to give up."""

from __future__ import annotations

import dataclasses
import errno
import random
import time
from collections.abc import Callable

from antdask.errors import UnreachableError

#: Faults that pass: of the network, of a server, of a shared file system.
TRANSIENT_ERRNOS = frozenset(
    {
        *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EINTR, errno.EBUSY, errno.ENOLCK),
        *(errno.EPIPE, errno.ECONNRESET, errno.ECONNREFUSED, errno.ECONNABORTED, errno.ENOTCONN),
        *(errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH),
    }
)
#: HTTP answers that pass: time-out, too early, too many requests.
_TRANSIENT_STATUS = frozenset({408, 425, 429})
#: Errors of HTTP libraries without a number, by name: the libraries share no base class, and not all are installed.
_TRANSIENT_NAMES = frozenset(
    {
        *("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError", "ResponseStreamingError"),
        *("IncompleteReadError", "ProtocolError", "IncompleteRead", "NewConnectionError", "ClientConnectionError", "ClientPayloadError"),
        *("ServerDisconnectedError", "ConnectionError", "HTTPClientError", "MaxRetryError", "ChunkedEncodingError", "RemoteDisconnected"),
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class Patience:
    """How long to try.

    Parameters
    ----------
    attempts : int
    first, longest : float
        Wait before the second attempt, which doubles from one to the next; longest wait [s].
    """

    attempts: int = 6
    first: float = 0.1
    longest: float = 8.0

    def wait(self, attempt: int) -> float:
        """How long to wait after this attempt (from 1) has failed; drawn at random, so that a thousand workers do not come back at once [s]."""
        spread: float = random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        return min(self.longest, self.first * 2.0 ** (attempt - 1)) * spread


PATIENT = Patience()


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed a moment later.

    Examples
    --------
    >>> is_transient(ConnectionResetError()), is_transient(FileNotFoundError())
    (True, False)
    """
    status = status_of(error)
    if status is not None:
        return (status >= 500 and status not in {501, 505, 507}) or status in _TRANSIENT_STATUS
    if isinstance(error, TimeoutError | ConnectionError) or (isinstance(error, OSError) and error.errno in TRANSIENT_ERRNOS):
        return True
    return type(error).__name__ in _TRANSIENT_NAMES


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error of one of the usual libraries carries, if it carries one."""
    status = getattr(error, "status", None)
    response = getattr(error, "response", None)
    if status is None and isinstance(response, dict):  # botocore
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status if isinstance(status, int) else None


def patiently[T](attempt: Callable[[], T], what: str, patience: Patience = PATIENT) -> T:
    """The result of an attempt that is repeated while the network is to blame.

    Parameters
    ----------
    attempt : callable
        Must be safe to repeat, even where an earlier one succeeded and only its answer was lost.
    what : str
        For the message, e.g. ``"GET https://host/x.root"``.

    Raises
    ------
    UnreachableError
        It failed each time.
    OSError
        An error that no repetition mends, as it is.
    """
    number = 1
    while True:
        try:
            return attempt()
        except Exception as error:
            if not is_transient(error):
                raise
            if number >= patience.attempts:
                words = str(error).removeprefix(f"{what}: ") or type(error).__name__
                hint = "Check the address and the network, then run the same command again."
                raise UnreachableError(f"{what} failed {number} times, the last time with: {words}", hint=hint) from error
        time.sleep(patience.wait(number))
        number += 1
