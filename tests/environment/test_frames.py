"""Which frames count: duplicates, clocks that go back, runs that overlap, frames that are missing."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.archive import catalog
from antdask.archive.reading import PartReader
from antdask.archive.store import Store
from antdask.environment.frames import choose, days_touched, run_spans
from antdask.environment.grid import DAY_NS
from antdask.model.time import ANTARES_FRAME_NS as FRAME
from tests.environment.sea import START, archive_of, counts_batch, quiet

COUNT = quiet(100)


@pytest.fixture
def chosen(tmp_path):
    """Frames of the first day of an archive of these batches."""

    def choose_from(*batches, day=0):
        store = Store(archive_of(tmp_path / "archive", batches))
        parts = sorted(catalog.load(store).parts.to_pylist(), key=lambda p: (p["run"], p["index"]))
        readers = [PartReader(store, p) for p in parts]
        start = START + day * DAY_NS
        return choose(readers, [p["run"] for p in parts], run_spans(parts, FRAME), (start, start + DAY_NS), FRAME)

    return choose_from


def frames_of(found):
    return ((found.utc_ns - START) // FRAME).tolist()


def test_missing_frames_are_expected_but_not_there(chosen):
    index = np.delete(np.arange(50), [10, 11, 30])
    found = chosen((7, counts_batch(COUNT[:47], index=index)))
    assert frames_of(found) == index.tolist()
    assert ((found.expected_ns - START) // FRAME).tolist() == list(range(50))
    assert not any(found.left_out.values())


def test_a_frame_that_is_there_twice_counts_once(chosen):
    found = chosen((7, counts_batch(COUNT[:20])), (7, counts_batch(COUNT[:15], index=np.arange(10, 25))))
    assert frames_of(found) == list(range(25))
    assert found.left_out == {"duplicate": 10, "clock": 0, "overlap": 0}
    assert found.part[10:20].tolist() == [0] * 10


def test_where_runs_overlap_the_earlier_one_counts(chosen):
    found = chosen((9, counts_batch(COUNT[:20])), (8, counts_batch(COUNT[:20], start_ns=START + 15 * FRAME + FRAME // 3)))
    assert len(found.utc_ns) == 35
    assert found.left_out["overlap"] == 5
    assert (np.diff(found.utc_ns) >= FRAME).all()
    assert len(found.expected_ns) == 35


def test_where_a_clock_goes_back_time_counts_once(chosen):
    times = START + np.concatenate([np.arange(30), np.arange(20, 40)]) * FRAME
    found = chosen((7, counts_batch(COUNT[:50], utc_ns=times)))
    assert frames_of(found) == list(range(40))
    assert found.left_out == {"duplicate": 0, "clock": 10, "overlap": 0}
    # The first pass over the time counts.
    assert found.row[20:30].tolist() == list(range(20, 30))


def test_a_clock_that_was_reset_claims_no_time_of_other_runs(chosen):
    times = START + np.concatenate([np.arange(30) - 10 * 365 * DAY_NS // FRAME, np.arange(20)]) * FRAME
    found = chosen((7, counts_batch(COUNT[:50], utc_ns=times)), (8, counts_batch(COUNT[:10], start_ns=START + 5 * FRAME)))
    assert frames_of(found) == list(range(20))
    assert found.left_out["overlap"] == 10
    assert found.part[5:15].tolist() == [1] * 10


def test_a_day_takes_the_frames_that_start_in_it(chosen):
    batch = counts_batch(COUNT, start_ns=START + DAY_NS - 50 * FRAME + FRAME // 2)
    assert len(chosen((7, batch)).utc_ns) == 50


def test_a_day_without_frames_is_empty(chosen):
    found = chosen((7, counts_batch(COUNT)), day=3)
    assert len(found.utc_ns) == len(found.expected_ns) == 0


def test_days_of_a_part_follow_from_its_times_unless_its_clock_was_reset(tmp_path):
    times = START + np.concatenate([np.arange(5), np.arange(5) + 3 * DAY_NS // FRAME + 1]) * FRAME
    store = Store(archive_of(tmp_path / "a", [(7, counts_batch(COUNT[:10], utc_ns=times)), (8, counts_batch(COUNT))]))
    days = {p["run"]: days_touched(p, PartReader(store, p), START, FRAME).tolist() for p in catalog.load(store).parts.to_pylist()}
    assert days == {7: [0, 3], 8: [0]}
