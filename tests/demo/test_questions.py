"""The example queries answer what they ask, and what is shown is the code that ran."""

from __future__ import annotations

import awkward as ak
import h5py
import numpy as np
import pandas as pd
import pytest

import antdask
from antdask.demo import questions


def test_every_question_shows_the_code_that_answers_it(archive: str) -> None:
    opened = antdask.open_archive(archive)
    for question in questions.ALL:
        shown = questions.code(question)
        *before, last = shown.split("\n")
        names = {"archive": opened, "ak": ak}
        exec("\n".join(before), names)
        again = eval(last, names)
        assert questions.answer(again) == questions.answer(question(opened))
        assert "return" not in shown and (question.__doc__ or "").endswith("?")


def pulses(real_files: dict[str, str]) -> pd.DataFrame:
    """The pulses of the ANTARES file, decoded apart from this project."""
    with h5py.File(real_files["antares.h5"]) as file:
        rows = file["CalibratedPulses"][:]
    return pd.DataFrame({n: rows[n] for n in ("Event", "TriggerCounter", "charge", "isTriggered")})


def test_busy_events_are_those_with_more_than_200_hits(archive: str, real_files: dict[str, str]) -> None:
    frame = questions.busy_events(antdask.open_archive(archive))
    assert set(frame.detector) >= {"antares", "km3net-133-simulated"}
    counts = pulses(real_files).groupby(["Event", "TriggerCounter"]).size()
    assert frame[frame.detector == "antares"].n_hits.to_list() == counts[counts > 200].to_list()


def test_the_brightest_triggered_hits_agree_with_the_source(archive: str, real_files: dict[str, str]) -> None:
    every = pulses(real_files)
    wanted = every[every.isTriggered == 1].groupby(["Event", "TriggerCounter"]).charge.max()
    found = questions.bright_events(antdask.open_archive(archive))
    assert found.brightest.to_list() == wanted.to_list()
    assert len(found) == 9


def test_ten_seconds_are_a_hundred_slices(archive: str) -> None:
    data = questions.ten_seconds(antdask.open_archive(archive))
    assert data.sizes["slice"] == 100 and data.sizes["channel"] == 31


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (pd.DataFrame({"a": np.arange(9)}), "… 9 rows in all"),
        (pd.DataFrame({"a": np.arange(6)}), "5  5"),
        (ak.Array([{"x": 1.5}]), "1.5"),
        ("anything", "anything"),
    ],
)
def test_an_answer_is_short_and_says_what_it_leaves_out(result: object, shown: str) -> None:
    text = questions.answer(result)
    assert text.endswith(shown) and text.count("\n") < 10
