import numpy as np
import pyarrow as pa

from antdask.archive.contents import key_of, keys, latest, of_paths
from antdask.model.keys import PartKey, RunKey


def test_the_same_content_has_one_key_under_every_number_and_generation():
    run = RunKey("km3net-44", 7)
    parts = [PartKey("events", "0a0b0c0d", run, 3, "deadbeef"), PartKey("events", "0a0b0c0d", run, 12_345, "deadbeef", 12)]
    words, generation = of_paths([p.path for p in parts])
    assert words.to_pylist() == ["km3net-44/events/0a0b0c0d/00000007/deadbeef"] * 2 and generation.tolist() == [0, 12]
    table = pa.table({"detector": ["km3net-44"], "stream": ["events"], "lineage": ["0a0b0c0d"], "run": [7], "content": ["deadbeef"]})
    assert keys(table).to_pylist() == words.to_pylist()[:1] == [key_of(p) for p in parts[:1]]


def test_stream_lineage_detector_and_run_keep_contents_apart():
    words = (
        ("mc", "a", "antares", 7),
        ("dst", "a", "antares", 7),
        ("mc", "b", "antares", 7),
        ("mc", "a", "km3net-1", 7),
        ("mc", "a", "antares", 8),
    )
    paths = [PartKey(stream, lineage, RunKey(detector, run), 0, "deadbeef").path for stream, lineage, detector, run in words]
    assert len(set(of_paths(paths)[0].to_pylist())) == 5


def test_nothing_has_no_keys():
    words, generation = of_paths([])
    assert len(words) == len(generation) == 0 and latest(words, generation).tolist() == []


def test_the_latest_generation_speaks_for_a_content():
    words = pa.chunked_array([["a", "b"], ["a", "c", "a"]])
    assert latest(words, np.array([1, 0, 0, 5, 3])).tolist() == [1, 3, 4]
