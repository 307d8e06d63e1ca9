"""Pandas frames: one row per row of one table."""

import numpy as np
import pytest

from antdask.errors import UnknownNameError, UsageError


def test_the_row_table_is_the_default_and_columns_keep_their_types(small, small_entries):
    frame = small.stream("events").select(run=5).to_pandas()
    batch = small_entries[2].batch.tables["events"]
    assert list(frame.columns) == list(batch)
    for name, values in batch.items():
        assert frame[name].to_numpy().dtype == values.dtype and (frame[name].to_numpy() == values).all()
    assert frame.attrs["units"]["utc_ns"] == "ns" and frame.attrs["stream"] == "events"


def test_missing_integers_lose_no_digit(small, small_entries):
    frame = small.stream("events").to_pandas()
    assert frame["utc_ns"].dtype == "Int64" and frame["utc_ns"].isna().sum() == 40
    assert frame["trigger_mask"][40:100].tolist() == small_entries[2].batch.tables["events"]["trigger_mask"].tolist()
    assert frame["charge_sum_pe"].dtype == np.float64 and frame["charge_sum_pe"][40:].isna().all()


def test_hits_repeat_the_keys_of_their_row(small, small_entries):
    frame = small.stream("events").select(detector="antares").to_pandas("hits")
    batch = small_entries[3].batch
    assert list(frame.columns)[:3] == ["run", "frame_index", "trigger_counter"] and len(frame) == batch.hits
    assert frame.groupby("frame_index").size().tolist() == [n for n in np.diff(batch.offsets["hits"]).tolist() if n]
    assert np.array_equal(frame["charge_pe"], batch.tables["hits"]["charge_pe"], equal_nan=True)


def test_wide_columns_become_one_column_per_value(small, small_entries):
    frame = small.stream("rates").to_pandas("frames", ["frames.dom_id", "frames.rate_code"])
    assert list(frame.columns)[2:5] == ["dom_id", "rate_code[0]", "rate_code[1]"] and len(frame.columns) == 2 + 1 + 31
    assert (frame["rate_code[30]"] == small_entries[6].batch.tables["frames"]["rate_code"][:, 30]).all()


def test_columns_of_other_tables_are_refused(small):
    with pytest.raises(UsageError, match="does not fit into one row per row of 'events'"):
        small.stream("events").to_pandas(columns=["hits.tot"])


def test_a_list_alone_names_columns(small):
    events = small.stream("events").select(run=5)
    assert events.to_pandas(["n_hits", "utc_ns"]).equals(events.to_pandas(columns=["n_hits", "utc_ns"]))
    with pytest.raises(UnknownNameError, match="Did you mean 'n_hits'"):
        events.to_pandas(["n_hit"])
    with pytest.raises(UsageError, match="one name"):
        events.to_pandas(["hits"], ["hits.tot"])
