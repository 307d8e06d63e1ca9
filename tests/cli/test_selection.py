"""The selection behind ``antdask query``, and where its rows go."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from antdask.cli.selection import Question, selected, sink
from antdask.errors import DestinationError, UnknownNameError, WhereError


def test_options_narrow_as_the_library_does(archive: str) -> None:
    whole = selected(archive, "events")
    assert selected(archive, "events", runs=("6633",)).count().rows == whole.select(run=6633).count().rows == 3
    assert selected(archive, "events", runs=("6633", "6880:6890")).count() == whole.select(run=[6633, 6884]).count()
    assert selected(archive, "events", runs=("6633:6885",)).count() == whole.select(run=[6633, 6884]).count()
    assert selected(archive, "events", detector=("km3net-44", "antares")).count() == whole.select(detector=["km3net-44", "antares"]).count()
    assert (
        selected(archive, "events", runs=("6633",), where="n_hits > 100").count().rows
        == whole.select(run=6633, where="n_hits > 100").count().rows
    )
    assert selected(archive, "rates", runs=("6884",), frame="0:200").count() == whole_rates(archive, 6884, 200)


def whole_rates(archive: str, run: int, end: int) -> object:
    return selected(archive, "rates").select(run=run, frame=(0, end)).count()


def test_errors_of_the_library_pass(archive: str) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'events'"):
        selected(archive, "evnts")
    with pytest.raises(WhereError):
        selected(archive, "events", where="__import__('os')")


def test_without_a_file_rows_go_to_standard_output() -> None:
    with sink(None) as out:
        assert out is sys.stdout


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "rows.csv"
    with sink(str(target)) as out:
        out.write(b"a,b\n")
        assert not target.exists()
    assert target.read_bytes() == b"a,b\n"
    with pytest.raises(LookupError), sink(str(target)) as out:
        out.write(b"half")
        raise LookupError
    assert target.read_bytes() == b"a,b\n"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_cannot_be_written_is_a_fault_of_the_destination(tmp_path: Path) -> None:
    with pytest.raises(DestinationError), sink(str(tmp_path / "nowhere" / "rows.csv")):
        pass


def test_a_long_range_of_runs_is_never_walked_through(archive: str) -> None:
    assert selected(archive, "events", runs=("0:4294967295",)).count() == selected(archive, "events").count()


def test_a_question_tells_its_costs_and_its_answer(archive: str, tmp_path: Path) -> None:
    stream = Question(archive, "events", None, ["n_hits"], {"runs": ("6633",)})
    document, cost = stream.costs()
    assert document["rows"] == 3 and "events" in str(cost)
    assert stream.answer("csv", str(tmp_path / "rows.csv"), 2) == 2 and (tmp_path / "rows.csv").read_text().count("\n") == 3
    (document,), _ = Question(archive, None, "select n_hits from events where run = 6633", None, {}).costs()
    assert document["stream"] == "events"
    assert Question(archive, None, "select count(*) n from events", None, {}).answer("json", str(tmp_path / "n.json"), None) == 1
