"""Opening an archive: what it says about itself."""

import pandas as pd
import pytest

import antdask
from antdask.archive import marker
from antdask.archive.store import Store
from antdask.errors import NotAnArchiveError, UnknownNameError
from antdask.model.tables import SCHEMAS
from antdask.query.archive import Archive, open_archive
from tests.batches import random_batch
from tests.query.archives import Entry, write_archive


def test_the_package_opens_archives():
    assert antdask.open_archive is open_archive
    with pytest.raises(NotAnArchiveError, match="antdask convert"):
        antdask.open_archive("memory://nothing-here")


def test_streams_and_runs_are_listed(small):
    assert isinstance(small, Archive) and small.streams == ["events", "timeslices_l1", "rates", "reco"]
    runs = small.runs
    assert runs[["detector", "run", "rows"]].to_numpy().tolist() == [["antares", 7, 70], ["km3net-44", 5, 135], ["km3net-44", 7, 210]]
    assert pd.isna(runs["first_utc_ns"][0]) and pd.isna(runs["first_utc"][0])
    assert runs["first_utc"].dt.tz is not None and runs["last_utc_ns"].dtype == "Int64"
    assert runs["last_utc_ns"][2] == int(
        small.stream("events").select(run=7, detector="km3net-44").to_awkward(["utc_ns"]).utc_ns.to_numpy().max()
    )
    assert len(small.quarantine) == 0
    with pytest.raises(UnknownNameError, match="Did you mean 'events'"):
        small.stream("event")
    assert small.stream("events").name == "events" and small.stream("events") is small.stream("events")


def test_info_adds_up_what_the_catalogue_knows(small, small_entries):
    info = small.info()
    assert info["total"]["rows"] == 415 == sum(s["rows"] for s in info["streams"].values())
    events = info["streams"]["events"]
    assert events["hits"] == sum(e.batch.hits for e in small_entries if e.batch.stream == "events")
    assert events["detectors"] == ["antares", "km3net-44"] and events["runs"] == 3 and events["lineages"] == ["0a0a0a0a", "bbbbbbbb"]
    assert info["streams"]["reco"]["first_utc"] == "" and info["quarantine"] == {}


def test_the_card_of_an_archive_helps_to_go_on(small):
    text = repr(small)
    for words in (
        small.url,
        "antares, km3net-44",
        "3: 5 to 7",
        "415 rows",
        "timeslices_l1",
        "cccccccc",
        'archive.stream("events").select(run=5).to_awkward()',
    ):
        assert words in text
    assert max(len(line) for line in text.splitlines()) < 140
    assert "<table>" in small._repr_html_() and "timeslices_l1" in small._repr_html_()


def test_what_the_cards_propose_runs(small):
    names = {"archive": small, "stream": small.stream("events")}
    lines = [line.strip() for thing in names.values() for line in repr(thing).split("Next:")[1].splitlines()]
    proposed = [line for line in lines if line and "[…]" not in line]
    assert len(proposed) == 5 and all(eval(line, {}, names) is not None for line in proposed)


def test_the_card_of_a_stream_lists_columns_types_and_units(small):
    text = repr(small.stream("rates"))
    assert "per-frame rates" in text and "frames.rate_code" in text and "uint8 x 31 (channel)" in text and "key: run number" in text
    assert " ns " in text and "&#x27;" not in text
    html = small.stream("rates")._repr_html_()
    assert "frames.rate_code" in html and "<td" in html


def test_an_archive_is_seen_as_it_was_when_it_was_opened(tmp_path):
    store = Store(str(tmp_path / "archive"))
    marker.create(store)
    empty = antdask.open_archive(store.url)
    assert empty.streams == [] and len(empty.runs) == 0 and "antdask convert" in repr(empty)
    url = write_archive(tmp_path / "archive", [Entry(random_batch("rates", "km3net_online", 3))])
    assert empty.streams == [] and antdask.open_archive(url).streams == ["rates"]


def origins_of(schema):
    """The sources that give every table of theirs at least a column; one of any name where none is declared."""
    named = sorted({o for t in schema.tables for o in (*t.origins, *(o for f in t.fields for o in f.origins))}) or ["any"]
    return [o for o in named if all(t.columns(o) for t in schema.given_by(o))]


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_declared_stream_can_be_asked_in_every_form(name, tmp_path):
    schema = SCHEMAS[name]
    batches = [random_batch(name, origin, 12, seed=i, mean=3.0) for i, origin in enumerate(origins_of(schema))]
    archive = antdask.open_archive(write_archive(tmp_path / "a", [Entry(b, run=i) for i, b in enumerate(batches)]))
    stream, rows = archive.stream(name), 12 * len(batches)
    assert stream.count() == (rows, sum(b.hits for b in batches)) and stream.explain().nbytes > 0
    assert (
        len(stream.to_awkward()) == len(stream.to_arrow()) == len(stream.to_pandas()) == stream.to_xarray().sizes[schema.rows.row] == rows
    )
    for table in schema.tables[1:]:
        assert len(stream.to_pandas(table.name)) == sum(b.length(table.name) for b in batches if table.name in b.tables)
    lines = [line.strip() for line in repr(stream).split("Next:")[1].splitlines()]
    assert all(eval(line, {}, {"stream": stream}) is not None for line in lines if line and "[…]" not in line)


def test_an_archive_in_memory_opens_too():
    url = write_archive("memory://query/archive", [Entry(random_batch("events", "seatray", 12), detector="antares", run=8)])
    assert antdask.open_archive(url).stream("events").select(run=8).count().rows == 12
