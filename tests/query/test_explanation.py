"""What a query says it would read is what it reads."""

import pytest

from antdask.archive.chunk_cache import shared
from antdask.archive.store import Store
from antdask.query.explanation import size


@pytest.fixture
def moved(monkeypatch):
    """Bytes that are read from the store."""
    read = []
    original = Store.read
    monkeypatch.setattr(Store, "read", lambda *a, **k: read.append(original(*a, **k)) or read[-1])
    return read


@pytest.mark.parametrize(
    ("arguments", "columns"),
    [
        ({}, None),
        ({}, ["n_hits"]),
        ({}, ["hits.tot"]),
        ({"frame": (0, 1000)}, ["n_hits", "hits.tot"]),
        ({"frame": (70_000, 140_000)}, ["hits"]),
    ],
)
def test_bytes_that_are_read_are_close_to_those_that_were_announced(long, moved, arguments, columns):
    selection = long.stream("events").select(**arguments)
    said = selection.explain(columns)
    assert not moved
    shared().clear()
    rows = selection.to_awkward(columns)
    index_bytes = 1100 * said.chunks
    assert 0.5 * said.nbytes - index_bytes <= sum(map(len, moved)) <= 1.3 * said.nbytes + index_bytes
    assert rows.nbytes <= said.nbytes_decoded * 1.1


def test_numbers_are_exact_where_the_catalogue_decides(long, long_batch):
    said = long.stream("events").select(run=9).explain(["n_hits", "hits.tot"])
    assert said.exact and (said.rows, said.hits, said.parts, said.blocks, said.blocks_whole) == (150_000, long_batch.hits, 1, 3, 3)
    # Two row columns and the key of 3 chunks each, offsets of 3, hits of n chunks.
    assert said.chunks == 3 * 5 + -(-long_batch.hits // 65_536)
    assert said.nbytes_decoded == 150_000 * (4 + 4 + 8 + 4) + 8 * 150_001 + long_batch.hits
    assert 0 < said.seconds < 1


def test_the_text_says_what_left_out_what(small):
    selection = small.stream("events").select(detector="km3net-44", run=7, where="frame_index > 550 and overlays > 3")
    said = selection.explain(["n_hits"])
    assert str(said).splitlines() == [
        "stream   events",
        "         detector km3net-44: 3 parts",
        "         run 7: 2 parts",
        "         frame_index > 550 and overlays > 3: 2 parts",
        "parts    1 of 2 can match by their frames and times",
        "blocks   1 of 1 can match by their minima and maxima, 0 as a whole",
        f"rows     at most 90 rows, {said.hits:,} hits",
        "columns  5: run, frame_index, trigger_counter, n_hits, overlays",
        f"reads    at most 5 chunks, {size(said.nbytes)}, {size(said.nbytes_decoded)} decoded",
        "time     less than 0.01 s from a local disk",
    ]
    assert repr(said) == str(said) and ">run 7: 2 parts</td>" in said._repr_html_()


def test_columns_of_conditions_count_even_if_they_are_not_asked_for(small):
    plain = small.stream("events").explain(["n_hits"])
    more = small.stream("events").select(where="hits.tot > 3 and overlays > 3").explain(["n_hits"])
    assert more.columns == (*plain.columns, "overlays", "hits.tot") and more.nbytes > plain.nbytes


def test_nothing_selected_reads_nothing(small):
    said = small.stream("events").select(run=99).explain()
    assert (said.parts, said.blocks, said.chunks, said.nbytes, said.seconds) == (0, 0, 0, 0, 0.0)
    assert "time     none" in str(said)


def test_tables_between_are_estimated_by_the_share_of_rows(small):
    whole = small.stream("timeslices_l1").explain(["frames.dom_id", "hits.tot"])
    half = small.stream("timeslices_l1").select(where="frame_index < 10").explain(["frames.dom_id", "hits.tot"])
    assert whole.exact and not half.exact and half.nbytes <= whole.nbytes


def test_several_explanations_show_themselves_one_after_the_other(small):
    costs = small.explain_sql("select n_hits, n_frames from events join rates using (run, frame_index)")
    assert len(costs) == 2 and str(costs).count("stream   ") == 2 and costs._repr_html_().count("<table>") == 2
    assert repr(small.explain_sql("select 1")) == "Nothing would be read."
