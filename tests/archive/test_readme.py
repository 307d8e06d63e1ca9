"""The README of an archive suffices: its recipes run as they stand, and the one without libraries reads every stream, codec and cut."""

from __future__ import annotations

import json
import re
import sys
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numcodecs.zstd
import numpy as np
import pytest
import xarray
import zarr

from antdask.archive import layout as lay
from antdask.archive.readme import README
from antdask.archive.writer import PartWriter
from antdask.model.ragged import Batch
from antdask.model.tables import SCHEMAS
from tests.batches import random_batch


def origins(stream: str) -> list[str]:
    """Those that can fill the tables of a stream."""
    schema = SCHEMAS[stream]
    known = {o for t in schema.tables for o in (*t.origins, *(o for f in t.fields for o in f.origins))}
    return sorted(o for o in known if all(t.columns(o) for t in schema.given_by(o))) or ["any"]


def recipe(first: str) -> str:
    """The indented lines of the README that begin with this one."""
    block = re.search(rf"^    {re.escape(first)}.*\n(?:(?:    .*)?\n)+", README, re.MULTILINE)
    assert block is not None
    return "\n".join(line[4:] for line in block.group(0).splitlines())


def reader(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | Path, str], np.ndarray]:
    """``read`` as the README has it, with no more than it asks for."""
    zstd = types.ModuleType("compression.zstd")
    zstd.decompress = lambda data: bytes(numcodecs.zstd.decompress(data))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "compression", types.ModuleType("compression"))
    monkeypatch.setitem(sys.modules, "compression.zstd", zstd)
    names: dict[str, Any] = {}
    exec(recipe("import json, math"), names)
    read: Callable[[str | Path, str], np.ndarray] = names["read"]
    return read


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | Path, str], np.ndarray]:
    return reader(monkeypatch)


def write(path: Path, batch: Batch) -> Path:
    with PartWriter(batch.stream, batch.origin, {}) as writer:
        writer.append(batch)
        writer.finish(path)
    return path


def arrays(batch: Batch) -> Iterator[tuple[str, np.ndarray]]:
    for table, columns in batch.tables.items():
        yield from ((f"{table}/{name}", values) for name, values in columns.items())
    yield from ((f"{table}/{lay.OFFSETS}", values) for table, values in batch.offsets.items())


def test_the_recipes_of_the_readme_work_as_they_stand(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    batch = random_batch("events", "km3net_online", 20)
    write(tmp_path / "….zarr.zip", batch)
    names: dict = {}
    exec(recipe("import zarr"), names)
    start, stop = batch.offsets["hits"][5:7]
    assert (names["tot_of_event_5"] == batch.tables["hits"]["tot"][start:stop]).all()

    call = re.search(r"`(xarray\.open_zarr\(.+?\))`", README).group(1)
    opened = eval(call, {"xarray": xarray, "zarr": zarr})
    assert (opened["tot"].values == batch.tables["hits"]["tot"]).all()
    assert opened["tot"].dims == ("hit",)


@pytest.mark.parametrize("stream", SCHEMAS)
def test_every_column_of_every_stream_is_read_by_hand(stream, by_hand, tmp_path):
    for origin in origins(stream):
        for rows in (0, 9):
            batch = random_batch(stream, origin, rows)
            part = write(tmp_path / f"{origin}{rows}.zarr.zip", batch)
            for path, values in arrays(batch):
                assert by_hand(part, path).tobytes() == values.tobytes(), path


@pytest.mark.parametrize(("stream", "origin", "rows"), [("events", "km3net_online", 3000), ("rates", "antares_raw", 150), ("rates", "km3net_online", 90)])  # fmt: skip
def test_chunks_shards_and_every_codec_are_read_by_hand(stream, origin, rows, by_hand, tmp_path, monkeypatch):
    for name, value in {"CHUNK_ELEMENTS": 512, "SHARD_CHUNKS": 3, "SERIES_ROWS": 16, "SERIES_SHARD_CHUNKS": 3}.items():
        monkeypatch.setattr(lay, name, value)
    batch = random_batch(stream, origin, rows)
    part = write(tmp_path / "a.zarr.zip", batch)
    with zipfile.ZipFile(part) as members:
        assert any(re.search(r"/c/1(/0)?$", name) for name in members.namelist())
    for path, values in arrays(batch):
        assert by_hand(part, path).tobytes() == values.tobytes(), path


def test_between_them_these_batches_have_every_codec(tmp_path):
    found = set()
    for stream, origin in [("events", "km3net_online"), ("rates", "antares_raw"), ("rates", "km3net_online")]:
        with zipfile.ZipFile(write(tmp_path / f"{stream}{origin}.zip", random_batch(stream, origin, 100))) as members:
            for name in members.namelist():
                document = json.loads(members.read(name)) if name.endswith("zarr.json") else {}
                for sharding in document.get("codecs", []):
                    inner = sharding["configuration"]["codecs"]
                    found.add((*(c["name"] for c in inner), inner[-2]["configuration"].get("shuffle")))
    assert found == {
        ("bytes", "blosc", "crc32c", "shuffle"),
        ("bytes", "blosc", "crc32c", "bitshuffle"),
        ("bytes", "zstd", "crc32c", None),
        ("transpose", "bytes", "blosc", "crc32c", "shuffle"),
    }


def test_long_columns_of_real_size_are_read_by_hand(by_hand, tmp_path):
    for stream, origin, rows, mean in (("rates", "antares_raw", 5000, 5.0), ("timeslices_l1", "km3net_online", 30, 150.0)):
        batch = random_batch(stream, origin, rows, mean=mean)
        part = write(tmp_path / f"{stream}.zarr.zip", batch)
        for path, values in arrays(batch):
            assert by_hand(part, path).tobytes() == values.tobytes(), path
