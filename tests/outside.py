"""A look at parts from outside: zipfile, zarr and numpy only, nothing of antdask."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.storage import ZipStore


def problems(path: Path) -> Iterator[str]:
    """What breaks the contract of a part, in words."""
    with zipfile.ZipFile(path) as file:
        infos = file.infolist()
        if file.testzip() is not None:
            yield "a CRC of the ZIP is wrong"
    names = [i.filename for i in infos]
    if len(set(names)) < len(names):
        yield "a member stands twice"
    if any(i.compress_type != zipfile.ZIP_STORED for i in infos):
        yield "a member is compressed"
    kinds = [n.endswith("zarr.json") for n in names]
    if kinds != sorted(kinds, reverse=True):
        yield "metadata after data"
    if len({i.date_time for i in infos}) != 1:
        yield "time stamps differ"
    with ZipStore(path, mode="r") as store, zarr.config.set({"array.read_missing_chunks": False}):
        root = zarr.open_group(store, mode="r")
        if not root.attrs.get("lineage") or not root.attrs.get("schema_version"):
            yield "the root does not say lineage and schema version"
        for group_name, group in root.groups():
            yield from _group_problems(group_name, dict(group.arrays()))


def _group_problems(group: str, arrays: dict[str, Any]) -> Iterator[str]:
    lengths = {a.shape[0] for name, a in arrays.items() if name != "offsets"}
    if len(lengths) != 1:
        yield f"{group}: columns of different lengths {lengths}"
    for name, array in arrays.items():
        if array.metadata.zarr_format != 3 or (array.size and array.shards is None):
            yield f"{group}/{name}: not a sharded Zarr 3 array"
        if not array.metadata.dimension_names or "long_name" not in array.attrs or "units" not in array.attrs:
            yield f"{group}/{name}: no dimension names, long_name or units"
        values = array[...]
        if name == "offsets" and (values.dtype != np.int64 or values[0] != 0 or (np.diff(values) < 0).any() or values[-1] not in lengths):
            yield f"{group}/offsets are not offsets"
