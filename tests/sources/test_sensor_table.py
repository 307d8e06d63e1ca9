"""Readings of a table are archived by month, value by value; what is no reading goes into quarantine."""

from __future__ import annotations

import csv
import zlib

import pytest

import antdask
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.material import intact_batches
from antdask.convert.scan import make_plan
from antdask.errors import CorruptFileError
from antdask.model.keys import RunKey
from antdask.model.time import parse_utc
from antdask.plan import Range
from antdask.simulate import SimulationSpec, simulate
from antdask.sources import sensor_table
from antdask.sources.sensor_table import SOURCE

#: The runs of this night reach over the end of a month.
SPEC = SimulationSpec(runs=12, first_run=45_150, events=0, rates=False, mc=False, dst=False)


def archived(url, *paths):
    with make_cluster("serial") as cluster:
        summary = convert(make_plan([str(p) for p in paths], str(url)), cluster)
    return antdask.open_archive(str(url)), summary


def test_an_archive_holds_the_readings_of_simulated_tables(tmp_path):
    paths = [p for p in simulate(SPEC, tmp_path / "sim") if p.suffix == ".csv"]
    archive, _ = archived(tmp_path / "a", *paths)
    rows = []
    for path in paths:
        with path.open() as file:
            rows += list(csv.DictReader(line for line in file if not line.startswith("#")))
    found = archive.stream("slow_control").to_xarray(["utc_ns", "sensor_id", "sensor", "value", "value_unit", "quality"])
    times = found["utc_ns"].values
    got = sorted(
        (int(t), bytes(s).rstrip(b"\0").decode(), float(v), bytes(u).rstrip(b"\0").decode())
        for t, s, v, u in zip(times, found["sensor"].values, found["value"].values, found["value_unit"].values, strict=True)
    )
    assert got == sorted((parse_utc(r["time"]), r["sensor"], float(r["value"]), r["unit"]) for r in rows)
    checksums = {zlib.crc32(bytes(s).rstrip(b"\0")) for s in found["sensor"].values}
    assert set(found["sensor_id"].values.tolist()) == checksums
    assert not found["quality"].values.any()
    assert sorted({(r["detector"], r["run"]) for r in archive.catalog.runs.to_pylist()}) == [
        ("antares-simulated-sensors", 201107),
        ("antares-simulated-sensors", 201108),
    ]


def test_lines_that_are_no_readings_are_quarantined_and_all_others_kept(tmp_path):
    path = tmp_path / "bad.csv"
    good = [f"2010-03-01T00:00:{i:02d}Z,a,{i},V,1" for i in range(20)]
    lines = [*good[:3], "nonsense", "", *good[3:10], "2010-03-01T00:00:09Z,a,high,V,1", *good[10:]]
    path.write_text("# site: antares\ntime,sensor,value,unit,quality\n" + "\n".join(lines) + "\n")
    archive, _ = archived(tmp_path / "a", path)
    found = archive.stream("slow_control").to_xarray(["value", "quality", "source_entry"])
    assert found["value"].values.tolist() == list(range(20))
    assert set(found["quality"].values.tolist()) == {1}
    assert set(range(23)) - set(found["source_entry"].values.tolist()) == {3, 4, 12}
    assert "no number" in " ".join(str(q) for q in archive.catalog.quarantine.to_pylist())


def test_lines_among_which_many_are_no_readings_are_parsed_once(tmp_path, monkeypatch):
    path = tmp_path / "bad.csv"
    lines = ["nonsense" if i % 10 == 5 else f"2010-03-01T00:{i // 60:02d}:{i % 60:02d}Z,a,{i},V" for i in range(3000)]
    path.write_text("time,sensor,value,unit\n" + "\n".join(lines) + "\n")
    parsed, real = [], sensor_table.read_lines
    monkeypatch.setattr(
        sensor_table, "read_lines", lambda blob, index, start, stop: parsed.append((start, stop)) or real(blob, index, start, stop)
    )
    entry, lost = SOURCE.describe(str(path)), []
    parsed.clear()
    kept = [b for s in entry.segments for b in intact_batches(entry, Range(0, s.tree, s.start, s.stop, s.nbytes), lost)]
    assert [v for b in kept for v in b.tables["readings"]["value"].tolist()] == [i for i in range(3000) if i % 10 != 5]
    assert [(q.start, q.stop) for q in lost] == [(i, i + 1) for i in range(5, 3000, 10)]
    assert parsed == [(0, 3000)]


def test_a_table_by_sensor_and_time_has_a_segment_for_each_month_of_each(tmp_path):
    path = tmp_path / "by-sensor.csv"
    rows = [f"2010-{month:02d}-0{day},{sensor},1,V" for sensor in "ab" for month in (1, 2) for day in (3, 1)]
    path.write_text("# site: x\ntime,sensor,value,unit\n" + "\n".join(rows) + "\n")
    entry = SOURCE.describe(str(path))
    assert [(s.run.path, s.start, s.stop, s.ordered) for s in entry.segments] == [
        ("x-sensors/00201001", 0, 2, False), ("x-sensors/00201002", 2, 4, False),
        ("x-sensors/00201001", 4, 6, False), ("x-sensors/00201002", 6, 8, False),
    ]  # fmt: skip
    archive, _ = archived(tmp_path / "a", path)
    assert archive.stream("slow_control").count().rows == 8


def test_a_table_without_order_is_refused_before_it_fills_a_plan(tmp_path, monkeypatch):
    monkeypatch.setattr(sensor_table, "MOST_STRETCHES", 5)
    path = tmp_path / "wild.csv"
    path.write_text("time,sensor,value,unit\n" + "".join(f"2010-0{1 + i % 2}-01,a,1,V\n" for i in range(9)))
    with pytest.raises(CorruptFileError, match="no order"):
        SOURCE.describe(str(path))
    path.write_text("time,sensor,value,unit\n2010-01-01,a,1,V\n")
    entry = SOURCE.describe(str(path))
    assert entry.segments[0].run == RunKey("sensors", 201001)
    assert "names no site" in entry.notes[0]


def test_comments_say_of_what_a_table_was_made(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(
        b"# site: antares\n# source: postgresql://host/db, table x\r\n#\ntime,sensor,value,unit\n2010-03-01T00:00:00Z,a,1,V\n2010-04-01T00:00:00Z,a,2,V\n"
    )
    archive, summary = archived(tmp_path / "a", path)
    assert summary.parts_done == 3
    found = archive.headers()
    assert found[["detector", "run", "name"]].values.tolist() == [["antares-sensors", 201003, "#"]] * 3
    assert found.value.tolist() == [" site: antares", " source: postgresql://host/db, table x", ""]


def test_a_site_alone_is_no_header(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"# site: antares\ntime,sensor,value,unit\n2010-03-01T00:00:00Z,a,1,V\n")
    assert [s.stream for s in SOURCE.describe(str(path)).segments] == ["slow_control"]
