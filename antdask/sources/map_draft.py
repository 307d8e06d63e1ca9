"""A draft of a layout map for a ROOT file that no map fits: every tree and branch, its kind and size, and a guess where it could go."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.model.tables import SCHEMAS
from antdask.sources import files
from antdask.sources.root import RootFile, Tree, open_root
from antdask.sources.root_branch import Branch
from antdask.sources.root_leaf import Leaf, leaf_of


def propose_map(url: str, origin: str = "antares_raw", format: str = "antares_raw") -> str:
    """The text of a layout map for a file, to be edited: TOML, with what was found as comments.

    Parameters
    ----------
    url : str
        A ROOT file.
    origin, format : str
        Those of the map; guesses are made among the fields of this origin.

    Returns
    -------
    str
        Every branch that can be read stands in a data set, with its guess as ``target`` or, without one, with ``UNMAPPED`` in its note; what cannot be
        read stands in a comment. Until targets are complete, loading the map says what is missing.

    Raises
    ------
    InputMissingError, InputUnreadableError, UnknownFormatError, CorruptFileError
    """
    url = files.absolute(url)
    name = re.sub(r"[^a-z0-9]+", "_", PurePosixPath(url).stem.lower()).strip("_") or "layout"
    with open_root(url) as file:
        lines = [
            f"# Draft of a layout map for {PurePosixPath(url).name} ({file.nbytes} bytes): guesses, for somebody who knows the file.",
            "# Set stream and table of each data set, the targets of its columns, and what rests on evidence to verified. See docs/sources/antares_raw.md.",
            "",
            f'layout = "{name}_1"',
            f'format = "{format}"',
            f'origin = "{origin}"',
            'detector = "antares"',
            'provenance = "drafted from the names in a file; replace by who told you, and when"',
            'status = "assumed"',
            "",
            "[constants]",
            'frame_ns = { value = 104857600, note = "length of a frame: 2^22 ticks of 25 ns" }',
            'first_frame = { value = 0, note = "index of the frame that begins when the run does: check it" }',
        ]
        for object_name, kind in file.objects.items():
            lines += _tree(file, object_name, origin) if kind == "TTree" else ["", f"# object '{object_name}' ({kind}) is no tree"]
    return "\n".join(lines) + "\n"


def _tree(file: RootFile, name: str, origin: str) -> Iterator[str]:
    yield ""
    try:
        tree = file.tree(name)
    except CorruptFileError as error:
        yield f"# tree '{name}' cannot be read: {error.what}"
        return
    stream, targets = _guess(tree, origin)
    yield f"# tree '{name}': {tree.entries} entries, {sum(b.nbytes for b in tree.walk()) / 1e6:.3g} MB uncompressed"
    yield "[[datasets]]"
    yield f"name = {json.dumps(name)}"
    yield f'stream = "{stream}"'
    yield f'table = "{SCHEMAS[stream].rows.name}"'
    yield "columns = ["
    yield from (_column(branch, targets) for branch in _ordered(tree))
    yield "]"


def _ordered(tree: Tree) -> list[Branch]:
    """Top branches, those that count before those they count."""
    counters = {leaf.count for branch in tree.branches if (leaf := _leaf(branch)) is not None}
    return sorted(tree.branches, key=lambda b: b.name not in counters)


def _column(branch: Branch, targets: dict[str, str]) -> str:
    leaf, size = _leaf(branch), f"{branch.nbytes / 1e6:.3g} MB"
    if leaf is None:
        return f"  # branch '{branch.name}', {size}: of a kind that is not read"
    if leaf.dtype == "V":
        members = ", ".join(child.name for child in branch.children) or "not split: its members stand in the C++ class only"
        return f"  # branch '{branch.name}', {size}: structures; describe them as a record (kind = \"struct\"): {members}"
    words = [f"source = {json.dumps(branch.name)}", f'dtype = "{leaf.dtype}"']
    words += [f"count = {json.dumps(leaf.count)}"] if leaf.count else [f"width = {leaf.width}"] if leaf.width > 1 else []
    target = targets.get(branch.name)
    words += [f'target = "{target}"', f'note = "{size}; guessed by name"'] if target else [f'note = "UNMAPPED, {size}"']
    return f"  {{ {', '.join(words)} }},"


def _leaf(branch: Branch) -> Leaf | None:
    try:
        return leaf_of(branch)
    except UnknownLayoutError:
        return None


def _guess(tree: Tree, origin: str) -> tuple[str, dict[str, str]]:
    """The stream with most fields of these names, and the targets in it."""
    best: tuple[str, dict[str, str]] = (next(iter(SCHEMAS)), {})
    for stream, schema in SCHEMAS.items():
        fields = {
            _plain(f): f if t.parent is None else f"{t.name}.{f}" for t in reversed(schema.given_by(origin)) for f in t.columns(origin)
        }
        found = {b.name: fields[key] for b in tree.branches for key in (_plain(b.name),) if key in fields}
        if len(found) > len(best[1]):
            best = stream, found
    return best


def _plain(name: str) -> str:
    """A name without capitals, separators, and the words that mean nothing."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return {"runnumber": "run", "runid": "run", "eventid": "frameindex", "trigcount": "triggercounter", "triggermask": "antarestriggermask", "flags": "countflags"}.get(plain, plain)  # fmt: skip
