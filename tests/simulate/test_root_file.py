"""ROOT files of our own: uproot finds what was put in, an error leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import uproot

from antdask.errors import DestinationError, UsageError
from antdask.simulate.root_blocks import codec
from antdask.simulate.root_file import RootFile, stamp_of

STAMP = stamp_of(1_262_304_000 * 10**9)


def test_texts_and_identity_are_found(tmp_path: Path) -> None:
    with RootFile(tmp_path / "a.root", codec("zlib"), stamp=STAMP, identity="one") as file:
        file.text("note", "words " * 100)
    with uproot.open(tmp_path / "a.root") as found:
        assert found.classnames() == {"note;1": "TNamed"}
        assert found["note"].member("fTitle") == "words " * 100
        assert found.file.uuid.hex
        assert found.file.fEND == (tmp_path / "a.root").stat().st_size
        assert found.file.compression == uproot.ZLIB(1)
        # The classes of trees are described inside, so that no reader has to know them.
        assert {"TTree", "TBranch", "TLeafI", "TLeafO"} <= set(found.file.streamers)


def test_the_same_content_has_the_same_bytes_and_another_identity_another_uuid(tmp_path: Path) -> None:
    uuids = []
    for folder, identity in (("1", "x"), ("2", "x"), ("3", "y")):
        (tmp_path / folder).mkdir()
        with RootFile(tmp_path / folder / "a.root", codec("zlib"), stamp=STAMP, identity=identity) as file:
            file.text("a", "b")
        uuids.append(uproot.open(tmp_path / folder / "a.root").file.uuid)
    assert (tmp_path / "1/a.root").read_bytes() == (tmp_path / "2/a.root").read_bytes()
    assert uuids[0] == uuids[1] != uuids[2]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), RootFile(tmp_path / "a.root", codec("zlib"), stamp=STAMP, identity="x"):
        raise KeyError("on purpose")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_taken_or_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.root").write_text("")
    with pytest.raises(DestinationError, match="exists"):
        RootFile(tmp_path / "a.root", codec("zlib"), stamp=STAMP, identity="x")
    with pytest.raises(DestinationError, match="cannot be written"):
        RootFile(tmp_path / "no" / "a.root", codec("zlib"), stamp=STAMP, identity="x")


def test_records_beyond_the_limit_of_root_are_refused(tmp_path: Path) -> None:
    with RootFile(tmp_path / "a.root", codec("none"), stamp=STAMP, identity="x") as file, pytest.raises(UsageError, match="2 GiB"):
        file.record("TBasket", "b", "t", b"", 2**31)


def test_the_stamp_is_that_of_uproot(tmp_path: Path) -> None:
    import datetime

    moment = datetime.datetime(2017, 11, 30, 23, 59, 58, tzinfo=datetime.UTC)
    assert stamp_of(int(moment.timestamp()) * 10**9) == uproot._util.datetime_to_code(moment)
