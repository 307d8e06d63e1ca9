"""Files of real ROOT, saved on the way and cut anywhere: every row that is kept is the one that was written, also where another file lends the layout."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import uproot

from antdask.errors import CorruptFileError
from antdask.model.ragged import Batch, concatenate, cut
from antdask.plan import Lender
from antdask.sources import SOURCES, describe_each
from antdask.sources.files import lender
from antdask.sources.salvage import pieces
from tests.batches import same
from tests.realroot import environment
from tests.realroot.forms import RUN, SAVED
from tests.realroot.test_reading import read

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
NAMES = [str(f["name"]) for f in SAVED]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, content: dict[str, np.ndarray]) -> dict[str, Path]:
    return {path.name: path for path in environment.write(tmp_path_factory.mktemp("saved"), content, RUN, SAVED)}


def rows(path: Path, whole: Batch, like: Lender | None) -> int:
    """Rows that are kept of a file that was cut, each compared with the one of the whole file; -1 if it is refused."""
    try:
        (entry,), _ = describe_each(str(path), like)
    except CorruptFileError:
        return -1
    (segment,) = entry.segments
    source, kept = SOURCES.get("antares_raw"), 0
    for start, stop, part in pieces(lambda a, b: concatenate(list(source.read(entry, segment.tree, a, b))), 0, segment.stop):
        if not isinstance(part, CorruptFileError):
            assert same(part, cut(whole, start, stop))
            kept += stop - start
    return kept


@pytest.mark.parametrize("name", NAMES)
def test_every_row_that_is_kept_is_the_one_that_was_written(name: str, saved: dict[str, Path], tmp_path: Path) -> None:
    data, whole, rng = saved[name].read_bytes(), read(saved[name]), random.Random(name)
    found = {}
    for place in sorted(rng.randrange(100, len(data)) for _ in range(40)):
        (tmp_path / "x.root").write_bytes(data[:place])
        found[place] = rows(tmp_path / "x.root", whole, None)
    with uproot.open(saved[name]) as file:
        # As ROOT leaves it: the tree as it was saved last, at 240 of 300, and the final one.
        before, _ = sorted(file.key(key).fSeekKey + file.key(key).fNbytes for key in file.keys(filter_name="PhysicsEvent"))
        assert sorted(file[key].num_entries for key in file.keys(filter_name="PhysicsEvent")) == [240, 300]
    assert [n >= 240 for place, n in found.items() if place >= before] == [True] * sum(place >= before for place in found)


@pytest.mark.parametrize("name", NAMES)
def test_another_file_of_the_same_make_lends_its_layout(name: str, saved: dict[str, Path], tmp_path: Path) -> None:
    like = lender(str(saved[name.rpartition("_")[0] + ("_zlib.root" if "zlib" not in name else "_zstd.root")]))
    data, whole, rng = saved[name].read_bytes(), read(saved[name]), random.Random(name)
    found = []
    for place in sorted(rng.randrange(len(data) // 5, len(data)) for _ in range(40)):
        (tmp_path / "x.root").write_bytes(data[:place])
        found.append(rows(tmp_path / "x.root", whole, like))
    assert all(n > 0 for n in found[4:])
    assert found[-1] >= 240
