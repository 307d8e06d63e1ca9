"""Sides find which of their rows belong to which; results by value stand in test_joins."""

import pyarrow as pa
import pytest

from antdask.errors import UsageError
from antdask.query.sides import StreamSide, TableSide, keys_of


def test_streams_of_frames_give_one_row_and_tracks_a_list(small):
    events = small.stream("events")
    sides = [StreamSide.of(events, small.stream(name), None, None, None) for name in ("rates", "reco", "events")]
    assert [side.one for side in sides] == [True, False, True]
    assert sides[0].needs == ("run", "frame_index") and sides[1].needs == ("run", "frame_index", "trigger_counter")
    # From frames to events there may be several.
    assert not StreamSide.of(small.stream("rates"), events, None, None, None).one


def test_rows_of_a_table_without_a_key_belong_to_nothing(small):
    table = pa.table({"run": pa.array([7, None, 5]), "q": [1, 2, 3]})
    side = TableSide.of(small.stream("events"), table, None, "table", None)
    assert side.table["q"].to_pylist() == [1, 3] and side.hidden == ("run",)
    keys, words = keys_of(small.stream("events"), table)
    assert len(keys[""]) == 2 and words == "the same run as 2 rows of a table"


def test_the_keys_of_a_selection_by_detector(small):
    keys, words = keys_of(small.stream("events"), small.stream("rates"))
    assert list(keys) == ["km3net-44"] and len(keys["km3net-44"]) == 50 and words == "the same run, frame_index as 50 of 'rates'"
    with pytest.raises(UsageError, match="taken by number"):
        StreamSide.of(small.stream("events"), small.stream("rates").take([1]), None, None, None)
