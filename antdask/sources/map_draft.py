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
from antdask.sources.root_elements import is_vector
from antdask.sources.root_leaf import COLLECTION, Leaf, counters, leaf_list, leaf_of
from antdask.sources.root_nested import NestedBranch, nested_of


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
            if object_name not in file.trees:
                lines += ["", f"# object '{object_name}' ({kind}) is no tree"]
        for tree_name in file.trees:
            lines += _tree(file, tree_name, origin)
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
    names = counters(tree.walk())
    for branch in _ordered(tree, names):
        yield from _lines(branch, targets, names)
    yield "]"
    for branch in tree.walk():
        if len(leaves := _leaves(branch)) > 1:
            yield from _record(branch, leaves, targets)


def _record(branch: Branch, leaves: dict[str, Leaf], targets: dict[str, str]) -> Iterator[str]:
    """Leaves side by side in one branch, as a record."""
    yield ""
    yield "[[records]]"
    yield f"name = {json.dumps(branch.name)}"
    yield 'kind = "leaves"'
    yield "fields = ["
    for name, leaf in leaves.items():
        target = targets.get(f"{branch.name}.{name}")
        end = f'target = "{target}", note = "guessed by name"' if target else 'note = "UNMAPPED"'
        yield f'  {{ name = {json.dumps(name)}, dtype = "{leaf.dtype}", {end} }},'
    yield "]"


def _ordered(tree: Tree, names: dict[str, str]) -> list[Branch]:
    """Top branches, those that count before those they count."""
    counting = {names.get(leaf.count, leaf.count) for branch in tree.walk() if (leaf := _leaf(branch)) is not None}
    return sorted(tree.branches, key=lambda b: counting.isdisjoint({b.name, *(f"{b.name}.{n}" for n in _leaves(b))}))


def _lines(branch: Branch, targets: dict[str, str], names: dict[str, str]) -> Iterator[str]:
    """A line for the branch, and for each below it: members of an object stand alone, those of structures in a vector beside it."""
    leaf, nested, size = _leaf(branch), None, f"{branch.nbytes / 1e6:.3g} MB"
    if leaf is None or leaf.dtype == "V":
        nested = _nested(branch)
    if nested is not None:
        words = ", ".join([*_words(branch, nested.dtype, nested.count, 1), *(["vector = true"] if is_vector(nested) else [])])
        line = f"{{ {words}, note = {json.dumps(f'UNMAPPED, {size}, {nested.form}')} }},"
        yield f"  {line}" if is_vector(nested) else f"  # no map can declare this form yet: {line}"
    elif leaf is None and len(_leaves(branch)) > 1:
        yield f'  {{ source = {json.dumps(branch.name)}, dtype = "V", record = {json.dumps(branch.name)}, note = "{size}, {len(_leaves(branch))} leaves" }},'
    elif branch.children and (leaf is None or leaf.kind != COLLECTION):
        yield f"  # branch '{branch.name}', {size}: an object, split into its members"
        for child in branch.children:
            yield from _lines(child, targets, names)
    elif branch.children:
        yield f"  # branch '{branch.name}', {size}: structures; describe them as a record (kind = \"struct\"), or member by member with the branch as count:"
        for child in branch.children:
            for line in _lines(child, {}, names):
                yield f"  # {line.strip().removeprefix('# ')}"
    elif leaf is None:
        yield f"  # branch '{branch.name}', {size}: UNMAPPED, of a kind that is not read ({branch.kind})"
    elif leaf.dtype == "V":
        yield f"  # branch '{branch.name}', {size}: UNMAPPED, not split: its members stand in the C++ class only ({branch.kind}); a vector of structures can be described as a record (kind = \"struct\")"
    else:
        stated, target = _words(branch, leaf.dtype, names.get(leaf.count, leaf.count), leaf.width), targets.get(branch.name)
        stated += [f'target = "{target}"', f'note = "{size}; guessed by name"'] if target else [f'note = "UNMAPPED, {size}"']
        yield f"  {{ {', '.join(stated)} }},"


def _words(branch: Branch, dtype: str, count: str, width: int) -> list[str]:
    words = [f"source = {json.dumps(branch.name)}", f'dtype = "{dtype}"']
    return words + ([f"count = {json.dumps(count)}"] if count else []) + ([f"width = {width}"] if width > 1 else [])


def _leaf(branch: Branch) -> Leaf | None:
    try:
        return leaf_of(branch)
    except UnknownLayoutError:
        return None


def _leaves(branch: Branch) -> dict[str, Leaf]:
    try:
        return leaf_list(branch)
    except UnknownLayoutError:
        return {}


def _nested(branch: Branch) -> NestedBranch | None:
    try:
        return nested_of(branch)
    except UnknownLayoutError:
        return None


def _guess(tree: Tree, origin: str) -> tuple[str, dict[str, str]]:
    """The stream with most fields of these names, and the targets in it."""
    best: tuple[str, dict[str, str]] = (next(iter(SCHEMAS)), {})
    for stream, schema in SCHEMAS.items():
        fields = {
            _plain(f): f if t.parent is None else f"{t.name}.{f}" for t in reversed(schema.given_by(origin)) for f in t.columns(origin)
        }
        names = {b.name: b.name for b in tree.branches} | {
            f"{b.name}.{n}": n for b in tree.branches if len(b.member("fLeaves")) > 1 for n in _leaves(b)
        }
        found = {name: fields[key] for name, last in names.items() for key in (_plain(last),) if key in fields}
        if len(found) > len(best[1]):
            best = stream, found
    return best


def _plain(name: str) -> str:
    """A name without capitals, separators, and the words that mean nothing."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return {"runnumber": "run", "runid": "run", "eventid": "frameindex", "trigcount": "triggercounter", "triggermask": "antarestriggermask", "flags": "countflags"}.get(plain, plain)  # fmt: skip
