"""Progress: a bar for terminals and notebooks, lines for logs, silence on request."""

from __future__ import annotations

import io
import re
import sys
from typing import Any

import pytest
from rich.console import Console

from antdask.cluster import progress as module
from antdask.cluster.failures import Failure, FailureClass
from antdask.cluster.progress import FAILURES_SHOWN, Progress, Style, by_itself
from antdask.cluster.run import Event, run
from antdask.cluster.serial import SerialCluster
from tests.cluster import tasks


def event(kind: str = "done", **changes: Any) -> Event:
    values = {
        "task": 7,
        "result": None,
        "failure": None,
        "done": 0,
        "failed": 0,
        "retries": 0,
        "running": 0,
        "capacity": 2,
        "total": 10,
        "seconds": 1.0,
    }
    return Event(kind, **{**values, **changes})


def console(terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=120)


def written(place: Console) -> str:
    assert isinstance(place.file, io.StringIO)
    return place.file.getvalue()


def test_a_line_says_how_much_how_fast_and_how_long_still() -> None:
    shown = Progress("parts", weigh=lambda task, result: result, total_bytes=1_000_000_000, style=Style.NONE)
    for n in range(1, 5):
        shown(event(done=n, result=50_000_000, seconds=float(n)))
    assert (
        shown.line(event("tick", done=4, failed=1, retries=2, seconds=4.0))
        == "parts 5/10 200 MB · 50 MB/s · 1 failed · 2 retried · 16 s left"
    )


def test_the_rest_is_estimated_by_count_where_bytes_are_unknown() -> None:
    shown = Progress(style=Style.NONE)
    assert shown.remaining(event(done=2, seconds=8.0)) == 32.0
    assert shown.remaining(event(done=0)) is None
    assert shown.remaining(event(done=10)) is None
    assert shown.remaining(event(done=3, total=None)) is None


def test_waiting_for_workers_is_said() -> None:
    assert Progress("parts", style=Style.NONE).line(event("tick", capacity=0)) == "parts 0/10 waiting for workers"


def test_a_log_gets_lines_now_and_then_and_the_last_state(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 3))  # 3 s from event to event
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock) / 2))
    place = console()
    with Progress("parts", console=place) as shown:
        for n in range(1, 11):
            shown(event(done=n, seconds=n * 3.0))
    lines = written(place).splitlines()
    assert lines[0].startswith("parts 1/10")
    assert lines[-1] == "parts 10/10"
    assert 2 <= len(lines) < 10
    assert "\x1b" not in written(place)


def test_a_terminal_gets_a_bar() -> None:
    place = console(terminal=True)
    with Progress("parts", console=place) as shown:
        shown(event(done=10, failed=0))
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written(place))
    assert "parts ━━━" in text
    assert "10/10" in text


def test_a_notebook_gets_a_bar_that_is_replaced(
    notebook: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "RENEW_EVERY", 0.0)
    with Progress("parts") as shown:
        shown(event(done=1))
        shown(event("failed", task=3, done=1, failed=1, failure=Failure(FailureClass.DATA, "corrupt", "bad")))
        shown(event(done=9, failed=1))
    assert "value='1' max='10'" in notebook[0] and "parts 1/10" in notebook[0]
    assert "value='10' max='10'" in notebook[-1] and "1 failed" in notebook[-1]
    assert capsys.readouterr().out == "failed: parts 3: data (corrupt): bad\n"


def test_a_notebook_gets_a_bar_by_itself_and_nothing_else_does(notebook: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with by_itself(None, "parts") as shown:
        assert shown is not None
        shown(event(done=10))
    assert "parts 10/10" in notebook[-1]
    given = Progress(style=Style.NONE)
    with by_itself(given, "parts") as shown:
        assert shown is given
    monkeypatch.delitem(sys.modules, "IPython")
    with by_itself(None, "parts") as shown:
        assert shown is None


def test_silence_is_silent() -> None:
    place = console(terminal=True)
    with Progress(style=Style.NONE, console=place) as shown:
        shown(event(done=1))
        shown(event("failed", failed=1, failure=Failure(FailureClass.DATA, "corrupt", "bad")))
    assert written(place) == ""


@pytest.mark.parametrize("style", [Style.BAR, Style.NOTEBOOK, Style.LINES])
def test_of_nothing_to_do_nothing_is_shown(style: Style, capsys: pytest.CaptureFixture[str]) -> None:
    place = console()
    with Progress("parts", style=style, console=place) as progress:
        progress(event("tick", total=0))
    assert "0/0" not in written(place) + capsys.readouterr().out


def test_failures_are_named_but_not_without_end() -> None:
    place = console()
    with Progress("part", console=place) as shown:
        for n in range(FAILURES_SHOWN + 5):
            shown(event("failed", task=n, failed=n + 1, failure=Failure(FailureClass.DATA, "corrupt", "[bad] basket")))
    lines = [line for line in written(place).splitlines() if line.startswith("failed")]
    assert lines[0] == "failed: part 0: data (corrupt): [bad] basket"
    assert lines[FAILURES_SHOWN:] == ["failed: more, which are counted only"]


def test_it_fits_the_loop() -> None:
    place = console()
    with Progress("squares", weigh=lambda task, result: 1_000_000, console=place) as shown:
        run(SerialCluster(), tasks.square, range(5), on_result=lambda *_: None, on_failure=lambda *_: None, progress=shown, total=5)
    assert re.search(r"^squares 5/5 5 MB · [\d,]+ MB/s$", written(place).splitlines()[-1])
