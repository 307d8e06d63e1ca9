"""Files are opened once while sources look at them, and closed when they are done, also after an error."""

from __future__ import annotations

from pathlib import Path

import pytest
from km3net_testdata import data_path

from antdask.errors import CorruptFileError
from antdask.plan import Lender
from antdask.sources import describe_each, root_records
from antdask.sources import root as root_files
from antdask.sources.held_files import held, held_open, loss_of
from antdask.sources.root import RootFile, open_root
from tests.sources.online_samples import DATA

DST = str(data_path("dst/mcv5.1.km3_numuCC.ALL.dst.bdt.10events.root"))


def test_a_file_is_the_same_inside_and_closed_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[RootFile] = []
    sound = RootFile.close

    def close(self: RootFile) -> None:
        closed.append(self)
        sound(self)

    monkeypatch.setattr(RootFile, "close", close)
    with held_open():
        with open_root(DST) as first:
            tree = first.tree("E")
        with open_root(DST) as second:
            assert second is first
            assert second.tree("E") is tree
        with held_open():
            assert open_root(DST) is first
        assert closed == []
    assert (closed, held()) == ([first], None)
    with open_root(DST) as other:
        assert other is not first


def test_an_error_closes_all() -> None:
    with pytest.raises(RuntimeError, match="no"), held_open():
        open_root(DST)
        raise RuntimeError("no")
    assert held() is None


def test_all_sources_together_open_a_file_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    sound = root_files._open

    def counted(url: str, like: Lender | None) -> RootFile:
        opened.append(url)
        return sound(url, like)

    monkeypatch.setattr(root_files, "_open", counted)
    entries, damaged = describe_each(DST)
    assert [e.format for e in entries] == ["km3net_dst", "km3net_offline"]
    assert (opened, damaged) == ([DST], [])


def test_what_is_missing_of_a_held_file_is_known_and_nothing_of_others() -> None:
    cut = str(DATA / "killed.root")
    assert loss_of(cut) is None
    with held_open():
        assert loss_of(cut) is None
        with open_root(cut) as file:
            assert loss_of(cut) is file.loss is not None
        with open_root(DST):
            assert loss_of(DST) is None


def test_a_file_of_which_nothing_is_left_is_walked_through_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.root").write_bytes((DATA / "saved.root").read_bytes()[:20_000])
    walks: list[int] = []
    sound = root_records.walk
    monkeypatch.setattr(root_records, "walk", lambda blob, begin: walks.append(begin) or sound(blob, begin))
    with pytest.raises(CorruptFileError, match="cut short"):
        describe_each(str(tmp_path / "x.root"))
    assert walks == [100]
