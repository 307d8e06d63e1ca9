"""Every notebook runs from top to bottom on a generated archive, and none carries outputs."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient

from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.environment.build import build
from antdask.environment.sensor_build import build_sensors
from antdask.simulate.season import FIRST_RUN, RUNS_A_DAY, simulate_spring
from tests.batches import random_batch
from tests.query.archives import Entry, write_archive

FOLDER = Path(__file__).parents[2] / "notebooks"
BLOOM = "06-find-a-bloom.ipynb"
NAMES = sorted(path.name for path in FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Events of ANTARES raw files, and rates of the same frames."""
    events = random_batch("events", "antares_raw", 60, seed=1, mean=20.0)
    events.tables["events"]["n_hits"] = np.diff(events.offsets["hits"]).astype(np.uint32)
    rates = random_batch("rates", "km3net_online", 60, seed=2, mean=4.0)
    entries = [Entry(b, detector="antares", run=45_000) for b in (events, rates)]
    return write_archive(tmp_path_factory.mktemp("notebooks") / "archive", entries)


@pytest.fixture(scope="module")
def spring(tmp_path_factory):
    """Two weeks around a bloom, a run every eight hours."""
    folder = tmp_path_factory.mktemp("spring")
    files = [str(p) for p in simulate_spring(folder / "simulated", 13, first_run=FIRST_RUN + 9 * RUNS_A_DAY, every=4)]
    with make_cluster("serial") as cluster:
        convert(make_plan(files, str(folder / "archive")), cluster)
        assert not build(str(folder / "archive"), cluster).failures
        assert not build_sensors(str(folder / "archive"), cluster).failures
    return str(folder / "archive")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs(name, request, archive, tmp_path, monkeypatch):
    monkeypatch.setenv("ANTDASK_NOTEBOOK_ARCHIVE", archive)
    if name == BLOOM:
        monkeypatch.setenv("ANTDASK_NOTEBOOK_SPRING", request.getfixturevalue("spring"))
    monkeypatch.setenv("MPLBACKEND", "agg")
    book = nbformat.read(FOLDER / name, as_version=4)
    NotebookClient(book, timeout=100, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    if name == BLOOM:
        said = "".join(o["text"] for cell in book.cells for o in cell.get("outputs", []) if o.output_type == "stream")
        # The strongest water comes on 25 March, and light follows it by nine hours.
        first, last = re.findall(r"bloom from (\S+) to (\S+):", said)[-1]
        assert first < "2011-03-25T12" < last
        assert 6 <= int(re.search(r"correlation 0\.\d+ at (-?\d+) h", said)[1]) <= 12
        assert (tmp_path / "bloom.pdf").stat().st_size > 10_000
        assert {"baseline", "speed", "temperature"} <= set(pd.read_csv(tmp_path / "bloom.csv").columns)


@pytest.mark.parametrize("name", NAMES)
def test_no_outputs_are_stored(name):
    book = nbformat.read(FOLDER / name, as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert book.cells[0].cell_type == "markdown" and name[2] == "-" and name[:2].isdigit()
