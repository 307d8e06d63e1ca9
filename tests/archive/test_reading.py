import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antdask.archive import layout as lay
from antdask.archive.chunk_cache import ChunkCache
from antdask.archive.reading import PartReader, Wanted
from antdask.archive.store import Store
from antdask.archive.writer import PartWriter
from antdask.errors import DamagedPartError, UnknownNameError
from antdask.model.ragged import concatenate
from tests.batches import random_batch


def make(tmp_path, batch):
    store = Store(str(tmp_path))
    with PartWriter(batch.stream, batch.origin, {}) as writer, store.draft(lay.part_file("p")) as draft:
        writer.append(batch)
        written = writer.finish(draft)
        store.publish(draft, lay.part_file("p"))
    return PartReader(store, {"part": "p", "nbytes": written.nbytes, "arrays": written.arrays})


@pytest.fixture(scope="module")
def long_batch():
    return concatenate([random_batch("rates", "km3net_online", 4000, seed=s, mean=20.0) for s in range(2)])


@pytest.fixture(scope="module")
def long_reader(long_batch, tmp_path_factory):
    return make(tmp_path_factory.mktemp("long"), long_batch)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 140_000), st.integers(0, 70_000))
def test_any_range_of_a_column_is_that_of_the_batch(long_batch, long_reader, start, count):
    for table, name in (("frames", "rate_code"), ("frames", "dom_id"), ("slices", "utc_ns")):
        stop = start + count
        got = long_reader.column(table, name, start, stop)
        want = long_batch.tables[table][name][start:stop]
        assert got.dtype == want.dtype and got.shape == want.shape and (got == want).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 140_000), st.integers(0, 70_000)), min_size=1, max_size=5), st.sampled_from([0, 1 << 20, 1 << 28]))
def test_a_cache_and_places_of_ones_own_change_nothing(long_batch, long_reader, ranges, limit):
    cached = PartReader(long_reader.store, {"part": "p", "arrays": list(long_reader._arrays.values())}, cache=ChunkCache(limit))
    want = long_batch.tables["frames"]
    places = [np.zeros_like(want["rate_code"][a : a + n]) for a, n in ranges]
    wanted = [Wanted("frames/rate_code", a, a + n, place) for (a, n), place in zip(ranges, places, strict=True)]
    wanted += [Wanted("frames/dom_id", a, a + n) for a, n in ranges]
    for _ in range(2):
        found = cached.read(wanted)
        for (a, n), place, wide, narrow in zip(ranges, places, found, found[len(ranges) :], strict=False):
            assert wide is place and (place == want["rate_code"][a : a + n]).all() and (narrow == want["dom_id"][a : a + n]).all()
            place[...] = 0
    assert cached.cache.nbytes <= limit


def test_a_whole_shard_is_one_read_and_neighbours_are_joined(long_batch, long_reader, monkeypatch):
    read = []
    original = Store.read
    monkeypatch.setattr(Store, "read", lambda *a: read.append(original(*a)) or read[-1])
    reader = PartReader(long_reader.store, {"part": "p", "arrays": list(long_reader._arrays.values())}, cache=ChunkCache(1 << 20))
    reader.column("slices", "utc_ns")
    assert len(read) == 1
    total = long_batch.length("frames")
    reader.column("frames", "rate_code", 10, 4 * 2048)
    # The index, and the four chunks at once; so few are kept.
    assert len(read) == 3 and total > 4 * 2048
    reader.column("frames", "rate_code", 20, 4 * 2048)
    assert len(read) == 3


def test_offsets_of_parents_are_one_longer_than_the_parents(long_batch, long_reader):
    assert (long_reader.offsets("frames", 100, 200) == long_batch.offsets["frames"][100:201]).all()
    assert (long_reader.offsets("frames") == long_batch.offsets["frames"]).all()
    assert long_reader.length("frames") == long_batch.length("frames")


def test_several_shards_are_read_across_their_border(tmp_path):
    rows = 65_536 * 64 + 10
    batch = random_batch("rates", "km3net_online", 1)
    slices = {k: np.resize(np.arange(rows), rows).astype(v.dtype) for k, v in batch.tables["slices"].items()}
    frames = {k: v[:0] for k, v in batch.tables["frames"].items()}
    big = type(batch)("rates", "km3net_online", {"slices": slices, "frames": frames}, {"frames": np.zeros(rows + 1, np.int64)})
    reader = make(tmp_path, big)
    start = 65_536 * 64 - 3
    assert reader.column("slices", "utc_ns", start, start + 8).tolist() == list(range(start, start + 8))
    assert reader.nbytes("slices/utc_ns", start, start + 8) > 0


def test_unknown_names_and_missing_or_short_parts_are_named(tmp_path):
    reader = make(tmp_path, random_batch("events", "seatray", 10))
    with pytest.raises(UnknownNameError, match="hits/om"):
        reader.column("hits", "omm")
    with pytest.raises(UnknownNameError):
        reader.length("hit")
    file = tmp_path / lay.part_file("p")
    file.write_bytes(file.read_bytes()[:3000])
    with pytest.raises(DamagedPartError, match="shorter"):
        PartReader(reader.store, {"part": "p", "arrays": list(reader._arrays.values())}).column("hits", "om")
    file.unlink()
    with pytest.raises(DamagedPartError, match="missing"):
        PartReader(reader.store, {"part": "p", "arrays": list(reader._arrays.values())}).column("hits", "om")
