"""Narrowing: what selections keep, in which order, and what they refuse."""

import datetime

import awkward as ak
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import antdask
from antdask.errors import DamagedPartError, UnknownNameError, UsageError, WhereError
from antdask.query.results import Count
from tests.batches import random_batch
from tests.query.archives import Entry, write_archive
from tests.query.conftest import lists


def entries_in_order(entries):
    own = [e for e in entries if e.batch.stream == "events"]
    return sorted(own, key=lambda e: (e.detector, e.run, e.index))


def test_rows_come_by_detector_run_and_frame(small, small_entries):
    rows = small.stream("events").to_awkward(["n_hits", "hits.triggered"])
    assert rows.fields == ["run", "frame_index", "trigger_counter", "n_hits", "hits"]
    batches = [e.batch for e in entries_in_order(small_entries)]
    assert rows.n_hits.tolist() == np.concatenate([b.tables["events"]["n_hits"] for b in batches]).tolist()
    assert rows.hits.triggered.tolist() == [hits for b in batches for hits in lists(b, "hits", "triggered")]
    assert rows.run.tolist() == np.repeat([7, 5, 7], [40, 60, 210]).tolist()


def test_every_value_of_a_part_comes_back(small, small_entries):
    batch = small_entries[3].batch
    rows = small.stream("events").select(detector="antares").to_awkward()
    for name, values in batch.tables["events"].items():
        assert np.array_equal(ak.to_numpy(rows[name]), values, equal_nan=values.dtype.kind == "f")
        assert ak.to_numpy(rows[name]).dtype == values.dtype
    for name in batch.tables["hits"]:
        assert np.array_equal(
            ak.to_numpy(ak.flatten(rows.hits[name])), batch.tables["hits"][name], equal_nan=name in ("time_ns", "width_ns", "charge_pe")
        )
    assert ak.num(rows.hits).tolist() == np.diff(batch.offsets["hits"]).tolist()


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({"run": 7}, 250), ({"run": [5, 7]}, 310), ({"run": range(0, 6)}, 60), ({"run": range(9, 5, -2)}, 250), ({"run": np.uint32(5)}, 60), ({"run": {5}}, 60),
        ({"run": 7, "detector": "antares"}, 40), ({"detector": ["antares", "km3net-44"]}, 310), ({"lineage": "bbbbbbbb"}, 40),
        ({"frame": (500, 510)}, 10), ({"frame": 3}, 3), ({"frame": (3, 3)}, 0), ({"run": 99}, 0), ({"run": []}, 0), ({"run": range(0)}, 0),
        ({"run": (r for r in (5, 99))}, 60),
    ],
)  # fmt: skip
def test_arguments_select_these_many_rows(small, arguments, count):
    assert small.stream("events").select(**arguments).count().rows == count


def test_selecting_again_narrows_and_leaves_the_first_as_it_was(small):
    first = small.stream("events").select(run=7)
    second = first.select(detector="km3net-44").select(frame=(0, 50), where="n_hits > 2147483648")
    once = small.stream("events").select(run=7, detector="km3net-44", frame=(0, 50), where="n_hits > 2147483648")
    assert second.to_awkward("n_hits").tolist() == once.to_awkward("n_hits").tolist() != []
    assert first.count().rows == 250


def test_a_key_selects_its_row(small, small_entries):
    batch = small_entries[0].batch.tables["events"]
    key = (7, int(batch["frame_index"][11]), int(batch["trigger_counter"][11]))
    assert small.stream("events").select(key=key).to_awkward(["source_entry"]).source_entry.tolist() == [int(batch["source_entry"][11])]
    assert small.stream("rates").select(key=(5, 3)).count().rows == 1
    with pytest.raises(UsageError, match=r"expected \(run, frame_index, trigger_counter\)"):
        small.stream("events").select(key=(7, 3))


