"""What sources of ROOT files do alike: what is none of theirs, what is damaged, and names that nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import uproot

from antdask.errors import CorruptFileError, UnknownLayoutError, UnknownNameError
from antdask.model.ragged import Batch
from antdask.plan import FileEntry, Segment
from antdask.sources.root import RootFile, open_root
from antdask.sources.root_source import RootSource


class Ours(RootSource):
    """Files with a tree `ours`."""

    name, version, known, needs = "ours", "1", ("ours",), "a tree of ours"

    def claims(self, file: RootFile) -> bool:
        return file.objects.get("ours") == "TTree" and file.tree("ours").find("x") is not None

    def survey(self, file: RootFile, notes: list[str]) -> tuple[list[Segment], str, str]:
        notes.append("seen")
        return [], "origin", "layout"

    def batches(self, file: RootFile, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        assert file.url == entry.url
        yield from ()


def written(path: Path, tree: str) -> str:
    with uproot.recreate(path) as file:
        file.mktree(tree, {"x": "i4"}).extend({"x": np.arange(100, dtype=np.int32)})
    return str(path)


def sniffed(url: str) -> bool:
    return Ours().sniff(url, Path(url).read_bytes()[:64])


def test_a_file_of_its_own_is_claimed_described_and_read(tmp_path: Path) -> None:
    url = written(tmp_path / "x.root", "ours")
    entry = Ours().describe(url)
    assert sniffed(url)
    assert (entry.url, entry.format, entry.origin, entry.layout, entry.notes[-1]) == (url, "ours", "origin", "layout", "seen")
    assert len(entry.uuid) == 32
    assert list(Ours().read(entry, "ours", 0, 1)) == []


def test_another_file_is_refused_with_what_it_lacks(tmp_path: Path) -> None:
    url = written(tmp_path / "x.root", "theirs")
    assert not sniffed(url)
    with pytest.raises(UnknownLayoutError, match="expected a tree of ours, found theirs"):
        Ours().describe(url)


def test_no_root_file_is_not_even_opened(tmp_path: Path) -> None:
    assert not Ours().sniff(str(tmp_path / "nothing.root"), b"\x89HDF")


def test_a_damaged_tree_is_claimed_so_that_it_is_told_and_a_damaged_file_is_not(tmp_path: Path) -> None:
    url = written(tmp_path / "x.root", "ours")
    with uproot.open(url) as file:
        key = file.key("ours")
    data = bytearray(Path(url).read_bytes())
    data[key.fSeekKey + key.fKeylen + 6 : key.fSeekKey + key.fNbytes] = b"\xff" * (key.fNbytes - key.fKeylen - 6)
    Path(url).write_bytes(data)
    assert sniffed(url)
    with open_root(url) as file, pytest.raises(CorruptFileError):
        Ours().claims(file)
    Path(url).write_bytes(data[:80])
    assert not sniffed(url)


def test_an_unknown_tree_is_named(tmp_path: Path) -> None:
    entry = Ours().describe(written(tmp_path / "x.root", "ours"))
    with pytest.raises(UnknownNameError, match="tree 'our'"):
        list(Ours().read(entry, "our", 0, 1))
