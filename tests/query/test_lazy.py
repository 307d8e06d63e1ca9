"""Lazy datasets equal those that are read at once, variable by variable, and read only what is asked for."""

import pickle

import numpy as np
import pytest
import xarray as xr

from antdask.archive.reading import PartReader
from antdask.errors import UsageError
from antdask.query.lazy import Spans, lazy_dataset

SELECTIONS = {
    "all detectors": ("events", {}),
    "one detector": ("events", {"detector": "km3net-44"}),
    "one run": ("events", {"run": 7}),
    "frames with hits": ("timeslices_l1", {}),
    "rates": ("rates", {}),
    "nothing": ("events", {"run": 99}),
}


@pytest.mark.parametrize("name", SELECTIONS)
@pytest.mark.parametrize("chunks", [None, {}, "auto"])
def test_it_is_the_dataset_that_is_read_at_once(small, name, chunks):
    stream, select = SELECTIONS[name]
    whole = small.stream(stream).select(**select).to_xarray()
    found = xr.open_dataset(small.url, engine="antdask", stream=stream, select=select, chunks=chunks)
    assert chunks is None or found.chunks
    xr.testing.assert_identical(found.compute(scheduler="sync") if chunks is not None else found.load(), whole)
    assert {n: v.dtype for n, v in found.variables.items()} == {n: v.dtype for n, v in whole.variables.items()}


def test_blocks_and_rows_in_any_order(long, long_batch):
    chosen = long.stream("events").select(frame=(65_536, 131_072))
    found, whole = lazy_dataset(chosen), chosen.to_xarray()
    xr.testing.assert_identical(found.compute(), whole)
    rng = np.random.default_rng(3)
    for pick in (slice(5, 90, 7), rng.integers(0, 65_536, 50), np.array([], int), 17, slice(None, None, -9000), np.array([-1, 3])):
        assert (found["n_hits"][pick].to_numpy() == whole["n_hits"].to_numpy()[pick]).all()
        assert (found["hits_row_size"][pick].to_numpy() == whole["hits_row_size"].to_numpy()[pick]).all()
    edges = found["hits_offsets"]
    assert (
        edges[-1].item() == whole.sizes["hit"] and edges[100:103].to_numpy().tolist() == whole["hits_offsets"][100:103].to_numpy().tolist()
    )
    a, b = edges[100:102].to_numpy().tolist()
    start = long_batch.offsets["hits"][65_636]
    assert found["hits_tot"][a:b].to_numpy().tolist() == long_batch.tables["hits"]["tot"][start : start + b - a].tolist()


def test_wide_columns_can_be_cut_in_both_directions(small, small_entries):
    codes = lazy_dataset(small.stream("rates"))["frames_rate_code"]
    want = small_entries[6].batch.tables["frames"]["rate_code"]
    assert (codes[3:40:2, 5:9].to_numpy() == want[3:40:2, 5:9]).all() and (codes[:, 7].to_numpy() == want[:, 7]).all()
    assert (codes[[4, 1], [30, 2]].to_numpy() == want[np.ix_([4, 1], [30, 2])]).all() and codes[5, 6].item() == want[5, 6]


def test_nothing_is_read_before_it_is_asked_for(small, monkeypatch):
    read = []
    original = PartReader.read
    monkeypatch.setattr(PartReader, "read", lambda self, wanted: (read.extend(w.name for w in wanted), original(self, wanted))[1])
    found = xr.open_dataset(small.url, engine="antdask", stream="events", select={"detector": "km3net-44"}, chunks={})
    assert (
        "dask" in str(type(found["n_hits"].data)) and "<U" not in repr(found["n_hits"].dtype) and not set(read) - {"triggered_hits/offsets"}
    )
    read.clear()
    assert found["n_hits"].max().compute(scheduler="sync") > 0 and set(read) == {"events/n_hits"}
    assert found["n_hits"].data.chunks == ((60, 120, 90),)
    again = pickle.loads(pickle.dumps(found["n_hits"]))
    assert (again.compute(scheduler="sync") == found["n_hits"].compute(scheduler="sync")).all()


def test_a_variable_beyond_the_budget_is_refused(small, monkeypatch):
    monkeypatch.setenv("ANTDASK_QUERY_BYTES", "100")
    found = xr.open_dataset(small.url, engine="antdask", stream="events", select={"run": 5})
    with pytest.raises(UsageError, match=r"takes 240 B in memory.*chunks=\{\}"):
        found["n_hits"].load()
    assert len(found["n_hits"][:10].to_numpy()) == 10


def test_a_condition_that_must_be_read_reads_all_at_once(small):
    select = {"where": "count(hits.tot > 100) > 3"}
    found = xr.open_dataset(small.url, engine="antdask", stream="events", select=select)
    xr.testing.assert_identical(found, small.stream("events").select(**select).to_xarray())


def test_many_spans_make_few_chunks():
    start = np.arange(5000) * 10
    spans = Spans(np.arange(5000), start, start + 7)
    assert len(spans) == 35_000 and sum(spans.chunks()) == 35_000 and len(spans.chunks()) <= 1000
    assert list(spans.within(6, 15)) == [(0, 6, 7), (1, 10, 17), (2, 20, 21)]
