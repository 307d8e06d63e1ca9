import numpy as np
import pyarrow as pa
import pytest

from antdask.archive.parquet_rows import ParquetRows, encode
from antdask.archive.store import Store
from antdask.errors import ArchiveError

TABLE = pa.table({"n": np.arange(1000), "word": [f"w{i % 3}" for i in range(1000)], "list": [[i, i + 1] for i in range(1000)]})


@pytest.fixture(params=["file", "memory"])
def rows(request, tmp_path):
    store = Store(str(tmp_path) if request.param == "file" else "memory://parquet-rows")
    store.write_small("a.parquet", encode(TABLE, 100, {"key": "value"}))
    return ParquetRows.open(store, "a.parquet", ["word"])


def test_ranges_and_single_rows_are_those_of_the_table(rows):
    assert len(rows) == 1000 and rows.names == ["n", "word", "list"] and rows.metadata[b"key"] == b"value"
    assert rows.table(["list", "n"], 95, 310).to_pydict() == TABLE.select(["list", "n"]).slice(95, 215).to_pydict()
    picked = np.array([0, 99, 100, 555, 999])
    assert rows.at(picked, ["n", "word"]).to_pydict() == TABLE.select(["n", "word"]).take(picked).to_pydict()
    assert rows.table(["n"], 7, 7).num_rows == 0 == rows.at(np.zeros(0, np.int64), ["n"]).num_rows
    assert pa.types.is_dictionary(rows.table(["word"])["word"].type)


def test_only_the_groups_in_question_are_read(rows, monkeypatch):
    read = []
    real = ParquetRows._read
    monkeypatch.setattr(ParquetRows, "_read", lambda self, groups, names: read.append(list(groups)) or real(self, groups, names))
    rows.at(np.array([5, 7, 912]), ["n"])
    rows.at(np.array([6]), ["n"])
    rows.table(["n"], 250, 420)
    assert read == [[0], [9], [2, 3, 4]]


def test_many_rows_in_a_row_are_read_at_once_and_not_kept(tmp_path):
    rows = ParquetRows.of(encode(pa.table({"n": np.arange(50_000)}), 1000))
    assert rows.at(np.arange(100, 40_100), ["n"])["n"].to_numpy().tolist() == list(range(100, 40_100)) and not rows._kept


def test_a_reader_keeps_its_file_when_it_is_removed(tmp_path):
    store = Store(str(tmp_path))
    store.write_small("a.parquet", encode(TABLE, 100))
    rows = ParquetRows.open(store, "a.parquet")
    store.remove("a.parquet")
    assert rows.table(["n"])["n"].to_numpy().sum() == 499_500
    with pytest.raises(ArchiveError, match="Open the archive again"):
        ParquetRows.open(store, "a.parquet")


def test_a_damaged_file_is_named(tmp_path):
    store = Store(str(tmp_path))
    data = bytearray(encode(TABLE, 100))
    data[4:2000] = b"\0" * 1996
    store.write_small("a.parquet", bytes(data))
    with pytest.raises(ArchiveError, match=r"a\.parquet"):
        ParquetRows.open(store, "a.parquet").table(["n"])
