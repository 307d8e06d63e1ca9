"""Entries of a plain ROOT tree as lines of text: name, value and type of every branch, for headers that are kept as trees."""

from __future__ import annotations

import itertools

import numpy as np

from antdask.errors import UnknownLayoutError
from antdask.model.ragged import offsets_of
from antdask.sources.km3net_records import demand
from antdask.sources.root import Tree
from antdask.sources.root_baskets import Basket, numbers
from antdask.sources.root_branch import Branch
from antdask.sources.root_leaf import Leaf, is_text, leaf_of

#: Name, value, type.
Line = tuple[bytes, bytes, bytes]

#: A length byte of this value says that the length stands in the four bytes behind it.
_LONG = 255


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
    if is_text(branch):
        return _texts(branch, branch.read(0, tree.entries)), "string"
    leaf = _plain(branch)
    counts = np.full(tree.entries, leaf.width, np.int64)
    if leaf.count:
        counter = tree.branch(leaf.count)
        counted = _numbers(counter, _plain(counter), np.ones(tree.entries, np.int64)).astype(np.int64)
        demand(counted >= 0, counter, 0, "A number of elements is negative", found=counted)
        counts *= counted
    words = [str(v).encode() for v in _numbers(branch, leaf, counts).tolist()]
    first = offsets_of(counts).tolist()
    return [b" ".join(words[a:b]) for a, b in itertools.pairwise(first)], leaf.dtype


def _plain(branch: Branch) -> Leaf:
    leaf = leaf_of(branch)
    if leaf.dtype == "V":
        raise UnknownLayoutError("it holds an object")
    return leaf


def _numbers(branch: Branch, leaf: Leaf, counts: np.ndarray) -> np.ndarray:
    basket = branch.read(0, len(counts))
    demand(basket.sizes == counts * leaf.big.itemsize, branch, 0, "An entry does not have as many elements as it should")
    return numbers(basket, leaf.dtype)


def _texts(branch: Branch, basket: Basket) -> list[bytes]:
    """Texts of a leaf of characters: each behind its length."""
    data, first = basket.payload.tobytes(), offsets_of(basket.sizes).tolist()
    found, whole = [], []
    for a, b in itertools.pairwise(first):
        entry = data[a:b]
        head, size = (5, int.from_bytes(entry[1:5])) if entry[:1] == bytes([_LONG]) else (1, entry[0] if entry else 0)
        # An empty text may have no length either.
        whole.append(not entry or len(entry) == head + size)
        found.append(entry[head:])
    demand(np.array(whole, bool), branch, 0, "A text is not as long as it says")
    return found
