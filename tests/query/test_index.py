"""The index: order of parts, their blocks, columns and arrays."""

import numpy as np

from antdask.archive.catalog import nothing
from antdask.archive.catalog_reader import CatalogReader
from antdask.query.index import Index


def index_of(archive, stream="events"):
    return Index(archive.catalog, stream)


def test_parts_come_by_detector_run_and_first_frame(small):
    index = index_of(small)
    assert len(index) == 4
    assert list(zip(*(index.part(name).tolist() for name in ("detector", "run", "frame_min")), strict=True)) == [
        ("antares", 7, 0),
        ("km3net-44", 5, 0),
        ("km3net-44", 7, 0),
        ("km3net-44", 7, 500),
    ]


def test_blocks_follow_their_parts(long):
    index = index_of(long)
    blocks = index.blocks(index.blocks_of(np.array([0])))
    assert blocks.row_start.tolist() == [0, 65_536, 131_072] and blocks.row_stop.tolist() == [65_536, 131_072, 150_000]
    assert index.blocks_of(np.zeros(0, np.int64)).tolist() == []


def test_columns_are_those_of_the_parts_that_are_meant(small):
    index = index_of(small)
    assert "hits/charge_pe" in index.columns(np.array([0])) and "hits/tot" not in index.columns(np.array([0]))
    assert {"hits/charge_pe", "hits/tot", "triggered_hits/tot"} <= set(index.columns(np.arange(4)))
    assert index.columns(np.zeros(0, np.int64)) == []
    assert index.with_column("events/utc_ns").tolist() == [False, True, True, True]
    assert index.with_column("events/nothing").tolist() == [False] * 4


def test_bounds_are_those_of_the_catalogue(small, small_entries):
    index = index_of(small)
    known = index.part_bounds(np.array([0, 3])).known
    assert known["frame_index"].low.values.tolist() == [0, 500] and known["run"].high.values.tolist() == [7, 7]
    assert known["utc_ns"].hole.tolist() == [True, False]
    utc = small_entries[1].batch.tables["events"]["utc_ns"]
    assert known["utc_ns"].low.values[1] == utc.min() and known["utc_ns"].low.values[0] == -(2**63)
    blocks = index.blocks(index.blocks_of(np.array([3])), ["n_hits", "frame_index"]).bounds.known
    assert set(blocks) == {"n_hits", "frame_index"}
    hits = small_entries[1].batch.tables["events"]["n_hits"]
    assert (blocks["n_hits"].low.values[0], blocks["n_hits"].high.values[0]) == (hits.min(), hits.max())


def test_arrays_say_where_bytes_lie(small):
    index = index_of(small)
    arrays = index.arrays(np.arange(4), ["hits/tot", "hits/offsets", "hits/nothing"])
    assert arrays["hits/tot"]["part"].tolist() == [1, 2, 3] and arrays["hits/offsets"]["part"].tolist() == [0, 1, 2, 3]
    assert arrays["hits/offsets"]["rows"].tolist() == [41, 61, 121, 91] and set(arrays["hits/offsets"]["itemsize"].tolist()) == {8}
    one = index.row(2)["arrays"]
    tot = next(a for a in one if a["name"] == "hits/tot")
    assert arrays["hits/tot"]["encoded"][1] == sum(tot["lengths"]) and arrays["hits/tot"]["chunk"][1] == tot["chunk"]
    assert len(arrays["hits/nothing"]["part"]) == 0
    rates = index_of(small, "rates").arrays(np.array([0]), ["frames/rate_code"])["frames/rate_code"]
    assert rates["width"].tolist() == [31] and rates["itemsize"].tolist() == [1]


def test_tables_come_with_all_above_them(small):
    index = index_of(small, "timeslices_l1")
    assert index.tables(["hits/tot"]) == ["slices", "frames", "hits"] and index.tables([]) == ["slices"]
    assert index.offset_arrays(["slices", "frames", "hits"]) == ["frames/offsets", "hits/offsets"]
    assert index.reader(small.store, 0).names


def test_an_empty_catalogue_has_an_empty_index():
    index = Index(CatalogReader.of(nothing()), "events")
    assert len(index) == 0 and index.columns(np.arange(0)) == [] and index.with_column("events/run").tolist() == []
