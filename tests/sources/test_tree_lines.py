"""Trees as lines: every kind of branch of a file that ROOT wrote, long and empty texts."""

from __future__ import annotations

import numpy as np
import pytest
from km3net_testdata import data_path

from antdask.errors import CorruptFileError
from antdask.sources.root import open_root
from antdask.sources.root_baskets import Basket
from antdask.sources.tree_lines import _texts, lines_of

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


def texts(*entries: bytes) -> list[bytes]:
    offsets = np.cumsum([0, *map(len, entries)])
    with open_root(FILE) as file:
        branch = file.tree("Header").branch("RunTime")
        return _texts(branch, Basket(0, len(entries), np.frombuffer(b"".join(entries), np.uint8), offsets))


def test_long_and_empty_texts_are_read() -> None:
    assert texts(b"\x02ab", b"\x00", b"", b"\xff\x00\x00\x01\x2c" + b"x" * 300) == [b"ab", b"", b"", b"x" * 300]


@pytest.mark.parametrize("entry", [b"\x03ab", b"\xff\x00", b"\x01abc"])
def test_a_text_of_another_length_is_damage(entry: bytes) -> None:
    with pytest.raises(CorruptFileError, match="not as long as it says") as caught:
        texts(b"\x01a", entry)
    assert (caught.value.start, caught.value.stop) == (1, 2)