def test_times_are_half_open_and_say_what_they_leave_out(small, small_entries):
    times = np.concatenate([e.batch.tables["events"]["utc_ns"] for e in small_entries[:3]])
    first, last = np.sort(times)[[20, 200]].tolist()
    expected = int(((times >= first) & (times < last)).sum())
    with pytest.warns(UserWarning, match="40 rows of antares carry no UTC"):
        selection = small.stream("events").select(time=(first, last))
    assert selection.count().rows == expected
    assert selection.rows_untimed == selection.explain().rows_untimed == 40
    assert "without 40 rows" in repr(selection) and "40 rows in parts that carry no UTC" in str(selection.explain())
    assert small.stream("events").select(detector="km3net-44", time=f"{first}/{last}").count().rows == expected
    with pytest.raises(UsageError, match=r"Nothing selected carries UTC.*antares.*Select by run or frame"):
        small.stream("events").select(detector="antares", time=(first, last))


def test_times_may_be_text_or_datetimes(long, long_batch):
    start = pd.Timestamp(1_500_000_010, unit="s", tz="UTC")
    stream, expected = long.stream("events"), 16 * 60
    for first, last in (
        ("2017-07-14T02:40:10", "2017-07-14T02:41:10Z"),
        (start, start + pd.Timedelta(60, "s")),
        (
            datetime.datetime(2017, 7, 14, 2, 40, 10),
            datetime.datetime(2017, 7, 14, 4, 41, 10, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
        ),
        (np.datetime64("2017-07-14T02:40:10"), 1_500_000_070 * 10**9),
    ):
        assert stream.select(time=(first, last)).count().rows == expected
    assert stream.select(time="/2017-07-14T02:40:01").count().rows == 16
    assert stream.select(time=(None, start)).count().rows == 160


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"run": "7"}, "A run is an integer"), ({"run": -1}, "A run is an integer"), ({"run": 7.0}, "A run is an integer"), ({"run": [True]}, "A run is"),
        ({"frame": 3.5}, "Frames are"), ({"frame": (1, 2, 3)}, "Frames are"), ({"frame": "3"}, "Frames are"),
        ({"time": "2010-01-01"}, "T0/T1"), ({"time": ("2011", "2010")}, "ends before it begins"), ({"time": (None, None)}, "at least one end"),
        ({"time": 5}, "interval"), ({"time": (5.0, 6.0)}, "ISO 8601"), ({"time": ("yesterday", None)}, "ISO 8601"), ({"key": 5}, "A key is"),
        ({"detector": "antres"}, "Did you mean 'antares'"), ({"lineage": "0a0a0a0b"}, "Did you mean '0a0a0a0a'"),
        ({"where": "n_hit > 3"}, "Did you mean 'n_hits'"), ({"where": "n_hits"}, "not a comparison"), ({"where": "import os"}, "cannot be read"),
        ({"detector": "antares", "where": "utc_ns > 3"}, "do not have it"), ({"run": 5, "where": "charge_sum_pe > 3"}, "do not have it"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:40 rows")
def test_what_cannot_be_understood_is_refused_before_anything_is_read(small, arguments, words):
    with pytest.raises(UsageError, match=words):
        small.stream("events").select(**arguments)


def test_parts_without_a_column_have_missing_values_that_satisfy_nothing(small, small_entries):
    stream = small.stream("events")
    antares, km3net = small_entries[3].batch, [e.batch for e in entries_in_order(small_entries)[1:]]
    rows = stream.select(where="charge_sum_pe > 0").to_awkward(["charge_sum_pe", "overlays", "triggered_hits.tot"])
    charges = antares.tables["events"]["charge_sum_pe"]
    assert rows.charge_sum_pe.tolist() == charges[charges > 0].tolist() and set(rows.overlays.tolist()) == {None}
    assert set(rows.triggered_hits.tolist()) == {None}
    both = stream.select(where="charge_sum_pe > 0 or overlays >= 0").to_awkward(["overlays", "hits.tot"])
    assert both.overlays.tolist()[-210:] == np.concatenate([b.tables["events"]["overlays"] for b in km3net]).tolist()[-210:]
    assert both.hits.tot.tolist()[:3] == [[None] * n for n in np.diff(antares.offsets["hits"])[charges > 0][:3].tolist()]
    assert stream.select(where="isnan(overlays)").count().rows == 40


def test_an_empty_selection_has_columns_and_types(small):
    stream = small.stream("events")
    empty, full = stream.select(run=99).to_awkward(), stream.to_awkward()
    assert len(empty) == 0 and empty.fields == full.fields and empty.hits.fields == full.hits.fields
    assert str(empty.n_hits.type) == "0 * uint32" and str(empty.hits.charge_pe.type) == "0 * var * float64"
    assert stream.select(where="n_hits > 4294967295").to_xarray().sizes["event"] == 0
    assert stream.select(run=99).to_pandas().dtypes["n_hits"] == np.uint32
    assert stream.select(run=99).to_arrow("hits").num_rows == 0
    assert list(stream.select(run=99).iter_batches()) == [] and stream.select(run=99).count() == Count(0, 0)
    assert len(stream.select(run=99).to_awkward(["detector"])) == 0


def test_columns_are_chosen_by_name_and_the_keys_come_first(small):
    stream = small.stream("events")
    assert stream.to_awkward("hits").fields == ["run", "frame_index", "trigger_counter", "hits"]
    rows = stream.to_awkward(["hits.om", "n_hits", "frame_index", "hits.tot", "detector"])
    assert rows.fields == ["run", "frame_index", "trigger_counter", "n_hits", "detector", "hits"] and rows.hits.fields == ["om", "tot"]
    assert rows.detector.tolist() == ["antares"] * 40 + ["km3net-44"] * 270
    assert "hits.tot" in stream.columns and "hits.tot" not in stream.select(detector="antares").columns
    for names, words in (
        (["n_hit"], "Did you mean 'n_hits'"),
        (["hits.tott"], "hits.tot"),
        (["tot"], "write hits.tot or triggered_hits.tot"),
    ):
        with pytest.raises(UnknownNameError, match=words):
            stream.to_awkward(names)
    with pytest.raises(UnknownNameError, match="do not have it"):
        stream.select(detector="antares").to_awkward(["utc_ns"])
    with pytest.raises(UsageError, match="Columns are names"):
        stream.to_awkward([3])


def test_a_budget_stops_a_query_that_would_read_more(small, monkeypatch):
    stream = small.stream("events")
    with pytest.raises(UsageError, match=r"would read up to .* kB \(4 parts.*raise the budget: max_bytes=\d+ or ANTDASK_QUERY_BYTES"):
        stream.to_awkward(max_bytes=1000)
    monkeypatch.setenv("ANTDASK_QUERY_BYTES", "1000")
    for read in (stream.to_awkward, stream.to_xarray, stream.to_pandas, stream.to_arrow, stream.select(where="n_hits > 2147483648").count):
        with pytest.raises(UsageError, match="1,000"):
            read()
    assert len(stream.to_awkward(["n_hits"], max_bytes=10**6)) == 310
    assert stream.count().rows == 310 and sum(len(batch) for batch in stream.iter_batches()) == 310


def test_several_lineages_of_a_run_demand_a_choice(tmp_path):
    entries = [
        Entry(random_batch("events", "km3net_online", 10, seed=1), run=3),
        Entry(random_batch("events", "km3net_online", 10, seed=1), run=3, lineage="0b0b0b0b"),
        Entry(random_batch("events", "km3net_online", 10, seed=1), run=4, lineage="0b0b0b0b"),
    ]
    stream = antdask.open_archive(write_archive(tmp_path / "archive", entries)).stream("events")
    for read in (stream.to_awkward, stream.count, stream.explain, stream.to_dask, lambda: list(stream.iter_batches())):
        with pytest.raises(UsageError, match=r"Run 3 of km3net-44 .* expected one, found 0a0a0a0a, 0b0b0b0b.*lineage=\"0b0b0b0b\""):
            read()
    assert stream.select(run=4).count().rows == 10
    assert stream.select(lineage="0b0b0b0b").count().rows == 20
    assert stream.select(run=3).select(lineage=["0a0a0a0a"]).count().rows == 10


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 150_000),
    st.integers(0, 60_000),
    st.sampled_from([None, "n_hits > 5", "hits.tot > 250", "any(hits.tot > 253) and overlays & 1 == 0"]),
)
def test_ranges_over_blocks_give_what_the_batch_holds(long, long_batch, start, length, where):
    selection = long.stream("events").select(frame=(start, start + length))
    columns, hits, offsets = long_batch.tables["events"], long_batch.tables["hits"]["tot"], long_batch.offsets["hits"]
    rows = (columns["frame_index"] >= start) & (columns["frame_index"] < start + length)
    kept_hits = np.ones(len(hits), bool)
    if where is not None:
        selection = selection.select(where=where)
        most = np.maximum.reduceat(np.append(hits, 0), offsets[:-1]) * (np.diff(offsets) > 0)
        if where.startswith("n_hits"):
            rows &= columns["n_hits"] > 5
        elif where.startswith("hits"):
            rows, kept_hits = rows & (most > 250), hits > 250
        else:
            rows &= (most > 253) & (columns["overlays"] & 1 == 0)
    kept_hits &= np.repeat(rows, np.diff(offsets))
    found = selection.to_awkward(["source_entry", "hits.tot"])
    assert ak.to_numpy(found.source_entry).tolist() == columns["source_entry"][rows].tolist()
    assert ak.to_numpy(ak.flatten(found.hits.tot)).tolist() == hits[kept_hits].tolist()
    assert selection.count() == (int(rows.sum()), int(kept_hits.sum()))
    batches = list(selection.iter_batches("source_entry"))
    assert sum(len(b) for b in batches) == rows.sum() and all(len(b) for b in batches)


