from hypothesis import given
from hypothesis import strategies as st

from antdask.remote.ranges import merge, read_merged

RANGES = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 60)).map(lambda t: (t[0], t[0] + t[1])), max_size=30)


@given(RANGES, st.integers(0, 50), st.integers(1, 200))
def test_every_range_lies_in_one_span_and_spans_keep_the_limit(ranges, gap, limit):
    spans = merge(ranges, gap, limit)
    assert sorted(n for s in spans for n in s.members) == list(range(len(ranges)))
    for span in spans:
        assert all(span.start <= ranges[n][0] and ranges[n][1] <= span.stop for n in span.members)
        assert len(span.members) == 1 or span.stop - span.start <= limit
    assert [s.start for s in spans] == sorted(s.start for s in spans)


@given(RANGES)
def test_merged_reads_give_the_bytes_of_single_ones(ranges):
    data = bytes(range(256)) * 5
    asked = []

    def read(spans):
        asked.extend(spans)
        return [data[a:b] for a, b in spans]

    assert [bytes(v) for v in read_merged(ranges, read)] == [data[a:b] for a, b in ranges]
    assert len(asked) <= len(ranges) and all(b > a for a, b in asked)


def test_neighbours_are_read_together_and_distant_ones_apart():
    assert [(s.start, s.stop) for s in merge([(0, 10), (10, 20), (200_000, 200_010)])] == [(0, 20), (200_000, 200_010)]
