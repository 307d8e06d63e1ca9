from antdask.convert.steps import select_events
from tests.batches import random_batch, same


def test_events_below_the_limits_go_with_all_their_hits():
    batch = random_batch("events", "seatray", 60)
    events = batch.tables["events"]
    kept = select_events(batch, min_hits=2**31, min_triggered=2**30)
    wanted = (events["n_hits"] >= 2**31) & (events["n_triggered"] >= 2**30)
    assert 0 < kept.rows == wanted.sum() < 60 and kept.problems() == []
    assert (kept.tables["events"]["source_entry"] == events["source_entry"][wanted]).all()
    assert same(select_events(batch), batch)
