"""A day on disk equals what NumPy makes of the frames that were put in, and plain zarr reads it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import zarr

from antdask.environment.arrays import read
from antdask.environment.grid import LEVELS
from tests.environment.sea import START, archive_of, counts_batch, quiet

DAY_NS = 86_400 * 10**9
#: Bins that hold something: around midnight, with the gap, with saturation, and of the second run.
TIMES = [DAY_NS - 300 * 10**9, DAY_NS - 180 * 10**9, DAY_NS - 60 * 10**9, DAY_NS, DAY_NS + 120 * 10**9, DAY_NS + 3600 * 10**9]


@pytest.mark.parametrize("name", ["1s", "10s", "1min"])
def test_statistics_equal_those_of_the_frames_that_start_in_the_bin(product, truth, name):
    level = LEVELS[name]
    for offset in TIMES:
        start = START + offset
        bin_number = int(product.grid.bins(np.array([start]), level)[0])
        key = (slice(0, 900), slice(bin_number, bin_number + 1))
        found = {
            n: read(product.store, product.array(level, n), key)[:, 0]
            for n in ("n_valid", "n_saturated", "sum", "sum_sq", "minimum", "maximum")
        }
        valid, saturated = truth.bin(start, level.seconds)
        assert found["n_valid"].tolist() == [len(v) for v in valid]
        assert found["n_saturated"].tolist() == saturated.tolist()
        assert found["sum"].tolist() == [v.sum() for v in valid]
        assert found["sum_sq"].tolist() == [(v**2).sum() for v in valid]
        assert found["minimum"].tolist() == [v.min() if len(v) else 0 for v in valid]
        assert found["maximum"].tolist() == [v.max() if len(v) else 0 for v in valid]
        frames = read(product.store, product.array(level, "n_frames"), key[1:])
        assert frames[0] == ((truth.utc_ns >= start) & (truth.utc_ns < start + level.step_ns)).sum()


def test_histogram_and_median_are_those_of_the_frames(product, truth):
    level = LEVELS["1min"]
    start = START + DAY_NS - 120 * 10**9
    number = int(product.grid.bins(np.array([start]), level)[0])
    valid, _ = truth.bin(start, 60)
    scale = product.quantity.measure.scale
    histogram = read(product.store, product.array(level, "histogram"), (slice(0, 900), slice(number, number + 1), slice(0, 64)))[:, 0]
    median = read(product.store, product.array(level, "median"), (slice(0, 900), slice(number, number + 1)))[:, 0]
    for c in (0, 40, 85, 899):
        assert (histogram[c] == np.bincount(scale.table[np.minimum(valid[c], 65_536)], minlength=64)).all()
        if len(valid[c]):
            assert abs(median[c] / (np.median(valid[c]) * product.quantity.measure.hz_per_value) - 1) < 0.005
        else:
            assert np.isnan(median[c])


def test_baselines_and_bursts_of_windows_are_kept_for_the_period(product, truth):
    window = int((START + DAY_NS - 900 * 10**9 - product.grid.origin_ns) // (900 * 10**9))
    key = (slice(0, 900), slice(window, window + 1))
    found = {
        n: read(product.store, product.array(LEVELS["1min"], n), key)[:, 0]
        for n in ("n_windows", "sum_baseline", "n_in_windows", "n_burst")
    }
    assert found["n_windows"][40] == 0
    alive = np.arange(900) != 40
    assert (found["n_windows"][alive] == 1).all()
    assert np.abs(found["sum_baseline"][alive] / 16 / 6300 - 1).max() < 0.01
    # Five frames of a flash, and twenty saturated ones.
    assert found["n_burst"][3] == 5
    assert found["n_burst"][80] == 20
    assert found["n_burst"][200] == 0


def test_the_flash_that_was_put_in_is_found(product, truth):
    day = int((START - product.grid.origin_ns) // DAY_NS)
    table = pq.read_table(f"{product.store.root}/{product.flash_file(day)}").to_pylist()
    (flash,) = [row for row in table if row["n_om"] >= 3 and not row["n_saturated"]]
    assert flash["start"].value == truth.utc_ns[500]
    assert (flash["line"], flash["floor"], flash["n_om"]) == (1, 2, 3)
    # Noise above the lower threshold within four frames after it makes it longer.
    assert 5 * 0.1048576 - 1e-6 < flash["duration_s"] < 10 * 0.1048576
    assert abs(flash["integral"] / (3 * 5 * 3000) - 1) < 0.05
    saturated = [row for row in table if row["n_saturated"]]
    assert sum(row["n_saturated"] for row in saturated) == 200


#: Builds an archive and reads from it in a process that does nothing else; prints its largest resident memory in kB.
ALONE = """
import sys
import antdask
from antdask.cluster import make_cluster
from antdask.environment.build import build
with make_cluster("serial") as cluster:
    assert build(sys.argv[1], cluster).days_built == 1
antdask.open_archive(sys.argv[1]).environment.open(level="1s").rate[:, 1000:3000].load()
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def test_a_full_window_in_many_parts_is_built_and_read_in_half_a_gigabyte(tmp_path):
    """All that a day needs at once is there after one window; each further window writes over it."""
    frames = np.arange(9000)
    batches = [(run, counts_batch(quiet(3000, run), None, START, frames[3000 * run : 3000 * run + 3000])) for run in range(3)]
    url = archive_of(tmp_path / "archive", batches)
    found = subprocess.run([sys.executable, "-c", ALONE, url], check=True, capture_output=True, text=True)
    assert int(found.stdout) < 500_000


def test_plain_zarr_opens_a_level_with_labels(product):
    group = zarr.open_group(f"{product.store.root}/{product.root}/1min", mode="r")
    number = int((START + DAY_NS - product.grid.origin_ns) // (60 * 10**9))
    assert group["time"][number] == START + DAY_NS
    assert group["line"][899] == 12
    total = int(group["sum"][0, number - 5 : number + 5].sum())
    assert total == read(product.store, product.array(LEVELS["1min"], "sum"), (slice(0, 1), slice(number - 5, number + 5))).sum()
    assert group.attrs["frame_ns"] == 104_857_600
    assert len(group.attrs["histogram_edges"]) == 64
