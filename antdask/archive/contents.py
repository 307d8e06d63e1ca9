"""Contents: by what parts are known to hold the same entries in the same form, whatever their number and generation; in columns, for millions of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from antdask.model.keys import PartKey

_WORDS = ("detector", "stream", "lineage")
_PATH = r"^(?P<head>[^/]+/[^/]+/[^/]+/[^/]+)/\d+-(?P<content>[0-9a-z]+)(?:\.r(?P<generation>\d+))?$"


def plain(table: pa.Table) -> pa.Table:
    """The table with words in the place of codes.

    Examples
    --------
    >>> plain(pa.table({"a": pa.array(["x", "y", "x"]).dictionary_encode()}))["a"].type
    DataType(string)
    """
    return table.cast(pa.schema([pa.field(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in table.schema]))


def keys(table: pa.Table) -> pa.ChunkedArray:
    """Detector, stream, lineage, run and content of each row as one word.

    The run belongs to it: 32 bits of content are enough for the parts of a run, not for a million.

    Examples
    --------
    >>> row = {"detector": ["antares"], "stream": ["mc"], "lineage": ["0a1b2c3d"], "run": [45978], "content": ["deadbeef"]}
    >>> keys(pa.table(row)).to_pylist()
    ['antares/mc/0a1b2c3d/00045978/deadbeef']
    """
    words = [table[name].cast(pa.string()) for name in _WORDS]
    return pc.binary_join_element_wise(
        *words, pc.utf8_lpad(table["run"].cast(pa.string()), 8, "0"), table["content"].cast(pa.string()), "/"
    )


def key_of(key: PartKey) -> str:
    """The same of one part."""
    return f"{key.run.detector}/{key.stream}/{key.lineage}/{key.run.run:08d}/{key.content}"


def of_paths(paths: Sequence[str] | pa.Array | pa.ChunkedArray) -> tuple[pa.Array, np.ndarray]:
    """The keys behind paths of parts, and their generations (int64).

    Examples
    --------
    >>> of_paths(["antares/mc/0a1b2c3d/00045978/0000-deadbeef", "antares/mc/0a1b2c3d/00045978/0000-deadbeef.r2"])[1]
    array([0, 2])
    """
    array = paths if isinstance(paths, pa.Array | pa.ChunkedArray) else pa.array(paths, pa.string())
    found = pc.extract_regex(array, _PATH)
    found = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    words = pc.binary_join_element_wise(found.field("head"), found.field("content"), "/")
    # Arrow gives an empty word for a group that did not take part.
    generation = pc.if_else(pc.equal(found.field("generation"), ""), "0", found.field("generation")).cast(pa.int64())
    return words, generation.to_numpy(zero_copy_only=False)


def latest(words: pa.Array | pa.ChunkedArray, generation: np.ndarray) -> np.ndarray:
    """Numbers of the rows that are the latest generation of their key; of equals the first. int64, ascending.

    Examples
    --------
    >>> latest(pa.array(["a", "b", "a", "a"]), np.array([0, 0, 2, 2]))
    array([1, 2])
    """
    coded = pc.dictionary_encode(words.combine_chunks() if isinstance(words, pa.ChunkedArray) else words)
    codes = (coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded).indices.to_numpy(zero_copy_only=False)
    order = np.lexsort((np.arange(len(codes)), -generation, codes))
    first = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return np.sort(order[first])
