"""Baskets that a tree does not list: those that were written after it was last saved, found by walking through the file.

A basket names its tree and its branch, says how many entries it holds, and keeps its number within the branch as the cycle of its key (checked on files of ROOT 5.34 to 6.40). It
is taken only where no doubt is left: every basket of the tree in the file is either listed, or continues the numbers of its branch without a gap, and no number comes twice.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from antdask.sources.root_records import Found


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Extent:
    """The baskets of a branch, in place of those that its tree lists.

    Parameters
    ----------
    places : ndarray of int64, shape (baskets, 2)
        Where each begins in the file, and how long it is [byte].
    edges : ndarray of int64, shape (baskets + 1,)
        First entry of every basket and the end of the last.
    more : int
        Baskets among them that the tree does not list [1].
    nbytes : int
        Bytes of these, not compressed [byte].
    lent : bool
        Whether the branch is one of another file.
    """

    places: np.ndarray
    edges: np.ndarray
    more: int
    nbytes: int
    lent: bool = False


def extents_of(tree: Any, found: Mapping[str, Found], *, lent: bool = False) -> dict[str, Extent]:
    """Branches that go on behind what their tree lists, by name; none where there is doubt.

    Parameters
    ----------
    tree : object
        The tree as uproot has read it.
    found : mapping of branch to Found
        Whole baskets that name the tree.
    lent : bool
        Whether the tree is one of another file, so that nothing counts of what it lists.
    """
    listed = list(_listed(tree, lent))
    names = Counter(name for name, *_ in listed)
    if not found.keys() <= names.keys():
        return {}
    extents = {}
    for name, seeks, sizes, edges in listed:
        if name not in found:
            if lent:
                extents[name] = Extent(np.zeros((0, 2), np.int64), edges, 0, 0, lent)
            continue
        rest = found[name].take(~np.isin(found[name].seeks, seeks))
        if names[name] > 1:
            # Branches of one name list all of theirs, or nobody knows which is whose.
            known = np.concatenate([s for n, s, *_ in listed if n == name])
            if not np.isin(rest.seeks, known).all():
                return {}
            continue
        if (rest.numbers < len(seeks)).any() or len(np.unique(rest.numbers)) < len(rest.numbers):
            return {}
        rest = _continued(rest, len(seeks))
        if len(rest.numbers) or lent:
            places = np.concatenate([np.stack([seeks, sizes], axis=1), np.stack([rest.seeks, rest.sizes], axis=1)])
            ends = edges[-1] + np.cumsum(rest.entries)
            extents[name] = Extent(places, np.concatenate([edges, ends]), len(rest.numbers), int(rest.unpacked.sum()), lent)
    return extents


def entries_of(found: Mapping[str, Found]) -> int:
    """Entries that a tree is known to have had, by its baskets alone."""
    return max((int(_continued(f, 0).entries.sum()) for f in found.values() if len(np.unique(f.numbers)) == len(f.numbers)), default=0)


def _continued(rest: Found, first: int) -> Found:
    """Baskets from the number `first` on, in order, up to the first that is missing; no number stands twice."""
    rest = rest.take(np.argsort(rest.numbers))
    return rest.take(rest.numbers == first + np.arange(len(rest.numbers)))


def _listed(parent: Any, lent: bool) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Name of every branch below a tree or a branch, where its baskets begin, how long they are, and the entries at their edges."""
    for model in parent.member("fBranches"):
        seeks, sizes, edges = (np.asarray(model.member(name), np.int64) for name in ("fBasketSeek", "fBasketBytes", "fBasketEntry"))
        n = 0 if lent else max(0, min(len(seeks), len(sizes), len(edges) - 1, int(model.member("fWriteBasket"))))
        free = np.flatnonzero(seeks[:n] == 0)
        n = int(free[0]) if len(free) else n
        yield str(model.member("fName")), seeks[:n], sizes[:n], edges[: n + 1] if n else np.zeros(1, np.int64)
        yield from _listed(model, lent)
