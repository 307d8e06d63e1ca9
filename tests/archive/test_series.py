import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antdask.archive import layout as lay
from antdask.archive.reading import PartReader
from antdask.archive.series import SeriesReader
from antdask.archive.store import Store
from antdask.archive.writer import PartWriter
from antdask.errors import DamagedPartError
from tests.environment.sea import counts_batch

ROWS = 9000


@pytest.fixture(scope="module")
def count():
    return np.random.default_rng(3).poisson(np.linspace(10, 60_000, 900), (ROWS, 900)).astype(np.uint32)


@pytest.fixture(scope="module")
def part(count, tmp_path_factory):
    """A reader of a part of three appended pieces, none of which ends where a chunk does."""
    store = Store(str(tmp_path_factory.mktemp("series")))
    with PartWriter("rates", "antares_raw", {}) as writer, store.draft(lay.part_file("p")) as draft:
        for piece in np.split(np.arange(ROWS), [1000, 6000]):
            writer.append(counts_batch(count[piece], index=piece))
        written = writer.finish(draft)
        store.publish(draft, lay.part_file("p"))
    return PartReader(store, {"part": "p", "arrays": written.arrays})


class Counting(PartReader):
    """Counts the bytes it hands out."""

    moved = 0

    def stored(self, name, shard, start, stop):
        self.moved += stop - start
        return super().stored(name, shard, start, stop)


def again(part, kind=PartReader):
    return kind(part.store, {"part": part.part, "arrays": list(part._arrays.values())})


@settings(max_examples=30, deadline=None)
@given(st.integers(0, ROWS), st.integers(0, 5000), st.integers(0, 899), st.integers(1, 200))
def test_any_rows_of_any_channels_are_those_that_were_written(count, part, start, rows, first, channels):
    stop, last = min(ROWS, start + rows), min(900, first + channels)
    reader = SeriesReader(part, first, last)
    for _ in range(2):
        got = reader.read("slices/count", start, stop)
        assert got.dtype == np.uint32 and (got == count[start:stop, first:last].T).all()
    assert (part.column("slices", "count", start, stop) == count[start:stop]).all()


def test_stretches_of_time_one_after_the_other_and_back(count, part):
    reader, out = SeriesReader(part), np.zeros((900, 3000), np.uint32)
    for start in (0, 2000, 5000, 8000, 100, 4095):
        stop = min(ROWS, start + 1500)
        reader.read("slices/count", start, stop, out[:, 7 : 7 + stop - start])
        assert (out[:, 7 : 7 + stop - start] == count[start:stop].T).all() and not out[:, :7].any()


def test_one_module_costs_the_bytes_of_its_line_alone(part):
    one, every = again(part, Counting), again(part, Counting)
    SeriesReader(one, 200, 201).read("slices/count", 0, ROWS)
    SeriesReader(every).read("slices/count", 0, ROWS)
    index = 16 * part.layout("slices/count").chunks_per_shard + 4
    assert (one.moved - index) < (every.moved - index) / 9


def test_a_column_that_is_no_series_is_turned_over(count, tmp_path, monkeypatch):
    """As the first archives hold counts."""
    fields = {
        n: dataclasses.replace(f, codec="integer")
        for n, f in PartWriter("rates", "antares_raw", {}).schema.rows.columns("antares_raw").items()
    }
    monkeypatch.setattr("antdask.model.schema.Table.columns", lambda self, origin: fields if self.name == "slices" else {})
    store = Store(str(tmp_path))
    with PartWriter("rates", "antares_raw", {}) as writer, store.draft(lay.part_file("p")) as draft:
        writer.append(counts_batch(count[:300]))
        written = writer.finish(draft)
        store.publish(draft, lay.part_file("p"))
    old = PartReader(store, {"part": "p", "arrays": written.arrays})
    assert old.layout("slices/count").chunk == (64, 900)
    assert (SeriesReader(old, 100, 110).read("slices/count", 10, 200) == count[10:200, 100:110].T).all()


def test_a_damaged_chunk_is_refused(part, tmp_path):
    data = bytearray(part.store.read(part.file))
    place = next(a["offsets"][0] for a in part._arrays.values() if a["name"] == "slices/count")
    data[place + 1000] ^= 4
    store = Store(str(tmp_path))
    store.write_small(part.file, bytes(data))
    with pytest.raises(DamagedPartError, match="slices/count"):
        SeriesReader(PartReader(store, {"part": "p", "arrays": list(part._arrays.values())})).read("slices/count", 0, 10)
