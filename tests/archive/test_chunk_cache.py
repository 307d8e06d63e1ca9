import numpy as np

from antdask.archive.chunk_cache import ChunkCache, shared


def test_what_was_used_longest_ago_makes_room():
    cache = ChunkCache(100)
    for i in range(3):
        cache.put(i, np.full(40, i, np.uint8))
    assert cache.get(0) is None and cache.get(1) is not None and cache.nbytes == 80
    cache.put(3, np.full(40, 3, np.uint8))
    assert cache.get(2) is None and cache.get(1)[0] == 1 and len(cache) == 2
    cache.put(1, np.zeros(60, np.uint8))
    assert cache.nbytes == 100 and not cache.get(1).flags.writeable
    cache.put(9, np.zeros(101, np.uint8))
    assert len(cache) == 0 == cache.nbytes


def test_a_limit_of_nothing_keeps_nothing():
    cache = ChunkCache(0)
    cache.put("a", np.zeros(3))
    assert cache.get("a") is None
    assert shared() is shared() and shared().limit > 0


def test_several_are_looked_up_at_once_and_count_as_used():
    cache = ChunkCache(120)
    assert cache.some(("a",), range(3)) == {}
    for i in range(3):
        cache.put(("a", i), np.full(40, i, np.uint8))
    assert list(cache.some(("a",), [0, 7])) == [0] and cache.some(("b",), range(3)) == {}
    cache.put(("a", 3), np.zeros(40, np.uint8))
    assert list(cache.some(("a",), range(9))) == [0, 2, 3]
