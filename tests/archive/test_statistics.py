import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from antdask.archive.statistics import block_edges, block_rows, extent
from antdask.model.ragged import offsets_of
from antdask.model.tables import schema

EVENTS = schema("events").rows


@given(st.lists(st.integers(0, 700_000), min_size=1, max_size=40))
def test_blocks_cover_all_rows_once_and_hold_about_a_million_hits(counts):
    edges = offsets_of(np.array(counts))
    starts = block_edges(edges, len(counts))
    assert starts[0] == 0 and starts[-1] == len(counts) and (np.diff(starts) > 0).all()
    for a, b in itertools.pairwise(starts):
        assert edges[b] - edges[a] <= 2**20 + counts[b - 1]


def columns(rows, **values):
    base = {f.name: np.arange(rows, dtype=f.numpy) for f in EVENTS.fields}
    return {**base, **values}


def test_bounds_are_those_of_the_values_of_the_block():
    n = 70_000
    blocks = block_rows(EVENTS, columns(n, n_hits=np.arange(n, dtype="u4")[::-1]), None)
    assert [(b["n_hits_min"], b["n_hits_max"]) for b in blocks] == [(n - 65_536, n - 1), (0, n - 65_537)]
    assert extent(blocks, "n_hits") == (0, n - 1)


def test_a_bound_with_nan_is_unknown():
    charge = np.array([1.0, np.nan, 3.0])
    blocks = block_rows(EVENTS, columns(3, charge_sum_pe=charge), None)
    assert blocks[0]["charge_sum_pe_min"] is None and blocks[0]["charge_sum_pe_max"] is None
    assert extent(blocks, "charge_sum_pe") == (None, None)


def test_no_rows_no_blocks():
    assert block_rows(EVENTS, columns(0), np.zeros(1, np.int64)) == []
    assert extent([], "run") == (None, None)


def test_integers_beyond_the_exact_range_of_doubles_stay_exact():
    big = np.array([2**63 - 1, 2**53 + 1], "i8")
    block = block_rows(EVENTS, columns(2, utc_ns=big), None)[0]
    assert (block["utc_ns_min"], block["utc_ns_max"]) == (2**53 + 1, 2**63 - 1)
