"""Other readers of Zarr read a part as we do, bit for bit."""

import zipfile

import numpy as np
import pytest
import tensorstore
import zarr

from antdask.archive import layout as lay
from antdask.archive.reading import PartReader
from antdask.archive.store import Store
from antdask.archive.writer import PartWriter
from tests.batches import random_batch

ZARRS = "zarrs.ZarrsCodecPipeline"


@pytest.fixture(
    scope="module",
    params=[("timeslices_l1", "km3net_online", 400), ("events", "antares_raw", 600), ("rates", "antares_raw", 3000)],
    ids=lambda p: p[1],
)
def part(request, tmp_path_factory):
    """A reader of a part, the ZIP, and the folder that it unpacks to."""
    (stream, origin, rows), root = request.param, tmp_path_factory.mktemp("peers")
    store = Store(str(root))
    with PartWriter(stream, origin, {}) as writer, store.draft(lay.part_file("p")) as draft:
        for seed in range(3):
            writer.append(random_batch(stream, origin, rows, seed=seed, mean=20.0, first_frame=rows * seed))
        written = writer.finish(draft)
        store.publish(draft, lay.part_file("p"))
    file = root / lay.part_file("p")
    with zipfile.ZipFile(file) as members:
        members.extractall(root / "unpacked")
    return PartReader(store, {"part": "p", "arrays": written.arrays}), file, root / "unpacked"


def test_zarr_python_reads_the_same(part):
    reader, file, _ = part
    with zarr.storage.ZipStore(file, mode="r") as place:
        group = zarr.open_group(place, mode="r")
        for name in reader.names:
            compare(reader, name, group[name][...])


def test_zarrs_reads_the_same(part):
    reader, _, folder = part
    with zarr.config.set({"codec_pipeline.path": ZARRS}):
        for name in reader.names:
            compare(reader, name, zarr.open_array(folder / name, mode="r")[...])


def test_tensorstore_reads_the_same(part):
    reader, _, folder = part
    for name in reader.names:
        array = tensorstore.open({"driver": "zarr3", "kvstore": {"driver": "file", "path": str(folder / name)}}).result()
        compare(reader, name, array.read().result())


def compare(reader: PartReader, name: str, theirs: np.ndarray) -> None:
    table, _, column = name.rpartition("/")
    ours = reader.column(table, column)
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape and ours.tobytes() == np.ascontiguousarray(theirs).tobytes()
