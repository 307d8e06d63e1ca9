"""Every notebook runs from top to bottom on a generated archive, and none carries outputs."""

from __future__ import annotations

from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from tests.batches import random_batch
from tests.query.archives import Entry, write_archive

FOLDER = Path(__file__).parents[2] / "notebooks"
NAMES = sorted(path.name for path in FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Events of ANTARES raw files, and rates of the same frames."""
    events = random_batch("events", "antares_raw", 60, seed=1, mean=20.0)
    events.tables["events"]["n_hits"] = np.diff(events.offsets["hits"]).astype(np.uint32)
    rates = random_batch("rates", "km3net_online", 60, seed=2, mean=4.0)
    entries = [Entry(b, detector="antares", run=45_000) for b in (events, rates)]
    return write_archive(tmp_path_factory.mktemp("notebooks") / "archive", entries)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs(name, archive, tmp_path, monkeypatch):
    monkeypatch.setenv("ANTDASK_NOTEBOOK_ARCHIVE", archive)
    monkeypatch.setenv("MPLBACKEND", "agg")
    book = nbformat.read(FOLDER / name, as_version=4)
    NotebookClient(book, timeout=100, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()


@pytest.mark.parametrize("name", NAMES)
def test_no_outputs_are_stored(name):
    book = nbformat.read(FOLDER / name, as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert book.cells[0].cell_type == "markdown" and name[2] == "-" and name[:2].isdigit()
