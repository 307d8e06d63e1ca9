"""Rows as tables, CSV, JSON and Parquet, streamed."""

import csv
import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from antdask.errors import UnknownNameError, UsageError
from antdask.query.display import write_rows
from tests.query.conftest import lists


def written(selection, format, **options):
    out = io.BytesIO() if format == "parquet" else io.StringIO()
    count = write_rows(selection, format, out, **options)
    return count, out.getvalue()


def test_a_table_has_a_line_per_row_and_lines_up(small, small_entries):
    count, text = written(small.stream("events").select(run=5), "table", columns=["n_hits", "charge_sum_pe"][:1])
    lines = text.splitlines()
    assert count == 60 == len(lines) - 1 and lines[0].split() == ["run", "frame_index", "trigger_counter", "n_hits"]
    assert [int(line.split()[3]) for line in lines[1:]] == small_entries[2].batch.tables["events"]["n_hits"].tolist()
    assert len({len(line) for line in lines}) == 1
    _, text = written(small.stream("events"), "table", columns=["charge_sum_pe", "overlays"])
    assert text.splitlines()[1].split()[-1] == "-" and text.splitlines()[-1].split()[-2] == "-"


def test_csv_is_exact_and_flat(small, small_entries):
    _, text = written(small.stream("events"), "csv", columns=["detector", "trigger_mask", "utc_ns"])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 310 and rows[0]["detector"] == "antares" and rows[0]["trigger_mask"] == ""
    assert [int(r["trigger_mask"]) for r in rows[40:100]] == small_entries[2].batch.tables["events"]["trigger_mask"].tolist()
    count, text = written(small.stream("timeslices_l1"), "csv", columns=["frames.dom_id", "hits.tot"])
    batch = small_entries[5].batch
    rows = list(csv.DictReader(io.StringIO(text)))
    assert count == len(rows) == batch.hits and [int(r["tot"]) for r in rows] == batch.tables["hits"]["tot"].tolist()
    assert [int(r["frames.dom_id"]) for r in rows] == np.repeat(batch.tables["frames"]["dom_id"], np.diff(batch.offsets["hits"])).tolist()
    _, text = written(small.stream("rates"), "csv", columns="frames.rate_code", limit=1)
    assert text.splitlines()[0].split(",")[:4] == ["run", "frame_index", "rate_code[0]", "rate_code[1]"]


def test_json_has_one_object_per_row_with_its_hits(small, small_entries):
    count, text = written(small.stream("events").select(detector="antares"), "json")
    rows = [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]
    batch = small_entries[3].batch
    assert count == len(rows) == 40 and list(rows[0])[:3] == ["run", "frame_index", "trigger_counter"]
    assert [r["source_entry"] for r in rows] == batch.tables["events"]["source_entry"].tolist()
    assert [r["trigger_counter"] for r in rows] == batch.tables["events"]["trigger_counter"].tolist()
    charges = [[None if c != c else c for c in hits] for hits in lists(batch, "hits", "charge_pe")]
    assert [[h["charge_pe"] for h in r["hits"]] for r in rows] == charges and None in {c for hits in charges for c in hits}


def test_parquet_is_what_arrow_gives(small, tmp_path):
    stream = small.stream("events")
    count, data = written(stream, "parquet")
    table = pq.read_table(io.BytesIO(data))
    assert count == 310 and table.drop_columns("charge_sum_pe").slice(0, 10).select(
        ["run", "utc_ns", "n_hits", "triggered_hits"]
    ).to_pylist() == (stream.to_arrow().slice(0, 10).select(["run", "utc_ns", "n_hits", "triggered_hits"]).to_pylist())
    assert table.schema.field("utc_ns").metadata[b"unit"] == b"ns"
    with (tmp_path / "x.parquet").open("w") as out:
        write_rows(stream, "parquet", out, limit=7)
    assert pq.read_table(tmp_path / "x.parquet").num_rows == 7


@pytest.mark.parametrize("format", ["table", "csv", "json", "parquet"])
def test_a_limit_stops_reading(long, format, monkeypatch):
    from antdask.query.pieces import Piece

    opened = []
    original = Piece.__init__
    monkeypatch.setattr(Piece, "__init__", lambda *a, **k: (opened.append(1), original(*a, **k))[1])
    assert written(long.stream("events"), format, limit=5, columns=["n_hits"])[0] == 5
    assert len(opened) == 1
    assert written(long.stream("events"), format, limit=0, columns=["n_hits"])[0] == 0
    assert written(long.stream("events").select(where="n_hits >= 0"), format, limit=100_000, columns=["n_hits"])[0] == 100_000


def test_nothing_selected_still_has_a_head(small):
    nothing = small.stream("events").select(run=99)
    assert written(nothing, "table", columns=["n_hits"]) == (0, "run  frame_index  trigger_counter  n_hits\n")
    assert written(nothing, "csv", columns=["n_hits"]) == (0, "run,frame_index,trigger_counter,n_hits\n")
    assert written(nothing, "json") == (0, "")
    assert pq.read_table(io.BytesIO(written(nothing, "parquet")[1])).num_rows == 0


def test_text_goes_to_binary_files_too(small):
    out = io.BytesIO()
    write_rows(small.stream("events").select(run=5), "csv", out, limit=1, columns=["n_hits"])
    assert out.getvalue().startswith(b"run,frame_index")


def test_what_cannot_be_written_is_refused(small):
    stream = small.stream("events")
    with pytest.raises(UnknownNameError, match="Known: csv, json, parquet, table"):
        written(stream, "xml")
    with pytest.raises(UsageError, match="does not fit into one row"):
        written(stream, "csv", columns=["hits.tot", "triggered_hits.tot"])
    with pytest.raises(UsageError, match="A limit"):
        written(stream, "csv", limit=-1)

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    with pytest.raises(UsageError, match="Send it to a file"):
        write_rows(stream, "parquet", Terminal())
