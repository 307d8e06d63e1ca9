"""Rows of the catalogue say what receipts and plans say."""

import dataclasses

import pyarrow as pa

from antdask.archive.catalog import PARTS
from antdask.archive.catalog_rows import input_row, lost_rows, part_row, rejected_row, run_rows, superseded_row
from antdask.archive.ledger import Quarantined
from antdask.plan import Rejected
from tests.archive.test_ledger import plan, receipt_of


def parts(**changes):
    base = {**part_row(receipt_of(plan(), 0)), "current": True}
    return pa.Table.from_pylist([{**base, **change} for change in changes.values()], PARTS)


def test_a_part_row_holds_what_the_receipt_says():
    receipt = receipt_of(plan(), 0)
    row = part_row(receipt)
    assert (row["part"], row["rows"], row["hits"], row["nbytes"]) == (receipt.part, 5, 9, 3)
    assert row["inputs"] == ["f" * 64] and row["ranges"][0]["stop"] == 5
    assert row["seconds"] == 1.0 and row["ended_ns"] is None


def test_the_end_of_the_work_is_its_start_and_its_length():
    receipt = dataclasses.replace(receipt_of(plan(), 0), work={"started_ns": 10**9, "seconds": 0.5})
    assert part_row(receipt)["ended_ns"] == 1_500_000_000


def test_a_run_is_the_sum_of_its_current_parts_and_frames_are_not_counted_twice():
    rates = {"stream": "rates", "rows": 7, "hits": 0, "frame_min": 1, "frame_max": 9}
    slices = {"stream": "timeslices_l1", "rows": 4, "hits": 50, "frame_min": 3, "frame_max": 12}
    old = {"stream": "rates", "rows": 100, "current": False}
    (run,) = run_rows(parts(a={}, b=rates, c=slices, d=old))
    assert (run["rows"], run["hits"], run["n_parts"], run["n_frames"]) == (16, 59, 3, 7)
    assert (run["first_frame"], run["last_frame"]) == (1, 12) and run["streams"] == ["events", "rates", "timeslices_l1"]
    assert run["first_utc_ns"] is None


def test_lost_entries_and_rejected_inputs_keep_their_reason():
    lost = Quarantined("f" * 64, "a.h5", "T", 3, 4, "corrupt", "why")
    receipt = dataclasses.replace(receipt_of(plan(), 0), quarantined=[lost])
    (row,) = lost_rows([receipt], {"f" * 64: "/data/a.h5"})
    assert row == {"url": "/data/a.h5", "part": receipt.part, **dataclasses.asdict(lost)}
    assert rejected_row(Rejected("/x/y.root", "corrupt", "cut"))["name"] == "y.root"


def test_an_input_and_a_part_that_left_are_named():
    entry = plan().inputs[0]
    assert input_row(entry, "p", 2)["number"] == 2 and input_row(entry, "p", 2)["fingerprint"] == entry.fingerprint
    brief = receipt_of(plan(), 0).brief()
    assert superseded_row(brief, "new", True, 5) == {**superseded_row(dataclasses.asdict(brief), "new", True, 5)}
