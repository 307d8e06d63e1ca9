import dataclasses
import json

import pytest

from antdask.archive import layout as lay
from antdask.archive.ledger import Quarantined, Receipt, is_done, make_receipt, read_receipt, receipts
from antdask.archive.store import Store
from antdask.archive.writer import Written
from antdask.errors import ArchiveError
from antdask.model.keys import RunKey
from antdask.plan import FileEntry, Plan, Segment, make_parts

RUN = RunKey("antares", 7)


def plan(part_bytes=500, fingerprint="f" * 64, lineage="0a0b0c0d"):
    entry = FileEntry("/data/a.h5", "seatray_hdf5", "l", "seatray", 100, 1, "", fingerprint, (Segment("events", "T", RUN, 0, 10, 1000),))
    parts = make_parts([entry], {("events", "seatray_hdf5/l/seatray"): lineage}, part_bytes)
    return Plan("memory://x", (entry,), parts, {lineage: {}})


def receipt_of(p, index, nbytes=3):
    blocks = [{"block": 0, "row_start": 0, "row_stop": 5, "hit_start": 0, "hit_stop": 9, "frame_index_min": 2, "frame_index_max": 4}]
    written = Written(nbytes, 1, 5, 9, {"events": 5, "hits": 9}, [], blocks)
    return make_receipt(p.assignment(index), written, [], {"seconds": 1.0, "cpu_seconds": 1.0})


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path))


def keep(store, receipt, data=b"abc"):
    store.write_small(lay.part_file(receipt.part), data)
    store.write_small(lay.receipt_file(receipt.part), receipt.to_json())


def test_a_receipt_reads_back(store):
    receipt = dataclasses.replace(receipt_of(plan(), 0), quarantined=[Quarantined("f", "a.h5", "T", 3, 4, "corrupt", "why")])
    keep(store, receipt)
    assert read_receipt(store, plan().parts[0].key) == receipt == next(iter(receipts(store)))
    assert receipt.lost == 1 and (receipt.frame_min, receipt.frame_max) == (2, 4) and receipt.utc_min is None


def test_a_part_is_done_only_when_receipt_and_file_agree(store):
    p = plan()
    receipt = receipt_of(p, 0)
    assert not is_done(store, p.parts[0], None)
    assert not is_done(store, p.parts[0], receipt)
    keep(store, receipt, b"ab")
    assert not is_done(store, p.parts[0], receipt)
    keep(store, receipt)
    assert is_done(store, p.parts[0], receipt)
    assert not is_done(store, p.parts[1], receipt)


def test_a_part_that_was_lost_whole_needs_no_file(store):
    p = plan()
    receipt = make_receipt(p.assignment(0), None, [Quarantined("f", "a.h5", "T", 0, 5, "corrupt", "why")], {})
    assert receipt.nbytes == 0 and is_done(store, p.parts[0], receipt)


def test_every_bit_of_a_receipt_counts():
    data = receipt_of(plan(), 0).to_json()
    assert json.loads(data)["seal"] == data[10:18].decode()
    for place in range(len(data)):
        altered = data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]
        with pytest.raises(ArchiveError, match=r"in x.*Delete it and convert again"):
            Receipt.from_json(altered, "x")
    with pytest.raises(ArchiveError, match="altered"):
        Receipt.from_json(data.replace(b'"rows": ', b'"rows": 1'), "x")


def test_a_receipt_of_an_earlier_version_has_no_seal():
    receipt = receipt_of(plan(), 0)
    data = receipt.to_json()
    assert Receipt.from_json(b"{" + data[21:], "x") == receipt == Receipt.from_json(data, "x")


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"receipt_version": 2}', b'{"receipt_version": 1, "part": "x"}'])
def test_a_damaged_receipt_says_what_to_do(data):
    with pytest.raises(ArchiveError, match=r"where\.json"):
        Receipt.from_json(data, "where.json")
