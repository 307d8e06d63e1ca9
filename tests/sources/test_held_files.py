"""Files are opened once while sources look at them, and closed when they are done, also after an error."""

from __future__ import annotations

import pytest
from km3net_testdata import data_path

from antdask.sources import describe_each
from antdask.sources import root as root_files
from antdask.sources.held_files import held, held_open
from antdask.sources.root import RootFile, open_root

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

    def counted(url: str) -> RootFile:
        opened.append(url)
        return sound(url)

    monkeypatch.setattr(root_files, "_open", counted)
    entries, damaged = describe_each(DST)
    assert [e.format for e in entries] == ["km3net_dst", "km3net_offline"]
    assert (opened, damaged) == ([DST], [])
