import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from km3net_testdata import data_path

from antdask.archive import layout as lay
from antdask.archive.ledger import receipts
from antdask.archive.store import Store
from antdask.archive.writer import PartWriter
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.convert.verify import read_plainly, verify
from antdask.errors import UsageError

SERIAL = make_cluster("serial")


@pytest.fixture
def made(tmp_path):
    shutil.copy(data_path("online/km3net_online.root"), tmp_path / "in.root")
    convert(make_plan([str(tmp_path / "in.root")], str(tmp_path / "a")), SERIAL)
    store = Store(str(tmp_path / "a"))
    return store, list(receipts(store))


def found(store, mode):
    return [p["problem"] for p in verify(store.url, mode, SERIAL).problems]


@pytest.mark.parametrize("mode", ["fast", "deep", "source"])
def test_a_sound_archive_has_no_problems(made, mode):
    report = verify(made[0].url, mode, SERIAL)
    assert report.exit_code == 0 and report.parts == len(made[1])
    assert report.values == 0 if mode == "fast" else report.values > 300_000
    json.dumps(report.to_dict())


def test_an_unknown_mode_is_a_usage_error(made):
    with pytest.raises(UsageError, match="fast or deep or source"):
        verify(made[0].url, "thorough", SERIAL)


def test_fast_sees_what_is_missing_or_of_another_size(made):
    store, known = made
    file = Path(store.full(lay.part_file(known[0].part)))
    file.write_bytes(file.read_bytes()[:-1])
    assert len(found(store, "fast")) == 2  # the size, and the part that is not done
    file.unlink()
    assert any("missing" in text for text in found(store, "fast"))


def test_deep_sees_a_flipped_bit(made):
    store, known = made
    file = Path(store.full(lay.part_file(known[0].part)))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert found(store, "fast") == []
    assert any("checksum" in text for text in found(store, "deep"))


def test_source_sees_one_wrong_value_that_is_written_without_fault(made):
    store, known = made
    receipt = next(r for r in known if r.stream == "timeslices_l1")
    batch = read_plainly(store, receipt)
    hits = {k: v.copy() for k, v in batch.tables["hits"].items()}
    hits["tot"][1234] ^= 1
    rewrite(store, receipt, type(batch)(batch.stream, batch.origin, {**batch.tables, "hits": hits}, batch.offsets))
    assert found(store, "deep") == []
    assert found(store, "source") == [
        f"hits/tot: 1 rows differ from the source, the first is row 1234: {hits['tot'][1234]} instead of {hits['tot'][1234] ^ 1}"
    ]


def test_a_bound_that_would_hide_rows_is_seen(made):
    store, known = made
    receipt = next(r for r in known if r.stream == "events")
    receipt.blocks[0]["n_hits_max"] -= 1
    store.write_small(lay.receipt_file(receipt.part), receipt.to_json())
    assert any("n_hits runs from" in text for text in found(store, "deep"))


def test_a_source_that_changed_or_went_is_a_problem_of_its_parts(made, tmp_path):
    store, known = made
    (tmp_path / "in.root").unlink()
    texts = found(store, "source")
    assert len(texts) == len(known) and all("in.root" in text for text in texts)


def rewrite(store, receipt, batch):
    import dataclasses
    import zipfile

    file = Path(store.full(lay.part_file(receipt.part)))
    with zipfile.ZipFile(file) as z:
        attributes = json.loads(z.read("zarr.json"))["attributes"]
    keep = {k: attributes[k] for k in ("detector", "run", "lineage", "inputs", "ranges")}
    with PartWriter(batch.stream, batch.origin, keep) as writer:
        writer.append(batch)
        written = writer.finish(file)
    new = dataclasses.replace(receipt, nbytes=written.nbytes, crc32c=written.crc32c, arrays=written.arrays, blocks=written.blocks)
    store.write_small(lay.receipt_file(receipt.part), new.to_json())
    convert_catalogue(store)


def convert_catalogue(store):
    from antdask.archive import snapshot

    snapshot.rebuild(store)


def test_nan_equals_nan_of_the_same_bits(tmp_path):
    convert(make_plan([data_path("seatray/antares.h5")], str(tmp_path / "a")), SERIAL)
    assert verify(str(tmp_path / "a"), "source", SERIAL).problems == []
    receipt = next(r for r in receipts(Store(str(tmp_path / "a"))) if r.stream == "events")
    assert np.isnan(read_plainly(Store(str(tmp_path / "a")), receipt).tables["hits"]["width_ns"]).all()
