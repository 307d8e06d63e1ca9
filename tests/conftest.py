"""What many tests need: the real files, and one archive that holds all of them."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from km3net_testdata import data_path

from tests.servers.slurm import slurm, slurm_cluster, slurm_with_accounts  # noqa: F401 - fixtures
from tests.servers.stores import ceph, place, rclone, use_s3, xrootd  # noqa: F401 - fixtures

# Time limits are pytest's: a busy machine is no fault of the code. In CI the examples are the same in every run.
hypothesis_settings.register_profile("antdask", deadline=None, derandomize="CI" in os.environ)
hypothesis_settings.load_profile("antdask")

#: Files of the KM3NeT DAQ, and the only public file with data of the ANTARES detector.
REAL_FILES = (
    "online/KM3NeT_00000049_00008456.summaryslice-167941.root",
    "online/KM3NeT_00000133_JDAQEvent.root",
    "online/KM3NeT_00000267_00025291_JDAQEvent_JDAQSummaryslice.root",
    "online/KM3NeT_00000267_00025291_L1.root",
    "online/KM3NeT_00000267_00025291_SN.root",
    "online/events_sample.root",
    "online/km3net_online.root",
    "online/muon_cc_daqevents.root",
    "online/summaryslices.root",
    "seatray/antares.h5",
)


@pytest.fixture(scope="session")
def real_files() -> dict[str, str]:
    """Paths of the real files by their names without folder."""
    return {Path(name).name: str(data_path(name)) for name in REAL_FILES}


@pytest.fixture(scope="session")
def archive(real_files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Place of an archive of all real files, made once for each worker of the test run; tests read it and leave it as it is."""
    from antdask.cluster import make_cluster
    from antdask.convert import campaign, scan

    url = str(tmp_path_factory.mktemp("real") / "archive")
    cluster = make_cluster("serial")
    try:
        summary = campaign.convert(scan.make_plan(real_files.values(), url), cluster)
    finally:
        cluster.close()
    assert (summary.exit_code, summary.quarantined, summary.rejected) == (0, 0, 0), summary
    return url


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A front end that stands for that of a notebook; what it was given to show, in order."""
    seen: list[str] = []

    def show(drawing: Any, display_id: bool) -> types.SimpleNamespace:
        seen.append(drawing.data)
        return types.SimpleNamespace(update=lambda other: seen.append(other.data))

    module: Any = types.ModuleType("IPython")
    module.display, module.get_ipython = types.SimpleNamespace(display=show), type("ZMQInteractiveShell", (), {})
    monkeypatch.setitem(sys.modules, "IPython", module)
    return seen
