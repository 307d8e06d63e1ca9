"""Joins by value: against dictionaries of every key, with rows that match nothing, once, or often, and with what is missing kept apart from zero."""

import awkward as ak
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import antdask
from antdask.errors import DamagedPartError, UnknownNameError, UsageError
from tests.batches import random_batch
from tests.query.archives import Entry, write_archive

T0 = 1_500_000_000_000_000_000


def batch(stream, origin, rows, seed, frames, counters=4, mean=3.0):
    """Rows of few frames, so that keys meet."""
    made = random_batch(stream, origin, rows, seed=seed, mean=mean)
    table = made.tables[made.schema.rows.name]
    rng = np.random.default_rng(seed)
    table["frame_index"] = (
        np.sort(rng.integers(0, frames, rows)).astype("u4") if stream != "rates" else np.sort(rng.permutation(frames)[:rows]).astype("u4")
    )
    if "trigger_counter" in table:
        table["trigger_counter"] = rng.integers(0, counters, rows).astype("i8")
    if "utc_ns" in table:
        table["utc_ns"] = T0 + table["frame_index"].astype(np.int64) * 100_000_000
    return made


@pytest.fixture(scope="module")
def entries():
    return [
        Entry(batch("events", "km3net_online", 200, 1, 60), run=3),
        Entry(batch("events", "km3net_online", 100, 2, 60), run=4),
        Entry(batch("events", "seatray", 80, 3, 30), detector="antares", run=3, lineage="bbbbbbbb"),
        Entry(batch("reco", "seatray", 120, 4, 40), detector="antares", run=3, lineage="cccccccc"),
        Entry(batch("rates", "km3net_online", 40, 5, 60), run=3),
    ]


@pytest.fixture(scope="module")
def joinable(entries, tmp_path_factory):
    return antdask.open_archive(write_archive(tmp_path_factory.mktemp("joins") / "archive", entries))


def rows_of(entry, *names):
    """Keys with detector and run, and values of columns, row by row."""
    table = entry.batch.tables[entry.batch.schema.rows.name]
    keys = [n for n in ("frame_index", "trigger_counter") if n in table]
    return [
        ((entry.detector, entry.run, *key), value)
        for key, value in zip(
            zip(*(table[k].tolist() for k in keys), strict=True), zip(*(table[n].tolist() for n in names), strict=True), strict=True
        )
    ]


def test_rates_of_the_same_frame_are_a_record_or_nothing(joinable, entries):
    found = joinable.stream("events").join("rates", ["n_frames", "frames.dom_id"]).to_awkward(["n_hits"])
    rates = {key: value[0] for key, value in rows_of(entries[4], "n_frames")}
    offsets, doms = entries[4].batch.offsets["frames"], entries[4].batch.tables["frames"]["dom_id"]
    number = {key: i for i, key in enumerate(rates)}
    want = []
    for entry in (entries[2], entries[0], entries[1]):
        for key, (n_hits,) in rows_of(entry, "n_hits"):
            i = number.get(key[:3])
            frames = None if i is None else [{"dom_id": d} for d in doms[offsets[i] : offsets[i + 1]].tolist()]
            want.append((n_hits, None if i is None else {"n_frames": rates[key[:3]], "frames": frames}))
    assert [(r["n_hits"], r["rates"]) for r in found.to_list()] == want
    assert 0 < ak.sum(ak.is_none(found.rates)) < len(found) and found.attrs["joined"] == ["rates"]


def test_tracks_of_an_event_are_a_list(joinable, entries):
    found = joinable.stream("events").select(detector="antares").join("reco", "lik").to_awkward("n_hits")
    tracks = {}
    for key, (lik,) in rows_of(entries[3], "lik"):
        tracks.setdefault(key, []).append(lik)
    want = [tracks.get(key, []) for key, _ in rows_of(entries[2], "n_hits")]
    assert str(found.reco.lik.to_list()) == str(want) and max(map(len, want)) > 1 and min(map(len, want)) == 0
    assert found.reco.fields == ["lik"]