def test_a_whole_part_is_handed_on_without_a_copy(long, monkeypatch):
    from antdask.archive.reading import PartReader

    read = []
    original = PartReader.read
    monkeypatch.setattr(PartReader, "read", lambda *a, **k: read.extend(found := original(*a, **k)) or found)
    rows = long.stream("events").to_awkward(["n_hits", "hits.tdc"])
    # The offsets, the keys and the two.
    assert len(read) == 6 and read[-1].dtype == np.uint32
    assert np.shares_memory(ak.to_numpy(rows.hits.tdc.layout.content), read[-1])


def test_a_damaged_part_is_named(tmp_path):
    url = write_archive(tmp_path / "archive", [Entry(random_batch("events", "km3net_online", 10), run=3)])
    stream = antdask.open_archive(url).stream("events")
    next((tmp_path / "archive" / "parts").rglob("*.zip")).unlink()
    with pytest.raises(DamagedPartError, match="km3net-44/events/0a0a0a0a/00000003"):
        stream.to_awkward()
    assert stream.count().rows == 10


def test_a_selection_shows_how_it_came_about(small):
    selection = small.stream("events").select(run=[5, 7], detector="km3net-44", where="n_hits > 3")
    text = repr(selection)
    assert "3 parts with 270 rows" in text and "run 5, 7" in text and "n_hits > 3" in text and ".to_awkward(" in text
    assert "n_hits &gt; 3" in selection._repr_html_()
    assert "run 5\n" in repr(small.stream("events").select(run=range(5, 6)))
    assert "run 0 to 99 in steps of 3" in repr(small.stream("events").select(run=range(0, 100, 3)))
    with pytest.raises(WhereError):
        selection.select(where="n_hits >")


def test_the_first_rows_read_one_block(long, long_batch, monkeypatch):
    from antdask.query.pieces import Piece

    opened = []
    original = Piece.__init__
    monkeypatch.setattr(Piece, "__init__", lambda *a, **k: (opened.append(1), original(*a, **k))[1])
    found = long.stream("events").select(where="n_hits > 2").head(4, ["n_hits"])
    table = long_batch.tables["events"]
    assert found["n_hits"].tolist() == table["n_hits"][table["n_hits"] > 2][:4].tolist() and len(opened) == 2  # one, and what is left of it
    assert len(long.stream("events").head(100_000, "n_hits")) == 100_000
    assert len(long.stream("events").head(0)) == 0 == len(long.stream("events").select(run=99).head())
    assert list(long.stream("events").select(run=99).head(columns="n_hits")) == ["run", "frame_index", "trigger_counter", "n_hits"]
