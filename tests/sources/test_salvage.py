"""Reading around damage: everything sound is given, everything lost is named, whatever the errors say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antdask.errors import CorruptFileError
from antdask.sources.salvage import intact, pieces


class Damaged:
    """Entries of which some are lost; an error names the first stretch of them, or nothing."""

    def __init__(self, lost: set[int], named: bool = True) -> None:
        self.lost, self.named = lost, named

    def read(self, start: int, stop: int) -> list[int]:
        bad = [n for n in range(start, stop) if n in self.lost]
        if bad:
            end = next(n for n in range(bad[0], stop + 1) if n not in self.lost or n == stop)
            raise CorruptFileError("lost", start=bad[0] if self.named else None, stop=end if self.named else None)
        return list(range(start, stop))


@given(st.sets(st.integers(0, 29)), st.integers(0, 30), st.integers(0, 30))
def test_sound_and_lost_stretches_cover_the_range(lost: set[int], a: int, b: int) -> None:
    start, stop = sorted((a, b))
    found, position = [], start
    for low, high, part in pieces(Damaged(lost).read, start, stop):
        assert (low, high > low) == (position, True)
        position = high
        if isinstance(part, CorruptFileError):
            assert set(range(low, high)) <= lost
        else:
            assert part == list(range(low, high))
            found += part
    assert position == stop
    assert found == [n for n in range(start, stop) if n not in lost]


def test_an_error_without_range_takes_what_was_asked_for() -> None:
    (piece,) = pieces(Damaged({4}, named=False).read, 0, 9)
    assert piece[:2] == (0, 9)
    assert isinstance(piece[2], CorruptFileError)


def test_an_error_of_another_range_ends_all_the_same() -> None:
    def read(start: int, stop: int) -> int:
        raise CorruptFileError("elsewhere", start=50, stop=60)

    assert [(a, b) for a, b, _ in pieces(read, 0, 9)] == [(0, 9)]


def test_other_errors_pass() -> None:
    def read(start: int, stop: int) -> int:
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        list(pieces(read, 0, 9))


def test_what_is_whole_before_a_loss_comes_before_the_error() -> None:
    found = []
    with pytest.raises(CorruptFileError) as caught:
        for part in intact(Damaged({4, 5, 9}).read, 0, 12):
            found.append(part)
    assert (caught.value.start, found) == (4, [[0, 1, 2, 3]])
    assert list(intact(Damaged({4}).read, 5, 9)) == [[5, 6, 7, 8]]
    with pytest.raises(CorruptFileError):
        next(intact(Damaged({4}, named=False).read, 0, 9))
