"""The scan leaves out what cannot match, and knows what matches as a whole."""

import copy
import pickle

import numpy as np

from antdask.query.predicate import Predicate
from antdask.query.scan import Scan


def scan(archive, where=None, stream="events"):
    index = archive.stream(stream).index
    predicates = () if where is None else (Predicate.of(where, index.scope()),)
    return Scan.of(index, np.arange(len(index)), predicates)


def test_parts_then_blocks_are_pruned(small, long):
    found = scan(small, "frame_index >= 500")
    assert (found.parts_asked, found.parts_left, found.blocks_asked, found.blocks, len(found)) == (4, 1, 1, 1, 1) and found.whole.all()
    found = scan(long, "frame_index >= 65530 and frame_index < 65540")
    assert (found.parts_left, found.blocks_asked, found.blocks, found.blocks_whole) == (1, 3, 2, 0)
    assert (found.row_start.tolist(), found.row_stop.tolist()) == ([0], [131_072]) and not found.whole.any()
    assert scan(long, "n_hits > 4294967295").parts_left == 0


def test_the_middle_of_a_range_is_not_evaluated(long):
    found = scan(long, "frame_index >= 10 and frame_index < 140000")
    assert found.whole.tolist() == [False, True, False]
    assert scan(long).whole.all() and not scan(long, "hits.tot >= 0").whole.any()


def test_neighbours_are_joined_and_cut_again_for_reading(long):
    found = scan(long)
    assert (found.row_start.tolist(), found.row_stop.tolist(), found.hit_start.tolist()) == ([0], [150_000], [0])
    assert found.hit_stop.tolist() == [long.info()["total"]["hits"]] and found.blocks == found.blocks_whole == 3
    (job,) = found.jobs(long.url)
    assert [r[:2] for r in job.ranges] == [(0, 65_536), (65_536, 131_072), (131_072, 150_000)]
    (job,) = found.jobs(long.url, None)
    assert job.ranges == ((0, 150_000, True),)
    assert len(scan(long, "frame_index >= 10 and frame_index < 140000").only(np.array([True, False, True]))) == 2
    assert len(scan(long, "run == 3")) == 0 == len(list(scan(long, "run == 3").jobs(long.url)))


def test_blocks_are_looked_at_in_groups_with_the_same_result(small, monkeypatch):
    one = scan(small, "n_hits > 2147483648")
    monkeypatch.setattr("antdask.query.scan._GROUP", 1)
    other = scan(small, "n_hits > 2147483648")
    assert len(one) == 4 and all(getattr(one, n).tolist() == getattr(other, n).tolist() for n in ("part", "row_start", "row_stop", "whole"))


def test_a_job_travels_and_reads_by_itself(small, small_entries):
    jobs = list(scan(small, "n_hits > 2147483648").jobs(small.url))
    assert [job.row["detector"] for job in jobs] == ["antares", "km3net-44", "km3net-44", "km3net-44"]
    job = pickle.loads(pickle.dumps(copy.copy(jobs[1])))
    (piece,) = job.pieces()
    batch = small_entries[2].batch.tables["events"]
    assert piece.column("events", "source_entry").tolist() == batch["source_entry"][batch["n_hits"] > 2147483648].tolist()
    assert piece.detector == "km3net-44" and len(pickle.dumps(job)) < 20_000
