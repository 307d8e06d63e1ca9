"""Ranges of a file, local and remote, and the ways in which they are not there."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest

from antdask.errors import CorruptFileError, InputChangedError, InputError, InputMissingError
from antdask.sources import blob as blob_module
from antdask.sources.blob import Blob, BlobFile, open_blob

DATA = bytes(range(256)) * 40


@pytest.fixture(params=["local", "remote"])
def blob(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Blob]:
    (tmp_path / "x").write_bytes(DATA)
    fsspec.filesystem("memory").pipe("/antdask-blob", DATA)
    with open_blob(str(tmp_path / "x") if request.param == "local" else "memory://antdask-blob") as opened:
        yield opened


def test_any_range_is_the_bytes_of_the_file(blob: Blob) -> None:
    assert blob.nbytes == len(DATA)
    for start, stop in ((0, 0), (0, 1), (100, 1000), (len(DATA) - 1, len(DATA)), (0, len(DATA)), (len(DATA), len(DATA))):
        assert bytes(blob.read(start, stop)) == DATA[start:stop]


def test_many_ranges_come_in_their_order(blob: Blob) -> None:
    ranges = [(500, 510), (0, 3), (9000, 9100)]
    assert [bytes(x) for x in blob.read_many(ranges)] == [DATA[a:b] for a, b in ranges]
    assert blob.read_many([]) == []


@pytest.mark.parametrize("span", [(-1, 4), (4, 3), (0, len(DATA) + 1), (2**60, 2**61)])
def test_a_range_outside_the_file_is_damage_and_allocates_nothing(blob: Blob, span: tuple[int, int]) -> None:
    with pytest.raises(CorruptFileError, match="does not hold"):
        blob.read(*span)
    with pytest.raises(CorruptFileError, match="does not hold"):
        blob.read_many([(0, 1), span])


def test_a_file_that_shrinks_while_it_is_read_has_changed(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(DATA)
    with open_blob(str(tmp_path / "x")) as opened:
        os.truncate(tmp_path / "x", 100)
        assert bytes(opened.read(0, 100)) == DATA[:100]
        with pytest.raises(InputChangedError, match="shorter"):
            opened.read(50, 200)


def test_ranges_above_the_limit_of_one_call_are_read_in_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(DATA)
    monkeypatch.setattr(blob_module, "_CALL", 1000)
    with open_blob(str(tmp_path / "x")) as opened:
        assert bytes(opened.read(3, 9999)) == DATA[3:9999]


def test_files_beyond_four_gigabytes_are_read_in_place(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.seek(5 * 2**30)
        file.write(b"end")
    with open_blob(str(tmp_path / "x")) as opened:
        assert bytes(opened.read(5 * 2**30 - 2, 5 * 2**30 + 3)) == b"\0\0end"


@pytest.mark.parametrize("url", ["{}/nothing", "memory://antdask-nothing"])
def test_what_is_not_there_is_missing(tmp_path: Path, url: str) -> None:
    with pytest.raises(InputMissingError):
        open_blob(url.format(tmp_path))


def test_a_directory_is_refused_when_it_is_read(tmp_path: Path) -> None:
    with open_blob(str(tmp_path)) as opened, pytest.raises(InputError, match="directory"):
        opened.read(0, 1)


def test_closing_twice_is_closing(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(DATA)
    opened = open_blob(str(tmp_path / "x"))
    opened.close()
    opened.close()


def test_a_blob_is_a_file_to_libraries(blob: Blob) -> None:
    file = BlobFile(blob)
    assert (file.readable(), file.seekable(), file.tell()) == (True, True, 0)
    assert file.read(4) == DATA[:4]
    assert file.seek(-6, io.SEEK_END) == len(DATA) - 6
    assert file.read(100) == DATA[-6:]
    assert file.read(1) == b""
    assert file.seek(2) == 2
    assert file.seek(3, io.SEEK_CUR) == 5
    assert file.read() == DATA[5:]
    file.seek(len(DATA) + 50)
    assert file.read(5) == b""
    with pytest.raises(ValueError, match="negative"):
        file.seek(-1)


def test_a_failure_of_the_disk_is_kept(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(DATA)
    opened = open_blob(str(tmp_path / "x"))
    file = BlobFile(opened)
    opened.close()
    with pytest.raises(OSError, match="descriptor"):
        file.read(4)
    assert file.failure is not None


def test_ranges_are_lent_in_one_piece_of_memory(blob: Blob) -> None:
    starts, stops = np.array([9000, 10, 500, 505]), np.array([9100, 13, 510, 520])
    for _ in range(2):
        lent = blob.borrow(starts, stops)
        pieces = [lent.buffer[at : at + n].tobytes() for at, n in zip(lent.starts, stops - starts, strict=True)]
        assert pieces == [DATA[a:b] for a, b in zip(starts, stops, strict=True)]
        blob.hold(np.array([0, 400]), np.array([300, len(DATA)]))
    with pytest.raises(CorruptFileError, match="does not hold"):
        blob.borrow(np.array([0, 5]), np.array([1, len(DATA) + 1]))
    assert len(blob.borrow(starts[:0], stops[:0]).starts) == 0


def test_what_is_held_is_read_once_and_the_rest_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int]] = []

    def read(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        calls.append((offset, offset + len(buffers[0])))
        return preadv(descriptor, buffers, offset)

    preadv = os.preadv
    monkeypatch.setattr(os, "preadv", read)
    data = DATA * 10
    (tmp_path / "x").write_bytes(data)
    with open_blob(str(tmp_path / "x")) as opened:
        # Gaps are read along where they are small.
        opened.hold(np.array([60_000, 100, 1000]), np.array([70_000, 200, 2000]))
        assert calls == [(100, 2000), (60_000, 70_000)]
        for a, b in ((150, 180), (300, 400), (60_000, 70_000)):
            lent = opened.borrow(np.array([a]), np.array([b]))
            assert lent.buffer[lent.starts[0] :][: b - a].tobytes() == data[a:b]
        assert len(calls) == 2
        for a, b in ((50, 150), (69_999, 70_001), (0, 20)):
            lent = opened.borrow(np.array([a]), np.array([b]))
            assert lent.buffer[lent.starts[0] :][: b - a].tobytes() == data[a:b]
        assert calls[2:] == [(50, 150), (69_999, 70_001), (0, 20)]
        opened.hold(np.array([], np.int64), np.array([], np.int64))
        opened.borrow(np.array([150]), np.array([180]))
        assert calls[-1] == (150, 180)


def test_a_file_that_shrinks_lends_nothing_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(DATA)
    with open_blob(str(tmp_path / "x")) as opened:
        os.truncate(tmp_path / "x", 100)
        for ask in (opened.borrow, opened.hold):
            with pytest.raises(InputChangedError, match="shorter"):
                ask(np.array([0, 90]), np.array([10, 110]))


def test_more_than_is_kept_is_lent_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(DATA)
    monkeypatch.setattr(blob_module, "_LEND", 1000)
    with open_blob(str(tmp_path / "x")) as opened:
        opened.hold(np.array([0]), np.array([5000]))
        lent = opened.borrow(np.array([7, 5000]), np.array([4000, 9000]))
        assert lent.buffer[lent.starts[1] :][:4000].tobytes() == DATA[5000:9000]
