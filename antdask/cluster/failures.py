"""What goes wrong with a task, and what to do about it: classes of failure, and the record that travels home.

=========== ================================================================== ==============================
class       examples                                                          what the loop does
=========== ================================================================== ==============================
transient   EIO, ESTALE, time-outs, broken connections, HTTP 5xx              wait, then try again
resource    out of memory, a worker that was killed                           wait, then try again
data        truncated file, unknown layout, input that changed                never again, the part is reported
destination disk full, quota, read-only, no permission                       stop the campaign
bug         everything else                                                   stop after five of the same kind
=========== ================================================================== ==============================

A fault of the network, the disk or the destination is never counted as bad data.
"""

from __future__ import annotations

import dataclasses
import enum
import errno
import socket
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from pathlib import PurePath
from typing import Any

from antdask.errors import AntdaskError, ArchiveError, DamagedPartError, InputError, WorkerLostError
from antdask.remote.retry import is_transient, status_of

#: A message longer than this is cut: failures are printed, and kept in receipts.
MESSAGE_LENGTH = 2000
#: Innermost frames of a traceback that are kept.
FRAMES = 8


class FailureClass(enum.StrEnum):
    """Why a task failed, as far as it matters for what comes next."""

    TRANSIENT = "transient"
    RESOURCE = "resource"
    DATA = "data"
    DESTINATION = "destination"
    BUG = "bug"

    @property
    def retried(self) -> bool:
        """Whether another attempt can help."""
        return self in {FailureClass.TRANSIENT, FailureClass.RESOURCE}


_DESTINATION = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})
_RESOURCE = frozenset({errno.ENOMEM, errno.EMFILE, errno.ENFILE})
#: How libraries without a class for it say that memory, or a thread, is not to be had: Python, Arrow, zstd, blosc.
_NO_MEMORY = ("can't start new thread", "Failed to launch worker thread", "not enough memory", "error during blosc compression")
#: HTTP answers to one who is not known or not allowed: every other part would meet the same.
_REFUSED = frozenset({401, 403, 407})


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """One failed task, in plain data.

    Parameters
    ----------
    kind : FailureClass
    code : str
        Code of the antdask error, name of the errno (``"ENOSPC"``), or name of the exception.
    message : str
    trace : str
        Innermost frames, one ``file:line function`` a line, outermost first; without values, so that equal traces mean equal causes.
    attempts : int
        How often the task was tried.
    host : str
        Machine on which it failed; empty where nobody can tell, because the worker died.
    """

    kind: FailureClass
    code: str
    message: str
    trace: str = ""
    attempts: int = 1
    host: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {**dataclasses.asdict(self), "kind": str(self.kind)}

    def __str__(self) -> str:
        return f"{self.kind} ({self.code}): {self.message}"


def classify(error: BaseException) -> FailureClass:
    """The class of an error, from the error and its causes.

    Examples
    --------
    >>> str(classify(OSError(errno.ENOSPC, "No space left on device")))
    'destination'
    >>> str(classify(TimeoutError()))
    'transient'
    """
    chain = list(_chain(error))
    # A cause outranks its wrapper: a file that "cannot be read" because the server timed out is not bad data.
    if any(is_transient(e) for e in chain):
        return FailureClass.TRANSIENT
    if any(_is_resource(e) for e in chain):
        return FailureClass.RESOURCE
    if isinstance(error, InputError):
        return FailureClass.DATA
    if isinstance(error, DamagedPartError):
        # What was read back is not what was written, or a medium went bad: neither the source's fault nor a reason to stop.
        return FailureClass.TRANSIENT
    if isinstance(error, ArchiveError) or any(map(_is_destination, chain)):
        return FailureClass.DESTINATION
    return FailureClass.BUG


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    step: BaseException | None = error
    while step is not None and id(step) not in seen:
        seen.add(id(step))
        yield step
        step = step.__cause__


def _is_resource(error: BaseException) -> bool:
    if isinstance(error, WorkerLostError | BrokenExecutor) or (isinstance(error, OSError) and error.errno in _RESOURCE):
        return True
    return _lacks_memory(error)


def _lacks_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY)


def _is_destination(error: BaseException) -> bool:
    return (isinstance(error, OSError) and error.errno in _DESTINATION) or status_of(error) in _REFUSED


def describe(error: BaseException, kind: FailureClass, host: str = "") -> Failure:
    """The record of an error, and of the machine on which it happened."""
    message = str(error) or type(error).__name__
    if _lacks_memory(error) and not isinstance(error, AntdaskError):
        message = f"There is not enough memory for this part ({message}). Give its worker more, or plan with a smaller --part-bytes."
    elif not isinstance(error, AntdaskError) and type(error).__name__ not in message:
        message = f"{type(error).__name__}: {message}"
    return Failure(kind, _code(error), message[:MESSAGE_LENGTH], _trace(error), host=host)


def _code(error: BaseException) -> str:
    if isinstance(error, AntdaskError):
        return error.code
    if isinstance(error, OSError) and error.errno is not None:
        return errno.errorcode.get(error.errno, type(error).__name__)
    return type(error).__name__


def _trace(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
    # Two folders are enough to know a file, and say nothing about the machine.
    return "\n".join(f"{'/'.join(PurePath(f.filename).parts[-3:])}:{f.lineno} {f.name}" for f in frames[-FRAMES:])


@dataclasses.dataclass(frozen=True, slots=True)
class Attempt[R]:
    """Calls ``function(task, *args)`` on a worker, and gives the result, or the record of what went wrong.

    Only plain data come home: exceptions of third parties may not survive the way, and one that cannot be rebuilt breaks a process pool.

    Examples
    --------
    >>> Attempt(abs, classify)(-3)
    (3, None)
    """

    function: Callable[..., R]
    classify: Callable[[BaseException], FailureClass]

    def __call__(self, task: Any, *args: Any) -> tuple[R | None, Failure | None]:
        """Result and ``None``, or ``None`` and failure; interrupts pass."""
        try:
            return self.function(task, *args), None
        except Exception as error:  # noqa: BLE001 - any error of a task becomes a record, and the loop decides
            return None, describe(error, self.classify(error), socket.gethostname())

    @property
    def __name__(self) -> str:
        """The name of the function, for displays of clusters."""
        return getattr(self.function, "__name__", type(self.function).__name__)
