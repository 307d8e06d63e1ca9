"""Arguments of select become masks and conditions."""

import datetime

import numpy as np
import pandas as pd
import pytest

from antdask.archive import choices, snapshot
from antdask.archive.store import Store
from antdask.errors import UsageError
from antdask.query.archive import open_archive
from antdask.query.narrowing import frame_condition, key_condition, parts_of_runs, refuse_several_lineages, run_numbers, time_condition
from tests.batches import random_batch
from tests.query.archives import Entry, write_archive

SECOND = 1_000_000_000


def test_runs_are_integers_of_any_kind():
    assert run_numbers(7) == [7] and run_numbers(np.int16(7)) == [7] and run_numbers(np.array([7, 9])) == [7, 9] and run_numbers(()) == []
    for wrong in ("7", 7.0, -1, 2**32, True, [7, "8"], None, {7: 1}.values):
        with pytest.raises(UsageError, match="A run is an integer"):
            run_numbers(wrong)


def test_ranges_of_runs_are_not_spelled_out(small):
    index = small.stream("events").index
    assert parts_of_runs(index, range(0, 10**12)).tolist() == [True] * 4
    assert parts_of_runs(index, range(1, 10**12, 4)).tolist() == [False, True, False, False]
    assert parts_of_runs(index, range(7, 0, -2)).tolist() == [True] * 4
    assert parts_of_runs(index, [5]).tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("time", "condition"),
    [
        (("1970-01-01T00:00:01", "1970-01-01T00:00:02Z"), f"utc_ns >= {SECOND} and utc_ns < {2 * SECOND}"),
        ((None, 5), "utc_ns < 5"),
        (("", 5), "utc_ns < 5"),
        ("1970-01-01T00:00:01/", f"utc_ns >= {SECOND}"),
        ([np.datetime64(1, "s"), np.int64(2 * SECOND)], f"utc_ns >= {SECOND} and utc_ns < {2 * SECOND}"),
        ((datetime.datetime(1970, 1, 1, 0, 0, 1, 500_000), None), f"utc_ns >= {SECOND * 3 // 2}"),
        ((pd.Timestamp(1_234_567_890_123_456_789, unit="ns", tz="UTC").tz_convert("Europe/Paris"), None), "utc_ns >= 1234567890123456789"),
    ],
)
def test_times_of_any_kind_are_nanoseconds(time, condition):
    assert time_condition(time) == condition


def test_frames_and_keys_are_integers(small):
    assert frame_condition(np.uint32(4)) == "frame_index >= 4 and frame_index < 5"
    assert key_condition(small.stream("events").index, [np.int64(7), 3, -1]) == (7, "frame_index == 3 and trigger_counter == -1")
    for wrong in (None, "ab", (1,), (True, False), (5, 1)):
        with pytest.raises(UsageError):
            frame_condition(wrong)
        with pytest.raises(UsageError):
            key_condition(small.stream("events").index, wrong)
    with pytest.raises(UsageError, match="A detector is a word"):
        small.stream("events").select(detector=44)


def test_one_run_number_of_two_detectors_is_no_conflict(small):
    refuse_several_lineages(small.stream("events").index, np.arange(4))
    refuse_several_lineages(small.stream("events").index, np.zeros(0, np.int64))


def test_of_several_lineages_the_current_one_is_read_and_any_other_by_its_name(tmp_path):
    batch = random_batch("events", "seatray", 20)
    entries = [
        Entry(batch, "antares", 7, 0, "00000000"),
        Entry(batch, "antares", 7, 0, "11111111"),
        Entry(batch, "antares", 8, 0, "11111111"),
    ]
    url = write_archive(tmp_path / "a", entries)
    store = Store(url)
    with pytest.raises(UsageError, match="antdask lineage use"):
        open_archive(url).stream("events").count()
    for lineage in ("00000000", "11111111", "00000000"):
        choices.write(store, choices.Choice("events", lineage))
        snapshot.rebuild(store)
        events = open_archive(url).stream("events")
        assert events.count().rows == 40 and "2 parts with 40 rows" in repr(events.select(detector="antares"))
        assert open_archive(url).info()["streams"]["events"]["rows"] == 40
        [job, other] = events.scan.jobs(events.store.url)
        assert (
            job.row["part"] == f"antares/events/{lineage}/00000007/{job.row['part'].rpartition('/')[2]}"
            and "/11111111/" in other.row["part"]
        )
        for named in ("00000000", "11111111"):
            chosen = events.select(lineage=named)
            assert {j.row["part"].split("/")[2] for j in chosen.scan.jobs(chosen.store.url)} == {named} and chosen.select(
                run=7
            ).count().rows == 20
