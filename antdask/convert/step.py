"""A step: a vectorised function from batch to batch, known by its name, the source of its module, and its options.

::

    def brighter(batch: Batch, *, least: int) -> Batch:        in a module that workers can import
        return take(batch, np.flatnonzero(batch.tables["events"]["n_hits"] >= least))

A step may leave rows out, add rows, or change values. It keeps ``source_input`` and ``source_entry``, which lead to the legacy files. A condition of the ``where``
language may stand before it, or in its place.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from antdask.errors import AntdaskError, PlanError, UnknownNameError, UsageError
from antdask.model.ragged import Batch

_NAME = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<function>[A-Za-z_]\w*)")


@dataclasses.dataclass(frozen=True)
class Step:
    """A function of a module, with options.

    Parameters
    ----------
    name : str
        ``module:function``; empty where a condition is all.
    source : str
        16 hexadecimal digits: hash of the source of the module. What the module imports is not in it.
    options : mapping
        Keyword arguments; plain data.
    stream, origin : str
        Of the batches that it gives.
    where : str
        Only rows for which this holds come to the function; empty for all.
    """

    name: str
    source: str
    options: Mapping[str, Any]
    stream: str
    origin: str
    where: str = ""

    @classmethod
    def find(cls, name: str, options: Mapping[str, Any], stream: str, origin: str, where: str = "") -> Step:
        """The step of this name as it is now.

        Raises
        ------
        UsageError
            Not a name of a step, no such module, or options that the function does not take.
        UnknownNameError
            The module has no such function.
        """
        if not name:
            return cls("", "", {}, stream, origin, where)
        function = _function(name)
        try:
            inspect.signature(function).bind(None, **options)
        except TypeError as error:
            raise UsageError(f"The step cannot be called with these options: {error}", where=name, found=dict(options)) from error
        return cls(name, source_hash(_source_file(name)), dict(options), stream, origin, where)

    @classmethod
    def of(cls, lineage: Mapping[str, Any]) -> Step | None:
        """The step that a lineage names, if it names one.

        Raises
        ------
        PlanError
            Its source is not the one that was planned.
        UsageError
            It cannot be imported.
        """
        document = lineage.get("step")
        if document is None:
            return None
        wanted = cls(**document, stream=lineage["stream"], origin=lineage["origin"])
        if not wanted.name:
            return wanted
        found = source_hash(_source_file(wanted.name))
        if found != wanted.source:
            raise PlanError(
                "The step changed after it was planned",
                where=wanted.name,
                found=f"source {found}",
                expected=wanted.source,
                hint="Reprocess again with the step as it is now: it makes a lineage of its own.",
            )
        return wanted

    @functools.cached_property
    def _call(self) -> Callable[..., Any]:
        return _function(self.name)

    def to_dict(self) -> dict[str, Any]:
        """What of the step determines bytes, as plain data."""
        return {"name": self.name, "source": self.source, "options": dict(self.options), "where": self.where}

    def apply(self, batch: Batch) -> Batch:
        """Call the function; the condition is for who reads the batches.

        Raises
        ------
        AntdaskError
            What it gives is not a batch of the stream that was promised.
        """
        given = self._call(batch, **self.options) if self.name else batch
        if not isinstance(given, Batch) or (given.stream, given.origin) != (self.stream, self.origin):
            found = f"{given.stream} of {given.origin}" if isinstance(given, Batch) else type(given).__name__
            raise AntdaskError(
                "A step gave something else than it should", where=self.name, found=found, expected=f"{self.stream} of {self.origin}"
            )
        problems = given.problems()
        if problems:
            raise AntdaskError("A step gave a batch that contradicts the schema", where=self.name, found="; ".join(problems))
        return given


def source_hash(file: Path) -> str:
    """16 hexadecimal digits that stand for the content of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def source_of(name: str) -> bytes:
    """The source of the module of a step.

    Raises
    ------
    UsageError
        There is no such module.
    """
    return _source_file(name).read_bytes()


@functools.cache
def _source_file(name: str) -> Path:
    module = _parse(name)[0]
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError) as error:
        raise _not_there(name, module) from error
    if spec is None or spec.origin is None or not spec.has_location:
        raise _not_there(name, module)
    return Path(spec.origin)


#: Hash of the source that each module had when it was loaded here: a worker may live longer than a version of a step.
_loaded: dict[str, str] = {}


def _function(name: str) -> Callable[..., Any]:
    module, attribute = _parse(name)
    source = source_hash(_source_file(name))
    # An error inside the module is a bug of its author, and is told as it is.
    loaded = importlib.import_module(module) if _loaded.get(module, source) == source else importlib.reload(sys.modules[module])
    _loaded[module] = source
    function = getattr(loaded, attribute, None)
    if not callable(function):
        raise UnknownNameError.of("step", attribute, [n for n, thing in vars(loaded).items() if inspect.isfunction(thing)], where=module)
    found: Callable[..., Any] = function
    return found


def _parse(name: str) -> tuple[str, str]:
    found = _NAME.fullmatch(name)
    if found is None:
        raise UsageError("A step is named module:function", found=repr(name), hint="Example: antdask.convert.steps:select_events.")
    return found["module"], found["function"]


def _not_there(name: str, module: str) -> UsageError:
    return UsageError(
        f"There is no module '{module}'", where=name, hint="Put its folder on PYTHONPATH, here and where the workers run, or install it."
    )
