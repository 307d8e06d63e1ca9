"""What tree E holds: keys and counters of real files, and what of them is damaged read around."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from antdask.errors import CorruptFileError
from antdask.model.ragged import Batch, concatenate
from antdask.plan import FileEntry
from antdask.sources.km3net_dst import SOURCE as DST
from antdask.sources.km3net_offline import SOURCE
from antdask.sources.object_columns import ObjectColumns, Parts
from antdask.sources.offline_survey import EventSurvey, track_counts
from antdask.sources.root import open_root
from tests.sources import offline_samples as samples

FILE = samples.path("offline/numucc.root")
MANY = samples.path("offline/mcv5.11r2.gsg_muonCChigherE-CC_50-5000GeV.km3_AAv1.jterbr00004695.jchain.aanet.498.root")


def damage(monkeypatch: pytest.MonkeyPatch, name: str, *ranges: tuple[int, int]) -> None:
    """Let these events be lost in a branch."""
    sound = ObjectColumns.read

    def read(self: ObjectColumns, start: int, stop: int, sources: Iterable[str] | None = None) -> Parts:
        for low, high in ranges:
            if (sources is None or name in sources) and low < stop and start < high:
                raise CorruptFileError("broken", branch=name, start=low, stop=high)
        return sound(self, start, stop, sources)

    monkeypatch.setattr(ObjectColumns, "read", read)


def whole(entry: FileEntry, tree: str) -> tuple[list[Batch], list[CorruptFileError]]:
    """Everything of a tree that is sound, as a conversion would keep it, and what is lost."""
    (segment,) = (s for s in entry.segments if s.tree == tree)
    found, lost, waiting = [], [], [(segment.start, segment.stop)]
    while waiting:
        start, stop = waiting.pop(0)
        try:
            found += list(SOURCE.read(entry, tree, start, stop))
        except CorruptFileError as error:
            assert error.start is not None
            assert error.stop is not None
            lost.append(error)
            waiting = [w for w in ((start, error.start), (error.stop, stop)) if w[0] < w[1]] + waiting
    return found, lost


def test_runs_labels_and_counts_are_those_of_the_file() -> None:
    with open_root(MANY) as file, uproot.open(MANY) as other:
        survey = EventSurvey(file, [])
        assert set(survey.labels) == {"km3net-43-simulated"}
        assert set(survey.runs) == {4695}
        numbers = other["E/Evt/trks/trks.id"].array()
        np.testing.assert_array_equal(track_counts(survey._columns["E/trks"], []), ak.to_numpy(ak.num(numbers)))
        np.testing.assert_array_equal(survey.keys(0, 307)[0], other["E/Evt/frame_index"].array(library="np"))


def test_an_event_without_keys_falls_to_the_run_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = SOURCE.describe(FILE)
    damage(monkeypatch, "run_id", (0, 1), (4, 6))
    entry = SOURCE.describe(FILE)
    assert [s for s in entry.segments if s.tree != "E/trks"] == [s for s in expected.segments if s.tree != "E/trks"]
    assert [n for n in entry.notes if "keys of" in n] == [
        "keys of events 0 to 1 cannot be read: broken",
        "keys of events 4 to 6 cannot be read: broken",
    ]
    found, lost = whole(entry, "E")
    assert [(e.start, e.stop) for e in lost] == [(0, 1), (4, 6)]
    assert [n for b in found for n in b.tables["events"]["source_entry"]] == [1, 2, 3, 6, 7, 8, 9]


def test_a_file_of_which_no_event_has_keys_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    damage(monkeypatch, "det_id", (0, 10))
    with pytest.raises(CorruptFileError, match="broken"):
        SOURCE.describe(FILE)


def test_a_summary_of_an_event_without_keys_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    file = samples.path("dst/mcv5.1.km3_numuCC.ALL.dst.bdt.10events.root")
    damage(monkeypatch, "frame_index", (2, 3))
    entry = DST.describe(file)
    with pytest.raises(CorruptFileError) as caught:
        list(DST.read(entry, "T", 0, 10))
    assert (caught.value.start, caught.value.stop) == (2, 3)
    assert sum(b.rows for b in DST.read(entry, "T", 3, 10)) == 7


def test_tracks_around_lost_events_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = concatenate(list(SOURCE.read(SOURCE.describe(FILE), "E/trks", 0, 407)))
    entries = expected.tables["tracks"]["event_entry"]
    damage(monkeypatch, "trks.fitinf", (3, 5))
    entry = SOURCE.describe(FILE)
    found, (error,) = whole(entry, "E/trks")
    lost = np.flatnonzero((entries >= 3) & (entries < 5))
    assert (error.tree, error.start, error.stop) == ("E/trks", lost[0], lost[-1] + 1)
    kept = concatenate(found).tables["tracks"]
    np.testing.assert_array_equal(kept["source_entry"], np.setdiff1d(np.arange(407), lost))
    np.testing.assert_array_equal(kept["lik"], expected.tables["tracks"]["lik"][np.setdiff1d(np.arange(407), lost)])


def test_a_stretch_without_numbers_of_tracks_counts_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = concatenate(list(SOURCE.read(SOURCE.describe(FILE), "E/trks", 0, 407)))
    entries = expected.tables["tracks"]["event_entry"]
    damage(monkeypatch, "trks.id", (3, 5))
    entry = SOURCE.describe(FILE)
    found, (error,) = whole(entry, "E/trks")
    first = int(np.flatnonzero(entries == 3)[0])
    assert (error.start, error.stop) == (first, first + 1)
    kept = concatenate(found).tables["tracks"]
    intact = (entries < 3) | (entries >= 5)
    np.testing.assert_array_equal(kept["lik"], expected.tables["tracks"]["lik"][intact])
    np.testing.assert_array_equal(kept["event_entry"], entries[intact])


def test_a_damaged_basket_costs_its_own_events(tmp_path: Path) -> None:
    data = bytearray(Path(MANY).read_bytes())
    with uproot.open(MANY) as file:
        branch = file["E/Evt/trks/trks.id"]
        key = branch.basket_key(3)
        low, high = (int(n) for n in branch.entry_offsets[3:5])
    data[key.fSeekKey + key.fKeylen + 40] ^= 0xFF
    (tmp_path / "x.root").write_bytes(data)
    entry = SOURCE.describe(str(tmp_path / "x.root"))
    assert any(note.startswith(f"'trks.id' of events {low} to {high} cannot be read") for note in entry.notes)
    (segment,) = (s for s in entry.segments if s.stream == "reco")
    first = int(track_counts_before(entry, low))
    with pytest.raises(CorruptFileError) as caught:
        list(SOURCE.read(entry, "E/trks", first - 2, segment.stop))
    assert (caught.value.start, caught.value.stop, caught.value.branch) == (first, first + 1, "trks.id")
    assert sum(b.rows for b in SOURCE.read(entry, "E/trks", first + 1, first + 200)) == 199


def track_counts_before(entry: FileEntry, event: int) -> int:
    with open_root(entry.url) as file:
        return int(track_counts(EventSurvey(file, [])._columns["E/trks"], [])[:event].sum())


def test_counters_of_what_is_simulated_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    sound = ObjectColumns.read

    def read(self: ObjectColumns, start: int, stop: int, sources: Iterable[str] | None = None) -> Parts:
        asked.extend(sources or ())
        return sound(self, start, stop, sources)

    monkeypatch.setattr(ObjectColumns, "read", read)
    # Neither header nor META: only the events say that they are simulated.
    with open_root(samples.path("dst/mcv5.1.km3_numuCC.ALL.dst.bdt.10events.root")) as file:
        survey = EventSurvey(file, [])
    assert (survey.truth, survey.evidence) == (True, "tree 'E' holds mc_trks")
    assert asked.count("mc_trks") == 1
