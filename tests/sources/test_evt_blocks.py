"""Blocks of a text are found wherever a window ends, and what is no block is found too."""

from __future__ import annotations

from pathlib import Path

import pytest

from antdask.errors import CorruptFileError
from antdask.sources.blob import open_blob
from antdask.sources.evt_blocks import Blocks, scan

HEADER = b"start_run: 1\nseed: 4\nend_event:\n"
ONE, TWO = b"start_event: 1 1\nsomething: 3\nend_event:\n", b"start_event: 2 1\nend_event:\n"


def found(folder: Path, text: bytes) -> tuple[Blocks, list[tuple[bytes, bool, int]]]:
    """The blocks, and for every event its text, whether it is lost, and its header."""
    path = folder / "some.evt"
    path.write_bytes(text)
    with open_blob(str(path)) as blob:
        blocks = scan(blob)
    events = zip(blocks.starts, blocks.stops, blocks.lost.tolist(), blocks.header.tolist(), strict=True)
    return blocks, [(text[a:b], lost, header) for a, b, lost, header in events]


@pytest.mark.parametrize("window", [7, 12, 16, 30, 64, 1000])
def test_blocks_are_found_whatever_the_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    monkeypatch.setattr("antdask.sources.evt_blocks._WINDOW", max(window, 16))
    blocks, events = found(tmp_path, HEADER + ONE + b"\n \n" + TWO + b"\n\n")
    assert blocks.headers.tolist() == [[0, len(HEADER) - 1]]
    assert events == [(ONE[:-1], False, 0), (TWO[:-1], False, 0)]


def test_a_file_put_together_from_two_has_two_headers(tmp_path: Path) -> None:
    blocks, events = found(tmp_path, HEADER + ONE + HEADER + TWO)
    assert len(blocks.headers) == 2
    assert [header for *_, header in events] == [0, 1]


def test_events_without_a_header_belong_to_none(tmp_path: Path) -> None:
    assert found(tmp_path, ONE + HEADER + TWO)[1] == [(ONE[:-1], False, -1), (TWO[:-1], False, 0)]


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        (HEADER + ONE + TWO[:-5], 1),
        (HEADER + ONE + b"hit: 1 2\n" + TWO, 1),
        (HEADER + ONE[:-11] + TWO + ONE, 0),
        (HEADER + ONE + b"nd_event:\n", 1),
        (HEADER + ONE + b"end_event:\n" + TWO, 1),
        (HEADER + ONE + b"junk", 1),
        (HEADER + ONE[:-1] + b" junk\n" + TWO, 1),
    ],
)
@pytest.mark.parametrize("window", [20, 1000])
def test_what_is_no_whole_event_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes, lost: int, window: int) -> None:
    monkeypatch.setattr("antdask.sources.evt_blocks._WINDOW", window)
    events = found(tmp_path, text)[1]
    assert [n for n, (_, bad, _) in enumerate(events) if bad] == [lost]
    assert all(content in (ONE[:-1], TWO[:-1]) for content, bad, _ in events if not bad)


@pytest.mark.parametrize("text", [HEADER[:-4], HEADER[:-11] + ONE, HEADER + ONE + HEADER[:-11] + HEADER])
def test_a_header_without_end_is_reported(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(CorruptFileError, match="header has no end"):
        found(tmp_path, text)
