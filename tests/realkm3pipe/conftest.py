"""Everything that km3pipe reads, read once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.realkm3pipe import environment
from tests.sources import controlhost_samples, evt_samples

# It runs in the environment of km3pipe.
collect_ignore = ["job.py"]

#: km3pipe takes 55 bytes for a frame of an old summary slice, where the records have room for 39: it reads beyond their end.
DUMPS = [name for name in controlhost_samples.FILES if name != "IO_SUM_legacy"]
#: The one that PyTables packed with Blosc, and one of each other version.
HDF5 = ("hdf5/numu_cc_test.h5", "hdf5/test_event_info.h5", "hdf5/geamon.h5")


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """By file: events of .evt, records of dumps, columns of HDF5."""
    folder = tmp_path_factory.mktemp("km3pipe")
    daq = {name: controlhost_samples.FILES[name][0] for name in DUMPS}
    environment.run(
        folder,
        {
            "evt": [evt_samples.path(n) for n in evt_samples.FILES],
            "daq": [(controlhost_samples.path(n), legacy) for n, legacy in daq.items()],
            "hdf5": [evt_samples.path(n) for n in HDF5],
        },
    )
    found: dict[str, Any] = {name: json.loads((folder / f"evt{n}.json").read_text()) for n, name in enumerate(evt_samples.FILES)}
    found |= {name: json.loads((folder / f"daq{n}.json").read_text()) for n, name in enumerate(daq)}
    for n, name in enumerate(HDF5):
        with np.load(folder / f"hdf5{n}.npz") as file:
            found[name] = {k.replace("|", "/"): file[k] for k in file.files}
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(240))
