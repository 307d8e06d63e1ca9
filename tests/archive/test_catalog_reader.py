import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from antdask.archive import catalog, marker, snapshot
from antdask.archive.catalog_reader import CatalogReader
from antdask.archive.store import Store
from antdask.errors import ArchiveError
from tests.archive.test_ledger import keep, plan, receipt_of


def made(tmp_path):
    store = Store(str(tmp_path / "archive"))
    marker.create(store)
    p = plan()
    for i in range(2):
        keep(store, receipt_of(p, i))
    return store, snapshot.rebuild(store)


def test_it_says_of_each_part_what_the_whole_catalogue_says(tmp_path):
    store, whole = made(tmp_path)
    reader = pickle.loads(pickle.dumps(CatalogReader.open(store)))
    stream = whole.parts["stream"][0].as_py()
    assert reader.snapshot == whole.snapshot and reader.rows_of(stream) == (0, 2) and reader.rows_of("nothing") == (0, 0)
    rows = whole.parts.select(["part", "nbytes", "crc32c", "detector", "arrays"]).to_pylist()
    assert [reader.row(i) for i in range(2)] == rows
    first, count = (reader.parts.table([name])[name].to_numpy() for name in ("first_block", "n_blocks"))
    owner = [whole.parts["part"][i].as_py() for i in np.repeat(np.arange(2), count).tolist()]
    assert whole.blocks["part"].to_pylist() == owner and first.tolist() == [0, count[0]]
    assert reader.runs.equals(whole.runs) and reader.quarantine.equals(whole.quarantine) and reader.n_inputs == whole.inputs.num_rows


def test_an_empty_archive_has_an_empty_catalogue(tmp_path):
    store = Store(str(tmp_path / "archive"))
    marker.create(store)
    reader = CatalogReader.open(store)
    assert reader.snapshot == "" and reader.summaries["streams"] == {} and reader.runs.num_rows == 0 and len(reader.parts) == 0


def test_opening_reads_no_more_than_pointer_and_footer(tmp_path, monkeypatch):
    store, _ = made(tmp_path)
    opened = []
    real = CatalogReader._file
    monkeypatch.setattr(CatalogReader, "_file", lambda self, name: opened.append(name) or real(self, name))
    assert CatalogReader.open(store).summaries["total"]["rows"] == 10 and opened == ["parts"]


def test_a_whole_catalogue_survives_writing(tmp_path):
    store, whole = made(tmp_path)
    again = catalog.load(store)
    for name in catalog.TABLES:
        assert getattr(again, name).equals(getattr(whole, name)), name


def test_a_catalogue_without_its_summary_is_no_catalogue(tmp_path):
    store, whole = made(tmp_path)
    path = catalog.snapshot_file(whole.snapshot, "parts")
    table = pq.read_table(pa.BufferReader(store.read(path))).replace_schema_metadata()
    pq.write_table(table, tmp_path / "archive" / path)
    with pytest.raises(ArchiveError, match=r"says nothing about the whole.*--rebuild"):
        CatalogReader.open(Store(store.url))
