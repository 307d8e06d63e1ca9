import boost_histogram as bh
import numpy as np
import pytest

from antdask.errors import UnknownNameError, UsageError


def of(entries, table, column):
    return np.concatenate(
        [e.batch.tables[table][column] for e in entries if e.batch.stream == "events" and column in e.batch.tables[table]]
    )


def test_every_value_of_a_byte_is_counted(small, small_entries):
    made = small.stream("events").histogram("hits.tot")
    assert (made.view() == np.bincount(of(small_entries, "hits", "tot"), minlength=256)).all()
    assert made.axes[0].name == "hits_tot" and "[ns]" in made.axes[0].label


def test_several_axes_count_together_and_what_lies_outside_is_kept(small, small_entries):
    made = small.stream("events").histogram({"hits.tot": (100, 20, 120), "hits.channel_id": (31, 0, 31)})
    tot, channel = of(small_entries, "hits", "tot"), of(small_entries, "hits", "channel_id")
    want = bh.Histogram(bh.axis.Integer(20, 120), bh.axis.Integer(0, 31))
    want.fill(tot, channel)
    assert (made.view(flow=True) == want.view(flow=True)).all() and made.sum(flow=True) == len(tot)


def test_reals_edges_and_columns_of_two_tables(small, small_entries):
    made = small.stream("events").select(detector="antares").histogram({"hits.charge_pe": (20, -2.0, 2.0), "n_hits": [0, 2**31, 2**32]})
    batch = small_entries[3].batch
    charge = batch.tables["hits"]["charge_pe"]
    n_hits = np.repeat(batch.tables["events"]["n_hits"], np.diff(batch.offsets["hits"]))
    want = bh.Histogram(bh.axis.Regular(20, -2, 2), bh.axis.Variable([0, 2**31, 2**32]))
    want.fill(charge, n_hits)
    assert (made.view(flow=True) == want.view(flow=True)).all()


def test_reals_of_hits_alone(small, small_entries):
    made = small.stream("events").select(detector="antares").histogram({"hits.charge_pe": (20, -2.0, 2.0)})
    want = bh.Histogram(bh.axis.Regular(20, -2, 2)).fill(small_entries[3].batch.tables["hits"]["charge_pe"])
    assert (made.view(flow=True) == want.view(flow=True)).all()


def test_conditions_and_nothing_at_all(long, long_batch):
    tot = long_batch.tables["hits"]["tot"]
    made = long.stream("events").select(where="hits.tot > 100").histogram("hits.tot")
    assert (made.view() == np.bincount(tot[tot > 100], minlength=256)).all()
    assert long.stream("events").select(run=3).histogram("hits.tot").sum() == 0


def test_a_list_of_three_is_three_edges(small, small_entries):
    values = np.concatenate([e.batch.tables["events"]["n_hits"] for e in small_entries if "n_hits" in e.batch.tables.get("events", {})])
    made = small.stream("events").histogram({"n_hits": [1, 2**31, 2**32 - 1]})
    want = bh.Histogram(bh.axis.Variable([1, 2**31, 2**32 - 1])).fill(values)
    assert len(made.axes[0]) == 2 and (made.view(flow=True) == want.view(flow=True)).all()


def test_what_is_no_client_is_refused(small):
    with pytest.raises(UsageError, match="client"):
        small.stream("events").histogram({"n_hits": (5, 0, 200)}, client="tcp://127.0.0.1:1")


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ("n_hits", "needs bins"),
        ({}, "needs a column"),
        ({"n_hits": (10, 5, 5)}, "Not an axis"),
        ({"n_hits": [3]}, "Not an axis"),
        ({"n_hits": 5}, "Not an axis"),
        ({"hits.tot": None, "triggered_hits.tot": None}, "side by side"),
    ],
)
def test_what_makes_no_histogram_is_refused(small, axes, words):
    with pytest.raises(UsageError, match=words):
        small.stream("events").histogram(axes)


def test_unknown_columns_are_named(small):
    with pytest.raises(UnknownNameError):
        small.stream("events").histogram("hits.tott")
    with pytest.raises(UsageError, match="several values"):
        small.stream("rates").histogram("frames.rate_code")


def test_labels_fit_along_an_axis(small):
    made = small.stream("events").histogram({"hits.tdc": (10, 0, 100), "hits.charge_pe": (10, 0.0, 1.0), "charge_sum_pe": (10, 0.0, 1.0)})
    assert [axis.label for axis in made.axes] == ["leading edge of the pulse [ns]", "calibrated charge in photo-electrons", "charge sum pe"]


def test_a_histogram_draws_itself(small):
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    small.stream("events").histogram("hits.tot").plot(ax=axes)
    assert axes.get_xlabel() == "time over threshold of the pulse [ns]"
    plt.close(figure)
