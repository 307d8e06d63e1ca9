"""The page docs/reference/errors.md, made from the classes of antdask.errors."""

from __future__ import annotations

import inspect

from antdask import errors

INTRODUCTION = """# Errors and exit codes

A message says what happened, where (file, tree, run or part), what was expected and found, and the next step:

```text
$ antdask info somewhere/else
error: There is no antdask archive (in …/somewhere/else). Make one with: antdask convert INPUT… --archive URL.

$ antdask query demo/archive --stream event
error: Unknown stream 'event' (in …/demo/archive). Did you mean 'events'? Known: events, rates, reco, …
```

In Python every error of antdask is an `antdask.errors.AntdaskError` with the attributes `what`, `where`, `found`, `expected`, `hint`, `code` and `exit_code`, and most are
the fitting built-in exception too, so that `except FileNotFoundError` does what one expects. With `--json` the command line prints `code` for machines.

## Exit codes of the command line

| code | meaning | what to do |
|---|---|---|
| 0 | done | |
| 1 | a bug in antdask | report it, with the message |
| 2 | the call cannot be understood | read the message, or `antdask COMMAND --help` |
| 3 | an input, a configuration or a destination is bad | mend what the message names |
| 4 | some parts failed, all others are archived | run the same command again: it resumes |
| 5 | archive and source differ | `antdask verify ARCHIVE --json` names every difference |
| 6 | no place to work | look at the cluster, or use `--cluster serial` |

## Every error
"""


def text() -> str:
    """The whole page."""
    rows = ["| error | `code` | exit | is also | meaning |", "|---|---|---|---|---|"]
    rows += [_row(kind, depth) for kind, depth in walk(errors.AntdaskError)]
    return INTRODUCTION + "\n" + "\n".join(rows) + "\n"


def walk(kind: type[errors.AntdaskError], depth: int = 0) -> list[tuple[type[errors.AntdaskError], int]]:
    """The class and all below it, in the order of the source, each with its depth."""
    below = [pair for child in kind.__subclasses__() if child.__module__ == errors.__name__ for pair in walk(child, depth + 1)]
    return [(kind, depth), *below]


def builtins_of(kind: type) -> list[str]:
    """Names of the built-in exceptions among the direct bases."""
    return [base.__name__ for base in kind.__bases__ if base.__module__ == "builtins" and base is not Exception]


def _row(kind: type[errors.AntdaskError], depth: int) -> str:
    meaning = (inspect.getdoc(kind) or "").split("\n")[0]
    indent = "&nbsp;" * 4 * depth
    return f"| {indent}`{kind.__name__}` | `{kind.code}` | {kind.exit_code} | {', '.join(builtins_of(kind))} | {meaning} |"
