"""Everything that km3pipe and km3io read, read once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.realkm3pipe import environment
from tests.sources import clb_samples, controlhost_samples, evt_samples

# It runs in the environment of km3pipe.
collect_ignore = ["job.py"]

#: km3pipe takes 55 bytes for a frame of an old summary slice, where the records have room for 39: it reads beyond their end.
DUMPS = [name for name in controlhost_samples.FILES if name != "IO_SUM_legacy"]
#: The one that PyTables packed with Blosc, and one of each other version.
HDF5 = ("hdf5/numu_cc_test.h5", "hdf5/test_event_info.h5", "hdf5/geamon.h5")
#: Measured and simulated files of most versions of the class of events, and DSTs.
OFFLINE = (
    "offline/km3net_offline.root",
    "offline/numucc.root",
    "offline/usr-sample.root",
    "offline/mcv5.0.DAT004340.propa.sirene.jte.jchain.aanet.4340.root",
    "offline/mcv5.1.genhen_anumuNC.sirene.jte.jchain.aashower.sample.root",
    "offline/mcv6.gsg_nue-CCHEDIS_1e4-1e6GeV.sirene.jte.jchain.aanet.1.root",
    "offline/KM3NeT_00000049_00011291.mc.gsg_neutrinos.km3sim_sirene_merged.jterbr.jppmuon_jppshower_static.offline.v9.2.sample.root",
    "gseagen/gseagen_v7.0.0_numuCC_diffuse.aa.root",
    "mupage/mcv8.1.mupage_tuned_100G.sirene.jterbr00013288.10.root",
    "dst/orca4_sample.root",
    "dst/orca6_sample.root",
)


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """By file: events of .evt, records of dumps, packets of boards, columns of HDF5."""
    folder = tmp_path_factory.mktemp("km3pipe")
    daq = {name: controlhost_samples.FILES[name][0] for name in DUMPS}
    environment.run(
        folder,
        {
            "evt": [evt_samples.path(n) for n in evt_samples.FILES],
            "daq": [(controlhost_samples.path(n), legacy) for n, legacy in daq.items()],
            "clb": [(clb_samples.path(n), stream == "monitoring") for n, (_, stream, *_) in clb_samples.FILES.items()],
            "hdf5": [evt_samples.path(n) for n in HDF5],
            "offline": [evt_samples.path(n) for n in OFFLINE],
        },
    )
    found: dict[str, Any] = {name: json.loads((folder / f"evt{n}.json").read_text()) for n, name in enumerate(evt_samples.FILES)}
    found |= {name: json.loads((folder / f"daq{n}.json").read_text()) for n, name in enumerate(daq)}
    found |= {name: json.loads((folder / f"clb{n}.json").read_text()) for n, name in enumerate(clb_samples.FILES)}
    for kind, names in (("hdf5", HDF5), ("offline", OFFLINE)):
        for n, name in enumerate(names):
            with np.load(folder / f"{kind}{n}.npz") as file:
                found[name] = {k.replace("|", "/"): file[k] for k in file.files}
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(240))
