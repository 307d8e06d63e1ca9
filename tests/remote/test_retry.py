import errno
import time

import aiohttp
import botocore.exceptions
import fsspec.exceptions
import pytest
import urllib3.exceptions

from antdask.errors import UnreachableError
from antdask.remote.retry import Patience, is_transient, patiently

QUICK = Patience(attempts=4, first=0.001, longest=0.004)


def client_error(status, code="X"):
    return botocore.exceptions.ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject")


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (OSError(errno.EIO, ""), True),
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (TimeoutError(), True),
        (fsspec.exceptions.FSTimeoutError(), True),
        (client_error(500), True),
        (client_error(503, "SlowDown"), True),
        (client_error(429), True),
        (client_error(403), False),
        (client_error(404), False),
        (client_error(507), False),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="u"), True),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="u"), True),
        (botocore.exceptions.ConnectionClosedError(endpoint_url="u"), True),
        (botocore.exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2), True),
        (botocore.exceptions.NoCredentialsError(), False),
        (aiohttp.ServerDisconnectedError(), True),
        (aiohttp.ClientPayloadError(), True),
        (aiohttp.ClientConnectionError(), True),
        (urllib3.exceptions.ProtocolError(), True),
        (FileNotFoundError(errno.ENOENT, ""), False),
        (PermissionError(errno.EACCES, ""), False),
        (OSError(errno.ENOSPC, ""), False),
        (ValueError(), False),
    ],
)
def test_what_passes_is_told_from_what_stays(error, passes):
    assert is_transient(error) is passes


def test_an_attempt_is_repeated_until_it_succeeds():
    left = [ConnectionResetError(), TimeoutError()]

    def attempt():
        if left:
            raise left.pop()
        return 7

    assert patiently(attempt, "x", QUICK) == 7 and not left


def test_patience_ends_with_the_number_of_attempts_and_the_last_reason():
    calls = []

    def attempt():
        calls.append(time.monotonic())
        raise ConnectionResetError("gone")

    with pytest.raises(UnreachableError, match="GET u failed 4 times, the last time with: gone") as caught:
        patiently(attempt, "GET u", QUICK)
    assert len(calls) == 4 and isinstance(caught.value.__cause__, ConnectionResetError)


def test_what_no_repetition_mends_comes_at_once():
    calls = []

    def attempt():
        calls.append(1)
        raise PermissionError(errno.EACCES, "no")

    with pytest.raises(PermissionError):
        patiently(attempt, "x", QUICK)
    assert len(calls) == 1


def test_the_wait_doubles_up_to_the_longest():
    patience = Patience(first=1, longest=5)
    assert all(0.5 <= patience.wait(1) <= 1 and 1 <= patience.wait(2) <= 2 and 2.5 <= patience.wait(9) <= 5 for _ in range(50))
