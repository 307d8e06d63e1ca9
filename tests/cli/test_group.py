"""Every way a command can end has its exit code and at most one sentence."""

from __future__ import annotations

import json
import signal
import time
import warnings

import click
import pytest
from click.testing import CliRunner, Result

from antdask import errors
from antdask.cli.group import INTERRUPTED, Commands, emit, leave
from antdask.cli.options import with_json
from tests.house.error_page import walk

KINDS = [kind for kind, _ in walk(errors.AntdaskError)]


@click.group(cls=Commands)
def main() -> None:
    """Commands that end in every way."""


@main.command()
@click.argument("name")
@with_json
def fail(name: str, as_json: bool) -> None:
    raise getattr(errors, name)("It went wrong", where="a.root", found=1, expected=2, hint="Do better.")


@main.command()
def interrupt() -> None:
    raise KeyboardInterrupt


class Finalised:
    def __del__(self) -> None:
        raise KeyboardInterrupt


@main.command()
def interrupt_finaliser() -> None:
    Finalised()
    time.sleep(10)


@main.command()
def crash() -> None:
    raise ZeroDivisionError("a bug")


@main.command()
def advise() -> None:
    warnings.warn("something is left out", UserWarning, stacklevel=1)


@main.command()
@click.argument("code", type=int)
def end(code: int) -> None:
    leave(code, errors.InputError("Bad input"), errors.PartsFailedError("Parts are missing"))


@main.command()
@with_json
def answer(as_json: bool) -> None:
    emit(as_json, {"answer": 42}, "The answer is {}.".format, 42)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_is_one_sentence_and_its_exit_code(kind: type[errors.AntdaskError]) -> None:
    done = run("fail", kind.__name__)
    assert done.exit_code == kind.exit_code
    assert done.stderr == "error: It went wrong (in a.root): expected 2, found 1. Do better.\n"
    assert done.stdout == ""


def test_machines_are_told_the_code_of_an_error() -> None:
    done = run("fail", "CorruptFileError", "--json")
    assert json.loads(done.stdout) == {
        "error": {
            "code": "corrupt",
            "message": "It went wrong (in a.root): expected 2, found 1. Do better.",
            "where": "a.root",
            "hint": "Do better.",
        },
        "exit_code": 3,
    }
    assert done.stderr.startswith("error: It went wrong")


def test_an_interrupt_ends_as_shells_expect() -> None:
    done = run("interrupt")
    assert (done.exit_code, done.stdout) == (INTERRUPTED, "")
    assert done.stderr == "Interrupted. Parts that are done stay done.\n"


def test_an_interrupt_that_falls_into_a_finaliser_is_not_lost() -> None:
    # A shell starts what runs in the background deaf to Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        done = run("interrupt-finaliser")
    finally:
        signal.signal(signal.SIGINT, before)
    assert (done.exit_code, done.stderr) == (INTERRUPTED, "Interrupted. Parts that are done stay done.\n")


def test_a_bug_shows_its_traceback() -> None:
    assert isinstance(run("crash").exception, ZeroDivisionError)


def test_a_warning_is_one_line_without_code() -> None:
    done = run("advise")
    assert (done.exit_code, done.stderr) == (0, "warning: something is left out\n")


def test_an_exit_code_brings_the_reason_that_has_it() -> None:
    assert [(run("end", str(code)).exit_code, run("end", str(code)).stderr) for code in (0, 3, 4, 5)] == [
        (0, ""),
        (3, "error: Bad input.\n"),
        (4, "error: Parts are missing.\n"),
        (5, ""),
    ]


def test_results_are_for_people_or_for_machines() -> None:
    assert run("answer").stdout == "The answer is 42.\n"
    assert json.loads(run("answer", "--json").stdout) == {"answer": 42}


def test_a_wrong_call_is_explained() -> None:
    done = run("nonsense")
    assert done.exit_code == 2
    assert "No such command 'nonsense'" in done.stderr


def test_commands_stand_in_the_order_in_which_they_are_written() -> None:
    assert (
        list(main.commands)
        == main.list_commands(click.Context(main))
        == ["fail", "interrupt", "interrupt-finaliser", "crash", "advise", "end", "answer"]
    )
