"""Results: single rows by number, reading ahead, and what a selection hands on."""

import numpy as np
import pytest

from antdask.errors import UsageError


def test_rows_are_taken_by_number_over_all_parts(small, small_entries):
    stream = small.stream("events").select(detector="km3net-44")
    whole = stream.to_awkward(["n_hits", "hits.tot"])
    numbers = np.array([269, 3, 59, 60, 61, 62, 3, 150])
    taken = stream.take(numbers).to_awkward(["n_hits", "hits.tot"])
    assert taken.tolist() == whole[np.unique(numbers)].tolist()
    assert stream.take(numbers).count() == (7, sum(len(h) for h in taken.hits.tot.tolist()))
    assert len(stream.take([]).to_awkward(["n_hits"])) == 0 and stream.take(numbers).explain(["hits.tot"]).chunks > 0


def test_only_what_the_catalogue_decides_has_numbers(small):
    stream = small.stream("events")
    for wrong in ([-1], [310], [0.5]):
        with pytest.raises(UsageError, match="Not numbers of rows"):
            stream.take(wrong)
    with pytest.raises(UsageError, match="catalogue alone"):
        stream.select(where="n_hits > 2147483648").take([0])
    with pytest.raises(UsageError, match="First select"):
        stream.take([0]).select(run=5)


def test_batches_ahead_are_those_in_turn(long, long_batch):
    some = [rows.tables["events"]["n_hits"].values for rows in long.stream("events").iter_rows(["n_hits", "hits.tot"])]
    assert len(some) == 3 and np.concatenate(some).tolist() == long_batch.tables["events"]["n_hits"].tolist()
    again = [len(rows) for rows in long.stream("events").iter_rows(["n_hits", "hits.tot"], prefetch=0)]
    assert again == [len(s) for s in some]
    assert [len(r) for r in long.stream("events").iter_rows(["n_hits"])] == [131_072, 18_928]
