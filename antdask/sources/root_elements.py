"""Elements of entries in other forms than plain arrays: vectors of numbers, arrays that a class points to, and leaves side by side in one branch.

::

    std::vector<T>                  block 6 | n u4 | n x T
    T *a; //[n] in a class          1 u1 | n x T      or      0 u1, where nothing is pointed to
    leaves "run/i:frame/i:e/F"      run u4 | frame u4 | e f4
"""

from __future__ import annotations

import dataclasses

import numpy as np

from antdask.errors import UnknownLayoutError
from antdask.model.ragged import offsets_of
from antdask.sources.km3net_records import demand, gather, native
from antdask.sources.layout_record import Record
from antdask.sources.root_baskets import Basket
from antdask.sources.root_branch import Branch
from antdask.sources.root_leaf import leaf_list
from antdask.sources.root_nested import NUMBER, VECTOR, NestedBranch, nested_of, read_nested


def is_vector(found: NestedBranch) -> bool:
    """Whether each entry is one vector of numbers."""
    return not found.count and found.form.kind == VECTOR and found.form.inner is not None and found.form.inner.kind == NUMBER


def check_vector(branch: Branch, dtype: str) -> None:
    """Make sure that a branch holds one vector of these numbers in each entry.

    Raises
    ------
    UnknownLayoutError
        It holds something else.
    """
    found = nested_of(branch)
    if not is_vector(found) or found.dtype != dtype:
        raise UnknownLayoutError(f"Branch '{branch.name}' holds something else than the map says", where=branch.where, found=str(found.form), expected=f"vector<{dtype}>")  # fmt: skip


def read_vector(branch: Branch, dtype: str, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the vectors of the entries ``start:stop`` one after the other, and how many each has, int64.

    Raises
    ------
    CorruptFileError
        With the entries that contradict themselves.
    """
    found = read_nested(branch, nested_of(branch), start, stop)
    return found.values.astype(dtype, copy=False), found.levels[0]


def check_leaves(branch: Branch, record: Record) -> None:
    """Make sure that the leaves of a branch are the fields of a record, in this order.

    Raises
    ------
    UnknownLayoutError
        They are not.
    """
    found = {name: leaf.dtype for name, leaf in leaf_list(branch).items()}
    expected = {f.name: f.dtype for f in record.fields}
    if list(found.items()) != list(expected.items()):
        words = [", ".join(f"{name} {dtype}" for name, dtype in leaves.items()) for leaves in (found, expected)]
        raise UnknownLayoutError("The branch has other leaves than in the map", where=branch.where, found=words[0], expected=words[1])


def read_leaves(branch: Branch, record: Record, start: int, stop: int) -> dict[str, np.ndarray]:
    """Numbers of every leaf in the entries ``start:stop``, by name, shape (stop - start,).

    Raises
    ------
    CorruptFileError
        With the entries of another size.
    """
    basket = branch.read(start, stop)
    demand(basket.sizes == record.nbytes, branch, start, "An entry has another size than its leaves", found=basket.sizes, expected=record.nbytes)  # fmt: skip
    dtype = np.dtype([(f.name, np.dtype(f.dtype).newbyteorder(">")) for f in record.fields])
    rows = basket.payload.view(dtype)
    return {f.name: native(rows[f.name]) for f in record.fields}


def read_pointed(branch: Branch, basket: Basket, counts: np.ndarray, size: int) -> Basket:
    """Arrays that a class points to, without the byte before each that says whether they are there.

    Parameters
    ----------
    counts : ndarray of int64
        Elements of each entry, as another branch says.
    size : int
        Of an element [byte].

    Raises
    ------
    CorruptFileError
        With the entries in which elements are counted and not there, or the byte is neither 0 nor 1.
    """
    sizes, starts = basket.sizes, basket.starts
    demand(sizes > 0, branch, basket.start, "An entry without the byte that says whether its array is there", found=sizes)
    flags = basket.payload[starts]
    there = (flags == 1) | ((flags == 0) & (counts == 0))
    demand(there, branch, basket.start, "Elements are counted that nothing points to", found=flags)
    demand(sizes == 1 + counts * size, branch, basket.start, "An entry does not have as many elements as it should", found=sizes)
    payload = gather(basket.payload, starts + 1, counts, np.dtype(f"V{size}")).view(np.uint8)
    return dataclasses.replace(basket, payload=payload, offsets=offsets_of(counts * size), own=len(starts) > 1, lengths=counts * size)
