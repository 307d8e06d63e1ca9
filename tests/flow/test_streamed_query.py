"""``antdask query`` as a process: what it writes is never held whole, and however its output ends, it says so in one sentence."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.benchmarks import query_data

CODE = """
import sys
from antdask.cli import main
try:
    main(sys.argv[1:])
finally:
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print("peak", peak.split()[1], file=sys.stderr)
"""


def query(*words, out=subprocess.DEVNULL):
    return subprocess.run(
        [sys.executable, "-c", CODE, "query", *words], check=False, stdout=out, stderr=subprocess.PIPE, text=True, timeout=100
    )


@pytest.fixture(scope="module")
def sizes(tmp_path_factory):
    """Archives of 5,000 and 60,000 events: 0.8 and 9.5 million hits, whose flat rows take 21 bytes each."""
    urls = [str(tmp_path_factory.mktemp("sizes") / str(n)) for n in (5_000, 60_000)]
    for url in urls:
        query_data.write_archive(url, int(url.rpartition("/")[2]))
    return urls


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("--stream", "events", "--columns", "hits.avc", "--format", "csv"),
        ("--sql", "select frame_index, avc, timestamp from events_hits", "--format", "csv"),
    ],
)
def test_output_is_streamed(sizes, words):
    results = [query(url, *words) for url in sizes]
    assert [r.returncode for r in results] == [0, 0], results
    small, large = (int(r.stderr.split()[-1]) * 1024 for r in results)
    # All rows together would be 180 MB more, and their text as much again. What is held levels off: 120 MB more for 120,000 events as for 200,000.
    assert large - small < 150e6, (small, large)


@pytest.mark.slow
def test_the_end_of_a_pipe_and_of_a_disk(sizes):
    for style in ("json",):
        process = subprocess.Popen(
            [sys.executable, "-m", "antdask", "query", sizes[0], "--stream", "events", "--columns", "hits.avc", "--format", style],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait(60) == 141
        process.stderr.close()
    with open("/dev/full", "wb") as full:
        result = query(sizes[0], "--stream", "events", "--columns", "hits.avc", "--format", "csv", out=full)
    assert (
        result.returncode == 3
        and "Standard output cannot be written: No space left on device" in result.stderr
        and "Traceback" not in result.stderr
    )
