"""Small reads from a gateway that waits for acknowledgements come at once."""

from __future__ import annotations

import time
import uuid

from antdask.archive.store import Store
from tests.servers.stores import BUCKET


def test_a_small_read_from_ceph_does_not_wait_for_the_clock_of_the_kernel(ceph, use_s3):
    use_s3(ceph)
    store = Store(f"s3://{BUCKET}/{uuid.uuid4().hex}")
    store.write_small("a", bytes(100_000))
    assert store.read("a", 0, 1000) == bytes(1000)
    taken = []
    for start in range(0, 20_000, 1000):
        begin = time.perf_counter()
        store.read("a", start, start + 1000)
        taken.append(time.perf_counter() - begin)
    # Each would take 40 ms at least; a busy machine may delay some.
    assert sorted(taken)[5] < 0.035
