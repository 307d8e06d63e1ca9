from pathlib import Path

import pytest

from antdask.archive import layout as lay
from antdask.archive.part_file import PartFile
from antdask.archive.store import Store
from antdask.archive.writer import PartWriter
from antdask.errors import CorruptFileError, InputMissingError, InputUnreadableError
from tests.batches import random_batch


@pytest.fixture
def made(tmp_path):
    batch = random_batch("events", "km3net_online", 3000, mean=60.0)
    store = Store(str(tmp_path))
    with PartWriter(batch.stream, batch.origin, {"lineage": {"id": "x"}}) as writer, store.draft("parts/p.zarr.zip") as draft:
        writer.append(batch)
        written = writer.finish(draft)
        store.publish(draft, "parts/p.zarr.zip")
    return batch, written, store.full("parts/p.zarr.zip")


def test_a_part_says_of_itself_what_its_receipt_says(made):
    batch, written, path = made
    file = PartFile.read(path)
    assert file.arrays == written.arrays
    assert file.attributes["lineage"] == {"id": "x"} and file.attributes["rows"] == 3000
    assert file.nbytes_decoded == batch.nbytes
    assert {lay.OFFSETS in a["name"] for a in file.arrays} == {True, False}


def test_its_reader_gives_the_values(made):
    batch, _, path = made
    reader = PartFile.read(path).reader()
    assert (reader.column("hits", "tot") == batch.tables["hits"]["tot"]).all()
    assert (reader.offsets("hits") == batch.offsets["hits"]).all()


def test_what_is_no_part_is_said_to_be_none(made, tmp_path):
    _, _, path = made
    data = Path(path).read_bytes()
    for size in (0, 10, 1000, len(data) // 2, len(data) - 1):
        (tmp_path / "cut.zarr.zip").write_bytes(data[:size])
        with pytest.raises(CorruptFileError, match=r"cut\.zarr\.zip"):
            PartFile.read(str(tmp_path / "cut.zarr.zip"))
    # Bytes are missing in the middle: the directory tells places before the beginning. A name in it has changed: an array is gone.
    for altered in (data[:900] + data[1000:], data[:-5000] + data[-5000:].replace(b"hits/tot/zarr.json", b"hits/tox/zarr.jsom")):
        (tmp_path / "altered.zarr.zip").write_bytes(altered)
        with pytest.raises(CorruptFileError, match=r"altered\.zarr\.zip"):
            PartFile.read(str(tmp_path / "altered.zarr.zip"))
    with pytest.raises(InputMissingError):
        PartFile.read(str(tmp_path / "none.zarr.zip"))
    with pytest.raises(InputUnreadableError):
        PartFile.read(str(tmp_path))
