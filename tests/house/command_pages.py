"""The pages docs/reference/cli/*.md, made from the commands of antdask.cli and the public functions behind them."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import click

from antdask.cli import main

# Which function a command calls: the command line is the library with dashes.
PUBLIC: dict[str, str] = {
    "inspect": "antdask.convert.scan.inspect_each",
    "plan": "antdask.convert.scan.make_plan",
    "replan": "antdask.convert.replan.replan",
    "cluster check": "antdask.cluster.check.check",
    "convert": "antdask.convert.campaign.convert",
    "submit": "antdask.convert.submission.submit",
    "work": "antdask.convert.campaign.finish_part",
    "finalise": "antdask.convert.submission.finalise",
    "status": "antdask.convert.status.status",
    "report": "antdask.convert.chronicle_page.write_report",
    "quarantine list": "antdask.convert.quarantine.causes",
    "quarantine show": "antdask.convert.quarantine.cases",
    "quarantine readmit": "antdask.convert.quarantine.readmit",
    "verify": "antdask.convert.verify.verify",
    "info": "antdask.query.archive.open_archive",
    "query": "antdask.query.select.Selection",
    "headers": "antdask.query.headers.header_lines",
    "reprocess": "antdask.convert.reprocess.reprocess",
    "lineage list": "antdask.convert.lineages.lineages",
    "lineage use": "antdask.convert.lineages.use_lineage",
    "compact": "antdask.convert.compaction.plan_compaction",
    "gc": "antdask.convert.garbage.collect_garbage",
    "environment build": "antdask.environment.build.build",
    "environment open": "antdask.environment.access.Environment",
    "environment extract": "antdask.environment.readings.extract",
    "environment sensors": "antdask.environment.sensor_build.build_sensors",
    "environment export": "antdask.export.environment.export_environment",
    "explore": "antdask.export.explorer.serve",
    "simulate": "antdask.simulate.simulation.simulate",
}


def commands() -> dict[str, click.Command]:
    """All commands by their words, in order of work, e.g. ``"inspect"``."""
    return dict(_walk(main, ""))


def _walk(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _walk(command, f"{prefix}{name} ")
        elif command is not None:
            yield f"{prefix}{name}", command


def public_function(name: str) -> Callable[..., Any]:
    """The function behind a command."""
    module, _, attribute = PUBLIC[name].rpartition(".")
    function: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return function


def page_name(command: str) -> str:
    """Path of the page of a command."""
    return f"docs/reference/cli/{command.replace(' ', '-')}.md"


def texts() -> dict[str, str]:
    """Path and text of the page of every command, and of their index."""
    pages = {page_name(name): _page(name, command) for name, command in commands().items()}
    return {"docs/reference/cli/README.md": _index(), **pages}


def _index() -> str:
    rows = [f"| [`antdask {name}`]({page_name(name).rpartition('/')[2]}) | {_first(command)} |" for name, command in commands().items()]
    head = f"# The command line\n\n{_prose(main.help)}\n\nExit codes: [errors](../errors.md).\n\n| command | what it does |\n|---|---|\n"
    return head + "\n".join(rows) + "\n"


def _page(name: str, command: click.Command) -> str:
    usage = command.get_usage(click.Context(command, info_name=f"antdask {name}")).removeprefix("Usage: ")
    function = public_function(name)
    first = (inspect.getdoc(function) or "").split("\n")[0]
    return "\n".join(
        [
            f"# antdask {name}",
            "",
            _prose(command.help),
            "",
            f"```text\n{usage}\n```",
            "",
            *_options(command),
            "## In Python",
            "",
            f"`{PUBLIC[name]}`: {first}",
            "",
            "Exit codes: [errors](../errors.md). All commands: [the command line](README.md).",
            "",
        ]
    )


def _options(command: click.Command) -> list[str]:
    context = click.Context(command)
    records = [r for p in command.params if isinstance(p, click.Option) and (r := p.get_help_record(context))]
    rows = [f"| `{_cell(flags)}` | {_cell(words)} |" for flags, words in records]
    return ["| option | meaning |", "|---|---|", *rows, ""] if rows else []


def _cell(words: str) -> str:
    return " ".join(words.split()).replace("|", "\\|")


def _first(command: click.Command) -> str:
    return _prose(command.help).split("\n")[0]


def _prose(words: str | None) -> str:
    # A form feed ends the help that click shows; "\b" keeps it from filling the next paragraph anew.
    return re.sub(r"\x08\n", "", inspect.cleandoc((words or "").split("\f")[0])).strip()