def test_a_selection_is_joined_with_its_conditions(joinable, entries):
    good = joinable.stream("reco").select(where="lik > 0")
    frame = joinable.stream("events").select(detector="antares").join(good, ["lik"], name="track").to_pandas(["n_hits"])
    own, other = (
        pd.DataFrame([(*k, *v) for k, v in rows_of(entries[i], c)], columns=["detector", "run", "frame_index", "trigger_counter", c])
        for i, c in ((2, "n_hits"), (3, "lik"))
    )
    want = own.merge(other[other.lik > 0], how="left")
    assert frame["n_hits"].tolist() == want["n_hits"].tolist() and np.array_equal(frame["track.lik"], want["lik"], equal_nan=True)
    assert frame.attrs["units"]["track.lik"] == "1"


def test_events_of_a_track_with_all_their_hits(joinable, entries):
    found = joinable.stream("reco").join(joinable.stream("events"), ["hits.charge_pe"], name="event", one=False).to_awkward(["lik"])
    offsets, charge = entries[2].batch.offsets["hits"], entries[2].batch.tables["hits"]["charge_pe"]
    events = {}
    for i, (key, _) in enumerate(rows_of(entries[2], "n_hits")):
        events.setdefault(key, []).append(charge[offsets[i] : offsets[i + 1]].tolist())
    assert str(found.event.hits.charge_pe.to_list()) == str([events.get(key, []) for key, _ in rows_of(entries[3], "lik")])


def test_several_rows_where_one_is_expected_are_named(joinable):
    joined = joinable.stream("reco").join("events", ["n_hits"])
    with pytest.raises(UsageError, match=r"Several rows of 'events' belong to one row.*run.*one=False"):
        joined.to_awkward(["lik"])


def test_rows_whose_files_count_no_events_are_not_taken_for_one_event(tmp_path):
    events, tracks = batch("events", "seatray", 80, 3, 30), batch("reco", "seatray", 120, 4, 40)
    for one, rows in ((events, "events"), (tracks, "tracks")):
        one.tables[rows]["trigger_counter"][:] = -1
        one.tables[rows]["frame_index"][:] = 0
    entries = [Entry(b, detector="antares", run=3, lineage=n * 8) for b, n in ((events, "b"), (tracks, "c"))]
    archive = antdask.open_archive(write_archive(tmp_path / "archive", entries))
    for one in (None, False):
        with pytest.raises(UsageError, match=r"do not say which event they are of.*120 rows of 'reco'.*event_number"):
            archive.stream("events").join("reco", "lik", one=one).to_awkward("n_hits")
    with pytest.raises(UsageError, match=r"do not say which event they are of.*120 rows of 'reco'"):
        archive.stream("events").matching(archive.stream("reco")).to_awkward("n_hits")
    # Placeholders among fits that do say it belong to no event.
    tracks.tables["tracks"]["trigger_counter"][5:] = np.arange(115)
    events.tables["events"]["trigger_counter"][5:] = np.arange(75) + 70
    archive = antdask.open_archive(write_archive(tmp_path / "some", entries))
    assert len(archive.stream("events").matching(archive.stream("reco")).to_awkward("n_hits")) == 45


def test_the_run_table_and_tables_of_the_user(joinable):
    runs = joinable.stream("events").join("runs", ["rows"]).to_pandas(["n_hits"])
    assert runs.groupby("run")["runs.rows"].unique().map(sorted).to_dict() == {3: [200, 240], 4: [100]}
    quality = pd.DataFrame({"detector": ["antares", "km3net-44", "km3net-44"], "run": [3, 4, 99], "flag": [2**60 + 1, 7, 8]})
    frame = joinable.stream("events").join(quality, name="quality").to_pandas(["detector"])
    assert frame["quality.flag"].dtype == "Int64" and set(frame.columns) == {
        "run",
        "frame_index",
        "trigger_counter",
        "detector",
        "quality.flag",
    }
    assert frame[(frame.detector == "km3net-44") & (frame.run == 3)]["quality.flag"].isna().all()
    assert set(frame[frame.detector == "antares"]["quality.flag"]) == {2**60 + 1}


