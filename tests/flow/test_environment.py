"""From simulated raw files to a product: what was put into the files is what people open, through every room."""

from __future__ import annotations

import numpy as np

import antdask
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.environment.build import build
from antdask.model.time import ANTARES_FRAME_NS
from antdask.simulate import SimulationSpec, simulate
from antdask.simulate.detector import make_detector
from antdask.simulate.simulation import run_content
from antdask.simulate.spec import run_start_ns

SPEC = SimulationSpec(runs=2, events=1500, seed=8, mc=False, dst=False, slow_control=False)


def test_counts_of_simulated_files_arrive_on_the_grid(tmp_path):
    files = [str(f) for f in simulate(SPEC, tmp_path / "files")]
    url = str(tmp_path / "archive")
    with make_cluster("serial") as cluster:
        assert convert(make_plan(files, url), cluster).exit_code == 0
        summary = build(url, cluster)
    assert not summary.failures
    light = {run: [(f.index, c) for f, c, _ in run_content(SPEC, run, make_detector(SPEC))] for run in SPEC.run_numbers}
    day = antdask.open_archive(url).environment.open(level="1d").load()
    flags = np.concatenate([c.flags for pieces in light.values() for _, c in pieces])
    count = np.concatenate([c.count for pieces in light.values() for _, c in pieces]).astype(np.int64)
    assert summary.frames == len(count)
    assert (day.n_valid.sum("time").values == (flags == 0).sum(axis=0)).all()
    assert (day.n_saturated.sum("time").values == (((flags & 3) > 0) & (flags & 4 == 0)).sum(axis=0)).all()
    mean = np.where(flags == 0, count, 0).sum(axis=0) / np.maximum(1, (flags == 0).sum(axis=0)) / (ANTARES_FRAME_NS * 1e-9)
    alive = (flags == 0).any(axis=0)
    np.testing.assert_allclose(
        day.rate.mean("time").values[alive] if day.sizes["time"] > 1 else day.rate.values[alive, 0], mean[alive], rtol=1e-9
    )
    assert antdask.open_archive(url).environment.days["frames"].sum() == len(count)
    dead = day.gap.values[~alive]
    assert set(np.unique(dead[:, day.n_frames.values > 0])) == {4}
    first = int(day.time.values[0].astype("datetime64[ns]").astype(np.int64))
    assert first <= run_start_ns(SPEC.first_run) < first + 86_400 * 10**9
