"""CORSIKA files as a source: what it recognises and describes, and what it says of files that end early or hold something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from antdask.errors import CorruptFileError, InputChangedError, UnknownLayoutError, UnknownNameError
from antdask.model.ragged import concatenate
from antdask.sources import corsika, corsika_blocks, describe_all, recognise
from antdask.sources.corsika import SOURCE
from tests.sources import corsika_samples as samples

STRIDE = samples.STRIDE


def write(folder: Path, data: bytes | bytearray) -> str:
    (folder / "DAT000002").write_bytes(data)
    return str(folder / "DAT000002")


def test_the_real_file_is_described() -> None:
    (entry,) = describe_all(samples.FILE)
    assert [(s.stream, s.tree, s.run.detector, s.run.run, s.start, s.stop) for s in entry.segments] == [
        ("mc", "showers", "corsika-simulated", 1, 0, 10),
        ("headers", "headers", "corsika-simulated", 1, 0, 2),
    ]
    assert (entry.format, entry.origin, entry.notes) == ("corsika", "corsika", ())


def test_the_header_says_what_the_steering_file_asked_for() -> None:
    headers = samples.read(samples.FILE, "headers")
    assert headers.tables["headers"]["n_lines"].tolist() == [273, 273]
    numbers, of = headers.tables["numbers"]["value"], headers.offsets["numbers"]
    # Every line but the name of the block is one number.
    assert np.diff(of)[[0, 273]].tolist() == [1, 1]
    assert (numbers[of[1]], numbers[of[92]], numbers[of[273 + 2]]) == (1, 10, 10)
    assert numbers[of[15:18]].tolist() == [-2.0, np.float32(1.1e6), np.float32(0.9e8)]
    assert numbers[of[19 + 1 : 19 + 5]].tolist() == [300, 300, 1000, 1000]


@pytest.mark.parametrize("variant", ["thinned", "big"])
def test_other_forms_are_recognised(variant: str, tmp_path: Path) -> None:
    path = samples.write(tmp_path / "x", samples.thinned() if variant == "thinned" else samples.blocks(), ">" if variant == "big" else "<")
    assert recognise(path) is SOURCE
    assert [s.stop for s in SOURCE.describe(path).segments] == [10, 2]


def test_batches_are_cut_between_showers(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = samples.read(samples.FILE)
    monkeypatch.setattr(corsika, "BATCH_BYTES", 30_000)
    batches = list(SOURCE.read(SOURCE.describe(samples.FILE), "showers", 0, 10))
    assert [b.rows for b in batches] == [2, 2, 2, 2, 2]
    joined = concatenate(batches)
    for table, columns in whole.tables.items():
        for name, column in columns.items():
            assert column.tobytes() == joined.tables[table][name].tobytes()


def test_a_file_that_ends_early_gives_its_whole_showers(tmp_path: Path) -> None:
    data = Path(samples.FILE).read_bytes()
    path = write(tmp_path, data[: 4 * STRIDE + 50])
    entry = SOURCE.describe(path)
    # Seven showers end in the first four records; the eighth is cut.
    assert [(s.stream, s.stop) for s in entry.segments] == [("mc", 8), ("headers", 2)]
    assert [note.partition(" hold")[0] for note in entry.notes] == ["bytes 87388 to 91810"]
    batch = concatenate(list(SOURCE.read(entry, "showers", 0, 7)))
    np.testing.assert_array_equal(samples.words_of(batch), samples.words_of(samples.read(samples.FILE))[: batch.length("particles") - 7])
    with pytest.raises(CorruptFileError, match="no whole shower") as caught:
        list(SOURCE.read(entry, "showers", 0, 8))
    assert (caught.value.tree, caught.value.start, caught.value.stop) == ("showers", 7, 8)
    assert [b.rows for b in SOURCE.read(entry, "headers", 0, 1)] == [1]
    with pytest.raises(CorruptFileError, match="run has no end") as caught:
        list(SOURCE.read(entry, "headers", 0, 2))
    assert (caught.value.tree, caught.value.start, caught.value.stop) == ("headers", 1, 2)


def test_showers_that_may_be_missing_are_told_where_the_file_ends_between_two(tmp_path: Path) -> None:
    words = samples.blocks()
    path = samples.write(tmp_path / "x", np.concatenate([words[:20], words[11:12]]))  # RUNH, two showers, and an end without header
    entry = SOURCE.describe(path)
    assert [(s.stream, s.stop) for s in entry.segments] == [("mc", 3), ("headers", 2)]
    cut = np.concatenate([words[:1], words[12:20], words[12:20], np.zeros((4, 273), np.float32)])
    entry = SOURCE.describe(samples.write(tmp_path / "y", cut))
    assert [(s.stream, s.stop) for s in entry.segments] == [("mc", 3), ("headers", 2)]


def test_a_wrong_number_of_showers_is_noted(tmp_path: Path) -> None:
    words = samples.blocks()
    words[112, 2] = 12
    assert SOURCE.describe(samples.write(tmp_path / "x", words)).notes == ("the run ends state 12 showers, the file holds 10",)


@pytest.mark.parametrize("bits", [1, 0x7F800001])  # the smallest number, a NaN that signals
def test_words_behind_the_end_are_told(bits: int, tmp_path: Path) -> None:
    words = samples.blocks()
    words.view("u4")[115, 3] = bits
    (note,) = SOURCE.describe(samples.write(tmp_path / "x", words)).notes
    assert note.startswith(f"words behind the end of a run, from byte {5 * STRIDE + 4 + 10 * 4 * samples.WORDS} on")


def test_words_behind_every_end_are_looked_at_and_particles_of_the_next_run_are_none_of_them(tmp_path: Path) -> None:
    whole = Path(samples.FILE).read_bytes()
    # The second run was killed: its particles follow the last end that the file has.
    (note,) = SOURCE.describe(write(tmp_path, whole + whole[: 4 * STRIDE])).notes
    assert "hold no whole shower" in note
    words = samples.blocks()
    words[115, 3] = 1
    notes = SOURCE.describe(samples.write(tmp_path / "x", np.concatenate([words, samples.blocks()]))).notes
    assert [note.partition(",")[0] for note in notes] == ["words behind the end of a run"]


def test_what_is_known_of_a_file_is_found_out_once_however_many_showers_are_lost(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found: list[int] = []
    sort = corsika_blocks.showers_of
    monkeypatch.setattr(corsika_blocks, "showers_of", lambda blocks: found.append(1) or sort(blocks))  # type: ignore[func-returns-value]
    words = samples.blocks()
    entry = SOURCE.describe(samples.write(tmp_path / "once", words))
    for n in range(10):
        assert [b.rows for b in SOURCE.read(entry, "showers", n, n + 1)] == [1]
    assert found == [1]


def test_runs_that_were_joined_are_filed_apart(tmp_path: Path) -> None:
    other = samples.blocks()
    other[[0, 112], 1] = 2
    entry = SOURCE.describe(samples.write(tmp_path / "x", np.concatenate([samples.blocks(), other])))
    assert [(s.stream, s.run.run, s.start, s.stop) for s in entry.segments] == [
        ("mc", 1, 0, 10),
        ("mc", 2, 10, 20),
        ("headers", 1, 0, 2),
        ("headers", 2, 2, 4),
    ]
    (batch,) = SOURCE.read(entry, "showers", 8, 12)
    assert batch.tables["events"]["run"].tolist() == [1, 1, 2, 2]
    assert batch.tables["events"]["source_entry"].tolist() == [8, 9, 10, 11]


def test_blocks_without_records_are_refused_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, samples.blocks().tobytes())
    assert recognise(path) is SOURCE
    with pytest.raises(UnknownLayoutError, match="without Fortran records"):
        SOURCE.describe(path)


def test_records_of_this_size_are_not_enough(tmp_path: Path) -> None:
    # A dump of DAQ records may begin with a length of 22,932 too.
    data = bytearray(Path(samples.FILE).read_bytes())
    data[4:8] = (10_001).to_bytes(4, "little")
    path = write(tmp_path, data)
    assert not SOURCE.sniff(path, bytes(data[:1024]))
    with pytest.raises(CorruptFileError, match="no run header"):
        SOURCE.describe(path)


def test_what_is_not_there_is_refused() -> None:
    entry = SOURCE.describe(samples.FILE)
    with pytest.raises(UnknownNameError, match="Known: headers, showers"):
        list(SOURCE.read(entry, "events", 0, 1))
    for tree, count in (("showers", 11), ("headers", 3)):
        with pytest.raises(InputChangedError):
            list(SOURCE.read(entry, tree, 0, count))