def test_the_last_value_of_a_series_before_an_event(joinable, entries):
    index = pd.to_datetime([T0 + 1_000_000_000, T0 + 2_000_000_000, T0 + 4_000_000_000], utc=True)
    sea = pd.DataFrame({"current": [1.0, 2.0, 3.0], "sensor": [10, 20, 30]}, index=index)
    events = joinable.stream("events").select(detector="km3net-44", run=3)
    found = events.asof(sea, name="sea", tolerance="1 s").to_awkward(["frame_index"])
    frames = entries[0].batch.tables["events"]["frame_index"].tolist()
    place = [None if f < 10 or 30 < f < 40 or f > 50 else 0 if f < 20 else 1 if f <= 30 else 2 for f in frames]
    assert found.sea.to_list() == [None if p is None else {"current": [1.0, 2.0, 3.0][p], "sensor": [10, 20, 30][p]} for p in place]
    import xarray as xr

    data = xr.Dataset({"current": ("time", [1.0, 2.0, 3.0])}, {"time": index.tz_localize(None)})
    for series in (data, data["current"], pa.table({"utc_ns": index.asi8[::-1], "current": [3.0, 2.0, 1.0]})):
        again = events.asof(series, ["current"], name="sea", tolerance=1_000_000_000).to_awkward(["frame_index"])
        assert again.sea.current.to_list() == found.sea.current.to_list()
    rates = events.asof(joinable.stream("rates"), "n_frames", name="rates").to_pandas(["frame_index"])
    table = entries[4].batch.tables["slices"]
    want = pd.merge_asof(
        pd.DataFrame({"f": frames}), pd.DataFrame({"f": table["frame_index"].astype("i8"), "n": table["n_frames"]}), on="f"
    )
    assert rates["rates.n_frames"].astype("Float64").tolist() == want["n"].astype("Float64").tolist()


def test_joins_follow_each_other_and_are_streamed(joinable):
    joined = joinable.stream("events").join("rates", ["n_frames"]).join("reco", ["lik"]).join("runs", ["rows"])
    whole = joined.to_awkward(["n_hits"])
    parts = list(joined.iter_batches(["n_hits"]))
    assert len(parts) == 3 and [r for p in parts for r in p.n_hits.to_list()] == whole.n_hits.to_list()
    assert whole.fields[-3:] == ["rates", "reco", "runs"] and len(joined.explain(["n_hits"])) == 3
    assert "with rates of the same run, frame_index" in repr(joined) and "<b>Selection" in joined._repr_html_()


def test_nothing_selected_has_its_types(joinable):
    nothing = joinable.stream("events").select(run=99).join("reco", ["lik"]).join("runs", ["rows"])
    assert str(nothing.to_awkward(["n_hits"]).type) == (
        "0 * {run: uint32, frame_index: uint32, trigger_counter: int64, n_hits: uint32, reco: var * {lik: float64}, runs: ?{rows: ?int64}}"
    )
    frame = nothing.to_pandas(["n_hits"])
    assert len(frame) == 0 and list(frame.columns)[-2:] == ["reco.lik", "runs.rows"]


