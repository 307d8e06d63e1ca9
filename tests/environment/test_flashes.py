"""Flashes: neighbours that rise together are one; what is far or late is another; truth put in comes out."""

from __future__ import annotations

import numpy as np

from antdask.environment.excursions import EXCURSION, FlashSpec
from antdask.environment.flashes import SCHEMA, find_flashes
from antdask.environment.quantity import COUNTS, ModuleCounts

LABELS = ModuleCounts().labels
FRAME = COUNTS.frame_ns


def slot(line, floor, om=0):
    return (line - 1) * 75 + (floor - 1) * 3 + om


def flashes(*rows):
    """Flashes of excursions (slot, first frame, last frame, height)."""
    x = np.zeros(len(rows), EXCURSION)
    for i, (channel, first, last, height) in enumerate(rows):
        x[i] = (channel, first * FRAME, last * FRAME, first * FRAME, 6400 + height, 6400, 2 * height, 0)
    return find_flashes(x, LABELS["line"], LABELS["floor"], COUNTS, FlashSpec())


def test_neighbours_that_start_together_are_one_flash():
    table = flashes((slot(3, 5), 10, 20, 1000), (slot(3, 6, 2), 11, 30, 500), (slot(3, 5, 1), 10, 15, 4000))
    (row,) = table.to_pylist()
    assert (row["n_om"], row["line"], row["floor"], row["first_floor"], row["last_floor"], row["n_lines"]) == (3, 3, 5, 5, 6, 1)
    assert row["start"].value == 10 * FRAME
    assert np.isclose(row["duration_s"], 21 * FRAME * 1e-9)
    assert np.isclose(row["peak_rate_hz"], 4000 * COUNTS.hz_per_value)
    assert np.isclose(row["integral"], 2 * 5500)


def test_a_chain_of_neighbours_is_one_flash():
    assert flashes(*((slot(1, floor), 10, 12, 1000) for floor in (7, 8, 9))).num_rows == 1


def test_far_floors_other_lines_and_later_starts_are_other_flashes():
    assert flashes((slot(1, 7), 10, 12, 1000), (slot(1, 9), 10, 12, 1000)).num_rows == 2
    assert flashes((slot(1, 7), 10, 12, 1000), (slot(1, 7, 1), 15, 17, 1000)).num_rows == 2
    table = flashes((slot(1, 7), 10, 12, 1000), (slot(2, 7), 11, 12, 1000))
    assert table["n_lines"].to_pylist() == [2, 2]


def test_one_module_that_rises_twice_in_a_flash_is_counted_once():
    (row,) = flashes((slot(1, 7), 10, 11, 1000), (slot(1, 7), 13, 14, 1000)).to_pylist()
    assert row["n_om"] == 1


def test_no_excursions_give_an_empty_table_of_the_same_schema():
    assert flashes().schema == SCHEMA == flashes((5, 1, 2, 900)).schema
