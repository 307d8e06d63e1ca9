"""Records, sub-blocks and showers are found where they stand, and found again behind damage."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from antdask.errors import CorruptFileError
from antdask.sources.blob import open_blob
from antdask.sources.corsika_blocks import DATA, EVTE, EVTH, GAP, LONG, RUNE, RUNH, Blocks, Form, form_of, scan, showers_of
from tests.sources import corsika_samples as samples

STRIDE = samples.STRIDE


def scanned(path: str) -> Blocks:
    with open_blob(path) as blob:
        return scan(blob)


def damaged(folder: Path, data: bytes | bytearray) -> str:
    (folder / "x").write_bytes(data)
    return str(folder / "x")


def sketch(kinds: list[int]) -> Blocks:
    """Blocks of these kinds, wherever they stand."""
    n = len(kinds)
    return Blocks(Form(273, "<"), 1092 * np.arange(n), np.full(n, 1092), np.array(kinds, np.int8))


def test_every_block_of_the_real_file_is_found() -> None:
    blocks, words = scanned(samples.FILE), samples.blocks()
    assert (len(blocks.kinds), blocks.form) == (126, Form(273, "<"))
    names = {RUNH: b"RUNH", EVTH: b"EVTH", EVTE: b"EVTE", RUNE: b"RUNE"}
    tags = [word.tobytes() for word in words[:, 0]]
    assert [names.get(k, b"") for k in blocks.kinds.tolist()] == [tag if tag in names.values() else b"" for tag in tags]
    with open_blob(samples.FILE) as blob:
        np.testing.assert_array_equal(blocks.read(blob, np.arange(126)).view("u4"), words.view("u4"))
        np.testing.assert_array_equal(blocks.read(blob, np.array([5, 60, 125])).view("u4"), words[[5, 60, 125]].view("u4"))
        assert blocks.read(blob, np.zeros(0, np.int64)).shape == (0, 273)


@pytest.mark.parametrize(("words", "order"), [(273, ">"), (312, "<"), (312, ">")])
def test_the_other_forms_are_told_by_their_markers(words: int, order: str, tmp_path: Path) -> None:
    data = samples.thinned() if words == 312 else samples.blocks()
    path = samples.write(tmp_path / "x", data, order)
    blocks = scanned(path)
    assert blocks.form == Form(words, order)
    np.testing.assert_array_equal(blocks.kinds, scanned(samples.FILE).kinds)
    with open_blob(path) as blob:
        np.testing.assert_array_equal(blocks.read(blob, np.arange(126)).view("u4"), data.view("u4"))


def test_a_form_survives_a_damaged_first_marker(tmp_path: Path) -> None:
    data = bytearray(Path(samples.FILE).read_bytes())
    data[:4] = b"oops"
    with open_blob(damaged(tmp_path, data)) as blob:
        assert form_of(blob) == Form(273, "<")
    data[STRIDE - 4 : STRIDE] = b"oops"
    with open_blob(damaged(tmp_path, data)) as blob, pytest.raises(CorruptFileError, match="no markers of CORSIKA"):
        form_of(blob)


@pytest.mark.parametrize("place", [0, STRIDE - 4])
def test_a_record_with_a_wrong_marker_is_a_gap_and_the_next_is_found(place: int, tmp_path: Path) -> None:
    data = bytearray(Path(samples.FILE).read_bytes())
    data[2 * STRIDE + place] ^= 1
    blocks = scanned(damaged(tmp_path, data))
    (gap,) = np.flatnonzero(blocks.kinds == GAP)
    assert (int(gap), int(blocks.places[gap]), int(blocks.sizes[gap]), len(blocks.kinds)) == (42, 2 * STRIDE, STRIDE, 106)


@pytest.mark.parametrize("change", [-1, 7])
def test_records_are_found_again_behind_missing_or_added_bytes(change: int, tmp_path: Path) -> None:
    data = Path(samples.FILE).read_bytes()
    at = STRIDE + 5000
    data = data[:at] + b"\0" * change + data[at:] if change > 0 else data[:at] + data[at - change :]
    blocks = scanned(damaged(tmp_path, data))
    (gap,) = np.flatnonzero(blocks.kinds == GAP)
    assert (int(blocks.places[gap]), int(blocks.sizes[gap])) == (STRIDE, STRIDE + change)
    assert int(blocks.places[-1]) + 1092 + 4 == len(data)


def test_a_file_that_ends_early_has_a_gap_at_its_end(tmp_path: Path) -> None:
    data = Path(samples.FILE).read_bytes()
    cut = scanned(damaged(tmp_path, data[: 3 * STRIDE + 100]))
    assert (int(cut.kinds[-1]), int(cut.places[-1]), int(cut.sizes[-1])) == (GAP, 3 * STRIDE, 100)
    whole = scanned(damaged(tmp_path, data[: 3 * STRIDE]))
    assert (int(whole.kinds[-1]), int(whole.places[-1]), int(whole.sizes[-1])) == (GAP, 3 * STRIDE, 0)
    with pytest.raises(CorruptFileError, match="no whole record"):
        scanned(damaged(tmp_path, data[: STRIDE - 1]))


def test_a_gap_before_does_not_hide_that_the_end_is_missing(tmp_path: Path) -> None:
    data = bytearray(Path(samples.FILE).read_bytes()[: 4 * STRIDE])
    data[STRIDE] ^= 1
    assert np.flatnonzero(scanned(damaged(tmp_path, data)).kinds == GAP).tolist() == [21, 21 + 1 + 42]


def test_showers_stand_between_header_and_end() -> None:
    showers = showers_of(sketch([RUNH, EVTH, DATA, LONG, EVTE, EVTH, EVTE, RUNE, DATA, DATA]))
    assert (showers.starts.tolist(), showers.stops.tolist(), showers.lost.tolist()) == ([1, 5], [5, 7], [False, False])
    assert showers.runs.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([RUNH, EVTH, GAP, EVTE, EVTH, EVTE, RUNE], [(1, 4, True), (4, 6, False)]),
        ([RUNH, EVTH, EVTE, DATA, EVTE, EVTH, EVTE, RUNE], [(1, 3, False), (3, 5, True), (5, 7, False)]),
        ([RUNH, EVTH, EVTE, GAP], [(1, 3, False), (3, 4, True)]),
        ([RUNH, EVTH, DATA, EVTH, DATA, EVTE, RUNE], [(1, 3, True), (3, 6, False)]),
        ([RUNH, DATA, RUNE, DATA, GAP], [(1, 2, True), (4, 5, True)]),
        ([GAP, EVTH, EVTE, RUNH, EVTH, EVTE, RUNE], [(0, 1, True), (1, 3, False), (4, 6, False)]),
        ([RUNH, RUNE, DATA], []),
        ([RUNH, EVTH, EVTE, RUNE, DATA, LONG, DATA], [(1, 3, False), (5, 6, True)]),
    ],
)  # fmt: skip
def test_what_belongs_to_no_whole_shower_is_lost_stretch_by_stretch(kinds: list[int], expected: list[tuple[int, int, bool]]) -> None:
    showers = showers_of(sketch(kinds))
    assert list(zip(showers.starts.tolist(), showers.stops.tolist(), showers.lost.tolist(), strict=True)) == expected


def test_showers_know_the_run_header_before_them() -> None:
    showers = showers_of(sketch([RUNH, EVTH, EVTE, RUNE, RUNH, EVTH, EVTE, RUNE]))
    assert showers.runs.tolist() == [0, 4]
    assert showers_of(sketch([GAP, RUNH, EVTH, EVTE, RUNE])).runs.tolist() == [-1, 1]
    assert showers_of(sketch([EVTH, EVTE, RUNE])).runs.tolist() == [-1]


def test_many_damaged_records_cost_no_long_looks(tmp_path: Path) -> None:
    record = Path(samples.FILE).read_bytes()[STRIDE : 2 * STRIDE]
    wrong = b"oops" + record[4:]
    path = damaged(tmp_path, Path(samples.FILE).read_bytes()[:STRIDE] + (wrong + record) * 40)
    with open_blob(path) as blob:
        asked: list[int] = []
        read = blob.read
        blob.read = lambda start, stop: asked.append(stop - start) or read(start, stop)  # type: ignore[method-assign,func-returns-value]
        blocks = scan(blob)
    assert (blocks.kinds == GAP).sum() == 40 + 1
    assert sum(asked) < 12 * Path(path).stat().st_size


def test_forms_differ_in_their_markers() -> None:
    forms = [Form(words, order) for words in (273, 312) for order in "<>"]
    assert [int.from_bytes(f.marker, "little") for f in forms[::2]] == [22_932, 26_208]
    assert len({f.marker for f in forms}) == 4
    assert dataclasses.astuple(forms[0]) == (273, "<")
