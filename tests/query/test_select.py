"""What a selection takes from others: rows that match them; joins by value stand in test_joins."""

import pandas as pd

from antdask.query.joins import Joined
from antdask.query.select import Selection


def test_whatever_narrows_a_selection_it_can_still_be_joined(long):
    stream = long.stream("events")
    matched = stream.matching(stream.select(frame=(10, 20)))
    narrowed = [stream.select(), stream.select(run=9, where="n_hits > 3"), matched, stream.take([1, 5])]
    assert all(type(one) is Selection and isinstance(one.join("events", ["n_hits"], name="again"), Joined) for one in narrowed)
    assert matched.to_awkward(["n_hits"]).frame_index.to_list() == list(range(10, 20))


def test_the_card_of_a_stream_is_shown_until_something_narrows_it(long):
    assert repr(long.stream("events")).startswith("stream 'events'")
    assert repr(long.stream("events").select(run=9)).startswith("Selection of stream 'events': 1 part")


def test_blocks_without_a_key_are_not_read(long):
    chosen = long.stream("events").matching(pd.DataFrame({"run": [9], "frame_index": [100_000]}))
    cost = chosen.explain(["n_hits"])
    assert (cost.blocks, cost.blocks_asked) == (1, 3) and chosen.count().rows == 1
