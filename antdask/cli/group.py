"""How a command speaks and ends: results for people or machines, one sentence for an error, and an exit code."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import click

from antdask.errors import AntdaskError

if TYPE_CHECKING:
    from rich.console import RenderableType

#: Exit codes as shells count: 128 + number of the signal.
INTERRUPTED, BROKEN_PIPE = 130, 141
#: Key in the context of click under which the wish for JSON is kept, for errors too.
AS_JSON = "antdask.json"


class Commands(click.Group):
    """Commands in the order in which they are written; errors as one sentence and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in order of work."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; every way it can end has its exit code."""
        with warnings.catch_warnings(), _interruptible():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = _warn
            try:
                super().invoke(ctx)
                sys.stdout.flush()
            except AntdaskError as error:
                _complain(ctx, error)
                ctx.exit(error.exit_code)
            except KeyboardInterrupt:
                click.echo("Interrupted. Parts that are done stay done.", err=True)
                ctx.exit(INTERRUPTED)
            except BrokenPipeError:
                write_nowhere()
                ctx.exit(BROKEN_PIPE)


def _warn(message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None) -> None:  # fmt: skip
    click.echo(f"warning: {message}", err=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    # Ctrl-C that falls into a finaliser (`__del__`) ends only that finaliser: Python reports it as "ignored" and works on. Here it comes again.
    report = sys.unraisablehook

    def again(unraisable: sys.UnraisableHookArgs) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            threading.Timer(0.02, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)).start()
        else:
            report(unraisable)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = report


def write_nowhere() -> None:
    """Let standard output lead nowhere from here on."""
    # Whoever read has left; Python would complain about it once more when it flushes at its end.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _complain(ctx: click.Context, error: AntdaskError) -> None:
    click.echo(f"error: {error}", err=True)
    if ctx.meta.get(AS_JSON):
        document = {"code": error.code, "message": str(error), "where": error.where, "hint": error.hint}
        click.echo(json.dumps({"error": document, "exit_code": error.exit_code}, indent=1))


def emit(as_json: bool, document: Any, draw: Callable[..., RenderableType], *things: Any) -> None:
    """Print what was found: for machines or for people."""
    from antdask import report

    if as_json:
        click.echo(json.dumps(document, indent=1))
    else:
        report.show(draw(*things))


def leave(exit_code: int, *reasons: AntdaskError) -> None:
    """End with an exit code, and the sentence of the reason that has this code."""
    for reason in reasons:
        if exit_code and reason.exit_code == exit_code:
            click.echo(f"error: {reason}", err=True)
    click.get_current_context().exit(exit_code)
