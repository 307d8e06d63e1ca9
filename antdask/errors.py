"""Every error that antdask raises on purpose.

::

    AntdaskError                        1  (a bug, unless a subclass says otherwise)
    ├── UsageError (ValueError)         2  the call cannot be understood
    │   ├── UnknownNameError (LookupError)     a stream, column, format or part that is not there
    │   └── WhereError                         a ``where`` that is not a comparison of known columns
    ├── InputError (ValueError)         3  something is wrong with an input or a configuration
    │   ├── InputMissingError (FileNotFoundError)
    │   ├── InputUnreadableError (PermissionError)
    │   ├── UnknownFormatError                 no source recognises the file
    │   ├── UnknownLayoutError                 the format is known, the layout inside is not
    │   ├── CorruptFileError                   bytes that contradict themselves
    │   ├── InputChangedError                  the file is not the one that was planned
    │   └── ConfigurationError                 a setting, profile or map that cannot be used
    ├── ArchiveError                    3  something is wrong with an archive or a destination
    │   ├── NotAnArchiveError
    │   ├── DestinationError (OSError)         the destination cannot be written
    │   ├── SchemaVersionError                 written by a newer antdask
    │   ├── ConflictError                      the same entries are archived in another cut
    │   └── DamagedPartError                   a part that is missing, torn or altered
    ├── UnreachableError (ConnectionError) 3  a server does not answer, after several attempts
    ├── PlanError                       3  a plan that cannot be made, read or afforded
    ├── PartsFailedError                4  some parts failed; run again to resume
    ├── VerificationError               5  archive and source differ
    └── ClusterError                    6  no place to work
        └── WorkerLostError                    a worker ended in the middle of a task

The number is the exit code of the command line. A message says what happened, where, what was found and expected, and the next step.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class AntdaskError(Exception):
    """Base of all errors of antdask.

    Parameters
    ----------
    what : str
        One sentence: what happened.
    where : str, optional
        File, tree, run or part.
    found, expected : object, optional
        What stood there, and what should have.
    hint : str, optional
        The next step.
    """

    code = "antdask"
    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, found: Any = None, expected: Any = None, hint: str | None = None) -> None:
        self.what, self.where, self.found, self.expected, self.hint = what, where, found, expected, hint
        super().__init__(what)

    def __str__(self) -> str:
        text = self.what.rstrip(".")
        if self.where:
            text += f" (in {self.where})"
        if self.expected is not None:
            text += f": expected {self.expected}, found {self.found}"
        elif self.found is not None:
            text += f": found {self.found}"
        return text + "." + (f" {self.hint}" if self.hint else "")

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions rebuild themselves from ``args`` alone; workers send these home, so the keywords must travel too.
        state = self.__dict__.copy()
        if isinstance(self, OSError):
            state["errno"] = self.errno
        return (_rebuild, (type(self), state))


def _rebuild(kind: type[AntdaskError], state: dict[str, Any]) -> AntdaskError:
    error = kind(state["what"])
    for name, value in state.items():
        setattr(error, name, value)
    return error


class UsageError(AntdaskError, ValueError):
    """The call cannot be understood."""

    code, exit_code = "usage", 2


class UnknownNameError(UsageError, LookupError):
    """A name that is not there; the message lists the known ones and the nearest."""

    code = "unknown-name"

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str], *, where: str | None = None) -> UnknownNameError:
        """Build the error for an unknown `name` of a `kind`, e.g. ``of("column", "n_hit", columns)``.

        Examples
        --------
        >>> str(UnknownNameError.of("column", "n_hit", ["n_hits", "run"]))
        "Unknown column 'n_hit'. Did you mean 'n_hits'? Known: n_hits, run."
        """
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1)
        shown = ", ".join(names[:40]) + (f", and {len(names) - 40} more" if len(names) > 40 else "")
        guess = f"Did you mean '{near[0]}'? " if near else ""
        return cls(f"Unknown {kind} '{name}'", where=where, hint=f"{guess}Known: {shown or 'none'}.")

    __str__ = AntdaskError.__str__  # LookupError would show a repr


class WhereError(UsageError):
    """A ``where`` that is not a comparison expression over known columns."""

    code = "where"


class InputError(AntdaskError, ValueError):
    """Something is wrong with an input or a configuration."""

    code, exit_code = "input", 3


class InputMissingError(InputError, FileNotFoundError):
    """The input does not exist."""

    code = "input-missing"
    __str__ = AntdaskError.__str__


class InputUnreadableError(InputError, PermissionError):
    """The input exists but may not be read."""

    code = "input-unreadable"
    __str__ = AntdaskError.__str__


class UnknownFormatError(InputError):
    """No source recognises the file."""

    code = "unknown-format"


class UnknownLayoutError(InputError):
    """The format is known, the layout inside is not."""

    code = "unknown-layout"


class CorruptFileError(InputError):
    """Bytes that contradict themselves.

    Carries the entry range that is lost (`start`, `stop`, half open, in entries of `tree`; ``None`` where the whole file is), so that the rest can be kept.
    """

    code = "corrupt"

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        found: Any = None,
        expected: Any = None,
        hint: str | None = None,
        tree: str | None = None,
        branch: str | None = None,
        basket: int | None = None,
        start: int | None = None,
        stop: int | None = None,
    ) -> None:
        super().__init__(what, where=where, found=found, expected=expected, hint=hint)
        self.tree, self.branch, self.basket, self.start, self.stop = tree, branch, basket, start, stop


class InputChangedError(InputError):
    """The file is not the one that was planned."""

    code = "input-changed"


class ConfigurationError(InputError):
    """A setting, profile or map that cannot be used."""

    code = "configuration"


class ArchiveError(AntdaskError):
    """Something is wrong with an archive or a destination."""

    code, exit_code = "archive", 3


class NotAnArchiveError(ArchiveError):
    """The place holds no antdask archive."""

    code = "not-an-archive"


class DestinationError(ArchiveError, OSError):
    """The destination cannot be written."""

    code = "destination"
    __str__ = AntdaskError.__str__


class SchemaVersionError(ArchiveError):
    """The archive was written with a newer schema than this antdask knows."""

    code = "schema-version"


class ConflictError(ArchiveError):
    """The same entries are archived already, cut in another way."""

    code = "conflict"


class DamagedPartError(ArchiveError):
    """A part that is missing, torn or altered under a live catalogue."""

    code = "damaged-part"


class UnreachableError(AntdaskError, ConnectionError):
    """A server does not answer, or its answers break off, after several attempts."""

    code, exit_code = "unreachable", 3
    __str__ = AntdaskError.__str__


class PlanError(AntdaskError):
    """A plan that cannot be made, read or afforded."""

    code, exit_code = "plan", 3


class PartsFailedError(AntdaskError):
    """Some parts failed; a second run resumes."""

    code, exit_code = "parts-failed", 4


class VerificationError(AntdaskError):
    """Archive and source differ."""

    code, exit_code = "verification", 5


class ClusterError(AntdaskError):
    """No place to work."""

    code, exit_code = "cluster", 6


class WorkerLostError(ClusterError):
    """A worker ended in the middle of a task."""

    code = "worker-lost"
