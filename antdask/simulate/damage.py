"""Deliberate damage, done to a copy: what discs, transfers and other software do to files, for tests and demonstrations."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from antdask.errors import DestinationError, InputMissingError, UnknownNameError, UsageError

_BASKET = re.compile(rb"\x07TBasket")
# A branch in a tree that is not compressed: class name, counted block, TNamed with its TObject, then the counted name.
_BRANCH = re.compile(rb"TBranch\x00.{6}.{6}.{10}(.)", re.DOTALL)
# The key of a tree: its class, then the counted name.
_TREE = re.compile(rb"\x05TTree([\x01-\xfe])")
_KEY = struct.Struct(">ihiIh")


def truncate(data: bytearray, rng: np.random.Generator) -> None:
    """Cut the end off: 10 to 70 % of the file."""
    del data[int(len(data) * rng.uniform(0.3, 0.9)) :]


def bitflip(data: bytearray, rng: np.random.Generator) -> None:
    """Flip twenty bits anywhere behind the header."""
    for place in rng.integers(min(300, len(data) // 2), len(data), 20):
        data[place] ^= 1 << int(rng.integers(8))


def badbasket(data: bytearray, rng: np.random.Generator) -> None:
    """Overwrite the content of one basket of a ROOT file, up to 256 bytes of it; its header stays."""
    keys = [start for m in _BASKET.finditer(data) for start in (_key_before(data, m.start()),) if start is not None]
    if not keys:
        raise UsageError("There is no basket in the file", hint="Give a ROOT file with a tree.")
    start = keys[int(rng.integers(len(keys)))]
    nbytes, _, _, _, length = _KEY.unpack_from(data, start)
    stop = min(start + nbytes, start + length + 256)
    data[start + length : stop] = rng.bytes(stop - start - length)


def schema(data: bytearray, rng: np.random.Generator) -> None:
    """Rename one branch of a tree, in whatever state it was saved, so that a declared one is missing and an unknown one is there."""
    trees = [(m.start(), bytes(data[m.end() : m.end() + m.group(1)[0]])) for m in _TREE.finditer(data)]
    # By tree and name, where the names end.
    ends: dict[tuple[bytes, bytes], list[int]] = {}
    for m in _BRANCH.finditer(data):
        end = m.end() + m.group(1)[0]
        tree = next((name for start, name in reversed(trees) if start < m.start()), b"")
        ends.setdefault((tree, bytes(data[m.end() : end])), []).append(end)
    if not ends:
        raise UsageError("There is no branch to rename", hint="Give a simulated file: its trees are not compressed.")
    for end in list(ends.values())[int(rng.integers(len(ends)))]:
        data[end - 1] = ord("z") if data[end - 1] != ord("z") else ord("y")


def empty(data: bytearray, rng: np.random.Generator) -> None:
    """Leave nothing."""
    del rng
    data.clear()


KINDS: dict[str, Callable[[bytearray, np.random.Generator], None]] = {f.__name__: f for f in (truncate, bitflip, badbasket, schema, empty)}


def corrupt(path: str | os.PathLike[str], kind: str, directory: str | os.PathLike[str], seed: int = 1) -> Path:
    """Write a damaged copy of a file.

    Parameters
    ----------
    path : path
        Not changed.
    kind : str
        ``truncate``, ``bitflip``, ``badbasket``, ``schema`` or ``empty``.
    directory : path
        Where the copy goes, as ``<name>_<kind>.<suffix>``.
    seed : int
        The same seed does the same damage.

    Raises
    ------
    UnknownNameError
        No such kind.
    UsageError
        The file holds nothing that could be damaged this way.
    InputMissingError
        No such file.
    DestinationError
        The copy exists, or cannot be written.
    """
    if kind not in KINDS:
        raise UnknownNameError.of("kind of damage", kind, KINDS)
    source = Path(path)
    try:
        data = bytearray(source.read_bytes())
    except FileNotFoundError as error:
        raise InputMissingError("There is no such file", where=str(source)) from error
    KINDS[kind](data, np.random.default_rng([seed, *kind.encode()]))
    copy = Path(directory) / f"{source.stem}_{kind}{source.suffix}"
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        with copy.open("xb") as file:
            file.write(data)
    except OSError as error:
        raise DestinationError(
            f"The copy cannot be written: {error.strerror}", where=str(copy), hint="Choose another directory, or remove it."
        ) from error
    return copy


def _key_before(data: bytearray, words: int) -> int | None:
    """Where the key starts whose class name stands at `words`: 34 bytes before in the 64-bit form, 26 in the other."""
    for size, big in ((34, True), (26, False)):
        start = words - size
        if start > 0:
            nbytes, version, size_content, _, length = _KEY.unpack_from(data, start)
            if (version > 1000) == big and 0 < length < nbytes <= len(data) - start and size_content > 0:
                return start
    return None
