"""Deliberate damage: a copy is damaged as asked for, the original is not, and the reader notices what can be noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from antdask.errors import (
    CorruptFileError,
    DestinationError,
    InputMissingError,
    UnknownFormatError,
    UnknownLayoutError,
    UnknownNameError,
    UsageError,
)
from antdask.model.ragged import concatenate
from antdask.simulate import SimulationSpec, corrupt, simulate
from antdask.simulate.damage import KINDS
from antdask.sources import SOURCES, describe_each, recognise
from antdask.sources.salvage import pieces
from tests.batches import same


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(SimulationSpec(events=200, dst=False, slow_control=False), tmp_path_factory.mktemp("sound"))[0]


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_original_stays_and_the_copy_is_the_same_for_the_same_seed(kind: str, raw: Path, tmp_path: Path) -> None:
    before = raw.read_bytes()
    first, again, other = (corrupt(raw, kind, tmp_path / str(i), seed).read_bytes() for i, seed in enumerate((1, 1, 2)))
    assert raw.read_bytes() == before
    assert first == again != before
    assert other != first or kind == "empty"


def test_an_empty_copy_is_refused(raw: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownFormatError, match="empty"):
        recognise(str(corrupt(raw, "empty", tmp_path)))


@pytest.mark.parametrize("seed", range(6))
def test_of_a_truncated_copy_what_stands_before_the_cut_is_read(seed: int, raw: Path, tmp_path: Path) -> None:
    cut = corrupt(raw, "truncate", tmp_path, seed)
    share = cut.stat().st_size / raw.stat().st_size
    assert 0.25 < share < 0.95
    (entry,), (loss,) = describe_each(str(cut))
    assert "cut short" in str(loss)
    source = SOURCES.get("antares_raw")
    whole = source.describe(str(raw))
    (segment,) = (s for s in entry.segments if s.stream == "events")
    found = [part for _, _, part in pieces(lambda a, b: concatenate(list(source.read(entry, segment.tree, a, b))), 0, segment.stop)]
    kept = concatenate([part for part in found if not isinstance(part, CorruptFileError)])
    assert same(kept, concatenate(list(source.read(whole, segment.tree, 0, kept.rows))))
    # All branches were flushed at 25 entries, 50, 100.
    assert kept.rows >= (25 if share < 0.6 else 100)


@pytest.mark.parametrize("seed", range(6))
def test_a_bad_basket_loses_its_entries_and_no_more(seed: int, raw: Path, tmp_path: Path) -> None:
    source = SOURCES.get("antares_raw")
    damaged = str(corrupt(raw, "badbasket", tmp_path, seed))
    failures = []
    try:
        entry = source.describe(damaged)
    except CorruptFileError as error:
        failures.append(error)
    else:
        for segment in entry.segments:
            try:
                list(source.read(entry, segment.tree, segment.start, segment.stop))
            except CorruptFileError as error:
                assert error.start is not None
                failures.append(error)
    assert len(failures) == 1
    assert failures[0].basket is not None


@pytest.mark.parametrize("seed", range(4))
def test_a_renamed_branch_is_missed_by_name(seed: int, raw: Path, tmp_path: Path) -> None:
    damaged = str(corrupt(raw, "schema", tmp_path, seed))
    with pytest.raises((UnknownLayoutError, CorruptFileError)) as caught:
        source = SOURCES.get("antares_raw")
        entry = source.describe(damaged)
        for segment in entry.segments:
            list(source.read(entry, segment.tree, segment.start, segment.stop))
    assert "branch" in str(caught.value).lower()


def test_what_cannot_be_damaged_that_way_is_said(tmp_path: Path) -> None:
    text = tmp_path / "readings.csv"
    text.write_text("time,sensor\n" * 50)
    for kind in ("badbasket", "schema"):
        with pytest.raises(UsageError, match="There is no"):
            corrupt(text, kind, tmp_path / "out")
    assert corrupt(text, "bitflip", tmp_path / "out").name == "readings_bitflip.csv"
    with pytest.raises(DestinationError):
        corrupt(text, "bitflip", tmp_path / "out")
    with pytest.raises(UnknownNameError, match="Did you mean 'truncate'"):
        corrupt(text, "truncat", tmp_path)
    with pytest.raises(InputMissingError):
        corrupt(tmp_path / "no.root", "empty", tmp_path)
