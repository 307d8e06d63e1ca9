import pickle

import awkward as ak
import numpy as np
import pytest

from antdask.query.portions import Portion
from antdask.query.skipping import SkippedWarning


def hits_of(array):
    return int(ak.sum(ak.num(array.hits)))


def test_a_scan_is_cut_between_parts_and_travels_light(small):
    stream = small.stream("events")
    cut = Portion(small.url, stream.scan, "raise").cut(3)
    assert [p.scan.part.tolist() for p in cut] == [[0, 1], [2], [3]] or sum(len(p.scan) for p in cut) == 4
    again = pickle.loads(pickle.dumps(cut[0]))
    assert len(pickle.dumps(cut[0])) < 5000 and [j.row for j in again.scan.jobs(small.url)] == [j.row for j in cut[0].scan.jobs(small.url)]
    assert Portion(small.url, stream.select(run=99).scan, "raise").cut() == []


def test_a_function_is_mapped_and_its_results_are_joined(small, small_entries):
    stream = small.stream("events")
    want = sum(e.batch.hits for e in small_entries if e.batch.stream == "events")
    assert stream.map_parts(hits_of, ["hits.triggered"]) == want
    longest = stream.map_parts(lambda a: int(ak.max(ak.num(a.hits))), ["hits.triggered"], combine=max)
    assert longest == max(int(np.diff(e.batch.offsets["hits"]).max()) for e in small_entries if e.batch.stream == "events")
    assert stream.select(run=99).map_parts(hits_of, ["hits.triggered"]) is None


class Client:
    """What of a client is used; what travels is pickled, as it would be."""

    def __init__(self):
        self.tasks = 0

    def nthreads(self):
        return {"w": 1}

    def submit(self, func, *args, pure):
        self.tasks += 1
        args = [[a.result() for a in arg] if isinstance(arg, list) else arg for arg in args]
        value = pickle.loads(pickle.dumps(func(*pickle.loads(pickle.dumps(args)))))
        return type("Future", (), {"result": staticmethod(lambda: value), "add_done_callback": staticmethod(lambda call: call(None))})


def test_a_cluster_gives_the_same(small):
    client = Client()
    assert small.stream("events").map_parts(hits_of, ["hits.triggered"], client=client) == small.stream("events").count().hits
    assert client.tasks > 2
    made = small.stream("events").histogram("hits.tot", client=client)
    assert (made.view() == small.stream("events").histogram("hits.tot").view()).all()


def test_what_is_gone_is_skipped_at_the_workers(tmp_path):
    import antdask
    from tests.batches import random_batch
    from tests.query.archives import Entry, write_archive

    url = write_archive(tmp_path / "a", [Entry(random_batch("events", "km3net_online", 20, seed=i), run=i) for i in range(2)])
    sorted((tmp_path / "a" / "parts").rglob("*.zip"))[0].unlink()
    with pytest.warns(SkippedWarning, match="20 rows"):
        assert antdask.open_archive(url).stream("events").select(on_missing="skip").map_parts(len, ["n_hits"]) == 20
    with pytest.warns(SkippedWarning, match="20 rows") as told:
        assert antdask.open_archive(url).stream("events").select(on_missing="skip").map_parts(len, ["n_hits"], client=Client()) == 20
    # Once, and where the work was asked for.
    assert len(told) == 1 and told[0].filename == __file__
