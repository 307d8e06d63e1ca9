"""Entries of a plain ROOT tree as lines of text: name, value and type of every branch, for headers that are kept as trees."""

from __future__ import annotations

import itertools

import numpy as np

from antdask.errors import UnknownLayoutError
from antdask.model.ragged import offsets_of
from antdask.sources.km3net_records import demand
from antdask.sources.root import Tree
from antdask.sources.root_baskets import numbers
from antdask.sources.root_branch import Branch
from antdask.sources.root_leaf import Leaf, leaf_of
from antdask.sources.root_nested import STRING, nested_of, read_nested

#: Name, value, type.
Line = tuple[bytes, bytes, bytes]


def lines_of(tree: Tree, notes: list[str]) -> list[list[Line]]:
    """Lines of every entry, branch by branch; branches of other kinds are named in `notes`.

    Numbers are written so that they can be read back exactly; the elements of a list are set apart by blanks. Texts are kept byte by byte.

    Raises
    ------
    CorruptFileError
        A branch contradicts itself.
    """
    found: list[list[Line]] = [[] for _ in range(tree.entries)]
    for branch in tree.branches:
        try:
            values, kind = _values(tree, branch)
        except UnknownLayoutError as error:
            notes.append(f"branch '{branch.name}' of tree '{tree.name}' is not archived: {error.what}")
            continue
        for lines, value in zip(found, values, strict=True):
            lines.append((branch.name.encode(), value, kind.encode()))
    return found


def _values(tree: Tree, branch: Branch) -> tuple[list[bytes], str]:
    try:
        nested = nested_of(branch)
    except UnknownLayoutError:
        return _words(tree, branch, _plain(branch))
    if nested.form.kind != STRING or nested.count:
        raise UnknownLayoutError("it holds neither numbers nor texts")
    found = read_nested(branch, nested, 0, tree.entries)
    data, first = found.values.tobytes(), offsets_of(found.levels[-1]).tolist()
    return [data[a:b] for a, b in itertools.pairwise(first)], "string"


def _words(tree: Tree, branch: Branch, leaf: Leaf) -> tuple[list[bytes], str]:
    counts = np.full(tree.entries, leaf.width, np.int64)
    if leaf.count:
        counter = tree.branch(leaf.count)
        counted = _numbers(counter, _plain(counter), np.ones(tree.entries, np.int64)).astype(np.int64)
        demand(counted >= 0, counter, 0, "A number of elements is negative", found=counted)
        counts *= counted
    words = [str(v).encode() for v in _numbers(branch, leaf, counts).tolist()]
    return [b" ".join(words[a:b]) for a, b in itertools.pairwise(offsets_of(counts).tolist())], leaf.dtype


def _plain(branch: Branch) -> Leaf:
    leaf = leaf_of(branch)
    if leaf.dtype == "V":
        raise UnknownLayoutError("it holds an object")
    return leaf


def _numbers(branch: Branch, leaf: Leaf, counts: np.ndarray) -> np.ndarray:
    basket = branch.read(0, len(counts))
    demand(basket.sizes == counts * leaf.big.itemsize, branch, 0, "An entry does not have as many elements as it should")
    return numbers(basket, leaf.dtype)
