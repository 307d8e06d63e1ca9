"""Errors say what, where, found against expected, and the next step; and survive the way home from a worker."""

from __future__ import annotations

import pickle

import pytest

from antdask import errors
from antdask.errors import AntdaskError, CorruptFileError, DestinationError, InputMissingError, UnknownNameError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AntdaskError)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_reads_as_one_sentence_and_a_hint(kind: type[AntdaskError]) -> None:
    error = kind("The file is too short", where="a.root", found=3, expected=4, hint="Fetch it again.")
    assert str(error) == "The file is too short (in a.root): expected 4, found 3. Fetch it again."


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_pickling_with_all_its_words(kind: type[AntdaskError]) -> None:
    error = kind("What", where="where", found=1, expected=2, hint="Hint.")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == str(error)
    assert copy.args == error.args


def test_parts_of_the_message_may_be_absent() -> None:
    assert str(AntdaskError("Broken.")) == "Broken."
    assert str(AntdaskError("Broken", found=0)) == "Broken: found 0."


def test_the_lost_range_travels_with_a_corrupt_file() -> None:
    error = pickle.loads(pickle.dumps(CorruptFileError("Bad basket", tree="T", branch="b", basket=2, start=10, stop=20)))
    assert (error.tree, error.branch, error.basket, error.start, error.stop) == ("T", "b", 2, 10, 20)


def test_errors_are_the_fitting_builtin_too() -> None:
    with pytest.raises(FileNotFoundError, match="No such input"):
        raise InputMissingError("No such input")
    error = DestinationError("No space")
    error.errno = 28
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, OSError) and (copy.what, copy.errno) == ("No space", 28)


def test_an_unknown_name_lists_the_known_ones_and_the_nearest() -> None:
    assert (
        str(UnknownNameError.of("stream", "event", ["rates", "events"]))
        == "Unknown stream 'event'. Did you mean 'events'? Known: events, rates."
    )
    assert str(UnknownNameError.of("stream", "x", [])) == "Unknown stream 'x'. Known: none."
    long = str(UnknownNameError.of("column", "x", [f"c{i}" for i in range(100)]))
    assert long.endswith("and 60 more.")
