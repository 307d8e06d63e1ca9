"""How many entries a tree has, from the first bytes of its object, without the time it takes to parse hundreds of branches.

A tree begins with its own block and those of four base classes; then stands the number::

    TTree block 6 | TNamed, TAttLine, TAttFill, TAttMarker, each with its length in front | fEntries i8
"""

from __future__ import annotations

import struct

import numpy as np

from antdask.errors import CorruptFileError

_COUNTED = 0x4000_0000
_BASES = 4
#: Class versions of TTree that begin like this; older ones keep the number as a double.
_VERSIONS = range(16, 21)


def entries_of(tree: np.ndarray) -> int | None:
    """Number of entries.

    Parameters
    ----------
    tree : ndarray of uint8
        The object, not compressed.

    Returns
    -------
    int or None
        ``None`` for a class version that is not known here: parse the tree.

    Raises
    ------
    CorruptFileError
        The blocks do not lie in the object, or the number is below zero.
    """
    try:
        _, version = struct.unpack_from(">IH", tree)
        if version not in _VERSIONS:
            return None
        position = 6
        for _ in range(_BASES):
            (count,) = struct.unpack_from(">I", tree, position)
            if not count & _COUNTED:
                raise CorruptFileError("A tree does not begin with its base classes", found=hex(count))
            position += 4 + (count & ~_COUNTED)
        (entries,) = struct.unpack_from(">q", tree, position)
    except struct.error as error:
        raise CorruptFileError("A tree ends inside its base classes", found=f"{len(tree)} bytes") from error
    if entries < 0:
        raise CorruptFileError("A tree counts its entries below zero", found=entries)
    return int(entries)
