"""Dask collections of selections: small graphs, known chunks, values as they are."""

import pickle

import awkward as ak
import numpy as np
import pytest

import antdask
from antdask.errors import DamagedPartError, UnknownNameError, UsageError
from tests.batches import random_batch
from tests.query.archives import Entry, write_archive


def test_a_bag_has_a_partition_per_part_and_no_more_tasks(small, small_entries):
    bag = small.stream("events").to_dask(columns=["n_hits", "hits.triggered"])
    assert bag.npartitions == 4 == len(bag.dask)
    arrays = bag.compute(scheduler="sync")
    assert [len(a) for a in arrays] == [40, 60, 120, 90] and arrays[0].fields == ["run", "frame_index", "trigger_counter", "n_hits", "hits"]
    total = bag.map(lambda a: int(ak.sum(a.n_hits))).sum().compute(scheduler="threads")
    assert total == sum(int(e.batch.tables["events"]["n_hits"].sum()) for e in small_entries if e.batch.stream == "events")


def test_a_bag_gives_a_block_at_a_time(long):
    arrays = long.stream("events").select(where="n_hits > 3").to_dask(columns=["n_hits"]).compute(scheduler="sync")
    assert len(arrays) == 3 and all(ak.all(a.n_hits > 3) for a in arrays)


def test_an_array_knows_its_chunks_before_anything_is_read(small, small_entries, monkeypatch):
    from antdask.archive.store import Store

    stream = small.stream("events").select(detector="km3net-44")
    with monkeypatch.context() as patch:
        patch.setattr(Store, "read", None)
        array, hits = stream.to_dask("events", "n_hits"), stream.to_dask("hits", "tot")
        triggered, codes = stream.to_dask("triggered_hits", "tot"), small.stream("rates").to_dask("frames", "rate_code")
    assert array.chunks == ((60, 120, 90),) and array.dtype == np.uint32 and len(array.dask) == 3
    batches = [small_entries[i].batch for i in (2, 0, 1)]
    assert hits.chunks == (tuple(b.hits for b in batches),) and triggered.chunks == (tuple(b.length("triggered_hits") for b in batches),)
    assert hits.compute(scheduler="sync").tolist() == [v for b in batches for v in b.tables["hits"]["tot"].tolist()]
    assert triggered.max().compute(scheduler="sync") == max(b.tables["triggered_hits"]["tot"].max() for b in batches)
    batch = small_entries[6].batch
    assert (
        codes.chunks == ((batch.length("frames"),), (31,))
        and (codes.compute(scheduler="sync") == batch.tables["frames"]["rate_code"]).all()
    )


def test_chunks_are_unknown_where_rows_must_be_read_to_be_counted(long, long_batch):
    selection = long.stream("events").select(where="hits.tot > 200")
    array = selection.to_dask("hits", "tot")
    assert np.isnan(array.shape[0])
    tot = long_batch.tables["hits"]["tot"]
    assert array.compute(scheduler="sync").tolist() == tot[tot > 200].tolist()
    piece = long.stream("events").select(frame=(65_536, 131_072))
    assert piece.to_dask("events", "run").chunks == ((65_536,),) and np.isnan(piece.to_dask("triggered_hits", "tot").shape[0])
    assert piece.to_dask("hits", "tot").chunks == ((piece.count().hits,),)


def test_an_empty_selection_is_an_empty_collection(small):
    nothing = small.stream("rates").select(run=99)
    assert nothing.to_dask().compute(scheduler="sync") == []
    array = nothing.to_dask("frames", "rate_code")
    assert array.shape == (0, 31) and array.compute(scheduler="sync").dtype == np.uint8


def test_what_cannot_be_one_array_is_refused(small):
    stream = small.stream("events")
    with pytest.raises(UsageError, match=r"1 of 4 parts do not have column 'hits.tot'.*antares/events"):
        stream.to_dask("hits", "tot")
    with pytest.raises(UsageError, match="give table and column"):
        stream.to_dask("hits")
    with pytest.raises(UnknownNameError, match=r"Did you mean 'hits\.tot'"):
        stream.to_dask("hits", "tott")


def test_the_same_question_has_the_same_name(small):
    stream = small.stream("events")
    assert stream.to_dask().name == stream.to_dask().name != stream.select(where="run > 0").to_dask().name


def test_many_parts_make_few_partitions_and_a_small_graph(tmp_path):
    entries = [Entry(random_batch("events", "km3net_online", 3, seed=i, mean=2.0, first_frame=10 * i), run=5, index=i) for i in range(40)]
    events = antdask.open_archive(write_archive(tmp_path / "archive", entries)).stream("events")
    bag = events.to_dask(columns=["n_hits"], partitions=4)
    assert bag.npartitions == 4 == len(bag.dask)
    want = [n for e in entries for n in e.batch.tables["events"]["n_hits"].tolist()]
    assert [n for a in bag.compute(scheduler="sync") for n in a.n_hits.to_list()] == want
    array = events.to_dask("hits", "tot", partitions=3)
    assert len(array.chunks[0]) == 3 and array.shape == (sum(e.batch.hits for e in entries),)
    assert (array.compute(scheduler="sync") == np.concatenate([e.batch.tables["hits"]["tot"] for e in entries])).all()
    lengths = events.to_dask("triggered_hits", "tot", partitions=3).chunks[0]
    assert sum(lengths) == sum(e.batch.length("triggered_hits") for e in entries) and len(lengths) == 3
    # What travels are numbers of parts, and no rows of the catalogue.
    assert len(pickle.dumps(dict(bag.dask))) < 20_000
    for wrong in (0, 1001, "4"):
        with pytest.raises(UsageError, match="number of partitions"):
            events.to_dask(partitions=wrong)


def test_what_is_missing_is_left_out_of_a_bag_too(small_entries, tmp_path):
    url = write_archive(tmp_path / "archive", small_entries[:2])
    next((tmp_path / "archive" / "parts").rglob("*.zip")).unlink()
    events = antdask.open_archive(url).stream("events")
    with pytest.raises(DamagedPartError):
        events.to_dask(columns=["n_hits"]).compute(scheduler="sync")
    tolerant = events.select(on_missing="skip")
    with pytest.warns(UserWarning, match="left out"):
        assert len(tolerant.to_dask(columns=["n_hits"]).compute(scheduler="sync")) == 1
    assert np.isnan(tolerant.to_dask("events", "n_hits").shape[0])
