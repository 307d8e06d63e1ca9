"""What the tests run on workers: tasks that answer, fail, sleep, or kill the process they are in."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from antdask import errors


def square(task: int) -> int:
    return task * task


def visit(task: int, folder: str, seconds: float = 0.0) -> int:
    """Leaves one file per call, so that calls can be counted from outside."""
    Path(folder, f"{task}-{os.getpid()}-{time.monotonic_ns()}").touch()
    time.sleep(seconds)
    return task


def visits(folder: str | Path, task: int) -> int:
    return len(list(Path(folder).glob(f"{task}-*")))


def fail_at_first(task: int, folder: str, times: int) -> int:
    """Fails `times` times with EIO, then answers."""
    visit(task, folder)
    if visits(folder, task) <= times:
        raise OSError(5, "Input/output error")
    return task


def die_at_first(task: int, folder: str, times: int) -> int:
    """Kills its own process `times` times, as the kernel does when memory runs out."""
    visit(task, folder)
    if task == 3 and visits(folder, task) <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def linger_at_first(task: int, folder: str, seconds: float) -> int:
    """Takes long the first time, and no time at all after that."""
    visit(task, folder)
    if visits(folder, task) == 1:
        time.sleep(seconds)
    return task


def fail_with(task: str) -> None:
    """Raises what the task names."""
    raise {
        "corrupt": errors.CorruptFileError("The file ends in the middle of a basket", where="a.root"),
        "full": errors.DestinationError("The destination is full", where="archive"),
        "memory": MemoryError("cannot allocate 1 TiB"),
        "io": OSError(5, "Input/output error"),
    }[task]


def break_one_way(task: int) -> None:
    raise KeyError(f"value of task {task}")


def break_in_many_ways(task: int) -> None:
    raise type(f"Strange{task}Error", (Exception,), {})


class Unsendable(Exception):
    """Cannot be rebuilt from its arguments, as many exceptions of third parties."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def raise_unsendable(task: int) -> None:
    raise Unsendable("not", "sendable")


def give_unsendable(task: int) -> object:
    return lambda: task


def interrupt(task: int) -> int:
    if task == 4:
        raise KeyboardInterrupt
    return task


def environment(names: tuple[str, ...]) -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in names}


def pid_after(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()
