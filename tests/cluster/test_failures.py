"""Errors fall into the right class, and their records hold plain data."""

from __future__ import annotations

import errno
import json
import pickle
from concurrent.futures.process import BrokenProcessPool

import aiohttp
import botocore.exceptions
import fsspec.exceptions
import numpy as np
import pyarrow
import pytest
import zstandard

from antdask import errors
from antdask.cluster.failures import FRAMES, MESSAGE_LENGTH, Attempt, FailureClass, classify, describe
from antdask.remote.http import HttpStatusError
from tests.cluster.tasks import fail_with, raise_unsendable, square


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def refused_by_s3(status: int, code: str = "") -> BaseException:
    return botocore.exceptions.ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject")


class HttpError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.EIO, ""), "transient"),
        (OSError(errno.ESTALE, ""), "transient"),
        (OSError(errno.ETIMEDOUT, ""), "transient"),
        (TimeoutError(), "transient"),
        (ConnectionResetError(errno.ECONNRESET, ""), "transient"),
        (HttpError(503), "transient"),
        (HttpError(429), "transient"),
        (errors.UnreachableError("GET u failed 6 times"), "transient"),
        (refused_by_s3(500, "InternalError"), "transient"),
        (refused_by_s3(503, "SlowDown"), "transient"),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="u"), "transient"),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="u"), "transient"),
        (botocore.exceptions.ConnectionClosedError(endpoint_url="u"), "transient"),
        (aiohttp.ServerDisconnectedError(), "transient"),
        (aiohttp.ClientPayloadError(), "transient"),
        (aiohttp.ClientConnectionError(), "transient"),
        (fsspec.exceptions.FSTimeoutError(), "transient"),
        (errors.DamagedPartError("What was read back differs"), "transient"),
        (MemoryError(), "resource"),
        (RuntimeError("can't start new thread"), "resource"),
        (zstandard.ZstdError("cannot compress: Allocation error : not enough memory"), "resource"),
        (RuntimeError("error during blosc compression: -1"), "resource"),
        (pyarrow.lib.ArrowException("Unknown error: Failed to launch worker thread: Resource temporarily unavailable"), "resource"),
        (caused(errors.CorruptFileError("The basket cannot be decompressed"), MemoryError()), "resource"),
        (OSError(errno.EMFILE, ""), "resource"),
        (errors.WorkerLostError("gone"), "resource"),
        (BrokenProcessPool(), "resource"),
        (errors.CorruptFileError("bad basket"), "data"),
        (errors.InputMissingError("not there"), "data"),
        (errors.InputUnreadableError("no permission"), "data"),
        (errors.InputChangedError("another file"), "data"),
        (errors.UnknownLayoutError("no map"), "data"),
        (OSError(errno.ENOSPC, ""), "destination"),
        (OSError(errno.EDQUOT, ""), "destination"),
        (OSError(errno.EROFS, ""), "destination"),
        (PermissionError(errno.EACCES, ""), "destination"),
        (errors.DestinationError("cannot be written"), "destination"),
        (errors.ConflictError("another cut"), "destination"),
        (refused_by_s3(403, "AccessDenied"), "destination"),
        (HttpError(401), "destination"),
        (HttpError(507), "bug"),
        (HttpStatusError(errno.ENOSPC, "full", 507), "destination"),
        (caused(errors.DestinationError("cannot be written"), PermissionError(errno.EACCES, "HTTP 403")), "destination"),
        (caused(errors.InputUnreadableError("may not be read"), refused_by_s3(403)), "data"),
        (KeyError("x"), "bug"),
        (FileNotFoundError(errno.ENOENT, ""), "bug"),
        (errors.UsageError("nonsense"), "bug"),
        (HttpError(404), "bug"),
    ],
)
def test_an_error_has_its_class(error: BaseException, kind: str) -> None:
    assert classify(error) == kind


def test_memory_error_of_numpy_is_a_lack_of_resources() -> None:
    with pytest.raises(MemoryError) as caught:
        np.empty(2**60, np.uint8)
    assert classify(caught.value) is FailureClass.RESOURCE


def test_a_fault_of_the_network_is_not_bad_data_even_inside_an_input_error() -> None:
    assert classify(caused(errors.InputUnreadableError("cannot be read"), OSError(errno.EIO, ""))) is FailureClass.TRANSIENT


def test_a_full_disk_inside_a_destination_error_stays_a_fault_of_the_destination() -> None:
    assert classify(caused(errors.DestinationError("cannot be written"), OSError(errno.ENOSPC, ""))) is FailureClass.DESTINATION


def test_a_flaky_destination_is_tried_again() -> None:
    assert classify(caused(errors.DestinationError("cannot be written"), OSError(errno.ESTALE, ""))) is FailureClass.TRANSIENT


def test_a_cause_that_leads_back_to_itself_ends() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert classify(first) is FailureClass.BUG


def test_only_transient_and_resource_failures_are_tried_again() -> None:
    assert {kind for kind in FailureClass if kind.retried} == {"transient", "resource"}


def test_an_attempt_gives_the_result_or_the_record() -> None:
    assert Attempt(square, classify)(7) == (49, None)
    result, failure = Attempt(fail_with, classify)("corrupt")
    assert result is None
    assert failure is not None
    assert (failure.kind, failure.code) == (FailureClass.DATA, "corrupt")
    assert failure.message == "The file ends in the middle of a basket (in a.root)."
    assert failure.trace.splitlines()[-1].endswith(" fail_with")


def test_a_record_travels_even_if_the_exception_cannot() -> None:
    _, failure = Attempt(raise_unsendable, classify)(0)
    assert failure is not None
    assert pickle.loads(pickle.dumps(failure)) == failure
    assert json.loads(json.dumps(failure.to_dict()))["kind"] == "bug"
    assert failure.message == "Unsendable: not sendable"


def test_an_interrupt_is_no_failure() -> None:
    def interrupt(task: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Attempt(interrupt, classify)(0)


def test_a_record_is_short_and_names_no_machine() -> None:
    def deep(n: int) -> None:
        if n == 0:
            raise ValueError("x" * 10 * MESSAGE_LENGTH)
        deep(n - 1)

    _, failure = Attempt(deep, classify)(50)
    assert failure is not None
    assert len(failure.message) == MESSAGE_LENGTH
    lines = failure.trace.splitlines()
    assert len(lines) == FRAMES
    assert all(line.startswith("tests/cluster/test_failures.py:") for line in lines)


def test_an_errno_is_called_by_its_name() -> None:
    assert describe(OSError(errno.ENOSPC, "No space left on device"), FailureClass.DESTINATION).code == "ENOSPC"
