import dataclasses

import numpy as np

from antdask.archive.ledger import Provenance, Quarantined
from antdask.convert.material import joined, trace
from tests.archive.test_ledger import plan, receipt_of


def identity(letter):
    return {"name": f"{letter}.root", "nbytes": 1, "uuid": "", "fingerprint": letter * 64}


def made(part, inputs, ranges, **more):
    base = receipt_of(plan(), 0)
    return dataclasses.replace(base, part=part, inputs=[identity(i) for i in inputs], ranges=ranges, **more)


def span(number, start, stop, tree="T"):
    return {"input": number, "tree": tree, "start": start, "stop": stop}


def test_parts_of_one_file_go_back_to_one_range():
    behind, numbers = trace([made("p1", "a", [span(0, 0, 40)]), made("p2", "a", [span(0, 40, 100)])], superseding=True)
    assert behind.inputs == [identity("a")] and behind.ranges == [span(0, 0, 100)] and behind.entries == 100
    assert [n.tolist() for n in numbers] == [[0], [0]]
    assert behind.sources == ["p1", "p2"] and [b.part for b in behind.supersedes] == ["p1", "p2"]


def test_inputs_are_counted_anew_and_none_twice():
    behind, numbers = trace(
        [made("p1", "ab", [span(1, 0, 5), span(0, 2, 3)]), made("p2", "cb", [span(0, 0, 9), span(1, 5, 7)])], superseding=True
    )
    assert [i["fingerprint"][0] for i in behind.inputs] == ["a", "b", "c"]
    assert behind.ranges == [span(1, 0, 5), span(0, 2, 3), span(2, 0, 9), span(1, 5, 7)]
    assert [n.tolist() for n in numbers] == [[0, 1], [2, 1]] and numbers[0].dtype == np.uint16


def test_what_was_lost_and_dropped_before_stays_on_the_account():
    lost = Quarantined("a" * 64, "a.root", "T", 3, 5, "corrupt", "why")
    older = receipt_of(plan(), 1).brief()
    behind, _ = trace(
        [made("p1", "a", [span(0, 0, 5)], quarantined=[lost], dropped=2, supersedes=[older]), made("p2", "a", [span(0, 5, 9)])], True
    )
    assert behind.quarantined == [lost] and behind.dropped == 2
    assert [b.part for b in behind.supersedes] == ["p1", older.part, "p2"]
    assert trace([made("p1", "a", [span(0, 0, 5)])], superseding=False)[0].supersedes == []


def test_a_part_of_legacy_files_goes_back_to_its_own_ranges():
    task = plan().assignment(1)
    behind = Provenance.of(task)
    assert behind.inputs == [f.identity for f in task.inputs] and behind.entries == task.part.entries and behind.sources == []


def test_only_neighbours_are_drawn_together():
    assert joined([span(0, 0, 4), span(0, 5, 9)]) == [span(0, 0, 4), span(0, 5, 9)]
    assert joined([span(0, 0, 4), span(1, 4, 9)]) == [span(0, 0, 4), span(1, 4, 9)]
    assert joined([span(0, 0, 4), span(0, 4, 9, "U")]) == [span(0, 0, 4), span(0, 4, 9, "U")]
    assert joined([]) == []