def test_what_cannot_be_joined_is_said(joinable):
    events = joinable.stream("events")
    with pytest.raises(UnknownNameError, match="Did you mean 'rates'"):
        events.join("rate")
    with pytest.raises(UnknownNameError, match="n_frames"):
        events.join("rates", ["n_frame"])
    for wrong in (None, {"run": [1]}, 3):
        with pytest.raises(UsageError, match="cannot be joined"):
            events.join(wrong)
        with pytest.raises(UsageError, match="cannot be joined"):
            events.matching(wrong)
    assert events.matching("rates").count() == events.matching(joinable.stream("rates")).count()
    with pytest.raises(UsageError, match="names no rows"):
        events.join(pd.DataFrame({"x": [1]}))
    with pytest.raises(UsageError, match="holds no integers"):
        events.join(pd.DataFrame({"run": ["a"]}))
    with pytest.raises(UsageError, match="there already"):
        events.join("rates", name="hits")
    with pytest.raises(UsageError, match="says no time"):
        events.asof(pd.DataFrame({"x": [1]}))
    with pytest.raises(UsageError, match="carries UTC"):
        events.select(detector="antares").asof(pd.Series([1.0], pd.to_datetime(["2020-01-01"])))
    with pytest.raises(UsageError, match="has several rows per row"):
        events.join("rates", ["frames.dom_id"]).to_pandas(["n_hits"])
    with pytest.raises(UsageError, match="The result takes more than 1 kB"):
        events.join("rates", ["n_frames"]).to_awkward(["n_hits"], max_bytes=1000)


def test_rows_that_match_another_selection(joinable, entries):
    tracks = joinable.stream("reco").select(where="lik > 0.5")
    found = joinable.stream("events").matching(tracks)
    wanted = {key for key, (lik,) in rows_of(entries[3], "lik") if lik > 0.5}
    want = [v for key, v in rows_of(entries[2], "frame_index", "trigger_counter", "n_hits") if key in wanted]
    got = found.to_awkward(["n_hits"])
    assert list(zip(got.frame_index.to_list(), got.trigger_counter.to_list(), got.n_hits.to_list(), strict=True)) == want and want
    assert found.count().rows == len(want) and "as " in repr(found)
    again = joinable.stream("events").matching(pd.DataFrame({"run": [4, 4], "frame_index": [7, 8]}))
    table = entries[1].batch.tables["events"]
    assert again.count().rows == int(np.isin(table["frame_index"], [7, 8]).sum())
    # As many keys, but others: Dask must not take one for the other.
    other, same = (joinable.stream("events").matching(pd.DataFrame({"run": [4, 4], "frame_index": [7, f]})) for f in (9, 8))
    assert other.to_dask().name != again.to_dask().name == same.to_dask().name
    assert joinable.stream("events").matching(tracks.select(where="lik > 1e300")).count().rows == 0
    with pytest.raises(UsageError, match="taken by number"):
        joinable.stream("events").take([1, 2]).matching(tracks)


def test_damage_on_the_other_side_is_named_or_left_out(entries, tmp_path):
    url = write_archive(tmp_path / "archive", [entries[0], entries[4]])
    joined = antdask.open_archive(url).stream("events").join("rates", ["n_frames"])
    next(p for p in (tmp_path / "archive" / "parts").rglob("*.zip") if "rates" in str(p)).unlink()
    with pytest.raises(DamagedPartError, match="rates"):
        joined.to_awkward(["n_hits"])
    tolerant = antdask.open_archive(url).stream("events").select(on_missing="skip").join("rates", ["n_frames"])
    with pytest.warns(UserWarning, match="left out"):
        assert ak.all(ak.is_none(tolerant.to_awkward(["n_hits"]).rates))


def test_the_rows_of_a_stream_may_bear_the_name_of_another(tmp_path):
    """Rows of 'dst' are called events, and no field of the result is."""
    dst, events = batch("dst", "antdst", 30, 7, 20), batch("events", "antares_raw", 60, 8, 20)
    keys = np.stack([events.tables["events"][n].astype("i8") for n in ("frame_index", "trigger_counter")])
    _, first = np.unique(keys, axis=1, return_index=True)
    archive = antdask.open_archive(write_archive(tmp_path / "archive", [Entry(dst, run=3), Entry(events, run=3)]))
    joined = archive.stream("dst").join("events", ["utc_ns", "hits.avc"], one=False).to_awkward(["MJD"])
    counts = {}
    for key, _ in rows_of(Entry(events, run=3), "n_hits"):
        counts[key] = counts.get(key, 0) + 1
    assert ak.num(joined.events).to_list() == [counts.get(key, 0) for key, _ in rows_of(Entry(dst, run=3), "MJD")] and len(first) < 60
