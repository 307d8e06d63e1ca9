"""What a branch of a ROOT tree holds: one number per entry, a fixed array, an array that another branch counts, several of these side by side, or structures."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from antdask.errors import UnknownLayoutError
from antdask.sources.root_branch import Branch

# Class of the leaf without "TLeaf": NumPy kind, and the size if it is always the same.
_KINDS = {"B": "i1", "S": "i2", "I": "i4", "L": "i8", "G": "i8", "F": "f4", "D": "f8", "O": "b1"}
#: Type of a branch that holds one member of all structures of a vector, and of one that holds their number (ROOT, ``TBranchElement::fType``).
MEMBER, COLLECTION = 41, 4
_BASIC = {
    1: "i1",
    2: "i2",
    3: "i4",
    4: "i8",
    5: "f4",
    6: "i4",
    8: "f8",
    11: "u1",
    12: "u2",
    13: "u4",
    14: "u8",
    15: "u4",
    16: "i8",
    17: "u8",
    18: "b1",
}
# Added to the type of a member that is an array of fixed length, and of one that points to an array.
_ARRAY, _POINTER = 20, 40


@dataclasses.dataclass(frozen=True, slots=True)
class Leaf:
    """What one branch holds.

    Parameters
    ----------
    dtype : str
        NumPy code without byte order; ``V`` for structures.
    width : int
        Elements per entry, or per counted element.
    count : str
        Name of the branch or collection that counts elements; empty where their number is fixed.
    kind : int
        0 for plain branches, else ROOT's type of the branch.
    flag : bool
        Whether a byte before the elements of each entry says that they are there: members of classes that point to arrays.
    """

    dtype: str
    width: int
    count: str
    kind: int
    flag: bool = False

    @property
    def big(self) -> np.dtype:
        """The dtype on disk."""
        return np.dtype(self.dtype).newbyteorder(">")


def leaf_of(branch: Branch) -> Leaf:
    """What a branch holds.

    Raises
    ------
    UnknownLayoutError
        More than one leaf, or one of a kind that is not read (strings, objects).
    """
    leaves = branch.member("fLeaves")
    if len(leaves) != 1:
        raise UnknownLayoutError("A branch with several leaves is not read", where=branch.where, found=f"{len(leaves)} leaves")
    (leaf,) = leaves
    name, counter, width = _class(leaf, branch), branch.member("fLeafCount", leaf), int(branch.member("fLen", leaf))
    count = "" if counter is None else str(branch.member("fName", counter))
    if name != "Element":
        return Leaf(_dtype(leaf, name, branch), width, count, 0)
    kind, stated = int(branch.member("fType")), int(branch.member("fStreamerType"))
    pointer = kind == 0 and counter is not None and stated - _POINTER in _BASIC
    code = _BASIC.get(stated - (_POINTER if pointer else _ARRAY if _ARRAY < stated < 2 * _ARRAY else 0))
    # A member of a split object stands alone (0), one of a vector of objects is counted (41).
    if code is not None and kind in (0, MEMBER):
        return Leaf(code, width, count.removesuffix("_"), kind, pointer)
    if kind == MEMBER:
        raise UnknownLayoutError("A member of this type is not read", where=branch.where, found=f"type {stated}")
    return Leaf("V", 1, "", kind)


def leaf_list(branch: Branch) -> dict[str, Leaf]:
    """What stands side by side in each entry of a branch with several leaves, by name.

    Raises
    ------
    UnknownLayoutError
        Not all of them are numbers of fixed size.
    """
    found = {}
    for leaf in branch.member("fLeaves"):
        name, own = _class(leaf, branch), str(branch.member("fName", leaf))
        if name == "Element" or branch.member("fLeafCount", leaf) is not None or int(branch.member("fLen", leaf)) != 1:
            raise UnknownLayoutError("Leaves beside others are read only if each is one number", where=branch.where, found=f"leaf '{own}'")
        found[own] = Leaf(_dtype(leaf, name, branch), 1, "", 0)
    return found


def counters(branches: Iterable[Branch]) -> dict[str, str]:
    """Under which name the numbers of a leaf are found that counts others: that of its branch, or ``branch.leaf`` where several share one.

    ROOT looks for the leaf, whatever branch it is in.
    """
    found: dict[str, str] = {}
    for branch in branches:
        leaves = branch.member("fLeaves")
        for leaf in leaves:
            name = str(branch.member("fName", leaf))
            found.setdefault(name, branch.name if len(leaves) == 1 else f"{branch.name}.{name}")
    return found


def _class(leaf: Any, branch: Branch) -> str:
    """The class of a leaf without "TLeaf"."""
    # The model of class TLeafI, version 1, is Model_TLeafI_v1.
    name = type(leaf).__name__.removeprefix("Model_TLeaf").partition("_v")[0]
    if name not in {"Element", *_KINDS}:
        raise UnknownLayoutError("A leaf of this kind is not read", where=branch.where, found=f"TLeaf{name}")
    return name


def _dtype(leaf: Any, name: str, branch: Branch) -> str:
    code = _KINDS[name]
    return "u" + code[1:] if branch.member("fIsUnsigned", leaf) and code[0] == "i" else code
