"""Simulated events as columns, and what real ROOT makes of them in every form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from antdask.simulate import SimulationSpec
from antdask.simulate.detector import make_detector
from antdask.simulate.layouts import event_columns
from antdask.simulate.simulation import run_content
from tests.realroot import environment
from tests.realroot.forms import FORMS, RUN

# It runs in the environment of ROOT.
collect_ignore = ["job.py"]


@pytest.fixture(scope="session")
def content() -> dict[str, np.ndarray]:
    """Branches of layout ``leaf`` of 300 events."""
    spec = SimulationSpec(events=300, seed=9)
    pieces = [event_columns("leaf", RUN, events) for _, _, events in run_content(spec, RUN, make_detector(spec))]
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("realroot")


@pytest.fixture(scope="session")
def files(folder: Path, content: dict[str, np.ndarray]) -> dict[str, Path]:
    """Every form of the events, by name."""
    return {path.name: path for path in environment.write(folder, content, RUN, FORMS)}
