"""Simulated events in text as a source: what it recognises and describes, how it reads in pieces, and what it salvages."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from km3net_testdata import data_path

from antdask.errors import CorruptFileError, InputChangedError, InputError, UnknownNameError
from antdask.model.keys import RunKey
from antdask.model.ragged import Batch, concatenate, cut
from antdask.sources import recognise
from antdask.sources.evt_ascii import SOURCE
from tests.sources import evt_samples as samples
from tests.sources.seatray_samples import same

GSEAGEN, BUNDLES = "gseagen/gseagen_v7.0.0_numuCC_diffuse.evt", "mupage/mcv5.0.mupage_1G.5.evt"


def written(folder: Path, data: bytes) -> str:
    path = folder / "some.evt"
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize("name", samples.FILES)
def test_a_file_is_described_by_its_blocks(name: str) -> None:
    label, run, events = samples.FILES[name]
    assert recognise(samples.path(name)) is SOURCE
    entry = SOURCE.describe(samples.path(name))
    key = RunKey(label, run)
    assert [(s.stream, s.tree, s.run, s.start, s.stop) for s in entry.segments] == [
        ("mc", "events", key, 0, events),
        ("headers", "headers", key, 0, 1),
    ]
    assert (entry.format, entry.layout, entry.origin, entry.notes) == ("evt_ascii", "evt_ascii", "evt_ascii", ())


@pytest.mark.parametrize(
    "name", ["detx/detx_v5.detx", "astro/antares_coordinate_systems_benchmark.csv", "daq/IO_EVT.dat", "seatray/antares.h5"]
)
def test_other_files_are_left_to_others(name: str) -> None:
    assert not SOURCE.sniff(name, Path(data_path(name)).read_bytes()[:1024])


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_reading_in_two_pieces_equals_reading_at_once(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([GSEAGEN, BUNDLES, "evt/KM3Sim.evt"]))
    events = samples.FILES[name][2]
    entry = SOURCE.describe(samples.path(name))
    a, b, c = sorted(data.draw(st.lists(st.integers(0, events), min_size=3, max_size=3)))
    pieces = [*SOURCE.read(entry, "events", a, b), *SOURCE.read(entry, "events", b, c)]
    if a < c:
        same(concatenate(pieces), cut(samples.whole(samples.path(name)), a, c))
    else:
        assert pieces == []


def test_small_batches_hold_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = samples.whole(samples.path(GSEAGEN))
    monkeypatch.setattr("antdask.sources.evt_ascii.BATCH_BYTES", 20_000)
    batches = list(SOURCE.read(SOURCE.describe(samples.path(GSEAGEN)), "events", 0, 82))
    assert len(batches) > 10
    same(concatenate(batches), whole)


def test_a_file_put_together_from_two_has_a_segment_for_each_run(tmp_path: Path) -> None:
    names = ["evt/corant_5.1.9.evt", BUNDLES]
    url = written(tmp_path, b"".join(samples.read_bytes(n) for n in names))
    entry = SOURCE.describe(url)
    assert [(s.tree, s.run.detector, s.start, s.stop) for s in entry.segments] == [
        ("events", "corant-simulated", 0, 3),
        ("events", "mupage-simulated", 3, 23),
        ("headers", "corant-simulated", 0, 1),
        ("headers", "mupage-simulated", 1, 2),
    ]
    parts = [next(SOURCE.read(entry, "events", s.start, s.stop)) for s in entry.segments[:2]]
    for part, name in zip(parts, names, strict=True):
        same_but_entry(part, samples.whole(samples.path(name)))
    same_but_entry(next(SOURCE.read(entry, "headers", 1, 2)), samples.whole(samples.path(BUNDLES), "headers"))


def same_but_entry(left: Batch, right: Batch) -> None:
    rows = left.schema.rows.name
    left.tables[rows]["source_entry"][:] = right.tables[rows]["source_entry"]
    same(left, right)


def test_a_file_without_header_is_read(tmp_path: Path) -> None:
    text = samples.read_bytes(BUNDLES)
    entry = SOURCE.describe(written(tmp_path, text[text.index(b"start_event:") :]))
    assert [(s.stream, s.run, s.stop) for s in entry.segments] == [("mc", RunKey("evt-simulated", 0), 20)]
    assert entry.notes == ("the file has no header: it is filed under run 0, and the numbering of particles is not known",)
    (batch,) = SOURCE.read(entry, "events", 0, 20)
    assert not batch.tables["particles"]["numbering"].any()
    assert batch.tables["particles"]["x"].tolist() == samples.whole(samples.path(BUNDLES)).tables["particles"]["x"].tolist()


def test_unknown_trees_and_entries_are_refused() -> None:
    entry = SOURCE.describe(samples.path(BUNDLES))
    with pytest.raises(UnknownNameError, match="Did you mean 'events'"):
        next(SOURCE.read(entry, "event", 0, 1))
    with pytest.raises(InputChangedError, match="expected 0 to 21, found 20 events"):
        next(SOURCE.read(entry, "events", 0, 21))


# --- damage ----------------------------------------------------------------------------------------------------------


def test_a_torn_end_loses_the_last_event_and_says_so(tmp_path: Path) -> None:
    text = samples.read_bytes(GSEAGEN)
    entry = SOURCE.describe(written(tmp_path, text[:-40]))
    start = text.rindex(b"start_event:")
    assert entry.notes == (f"bytes {start - 1} to {len(text) - 40} are no whole event",)
    batches, lost = samples.salvage(entry)
    assert lost == [(81, 82)]
    same(concatenate(batches), cut(samples.whole(samples.path(GSEAGEN)), 0, 81))


def test_a_header_without_run_is_reported_at_once(tmp_path: Path) -> None:
    text = samples.read_bytes(BUNDLES).replace(b"start_run: 5", b"start_run: five")
    with pytest.raises(CorruptFileError, match=r"no run number.*found start_run: five"):
        SOURCE.describe(written(tmp_path, text))


@pytest.mark.parametrize("size", sorted(np.random.default_rng(5).integers(0, 319_888, 25).tolist()))
def test_a_text_cut_anywhere_gives_its_whole_events(tmp_path: Path, size: int) -> None:
    text, whole = samples.read_bytes(GSEAGEN), samples.whole(samples.path(GSEAGEN))
    url = written(tmp_path, text[:size])
    try:
        entry = SOURCE.describe(url)
    except InputError:
        assert size < text.index(b"start_event:")
        return
    batches, lost = samples.salvage(entry)
    complete = len(re.findall(rb"^end_event:", text[:size], re.MULTILINE)) - 1
    assert sum(b.rows for b in batches) == complete
    assert lost in ([], [(complete, complete + 1)])
    for batch in batches:
        first = int(batch.tables["events"]["source_entry"][0])
        same(batch, cut(whole, first, first + batch.rows))


@pytest.mark.parametrize("seed", range(60))
def test_random_damage_changes_no_event_but_those_it_hits(tmp_path: Path, seed: int) -> None:
    """Text has no checksum: an event that is hit may be read with another number or line; all others come back, or are counted as lost."""
    rng = np.random.default_rng(seed)
    name = [BUNDLES, "evt/KM3Sim.evt", "evt/corant_5.1.9.evt"][seed % 3]
    text = bytearray(samples.read_bytes(name))
    places = rng.integers(text.index(b"start_event:"), len(text), 4)
    for place in places:
        text[place] = int(rng.integers(256)) if seed % 2 else text[place] ^ 1 << int(rng.integers(8))
    whole = samples.whole(samples.path(name))
    starts = np.array([m.start() for m in re.finditer(rb"^start_event:", samples.read_bytes(name), re.MULTILINE)])
    hit = np.searchsorted(starts, places, "right") - 1
    spoilt = {int(n) + d for n in hit for d in (0, 1)}
    entry = SOURCE.describe(written(tmp_path, bytes(text)))
    batches, lost = samples.salvage(entry)
    assert sum(b.rows for b in batches) + sum(b - a for a, b in lost) == entry.entries("mc")
    kept = [cut(b, n, n + 1) for b in batches for n in range(b.rows)]
    assert all(b.problems() == [] for b in kept)
    numbers = {int(b.tables["events"]["event_number"][0]): b for b in kept}
    for n in set(range(whole.rows)) - spoilt:
        same_but_entry(numbers[int(whole.tables["events"]["event_number"][n])], cut(whole, n, n + 1))
