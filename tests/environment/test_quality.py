"""Flags: tests of QARTOD, in the scheme of OceanSITES, to other schemes and back."""

from __future__ import annotations

import numpy as np

from antdask.environment.quality import FLAGS, QualitySpec, from_qartod, qualify, to_qartod, to_seadatanet

TIMES = np.arange(12) * 360 * 10**9
STEADY = 13.2 + 0.001 * np.arange(12)


def test_good_values_are_good_and_missing_ones_missing():
    values = STEADY.copy()
    values[4] = np.nan
    flags = qualify(TIMES, values, QualitySpec((10, 30)))
    assert flags.tolist() == [1] * 4 + [9] + [1] * 7


def test_a_spike_a_jump_and_a_flat_line_are_told():
    spec = QualitySpec((10, 30), spike=(0.5, 2.0), rate_of_change=0.01, flat=(1e-6, 720, 1440))
    spiky = STEADY.copy()
    spiky[5] += 5
    assert qualify(TIMES, spiky, spec)[5] == 4
    jumping = STEADY + np.where(np.arange(12) >= 6, 8.0, 0.0)
    assert qualify(TIMES, jumping, QualitySpec((10, 30), rate_of_change=0.01))[6] == 3
    assert qualify(TIMES, np.full(12, 13.2), spec)[-1] == 4
    assert (qualify(TIMES, STEADY, spec) == 1).all()


def test_the_worst_test_counts():
    spec = QualitySpec((10, 13.205), suspect_span=(10, 13.203))
    flags = qualify(TIMES, STEADY, spec)
    assert (flags[STEADY > 13.2055] == 4).all()
    assert flags[4] == 3
    assert (flags[:3] == 1).all()


def test_an_empty_series_has_no_flags():
    assert not len(qualify(np.zeros(0, np.int64), np.zeros(0), QualitySpec((0, 1))))


def test_schemes_convert():
    own = np.array(list(FLAGS))
    assert to_seadatanet(own).tolist() == ["0", "1", "2", "3", "4", "B", "8", "9"]
    assert to_qartod(own).tolist() == [2, 1, 1, 3, 4, 1, 3, 9]
    assert from_qartod(np.array([1, 2, 3, 4, 9])).tolist() == [1, 0, 3, 4, 9]
    kept = np.array([0, 1, 3, 4, 9])
    assert (from_qartod(to_qartod(kept)) == kept).all()
