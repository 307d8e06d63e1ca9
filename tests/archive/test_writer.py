import itertools
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from antdask.archive.writer import PartWriter, hit_edges
from antdask.errors import AntdaskError
from antdask.model import ragged
from tests.batches import random_batch, same
from tests.outside import problems

ATTRIBUTES = {"detector": "antares", "run": 1, "lineage": {"id": "00000000"}, "inputs": [], "ranges": []}
KINDS = [
    ("events", "km3net_online"),
    ("events", "seatray"),
    ("timeslices_l1", "km3net_online"),
    ("rates", "km3net_online"),
    ("reco", "seatray"),
]


def write(path, batches):
    with PartWriter(batches[0].stream, batches[0].origin, ATTRIBUTES) as writer:
        for batch in batches:
            writer.append(batch)
        return writer.finish(path)


def read(path, like):
    root = zarr.open_group(zarr.storage.ZipStore(path, mode="r"), mode="r")
    tables = {t: {c: root[f"{t}/{c}"][...] for c in like.tables[t]} for t in like.tables}
    return ragged.Batch(like.stream, like.origin, tables, {t: root[f"{t}/offsets"][...] for t in like.offsets})


@pytest.mark.parametrize(("stream", "origin"), KINDS)
@pytest.mark.parametrize("rows", [0, 1, 3000])
def test_plain_zarr_reads_every_value_back(tmp_path, stream, origin, rows):
    batch = random_batch(stream, origin, rows)
    written = write(tmp_path / "a.zarr.zip", [batch])
    assert same(read(tmp_path / "a.zarr.zip", batch), batch)
    assert written.rows == rows and written.hits == batch.hits and written.nbytes == (tmp_path / "a.zarr.zip").stat().st_size
    assert list(problems(tmp_path / "a.zarr.zip")) == []


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=4))
def test_the_bytes_do_not_depend_on_how_the_rows_came(tmp_path_factory, edges):
    tmp_path = tmp_path_factory.mktemp("w")
    batch = random_batch("timeslices", "km3net_online", 40, mean=60)
    cuts = [0, *sorted(edges), 40]
    write(tmp_path / "a.zip", [batch])
    write(tmp_path / "b.zip", [ragged.cut(batch, a, b) for a, b in itertools.pairwise(cuts)])
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_long_columns_take_several_chunks_and_shards(tmp_path):
    rows = 65_536 * 64 + 70_000
    batch = ragged.empty("rates", "km3net_online")
    tables = {t: dict(c) for t, c in batch.tables.items()}
    tables["slices"] = {k: np.arange(rows).astype(v.dtype) for k, v in tables["slices"].items()}
    batch = ragged.Batch("rates", "km3net_online", tables, {"frames": np.zeros(rows + 1, np.int64)})
    written = write(tmp_path / "a.zip", [ragged.cut(batch, 0, 10), ragged.cut(batch, 10, rows)])
    frame_index = next(a for a in written.arrays if a["name"] == "slices/frame_index")
    assert len(frame_index["offsets"]) == 2 and frame_index["chunk"] == 65_536
    root = zarr.open_group(zarr.storage.ZipStore(tmp_path / "a.zip", mode="r"), mode="r")
    assert (root["slices/frame_index"][...] == np.arange(rows)).all()


def test_the_receipt_says_where_each_shard_lies(tmp_path):
    batch = random_batch("events", "km3net_online", 300)
    written = write(tmp_path / "a.zip", [batch])
    data = (tmp_path / "a.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        for array in written.arrays:
            if array["shape"][0]:
                shard = file.read(f"{array['name']}/c/0" + "/0" * (len(array["shape"]) - 1))
                assert data[array["offsets"][0] : array["offsets"][0] + array["lengths"][0]] == shard


def test_bytes_are_the_same_in_another_process_with_another_clock_and_mask(tmp_path):
    code = (
        "import os, sys; os.umask(0o077); sys.path.insert(0, '.')\n"
        "from tests.archive.test_writer import write; from tests.batches import random_batch; from pathlib import Path\n"
        "write(Path(sys.argv[1]), [random_batch('events', 'seatray', 500)])"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "b.zip")], check=True, env={"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"})
    write(tmp_path / "a.zip", [random_batch("events", "seatray", 500)])
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_batch_against_the_schema_is_a_bug_with_a_name(tmp_path):
    batch = random_batch("events", "seatray", 3)
    tables = {**batch.tables, "hits": {k: v for k, v in batch.tables["hits"].items() if k != "om"}}
    with PartWriter("events", "seatray", ATTRIBUTES) as writer, pytest.raises(AntdaskError, match="om"):
        writer.append(ragged.Batch("events", "seatray", tables, batch.offsets))


def test_hit_edges_go_through_all_levels():
    batch = random_batch("timeslices", "km3net_online", 20)
    edges = hit_edges(batch)
    for row in range(20):
        assert ragged.cut(batch, row, row + 1).hits == edges[row + 1] - edges[row]


def test_the_root_carries_an_awkward_form_that_wraps_the_arrays(tmp_path):
    import awkward as ak

    batch = random_batch("timeslices", "km3net_online", 30)
    write(tmp_path / "a.zip", [batch])
    root = zarr.open_group(zarr.storage.ZipStore(tmp_path / "a.zip", mode="r"), mode="r")
    arrays = {f"{t}/{c}": root[f"{t}/{c}"][...] for t, g in root.groups() for c in g.array_keys()}
    array = ak.from_buffers(json.dumps(root.attrs["awkward_form"]), root.attrs["rows"], arrays, buffer_key="{form_key}")
    assert len(array) == 30
    assert ak.flatten(array.frames.hits.tot, axis=None).tolist() == batch.tables["hits"]["tot"].tolist()
    assert ak.num(array.frames, axis=1).tolist() == np.diff(batch.offsets["frames"]).tolist()
