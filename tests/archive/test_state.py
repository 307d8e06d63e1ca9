import dataclasses

import pytest

from antdask.archive import layout as lay
from antdask.archive import marker, snapshot
from antdask.archive.state import briefs, done_parts, refuse_overlap
from antdask.archive.store import Store
from antdask.errors import ConflictError
from tests.archive.test_ledger import keep, plan, receipt_of


@pytest.fixture(params=["receipts only", "with a catalogue"])
def store(request, tmp_path):
    made = Store(str(tmp_path))
    marker.create(made)

    def settle():
        if request.param == "with a catalogue":
            snapshot.rebuild(made)

    made.settle = settle
    return made


def test_a_part_is_done_while_receipt_and_file_agree(store):
    p = plan()
    for i in range(2):
        keep(store, receipt_of(p, i))
    store.settle()
    assert sorted(done_parts(store, p)) == [0, 1]
    assert done_parts(store, p)[0] == receipt_of(p, 0).brief()
    store.write_small(lay.part_file(p.parts[0].key.path), b"ab")
    assert list(done_parts(store, p)) == [1]
    store.remove(lay.receipt_file(p.parts[1].key.path))
    assert done_parts(store, p) == {}
    assert list(briefs(store)) == [p.parts[0].key.path]


def test_the_same_content_under_another_number_counts_as_done(store):
    p = plan()
    keep(store, receipt_of(p, 1))
    store.settle()
    other = dataclasses.replace(
        p, parts=tuple(dataclasses.replace(part, key=dataclasses.replace(part.key, index=part.index + 5)) for part in p.parts)
    )
    assert list(done_parts(store, other)) == [1]


def test_the_same_entries_in_another_cut_are_refused(store):
    keep(store, receipt_of(plan(), 0))
    store.settle()
    refuse_overlap(store, plan())
    refuse_overlap(store, plan(250, fingerprint="0" * 64))
    refuse_overlap(store, plan(250, lineage="99999999"))
    with pytest.raises(ConflictError, match="Entries 0 to"):
        refuse_overlap(store, plan(250))
