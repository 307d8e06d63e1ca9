"""Narrowing: what each argument of ``select`` means, as parts to keep and conditions to evaluate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from antdask.errors import UnknownNameError, UsageError
from antdask.model.time import parse_interval, parse_time
from antdask.query.index import Index

_RUN_MAX = 2**32 - 1
#: Streams of which a run holds rows of every origin.
_BY_ORIGIN = ("headers",)


def parts_with_words(index: Index, name: str, words: list[str]) -> np.ndarray:
    """Mask of the parts with one of these detectors or lineages.

    Raises
    ------
    UnknownNameError
        No part of the stream carries it.
    """
    for word in words:
        if word not in index.words[name][1]:
            raise UnknownNameError.of(name, str(word), index.words[name][1], where=f"stream '{index.schema.name}'")
    return index.has_word(name, words)


def parts_of_runs(index: Index, runs: range | list[int]) -> np.ndarray:
    """Mask of the parts of these runs; a run that is not in the archive matches nothing."""
    own = index.part("run").astype(np.int64)
    if isinstance(runs, range):
        # Never walked through: it may be long.
        low, high = sorted((runs[0], runs[-1])) if len(runs) else (1, 0)
        inside: np.ndarray = (own >= low) & (own <= high) & ((own - low) % abs(runs.step) == 0)
        return inside
    return np.isin(own, np.array(runs, np.int64))


def labels(kind: str, asked: Any) -> list[str]:
    """One word, or several.

    Raises
    ------
    UsageError
        Neither.
    """
    if isinstance(asked, str):
        return [asked]
    if not isinstance(asked, Iterable):
        raise UsageError(f"A {kind} is a word, several are a list", found=repr(asked)[:80])
    return list(asked)


def run_numbers(run: Any) -> list[int]:
    """Run numbers as Python integers.

    Raises
    ------
    UsageError
        Not run numbers.
    """
    asked = [run] if isinstance(run, int | np.integer) else list(run) if isinstance(run, Iterable) and not isinstance(run, str) else None
    if asked is None or not all(isinstance(r, int | np.integer) and not isinstance(r, bool) and 0 <= r <= _RUN_MAX for r in asked):
        raise UsageError("A run is an integer from 0 to 2**32 - 1, several are a list or a range", found=repr(run)[:80])
    return [int(r) for r in asked]


def frame_condition(frame: Any) -> str:
    """Condition for frames ``(a, b)``, half open, or one frame.

    Raises
    ------
    UsageError
        Not one or two integers.

    Examples
    --------
    >>> frame_condition((3, 10)), frame_condition(7)
    ('frame_index >= 3 and frame_index < 10', 'frame_index >= 7 and frame_index < 8')
    """
    ends = (frame, frame + 1) if _is_integer(frame) else tuple(frame) if isinstance(frame, Iterable) else ()
    if len(ends) != 2 or not all(_is_integer(end) for end in ends):
        raise UsageError(
            "Frames are one integer, or (first, end) with the end left out", found=repr(frame)[:80], hint="Example: frame=(100, 200)."
        )
    if ends[1] < ends[0]:
        raise UsageError("The range of frames ends before it begins", found=repr(frame)[:80])
    return f"frame_index >= {int(ends[0])} and frame_index < {int(ends[1])}"


def time_condition(time: Any) -> str:
    """Condition for a half-open interval of UTC; an open side is ``None`` or empty.

    Raises
    ------
    UsageError
        Not an interval.

    Examples
    --------
    >>> time_condition("1970-01-01T00:00:01/")
    'utc_ns >= 1000000000'
    """
    hint = 'Example: time=("2019-12-10", "2019-12-11") or time="2019-12-10/2019-12-11".'
    if isinstance(time, str):
        first, last = parse_interval(time)
    else:
        ends = tuple(time) if isinstance(time, Iterable) else ()
        if len(ends) != 2:
            raise UsageError("A time is an interval (T0, T1)", found=repr(time)[:80], hint=hint)
        first, last = (parse_time(end) for end in ends)
        if first is not None and last is not None and last < first:
            raise UsageError("The interval ends before it begins", found=repr(time)[:80])
    terms = [f"utc_ns {operator} {end}" for operator, end in ((">=", first), ("<", last)) if end is not None]
    if not terms:
        raise UsageError("A time interval needs at least one end", found=repr(time)[:80], hint=hint)
    return " and ".join(terms)


def key_condition(index: Index, key: Any) -> tuple[int, str]:
    """Run, and the condition for the other columns of the key ``(run, frame_index[, trigger_counter])``.

    Raises
    ------
    UsageError
        Not as many integers as the stream has key columns.
    """
    names = index.schema.order
    values = tuple(key) if isinstance(key, Iterable) else ()
    if len(values) != len(names) + 1 or not all(_is_integer(v) for v in values):
        raise UsageError("A key is one integer for each key column", found=repr(key)[:80], expected=f"(run, {', '.join(names)})")
    return run_numbers(values[0])[0], " and ".join(f"{name} == {int(v)}" for name, v in zip(names, values[1:], strict=True))


def missing_mode(word: str) -> str:
    """What to do about a part that is missing or damaged.

    Raises
    ------
    UsageError
        Not ``raise`` or ``skip``.
    """
    if word not in ("raise", "skip"):
        raise UsageError("Unknown way to treat parts that are missing or damaged", found=repr(word), expected="'raise' or 'skip'")
    return word


def current_parts(index: Index, parts: np.ndarray) -> np.ndarray:
    """Of runs that are there in several lineages, only the parts of the current one; a lineage that was chosen by its name stands alone and is kept."""
    current = index.current
    if current is None or current[parts].all():
        return parts
    kept = [
        own[current[own] | ~np.isin(_run_codes(index, own), np.unique(_run_codes(index, own[current[own]])))]
        for own in _apart(index, parts)
    ]
    found: np.ndarray = np.sort(np.concatenate(kept))
    return found


def _apart(index: Index, parts: np.ndarray) -> list[np.ndarray]:
    """Groups of parts of which none says what another says, whatever their lineage: headers of one run come from files of several kinds."""
    if index.schema.name not in _BY_ORIGIN:
        return [parts]
    origin = index.words["origin"][0][parts]
    return [parts[origin == code] for code in np.unique(origin).tolist()] or [parts]


def _run_codes(index: Index, parts: np.ndarray) -> np.ndarray:
    """Detector and run in one number, with room for a lineage below: sorting rows of two or three would take seconds for a million parts."""
    codes: np.ndarray = (index.words["detector"][0][parts].astype(np.int64) << 52) | (index.part("run")[parts].astype(np.int64) << 20)
    return codes


def refuse_several_lineages(index: Index, parts: np.ndarray) -> None:
    """Demand a choice where one run is there in several lineages of which none is the current one: their rows would stand twice.

    Raises
    ------
    UsageError
    """
    if len(index.words["lineage"][1]) > 1:
        for own in _apart(index, parts):
            _refuse_several_lineages(index, own)


def _refuse_several_lineages(index: Index, parts: np.ndarray) -> None:
    (_, detectors), (lineage, lineages) = index.words["detector"], index.words["lineage"]
    codes = np.unique(_run_codes(index, parts) | lineage[parts])
    triples = np.stack([codes >> 52, (codes >> 20) & _RUN_MAX, codes & (2**20 - 1)], axis=1)
    same = (triples[1:, :2] == triples[:-1, :2]).all(axis=1)
    if not same.any():
        return
    d, run, _ = triples[:-1][same][0].tolist()
    own = [lineages[code] for code in triples[(triples[:, 0] == d) & (triples[:, 1] == run), 2].tolist()]
    more = len(np.unique(triples[:-1][same][:, :2], axis=0)) - 1
    raise UsageError(
        f"Run {run} of {detectors[d]}{f' and {more} more' if more else ''} has stream '{index.schema.name}' in several lineages",
        found=", ".join(own),
        expected="one",
        hint=f'Choose: select(lineage="{own[-1]}"), or for good: antdask lineage use. ARCHIVE/lineages/<lineage>.json says what each is.',
    )


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
