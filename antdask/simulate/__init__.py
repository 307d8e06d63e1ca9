"""Simulated ANTARES files: plausible, seeded, of any size; never the real layout, and labelled so in every file."""

from antdask.simulate.damage import corrupt
from antdask.simulate.simulation import simulate
from antdask.simulate.spec import SimulationSpec

__all__ = ["SimulationSpec", "corrupt", "simulate"]
