"""One simulated run in memory, shared by the tests of the simulation."""

from __future__ import annotations

import pytest

from antdask.simulate.detector import Detector, make_detector
from antdask.simulate.simulation import run_content
from antdask.simulate.spec import SimulationSpec
from tests.simulate.sample import Sample


@pytest.fixture(scope="session")
def spec() -> SimulationSpec:
    return SimulationSpec(events=8000, seed=3)


@pytest.fixture(scope="session")
def detector(spec: SimulationSpec) -> Detector:
    return make_detector(spec)


@pytest.fixture(scope="session")
def sample(spec: SimulationSpec, detector: Detector) -> Sample:
    return Sample(list(run_content(spec, 45_001, detector)), detector)
