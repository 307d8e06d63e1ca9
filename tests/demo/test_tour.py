"""The whole tour runs, twice into the same folder, and deletes nothing that is not its own."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from antdask.demo import __main__, tour
from antdask.errors import DestinationError


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_tour_replaces_an_old_archive_and_ends_with_where_the_new_one_is(tmp_path: Path) -> None:
    (tmp_path / "demo" / "archive" / "parts").mkdir(parents=True)
    (tmp_path / "demo" / "archive" / "antdask.json").write_text("{}")
    shown = io.StringIO()
    tour.run(tmp_path / "demo", Console(file=shown, width=160))
    text = shown.getvalue()
    assert "29 parts are equal to their sources" in text
    assert "timeslices_l1" in text
    assert "charges = events.hits.charge_pe[events.hits.triggered == 1]" in text
    assert text.splitlines()[-1].endswith(f'antdask.open_archive("{(tmp_path / "demo" / "archive").resolve()}")')
    assert len(list((tmp_path / "demo" / "plots").glob("*.png"))) == 4


def test_something_else_in_the_place_of_the_archive_is_not_deleted(tmp_path: Path) -> None:
    place = tmp_path / "archive"
    place.mkdir()
    (place / "thesis.tex").write_text("years of work")
    with pytest.raises(DestinationError, match="holds something else"):
        tour.clean(place)
    assert (place / "thesis.tex").exists()


def test_an_old_archive_makes_room(tmp_path: Path) -> None:
    place = tmp_path / "archive"
    place.mkdir()
    (place / "antdask.json").write_text("{}")
    assert not tour.clean(place).exists()
    assert not tour.clean(tmp_path / "absent").exists()


def test_an_error_is_one_sentence_and_an_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "archive").write_text("a file")
    assert __main__.main([str(tmp_path)]) == 3
    assert capsys.readouterr().err.startswith("error: The place for the archive holds something else")
