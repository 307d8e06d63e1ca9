"""The pictures show what they are given: states apart from rates, triggered hits ringed, units on every axis."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from antdask.demo import figures


def labels(figure: Figure) -> str:
    """All words of a figure."""
    words = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        words += [axes.get_title(), axes.get_xlabel(), axes.get_ylabel()]
        words += [t.get_text() for t in (axes.get_legend().get_texts() if axes.get_legend() else [])]
    return "\n".join(words)


def drawn(figure: Figure) -> int:
    """Bytes of the figure as PNG; drawing it must not warn."""
    sink = io.BytesIO()
    figure.savefig(sink, format="png")
    return len(sink.getvalue())


@pytest.fixture
def rate_figure() -> Figure:
    rate_hz = np.full((62, 20), 7000.0)
    state = np.zeros((62, 20), np.uint8)
    rate_hz[:, 3], state[:, 3] = 0, figures.NO_DATA
    rate_hz[5, 4:9], state[5, 4:9] = 20_000, figures.VETO
    rate_hz[6, 4], state[6, 4] = 0, figures.NO_RATE
    return figures.rate_map(np.arange(20) / 10, [11, 22], rate_hz, state, "for a test")


def test_a_rate_map_keeps_measurements_and_what_is_none_apart(rate_figure: Figure) -> None:
    rates, states = (np.ma.asarray(image.get_array()) for image in rate_figure.axes[0].images)
    assert np.isnan(rates.filled(np.nan)).sum() == 62 + 5 + 1
    assert states.count() == 62 + 5 + 1
    assert states[5, 4] == figures.VETO and states[6, 4] == figures.NO_RATE and states[0, 3] == figures.NO_DATA


def test_a_rate_map_names_units_and_states_that_occur(rate_figure: Figure) -> None:
    words = labels(rate_figure)
    assert "rate [Hz]" in words and "[s]" in words
    assert "high-rate veto (0.4%)" in words and "no rate" in words and "FIFO" not in words
    assert drawn(rate_figure) > 10_000


def test_hits_per_event_has_one_panel_for_each_detector() -> None:
    figure = figures.hits_per_event({"antares": np.array([100, 200]), "km3net-44": np.array([7])}, "for a test")
    assert len(figure.axes) == 2
    assert [sum(bar.get_height() for bar in axes.patches) for axes in figure.axes] == [2, 1]
    assert drawn(figure) > 10_000


def event() -> dict[str, np.ndarray]:
    return {
        "line": np.array([1, 1, 3], np.uint8),
        "floor": np.array([2, 25, 7], np.uint8),
        "om": np.array([4, 75, 20], np.uint8),
        "time_ns": np.array([1000.0, 1500.0, 900.0]),
        "charge_pe": np.array([1.0, -0.2, 27.0]),
        "triggered": np.array([1, 0, 0], np.uint8),
    }


def test_an_event_shows_every_hit_on_its_line_with_time_from_the_first_triggered_one() -> None:
    figure = figures.event_display(event(), {6, 9}, "for a test")
    first, third = figure.axes[0], figure.axes[2]
    hits, rings = first.collections
    assert sorted(hits.get_offsets()[:, 0].tolist()) == [0.0, 500.0]
    assert rings.get_offsets()[:, 0].tolist() == [0.0]
    assert third.collections[0].get_offsets()[:, 0].tolist() == [-100.0]
    assert [t.get_text() for t in figure.axes[5].texts] == ["not in this run"]
    assert "charge [photo-electrons]" in labels(figure) and "time [ns]" in labels(figure)
    assert drawn(figure) > 10_000


def test_an_event_without_triggered_hits_can_be_shown() -> None:
    hits = {**event(), "triggered": np.zeros(3, np.uint8)}
    assert drawn(figures.event_display(hits, set(), "for a test")) > 10_000


def test_charges_are_counted_in_bins_and_tail_alike() -> None:
    charge = np.concatenate([np.full(50, 1.02), [0.3, 12.5, 35.6]])
    figure = figures.charges(charge, charge > 10, "for a test")
    everything, triggered = figure.axes[0].patches
    values, edges, _ = everything.get_data()
    assert (values * np.diff(edges) / 0.1).sum() == pytest.approx(53)
    values, edges, _ = triggered.get_data()
    assert (values * np.diff(edges) / 0.1).sum() == pytest.approx(2)
    assert drawn(figure) > 10_000
