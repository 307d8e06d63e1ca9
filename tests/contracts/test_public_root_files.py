"""Every column that a drafted map declares of the public ROOT files of scikit-hep-testdata: equal to what uproot reads, to the last value, or refused by name."""

from __future__ import annotations

import importlib.resources
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from antdask.errors import AntdaskError
from antdask.sources import layout_map
from antdask.sources.layout_record import parse_record
from antdask.sources.map_draft import propose_map
from antdask.sources.root import open_root
from antdask.sources.root_columns import TreeColumns

FOLDER = Path(str(importlib.resources.files("skhep_testdata").joinpath("data")))
WORDS = {"provenance": "a draft", "status": "assumed"}
#: uproot takes a minute for some, and for some of the larger ones.
SLOW = ("uproot-issue371.root", "uproot-issue403.root", "uproot-issue404.root")
QUICK = sorted(p.name for p in FOLDER.glob("*.root") if p.stat().st_size < 2_000_000 and p.name not in SLOW)
#: What is refused while it is read, and rightly so: members without a single basket, and baskets without a table of offsets.
REFUSED = {"uproot-issue327.root": "Baskets are missing", "uproot-small-dy-nooffsets.root": "without a table of offsets"}
#: Trees without one branch that a map can declare.
NOTHING = {f"{n}.root" for n in ("issue367b", "uproot-foriter2", "uproot-issue126a", "uproot-issue126b", "uproot-issue187", "uproot-issue232", "uproot-issue367", "uproot-issue367b", "uproot-issue46", "uproot-issue485", "uproot-issue486", "uproot-small-evnt-tree-nosplit", "uproot-vectorVectorDouble")}  # fmt: skip


def drafted(path: Path) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Columns of every tree, as its draft declares them."""
    document = tomllib.loads(propose_map(str(path)))
    records = {r.name: r for r in (parse_record(item, WORDS) for item in document.get("records", ()))}
    with open_root(str(path)) as file:
        for data in document.get("datasets", ()):
            dataset = layout_map._dataset(data, WORDS, records)
            if dataset.columns:
                tree = file.tree(dataset.name)
                yield dataset.name, TreeColumns(tree, dataset, "antares_raw").read(0, tree.entries).columns


def by_uproot(tree: Any, name: str) -> np.ndarray | None:
    """The same column, flat; ``None`` where several branches have the name."""
    found = [b for b in tree.itervalues(recursive=True) if b.name == name]
    if not found:
        branch, _, leaf = name.rpartition(".")
        return ak.to_numpy(ak.flatten(tree[branch].array()[leaf], axis=None))
    return ak.to_numpy(ak.flatten(found[0].array(), axis=None)) if len(found) == 1 else None


@pytest.mark.parametrize("name", QUICK)
def test_columns_are_those_of_uproot(name: str) -> None:
    compared = trees = 0
    try:
        with uproot.open(FOLDER / name) as file:
            for tree, columns in drafted(FOLDER / name):
                trees += 1
                for column, values in columns.items():
                    expected = by_uproot(file[tree], column)
                    if expected is not None:
                        np.testing.assert_array_equal(values.reshape(-1), expected.astype(values.dtype), err_msg=f"{tree}/{column}")
                        compared += 1
    except AntdaskError as error:
        assert REFUSED[name] in str(error)
        return
    assert name not in REFUSED
    assert (compared > 0) == (trees > 0 and name not in NOTHING)
