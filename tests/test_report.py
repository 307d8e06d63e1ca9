"""Tables for people say the same as the records they are drawn from."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console, RenderableType

from antdask import report
from antdask.cluster.serial import SerialCluster
from antdask.convert import campaign, scan, status, verify
from antdask.model.keys import PartKey, RunKey
from antdask.plan import Assignment, FileEntry, Part, Range, Segment


def drawn(what: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=report.WIDE)
    console.print(what, markup=False)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def cells(text: str, first: str) -> list[str]:
    """The row of a table that begins with this word."""
    [line] = [line for line in text.splitlines() if re.match(rf"│ {re.escape(first)} ", line)]
    return [cell.strip() for cell in line.strip("│").split("│")]


def entry(name: str = "a.root") -> FileEntry:
    segment = Segment("events", "T", RunKey("antares", 45978), 0, 81, 54_000)
    return FileEntry(f"/data/{name}", "seatray_hdf5", "3", "seatray", 1_637_119, 0, "", "f" * 64, (segment,), ("tree 'X' is empty",))


def test_sizes_have_three_digits() -> None:
    assert [report.size(n) for n in (0, 12, 999, 1000, 9994, 99_950, 999_400, 999_600, 10**18)] == [
        "0 B", "12 B", "999 B", "1.00 kB", "9.99 kB", "100 kB", "999 kB", "1.00 MB", "1000 PB",
    ]  # fmt: skip


def test_a_file_is_described() -> None:
    text = drawn(report.file_entry(entry()))
    assert re.search(r"^format +seatray_hdf5, layout 3 *$", text, re.MULTILINE)
    assert cells(text, "events") == ["events", "T", "antares", "45978", "0", "81", "54.0 kB"]
    assert "note: tree 'X' is empty" in text


def test_names_with_brackets_are_shown_as_they_are() -> None:
    assert "/data/[red]b[/].root" in drawn(report.file_entry(entry("[red]b[/].root")))
    assert "[bold]" in drawn(report.rejections([("[bold]", "corrupt", "bad")])[0])


def test_a_reason_does_not_name_the_input_again() -> None:
    assert drawn(report.rejections([("a.root", "corrupt", "It is cut short (in a.root): expected 2.")])[0]).count("a.root") == 1


def test_long_tables_end_with_a_count() -> None:
    text = drawn(report.table("Many", ("name",), ("n",), ((f"x{n}", n) for n in range(report.MOST_ROWS + 7))))
    assert "and 7 more; --json gives all" in text
    assert f"x{report.MOST_ROWS - 1} " in text
    assert f"x{report.MOST_ROWS} " not in text


def test_an_assignment_names_what_it_reads() -> None:
    key = PartKey("events", "0a1b2c3d", RunKey("antares", 45978), 0, "deadbeef")
    text = drawn(report.assignment(Assignment("p" * 16, "/archive", Part(0, key, (Range(0, "T", 5, 81, 1000),)), (entry(),), {})))
    assert "antares/events/0a1b2c3d/00045978/0000-deadbeef" in text
    assert cells(text, "/data/a.root") == ["/data/a.root", "T", "5", "81", "1.00 kB"]


def test_a_campaign_is_told_in_full(real_files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("report")
    plan = scan.make_plan([real_files["antares.h5"], str(folder / "nothing.root")], str(folder / "archive"))
    text = drawn(report.plan(plan))
    assert re.search(r"^parts +2, 104 entries", text, re.MULTILINE)
    assert cells(text, "events")[:5] == ["events", "antares", "1", "1", "81"]
    assert "input-missing" in text
    summary = campaign.convert(plan, SerialCluster())
    text = drawn(report.summary(summary))
    assert cells(text, "events")[:6] == ["events", "antares", "45978", "1", "81", "13,556"]
    assert cells(text, "all")[3:6] == ["2", "104", "13,556"]
    assert re.search(r"^parts +2 of 2 done *$", text, re.MULTILINE)
    text = drawn(report.status(status.status(plan.archive)))
    assert cells(text, plan.id)[1:9] == ["2", "2", "0", "", "0", "1", "104", "13,556"]
    assert re.search(r"^speed +\d+ MB/s/core, [\d.]+ CPU seconds", text, re.MULTILINE)
    found = verify.verify(plan.archive, "source", SerialCluster())
    text = drawn(report.verification(found))
    assert re.search(r"^result +sound *$", text, re.MULTILINE)
    assert f"{found.values:,} values compared" in text
    found.problems = [{"part": "antares/events", "problem": "torn"}]
    assert cells(drawn(report.verification(found)), "antares/events") == ["antares/events", "torn"]


def test_very_many_runs_are_drawn_together() -> None:
    one = {"stream": "events", "detector": "antares", "parts": 2, "rows": 10, "hits": 100}
    volume = {"bytes_uncompressed": 3_000_000, "bytes_out": 1_000_000, "cpu_seconds": 0.1}
    groups = [{**one, **volume, "run": n} for n in range(report.LINES + 1)]
    summary = campaign.Summary("p", "a", parts_total=82, parts_done=82, rows=410, streams=groups)
    assert cells(drawn(report.summary(summary)), "events")[:5] == ["events", "antares", "41 runs", "82", "410"]
    assert cells(drawn(report.summary(summary)), "all")[-1] == "30"
    summary.streams = groups[1:]
    assert drawn(report.summary(summary)).count("antares") == report.LINES


def test_failures_are_named() -> None:
    failure = {"part": 0, "key": "antares/events/x", "kind": "data", "code": "corrupt", "message": "bad basket", "trace": "", "attempts": 1}
    summary = campaign.Summary(
        "p", "a", parts_total=3, parts_done=1, parts_failed=1, parts_missing=1, stopped="the disk is full", failures=[failure]
    )
    text = drawn(report.summary(summary))
    assert cells(text, "antares/events/x") == ["antares/events/x", "1", "data (corrupt)", "bad basket"]
    assert "1 of 3 done, 1 failed, 1 not tried" in text
    assert "the disk is full" in text


def test_output_for_files_is_wide_and_plain(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(report.table("T", ("name",), (), [("x" * 150,)]))
    report.show("[not markup] " + "y" * 300)
    out = capsys.readouterr().out
    assert "x" * 150 in out
    assert "[not markup] " + "y" * 300 in out
    assert "\x1b" not in out
