"""Files of the simulation in the eyes of real ROOT: every tree opens, every branch holds what was put in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from antdask.simulate import SimulationSpec, simulate
from antdask.sources.root import open_root
from antdask.sources.root_leaf import leaf_of
from tests.realroot import environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

VARIANTS = [("leaf", "zlib", 4000), ("packed", "lzma", 32_000), ("leaf", "lz4", 600), ("packed", "zstd", 10**6), ("leaf", "none", 32_000)]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What ROOT reads in the files of all variants."""
    folder = tmp_path_factory.mktemp("written")
    paths = []
    for i, (layout, codec, basket) in enumerate(VARIANTS):
        spec = SimulationSpec(events=60, layout=layout, codec=codec, basket_bytes=basket, slow_control=False)
        paths += simulate(spec, folder / str(i))
    return environment.summaries(folder, paths)


@pytest.mark.parametrize("number", range(len(VARIANTS)), ids=["-".join(map(str, v)) for v in VARIANTS])
def test_root_reads_every_value_of_every_tree(number: int, seen: dict[str, list[str]]) -> None:
    files = {path: lines for path, lines in seen.items() if Path(path).parent.name == str(number)}
    assert len(files) == 2
    for path, lines in files.items():
        assert any(line.startswith("text SIMULATED") and "SIMULATED by antdask" in line for line in lines)
        with open_root(path) as file:
            trees = {line.split()[1]: int(line.split()[2]) for line in lines if line.startswith("tree ")}
            assert trees == {name: file.tree(name).entries for name, kind in file.objects.items() if kind == "TTree"}
            opened = {name: file.tree(name) for name in trees}
            branches = [line.split()[1:] for line in lines if line.startswith("branch ")]
            assert len(branches) == sum(len(tree.branches) for tree in opened.values())
            for name, branch, n, total, weighted in branches:
                mine = opened[name].branch(branch)
                values = mine.read(0, trees[name]).payload.view(leaf_of(mine).big).astype(float)
                assert int(n) == len(values), branch
                assert float(total) == pytest.approx(values.sum(), rel=1e-12), branch
                assert float(weighted) == pytest.approx((values * (np.arange(len(values)) % 1009)).sum(), rel=1e-12), branch
