"""Simulated files of every layout and codec, and small trees of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from antdask.simulate.root_blocks import codec
from antdask.simulate.root_file import RootFile, stamp_of
from antdask.simulate.root_tree import Branch, Tree


def write_trees(path: Path, trees: Mapping[str, tuple[Sequence[Branch], Mapping[str, np.ndarray]]], basket_bytes: int = 1000) -> str:
    """A ROOT file with these trees: branches and columns by name."""
    with RootFile(path, codec("zlib"), stamp=stamp_of(0), identity=path.name) as file:
        for name, (branches, columns) in trees.items():
            tree = Tree(file, name, branches, basket_bytes)
            tree.extend(columns)
            tree.close()
    return str(path)
