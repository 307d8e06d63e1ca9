import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antdask.archive import sweep as sweeping
from antdask.archive.sweep import can_sweep, sweep
from antdask.errors import DamagedPartError
from antdask.model.ragged import concatenate
from tests.archive.test_reading import make
from tests.batches import random_batch


@pytest.fixture(scope="module")
def batch():
    return concatenate([random_batch("events", "antares_raw", 3000, seed=s, mean=40.0) for s in range(2)])


@pytest.fixture(scope="module")
def reader(batch, tmp_path_factory):
    return make(tmp_path_factory.mktemp("sweep"), batch)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 240_000), st.integers(0, 240_000), st.sampled_from([1, 1 << 17, 1 << 22]))
def test_the_stretches_are_together_what_the_batch_holds(batch, reader, start, count, step):
    names = ["hits/avc", "hits/timestamp"]
    stop = min(batch.length("hits"), start + count)
    start = min(start, stop)
    found = [[], []]
    sweeping._STEP, before = step, sweeping._STEP
    try:
        sweep(reader, names, start, stop, lambda columns: [kept.append(c.copy()) for kept, c in zip(found, columns, strict=True)])
    finally:
        sweeping._STEP = before
    for name, pieces in zip(names, found, strict=True):
        values = np.concatenate([np.empty(0, np.uint8), *pieces])
        assert (values == batch.tables["hits"][name[5:]][start:stop]).all() and len(values) == stop - start


def test_one_sweep_inside_another_has_memory_of_its_own(batch, reader):
    total = batch.length("hits")
    sums = []

    def outer(columns):
        sweep(reader, ["hits/tvc"], 0, total, lambda inner: inner[0].sum())
        sums.append(int(columns[0].sum(dtype=np.int64)))

    sweep(reader, ["hits/avc"], 0, total, outer)
    assert sum(sums) == int(batch.tables["hits"]["avc"].sum(dtype=np.int64))


def test_columns_of_different_tables_or_of_several_values_are_not_swept(reader, tmp_path):
    assert can_sweep(reader, ["hits/avc", "hits/tvc"]) and not can_sweep(reader, ["hits/avc", "events/n_hits"])
    rates = make(tmp_path, random_batch("rates", "km3net_online", 20))
    assert not can_sweep(rates, ["frames/rate_code"])


def test_a_damaged_part_is_named_and_its_memory_given_back(batch, reader, tmp_path):
    own = make(tmp_path, batch)
    file = tmp_path / own.file
    data = bytearray(file.read_bytes())
    place = next(a for a in own._arrays.values() if a["name"] == "hits/avc")["offsets"][0]
    data[place + 100] ^= 1
    file.write_bytes(bytes(data))
    for _ in range(2):
        with pytest.raises(DamagedPartError, match="hits/avc"):
            sweep(own, ["hits/avc"], 0, 10, lambda _: None)
    assert len({id(m) for m in sweeping._scratch.free}) == len(sweeping._scratch.free) > 0
