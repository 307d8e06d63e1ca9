"""Archives in real stores answer as the local one does, and move few bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import antdask
from antdask.archive import layout as lay
from antdask.archive.chunk_cache import shared
from antdask.archive.store import Store
from antdask.remote import connections
from tests.benchmarks import query_data
from tests.servers.fault_proxy import harm_http
from tests.servers.stores import REMOTE
from tests.servers.web import serve

HITS = ("line", "timestamp", "tvc", "avc", "triggered")
KEYS = ("run", "frame_index", "trigger_counter")


def answers(url):
    archive = antdask.open_archive(url)
    chosen = archive.stream("events").select(where="n_hits > 100")
    found = chosen.select(detector="km3net-44").to_awkward(["run", "frame_index", "hits.tot", "hits.tdc"])
    assert len(found) > 0
    slices = archive.stream("timeslices_l1")
    random = archive.stream("rates").take(np.array([3, 17, 40, 41])).to_pandas("frames", ["frames.dom_id", "frames.rate_code"])
    tot = slices.histogram("hits.tot").view()
    joined = archive.sql("select run, count(*) n, sum(tot) t from events_hits where tot > 30 group by run order by run").to_pylist()
    assert tot.sum() > 0 and len(random) > 0 and len(joined) > 1
    return archive.runs.to_dict(), chosen.count(), found.to_list(), random.to_dict(), tot.tolist(), joined


def copy(archive, url):
    here, there = Store(archive), Store(url)
    for path in here.list():
        there.write_small(path, here.read(path))
    return there.url


@pytest.mark.parametrize("kind", REMOTE)
def test_an_archive_in_a_store_answers_as_the_local_one(archive, place, kind):
    shared().clear()
    assert str(answers(copy(archive, place(kind)))) == str(answers(archive))


def test_an_archive_behind_a_web_server_answers_with_few_bytes(archive):
    with serve(Path(archive)) as web:
        opened = antdask.open_archive(web.url)
        catalogue = sum(n for p, n in Store(archive).sizes("catalogue").items())
        assert web.sent < catalogue + 10_000
        web.forget()
        stream = opened.stream("events")
        assert (
            stream.select(where="n_hits > 100").count()
            == antdask.open_archive(archive).stream("events").select(where="n_hits > 100").count()
        )
        assert web.sent < 0.1 * sum(Store(archive).sizes("parts").values())
        assert str(answers(web.url)) == str(answers(archive))
        connections.forget()


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """40,000 events with 6 million hits in one part."""
    url = str(tmp_path_factory.mktemp("large") / "archive")
    query_data.write_archive(url, 40_000)
    return url


def needed(archive, rows, keys):
    """Encoded bytes and number of the chunks that hold these events with five columns of their hits, and of their shards: by hand from the shard indexes."""
    events = antdask.open_archive(archive).stream("events")
    row, store = events.index.row(0), Store(archive)
    arrays, file = {a["name"]: a for a in row["arrays"]}, lay.part_file(row["part"])
    offsets = events.index.reader(store, 0).offsets("hits")
    hits = np.concatenate([np.arange(offsets[r], offsets[r + 1]) for r in rows.tolist()])
    wanted = {f"hits/{name}": hits for name in HITS} | {f"events/{name}": rows for name in keys}
    wanted["hits/offsets"] = np.concatenate([rows, rows + 1])
    nbytes = number = 0
    shards = set()
    for name, places in wanted.items():
        one = arrays[name]
        for chunk in np.unique(places // one["chunk"]).tolist():
            shard, inside = divmod(chunk, one["shard"] // one["chunk"])
            end = one["offsets"][shard] + one["lengths"][shard] - 4
            start = end - 16 * (one["shard"] // one["chunk"] - inside)
            nbytes += int(np.frombuffer(store.read(file, start, start + 16), "<u8")[1])
            number += 1
            shards.add((name, shard))
    return nbytes, number, len(shards)


def test_few_more_bytes_than_needed_come_from_s3_in_fewer_requests_than_chunks(large, place, ceph, use_s3):
    url = copy(large, place("ceph"))
    columns = [f"hits.{name}" for name in HITS]
    everything, window = np.arange(40_000), np.arange(20_000, 20_400)
    some, others = (np.sort(np.random.default_rng(seed).choice(40_000, 20, replace=False)) for seed in (7, 8))
    with harm_http(int(ceph["endpoint"].rpartition(":")[2]), seed=1, rate=0.0) as proxy:
        use_s3(ceph, endpoint=proxy.url)
        there, here = (antdask.open_archive(u).stream("events") for u in (url, large))
        times = tuple(query_data.T0 + n * 3 * query_data.FRAME_NS for n in (20_000, 20_400))
        questions = (
            (everything, KEYS, lambda s: s),
            (window, (*KEYS, "utc_ns"), lambda s: s.select(time=times)),
            (some, KEYS, lambda s: s.take(some)),
            (others, KEYS, lambda s: s.take(others)),
        )
        for rows, keys, choose in questions:
            chosen = choose(there)
            chosen.explain(columns)  # the catalogue, which is read once
            if rows is not others:
                shared().clear()
            proxy.seen.clear()
            proxy.sent = 0
            found = chosen.to_arrow("hits", columns)
            nbytes, chunks, shards = needed(large, rows, keys)
            assert proxy.sent <= 1.2 * nbytes, (proxy.sent, nbytes)
            # Where an event needs one chunk of a shard, the index of that shard is read before, once.
            assert proxy.seen.total() <= chunks + (shards if rows is some else 0), (proxy.seen, chunks, shards)
            assert found.equals(choose(here).to_arrow("hits", columns)) and found.num_rows > len(rows)
