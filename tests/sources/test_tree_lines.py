"""Trees as lines: every kind of branch of a file that ROOT wrote, and damaged ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from km3net_testdata import data_path

from antdask.errors import InputError
from antdask.sources.root import open_root
from antdask.sources.tree_lines import lines_of

FILE = str(data_path("gseagen/gseagen.root"))


def test_every_branch_becomes_a_line_in_its_order() -> None:
    notes: list[str] = []
    with open_root(FILE) as file:
        (lines,) = lines_of(file.tree("Header"), notes)
    assert lines[:4] == [
        (b"gSeaGenVer", b"v6r1", b"string"), (b"GenieVer", b"", b"string"),
        (b"RunTime", b"Thu Mar 26 16:36:28 2020\n", b"string"), (b"RunNu", b"1", b"i4"),
    ]  # fmt: skip
    assert lines[-3:] == [(b"NuList", b"-14 14", b"i4"), (b"Flux1", b"14 FUNC1 1E-5*pow(x,-2) ", b"string"), (b"Flux2", b"-14 FUNC1 1E-5*pow(x,-2) ", b"string")]  # fmt: skip
    assert (b"PropMode", b"False", b"b1") in lines
    assert [value for name, value, _ in lines if name == b"GlobalGenWeight"] == [b"626910765.1643739"]
    assert [note.split("'")[1] for note in notes] == ["RangeSW", "RangeSR"]


@pytest.mark.parametrize("seed", range(8))
def test_damage_is_named_or_harmless(seed: int, tmp_path: Path) -> None:
    rng, data = np.random.default_rng(seed), bytearray(Path(FILE).read_bytes())
    with open_root(FILE) as file:
        (sound,) = lines_of(file.tree("Header"), [])
    # The baskets of the header stand at the end of the data, uncompressed: their lengths are all that says that they are wrong.
    for place in rng.integers(0, len(data), 20):
        data[place] ^= int(rng.integers(1, 256))
    path = tmp_path / "x.root"
    path.write_bytes(data)
    try:
        with open_root(str(path)) as file:
            notes: list[str] = []
            (found,) = lines_of(file.tree("Header"), notes)
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert len(found) + len(notes) == len(sound) + 2
