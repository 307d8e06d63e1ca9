"""The campaign: it resumes, takes new runs in, gives the same bytes again, and says what it left out."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from antdask.archive import snapshot
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.environment.arrays import read
from antdask.environment.build import BuildSpec, build
from antdask.environment.grid import LEVELS
from antdask.environment.product import Product
from antdask.errors import DestinationError, UsageError
from antdask.model.time import ANTARES_FRAME_NS as FRAME
from tests.batches import random_batch
from tests.environment.sea import START, archive_of, counts_batch, quiet
from tests.query.archives import Entry, write_archive, write_part

DAY_NS = 86_400 * 10**9
COUNT = quiet(300)


def made(url, **choices):
    with make_cluster("serial") as cluster:
        return build(url, cluster, BuildSpec(**choices))


def digests(url):
    root = Path(url) / "environment"
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(root.rglob("*")) if p.is_file()}


def total(url, name="n_valid"):
    product = Product.open(Store(url))
    array = product.array(LEVELS["1d"], name)
    return read(product.store, array, tuple(slice(0, n) for n in array.shape))


@pytest.fixture
def archive(tmp_path):
    return archive_of(tmp_path / "archive", [(7, counts_batch(COUNT))])


def test_a_second_build_does_nothing_and_a_rebuild_gives_the_same_bytes(archive):
    first = made(archive)
    assert (first.days_built, first.periods_built, first.frames) == (1, 1, 300)
    before = digests(archive)
    again = made(archive)
    assert (again.days_built, again.periods_built) == (0, 0)
    assert digests(archive) == before
    product = Product.open(Store(archive))
    product.store.remove(product.day_file((START - product.grid.origin_ns) // DAY_NS))
    assert made(archive).days_built == 1
    assert digests(archive) == before


def test_new_runs_extend_the_grid_and_touch_only_their_days(archive):
    made(archive)
    before = digests(archive)
    later = START + 100 * DAY_NS
    write_part(Store(archive), Entry(counts_batch(COUNT, start_ns=later), "antares", 9), "0000000f")
    snapshot.rebuild(Store(archive))
    summary = made(archive)
    assert (summary.days_built, summary.periods_built, summary.days) == (1, 1, 2)
    after = digests(archive)
    assert {p for p in before if before[p] != after.get(p) and "/c/" in p} == set()
    assert np.flatnonzero(total(archive)[0]).tolist() == [59, 159]
    assert total(archive)[0].sum() == 600


def test_a_run_archived_late_changes_its_day(archive):
    made(archive)
    write_part(Store(archive), Entry(counts_batch(COUNT, start_ns=START + 3600 * 10**9), "antares", 8), "0000000f")
    snapshot.rebuild(Store(archive))
    assert made(archive).days_built == 1
    assert total(archive)[0, 59] == 600


def test_frames_that_are_there_twice_count_once_and_are_told(tmp_path):
    url = archive_of(
        tmp_path / "a", [(7, counts_batch(COUNT)), (7, counts_batch(COUNT)), (8, counts_batch(COUNT, start_ns=START + 10 * FRAME))]
    )
    summary = made(url)
    assert summary.left_out == {"duplicate": 300, "clock": 0, "overlap": 290}
    assert total(url)[0].sum() == 310


def test_a_dead_line_and_a_day_of_saturation_are_counted_not_averaged(tmp_path):
    count, flags = COUNT.copy(), np.zeros(COUNT.shape, np.uint8)
    count[:, 75:150], flags[:, 75:150] = 0, 4
    count[:, 150:225], flags[:, 150:225] = 65_535, 1
    url = archive_of(tmp_path / "a", [(7, counts_batch(count, flags))])
    made(url)
    valid, saturated, sums, low = (total(url, n)[:, 59] for n in ("n_valid", "n_saturated", "sum", "sum_saturated"))
    assert (valid[:75] == 300).all()
    assert not (valid[75:225].any() or saturated[75:150].any() or sums[75:225].any())
    assert (saturated[150:225] == 300).all()
    assert (low[150:225] == 300 * 65_535).all()
    assert np.isnan(total(url, "median")[75:225, 59]).all()
    assert not total(url, "n_windows")[75:225].any()


def test_a_clock_that_shows_1970_is_told_and_kept_out(tmp_path):
    times = np.concatenate([np.arange(100), START + np.arange(200) * FRAME])
    url = archive_of(tmp_path / "a", [(7, counts_batch(COUNT, utc_ns=times)), (8, counts_batch(COUNT, start_ns=START + 3600 * 10**9))])
    summary = made(url)
    assert summary.outside == 1
    assert total(url)[0].sum() == 500


def test_a_dry_run_says_what_there_is_to_do(archive):
    with make_cluster("serial") as cluster:
        summary = build(archive, cluster, dry_run=True)
    assert (summary.days, summary.days_built, summary.periods_built) == (1, 1, 1)
    assert not (Path(archive) / "environment").exists()


def test_rates_of_km3net_channels_are_decoded(tmp_path):
    batch = random_batch("rates", "km3net_online", 300, seed=1, mean=4.0)
    rows, frames = batch.tables["slices"], batch.tables["frames"]
    rows["utc_ns"] = START + np.arange(300, dtype=np.int64) * 100_000_000
    of_row = np.diff(batch.offsets["frames"])
    place = np.arange(len(frames["dom_id"])) - np.repeat(batch.offsets["frames"][:-1], of_row)
    frames["dom_id"] = (808_000_000 + place).astype(np.int32)
    frames["flags"][:] = 0
    url = write_archive(tmp_path / "a", [Entry(batch, run=7)])
    made(url)
    product = Product.open(Store(url))
    sums = total(url, "sum")[:, 59].reshape(-1, 31)
    code = frames["rate_code"].astype(int)
    rate = np.where(code > 0, np.rint(2000 * np.exp(code * np.log(1000) / 255)), 0)
    for dom in np.unique(place):
        assert (sums[dom] == rate[place == dom].sum(axis=0)).all()
        assert (total(url)[:, 59].reshape(-1, 31)[dom] == (code[place == dom] > 0).sum(axis=0)).all()
    assert product.quantity.labels["dom_id"][31] == 808_000_001


def test_what_cannot_be_built_is_said(tmp_path):
    empty = write_archive(tmp_path / "e", [Entry(random_batch("events", "km3net_online", 5))])
    with pytest.raises(UsageError, match="no rates"):
        made(empty)
    several = write_archive(
        tmp_path / "s", [Entry(counts_batch(COUNT[:5]), "antares"), Entry(counts_batch(COUNT[:5]), "other", lineage="bbbbbbbb")]
    )
    with pytest.raises(UsageError, match="several detectors"):
        made(several)
    with pytest.raises(UsageError, match="begins after"):
        made(several, detector="antares", origin="2011-01-01")


def test_a_day_that_fails_is_told_and_done_by_the_next_build(archive, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("antdask.environment.day.find_flashes", lambda *_: 1 / 0)
        summary = made(archive)
    assert summary.exit_code == 4
    assert summary.failures[0]["task"] == "20100301"
    assert made(archive).days_built == 1
    assert total(archive)[0].sum() == 300


def test_workers_in_other_processes_build_the_same(archive, tmp_path):
    made(archive)
    other = archive_of(tmp_path / "other", [(7, counts_batch(COUNT))])
    with make_cluster("processes", 1) as cluster:
        assert not build(other, cluster).failures
    assert digests(archive) == digests(other)


def test_an_archive_that_cannot_be_written_stops_the_build(archive, monkeypatch):
    def refuse(*_):
        raise DestinationError("The destination cannot be written", where="here")

    monkeypatch.setattr(Store, "write_small", refuse)
    with pytest.raises(DestinationError):
        made(archive)
