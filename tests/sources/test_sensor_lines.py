"""Heads, indexes and words of tables of readings; what is no reading is told with its reason."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.errors import UnknownLayoutError
from antdask.sources import sensor_lines
from antdask.sources.blob import open_blob
from antdask.sources.sensor_lines import Head, index_of, parse, parse_times, read_head, read_lines


def test_a_head_is_found_below_comments_and_a_byte_order_mark():
    text = b"\xef\xbb\xbf# any words\r\n# site: my-sea\r\ntime,sensor,value,unit,quality\r\n1,"
    assert read_head(text) == Head("my-sea", True, text.index(b"\n1,") + 1, (b" any words", b" site: my-sea"))
    assert read_head(b"time,sensor,value\n") is None
    assert read_head(b"# site: a\n") is None
    assert read_head(b"time,sensor,value,unit") is None
    # What becomes a part of a path is a word, or nothing.
    assert read_head(b"# site: ../up\ntime,sensor,value,unit\n").site == ""


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_any_stretch_of_lines_is_read_wherever_pieces_and_marks_fall(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(sensor_lines, "MARK", 7)
    monkeypatch.setattr(sensor_lines, "PIECE", 50)
    path = tmp_path / "table.csv"
    path.write_bytes(("time,sensor,value,unit" + ending + "".join(f"{10**15 + i},s{i % 3},{i},V{ending}" for i in range(35))).encode())
    with open_blob(str(path)) as blob:
        index = index_of(blob)
        assert (index.lines, index.whole, len(index.marks)) == (35, True, 6)
        for start in range(35):
            for stop in range(start + 1, 36):
                lines = read_lines(blob, index, start, stop)
                assert lines.value.tolist() == list(range(start, stop))
                assert (lines.utc_ns - 10**15).tolist() == list(range(start, stop))
        assert lines.unit.tolist() == [b"V"]
        assert not any(lines.problem)


def test_a_last_line_without_an_end_is_no_reading(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("time,sensor,value,unit\n2010-01-01,a,1,V\n2010-01-02,a,2,V")
    with open_blob(str(path)) as blob:
        index = index_of(blob)
        assert read_lines(blob, index, 0, 2).problem.tolist() == ["", "the line has no end: the file is cut short"]
        assert read_lines(blob, index, 0, 1).problem.tolist() == [""]


def test_another_table_is_refused(tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with open_blob(str(tmp_path / "other.csv")) as blob, pytest.raises(UnknownLayoutError, match="extract"):
        index_of(blob)


def test_why_a_line_is_no_reading():
    reasons = {
        "2010-03-01T00:00:00Z,a,1.5,V,1": "",
        "2010-03-01T00:00:00Z,a,,V,": "",
        "2010-03-01T00:00:00Z,a,1.5,V": "not as many words as columns",
        "": "not as many words as columns",
        "yesterday,a,1.5,V,1": "no time",
        "9999-01-01,a,1.5,V,1": "no time",
        "2010-03-01,a,high,V,1": "no number",
        "2010-03-01,,1,V,1": "no name of a sensor",
        f"2010-03-01,{'x' * 65},1,V,1": "no name of a sensor",
        f"2010-03-01,a,1,{'x' * 17},1": "no unit",
        "2010-03-01,a,1,V,5": "no flag of OceanSITES",
    }
    found = parse(list(reasons), quality=True)
    assert found.problem.tolist() == list(reasons.values())
    assert found.value[0] == 1.5 and np.isnan(found.value[1])
    assert found.quality[:2].tolist() == [1, 0]


def test_times_are_utc_through_changes_of_summer_time_and_leap_seconds():
    words = ["2010-03-28T00:59:59Z", "2010-03-28T01:00:00Z", "2010-03-28T03:00:00+02:00", "2008-12-31T23:59:59Z", "2009-01-01T00:00:00Z", "2008-12-31T23:59:60Z"]  # fmt: skip
    utc, bad = parse_times(np.array(words, object))
    assert np.diff(utc[:3]).tolist() == [10**9, 0]
    # POSIX: the leap second between them is not counted, and has no number of its own.
    assert utc[4] - utc[3] == 10**9
    assert bad.tolist() == [False] * 5 + [True]
