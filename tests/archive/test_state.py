import dataclasses

import numpy as np
import pytest

from antdask.archive import layout as lay
from antdask.archive import marker, plans, snapshot, state
from antdask.archive.state import Account
from antdask.archive.store import Store
from antdask.errors import ConflictError
from antdask.model.keys import RunKey
from antdask.plan import FileEntry, Plan, Segment, make_parts
from tests.archive.test_ledger import keep, plan, receipt_of
from tests.archive.test_snapshot import again, merge_of


@pytest.fixture(params=["receipts only", "with a catalogue"])
def store(request, tmp_path):
    made = Store(str(tmp_path))
    marker.create(made)

    def settle():
        if request.param == "with a catalogue":
            snapshot.rebuild(made)

    made.settle = settle
    return made


def done(store, p, **how):
    standing = Account.take(store, **how).standing(p)
    return [i for i in range(standing.table.num_rows) if i in standing]


def test_a_part_is_done_while_receipt_and_file_agree(store):
    p = plan()
    for i in range(2):
        keep(store, receipt_of(p, i))
    store.settle()
    assert done(store, p) == [0, 1] == done(store, plans.save(store, p))
    standing = Account.take(store).standing(p)
    assert (standing.total("rows"), standing.total("hits"), standing.sums["cpu_seconds"].tolist()) == (10, 18, [1.0, 1.0])
    store.write_small(lay.part_file(p.parts[0].key.path), b"ab")
    assert done(store, p) == [1] and done(store, p, files=False) == [0, 1]
    store.remove(lay.receipt_file(p.parts[1].key.path))
    assert done(store, p) == []


def test_a_part_without_rows_needs_no_file(store):
    p = plan()
    store.write_small(lay.receipt_file(p.parts[0].key.path), dataclasses.replace(receipt_of(p, 0), nbytes=0, rows=0).to_json())
    store.settle()
    assert done(store, p) == [0]


def test_nothing_is_done_in_an_empty_archive(store):
    store.settle()
    standing = Account.take(store).standing(plan())
    assert len(standing) == 0 and standing.missing() == [0, 1] and standing.groups() == []


def test_the_same_content_under_another_number_counts_as_done(store):
    p = plan()
    keep(store, receipt_of(p, 1))
    store.settle()
    other = dataclasses.replace(
        p, parts=tuple(dataclasses.replace(part, key=dataclasses.replace(part.key, index=part.index + 5)) for part in p.parts)
    )
    assert done(store, other) == [1]


def test_a_later_generation_is_done_for_the_former_but_not_the_other_way(store):
    p = plan()
    for i in range(2):
        keep(store, receipt_of(p, i))
    store.settle()
    assert done(store, again(p, 0)) == []
    keep(store, dataclasses.replace(receipt_of(again(p, 0), 0), rows=4))
    store.settle()
    assert done(store, again(p, 0)) == [0] and done(store, p) == [0, 1]
    assert Account.take(store).standing(p).total("rows") == 9
    store.remove(lay.receipt_file(p.parts[0].key.path))
    assert done(store, p) == [0, 1]


@pytest.mark.parametrize("cleared", [False, True])
def test_what_a_merged_part_stands_for_is_done_with_its_own_numbers(store, cleared):
    p = plan()
    for i in range(2):
        keep(store, receipt_of(p, i))
    keep(store, merge_of(p))
    store.settle()
    if cleared:
        for part in p.parts:
            store.remove(lay.receipt_file(part.key.path))
            store.remove(lay.part_file(part.key.path))
    standing = Account.take(store).standing(p)
    assert len(standing) == 2 and standing.total("rows") == 10 and standing.total("nbytes") == 6
    # Where the merged part is damaged, its sources count only while they are there themselves.
    store.write_small(lay.part_file(merge_of(p).part), b"ab")
    assert done(store, p) == ([] if cleared else [0, 1])


def test_of_many_new_receipts_some_are_read_and_all_are_counted(store):
    entry = FileEntry("/a", "seatray_hdf5", "l", "seatray", 1, 1, "", "f" * 64, (Segment("events", "T", RunKey("antares", 7), 0, 40, 400),))
    p = Plan("memory://x", (entry,), make_parts([entry], {("events", "seatray_hdf5/l/seatray"): "0a0b0c0d"}, 10), {"0a0b0c0d": {}})
    for i in range(30):
        keep(store, receipt_of(p, i))
    account = Account.take(store, files=False, most=10)
    standing = account.standing(p)
    assert (len(account.read), len(account.fresh), len(standing), int(standing.known.sum())) == (10, 30, 30, 10)
    assert standing.total("rows") == 50
    store.settle()
    assert Account.take(store, files=False, most=10).standing(p).total("rows") in (50, 150)


def test_what_is_missing_is_said_largest_first():
    made = [
        FileEntry(f"/{i}", "f", "l", "seatray", 1, 1, "", str(i) * 64, (Segment("events", "T", RunKey("antares", i), 0, 1, size),))
        for i, size in enumerate((10, 30, 20, 30))
    ]
    p = Plan("/x", tuple(made), make_parts(made, {("events", "f/l/seatray"): "0a0b0c0d"}, 10**9), {})
    standing = Account(Store("/x"), None, state._ROWS.empty_table(), [], []).standing(p)
    assert standing.missing() == [1, 3, 2, 0]
    standing.note(3, receipt_of(plan(), 0).brief())
    assert standing.missing() == [1, 2, 0] and 3 in standing and 1 not in standing and "3" not in standing
    assert [standing.path(i) for i in range(4)] == [part.key.path for part in p.parts]


def test_sums_are_grouped_by_stream_detector_and_run(store):
    p = plan()
    for i in range(2):
        keep(store, receipt_of(p, i))
    store.settle()
    [group] = Account.take(store).standing(p).groups()
    assert group == {
        "stream": "events", "detector": "antares", "run": 7, "parts": 2, "rows": 10, "hits": 18, "lost": 0, "bytes_in": 1000, "nbytes": 6,
        "cpu_seconds": 2.0,
    }  # fmt: skip


def refuse(store, p):
    account = Account.take(store)
    account.refuse_overlap(p, account.standing(p))


def test_the_same_entries_in_another_cut_are_refused(store):
    keep(store, receipt_of(plan(), 0))
    store.settle()
    refuse(store, plan())
    refuse(store, plan(250, fingerprint="0" * 64))
    refuse(store, plan(250, lineage="99999999"))
    for p in (plan(250), plans.save(store, plan(250))):
        with pytest.raises(ConflictError, match="Entries 0 to"):
            refuse(store, p)
    refuse(store, dataclasses.replace(plan(250), retires=(plan().parts[0].key.path,)))


def test_what_was_merged_and_cleared_away_does_not_stand_in_the_way(store):
    p = plan()
    keep(store, merge_of(p))
    store.settle()
    refuse(store, p)
    with pytest.raises(ConflictError, match="Entries 0 to"):
        refuse(store, plan(250))


def test_columns_have_their_types(store):
    standing = Account.take(store).standing(plan())
    assert standing.done.dtype == bool and standing.sums["rows"].dtype == np.int64 and standing.sums["cpu_seconds"].dtype == np.float64
